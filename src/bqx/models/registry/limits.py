"""What a reader of a model card must keep in mind, computed from its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bqx.dataset.dataset import Dataset
from bqx.market import moment_of
from bqx.models.runs.run import Run

FEW = 100
"""Effective rows below which a figure is called uncertain."""
MONTHS = 12
"""Months of data below which no year has been seen."""


def limits_of(card: Mapping[str, Any], dataset: Dataset, run: Run) -> list[str]:
    """Known caveats of a model, in sentences.

    Args:
        card: The card, without its limits.
        dataset: What the run was trained on.
        run: The run.
    """
    return [*_data(card, dataset), *_rows(card), *_skill(card), *_training(run, dataset)]


def _data(card: Mapping[str, Any], dataset: Dataset) -> Iterator[str]:
    if card["synthetic"]:
        yield "Synthetic: it learned from generated bars, so nothing that it says is real."
    months = dataset.months
    if len(months) < MONTHS:
        span = f"{months[0]} to {months[-1]}"
        yield f"Short: data of {len(months)} of {MONTHS} months, {span}; no whole year."


def _rows(card: Mapping[str, Any]) -> Iterator[str]:
    few = [m for m in _served(card) if (m["effective_n"] or 0.0) < FEW]
    if few:
        least = min(m["effective_n"] or 0.0 for m in few)
        yield (
            f"Few effective rows: {len(few)} of {len(_served(card))} scores rest on fewer than"
            f" {FEW} independent rows, the least on {least:.0f}; labels overlap."
        )


def _skill(card: Mapping[str, Any]) -> Iterator[str]:
    rows = _served(card)
    none = [m for m in rows if m["low"] is None or m["low"] <= 0.0]
    if none:
        yield f"No shown skill: the interval of {len(none)} of {len(rows)} scores contains 0."
    off = [
        f"{m['pair']} {m['target']} {c['level']:g}: {c['observed']:.3f}"
        for m in rows
        for c in m["coverage"]
        if abs(c["observed"] - c["level"]) > 0.02
    ]
    if off:
        yield f"Coverage: {len(off)} quantiles are more than 2 points off: {'; '.join(off[:5])}."
    tested = len(card["metrics"])
    if tested > len(rows):
        yield f"Chosen: it serves {len(rows)} of the {tested} pairs and targets of its run."


def _training(run: Run, dataset: Dataset) -> Iterator[str]:
    last = int(dataset.minutes(np.array([run.final.train.stop - 1], np.int64))[0])
    yield (
        f"Scores are those of the {len(run.folds)} folds' models. The one that serves was fitted on"
        f" the last window, until {moment_of(last):%Y-%m-%d %H:%M}, and nothing tests it yet."
    )
    if not run.spec.repeatable:
        yield "Not repeatable: tuning had a budget in minutes."
    if run.spec.learn == "whole":
        yield "It learned the whole target, what was known at t included."
    if not run.spec.splits.ordered:
        yield f"Scored with {run.spec.splits.method}: folds learned from later rows too."


def _served(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    pairs, targets = card["pairs"], card["targets"]
    return [m for m in card["metrics"] if m["pair"] in pairs and m["target"] in targets]
