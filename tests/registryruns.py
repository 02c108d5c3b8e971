"""A run with planted skill, its controls, and the registry that keeps it; all of it small."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import numpy as np
import polars as pl

import bqx
from bqx.dataset.making import build_dataset
from bqx.dataset.target import parse_targets
from bqx.models.evaluation.evaluation import Evaluation
from bqx.models.registry import registry as registry_module
from bqx.models.registry.evidence import Submission
from bqx.models.registry.records import ModelRecord
from bqx.models.registry.registry import ModelRegistry
from bqx.models.runs.run import Run
from bqx.models.runs.spec import Control, RunSpec, SplitSpec
from bqx.models.runs.training import train
from stores import write_bars
from synthetic import random_walk_bars

TARGETS = "15:5:level,innovation"
SPEC = RunSpec(
    targets=parse_targets(TARGETS),
    pairs=("eurusd",),
    learner="ridge",
    splits=SplitSpec(train="6D", test="4D"),
    selection=None,
    stride=3,
)


@dataclass(frozen=True)
class Kept:
    """A store with a registered model, and what it was made from."""

    store: bqx.FolderStore
    registry: ModelRegistry
    dataset: bqx.Dataset
    run: Run
    weaker: Run
    record: ModelRecord


def trending_bars(pair: str, days: float) -> pl.DataFrame:
    """Bars whose drift wanders slowly, so that past returns tell some of the next."""
    frame = random_walk_bars(pair, "2019-01-01", days, 1, gaps=False)
    rng = np.random.default_rng(3)
    noise = rng.normal(0.0, 1e-4, frame.height)
    shocks = rng.normal(0.0, 1e-4 * 0.4 * np.sqrt(1.0 - 0.98**2), frame.height)
    drift, level = np.empty(frame.height), 0.0
    for t, shock in enumerate(shocks):
        level = 0.98 * level + shock
        drift[t] = level
    close = 1.1 * np.exp(np.cumsum(noise + drift))
    opened = np.concatenate([[1.1], close[:-1]])
    prices = {
        "open": opened,
        "high": np.maximum(opened, close),
        "low": np.minimum(opened, close),
        "close": close,
    }
    return frame.with_columns(**{name: pl.Series(values) for name, values in prices.items()})


def shared_kept(session: Path, own: Path) -> Kept:
    """A copy of what the processes of a test session make once.

    Args:
        session: A folder that they share.
        own: Where the copy goes.
    """
    made = session / "kept"
    with (session / "kept.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "done").exists():
            make_kept(made)
            (made / "done").touch()
    shutil.copytree(made, own)
    return open_kept(own)


def make_kept(root: Path) -> None:
    """Bars that pass for real, a dataset, a run with its controls and a weaker one, and `m@1`."""
    with bqx.open(root / "store") as store:
        store.ingest([write_bars(root / "vendor", "eurusd", trending_bars("eurusd", 16))])
        dataset = build_dataset(
            store,
            root / "set",
            columns="reg_rate__w60_r*,bqx__w15_*,bqx__w60_*",
            lag_columns="bqx__w15_*",
            lags=(1,),
            targets=TARGETS,
        )
        run = train(dataset, root / "true", SPEC, threads=1)
        controls = [
            train(dataset, root / kind, replace(SPEC, control=kind), threads=1)
            for kind in get_args(Control)
        ]
        train(dataset, root / "weaker", replace(SPEC, columns=("reg_rate__*",)), threads=1)
        submission = Submission.of(run, controls, resamples=200, samples=4)
        ModelRegistry(store).register("m", submission)


def open_kept(root: Path) -> Kept:
    """What `make_kept` made."""
    store = bqx.open(root / "store")
    registry = ModelRegistry(store)
    run, weaker = (Run.open(root / name) for name in ("true", "weaker"))
    record = _calibrated(registry.find("m", 1))
    return Kept(store, registry, run.dataset(), run, weaker, record)


def _calibrated(record: ModelRecord) -> ModelRecord:
    """The record with good quantiles and probabilities, which so few days do not ensure."""
    card = deepcopy(dict(record.card))
    for figures in card["metrics"]:
        figures["calibration_error"] = 0.01
        figures["coverage"] = [
            {
                "level": c["level"],
                "observed": c["level"],
                "low": 0.0,
                "high": 1.0,
                "martingale": 0.5,
            }
            for c in figures["coverage"]
        ]
    return replace(record, card=card)


@contextmanager
def as_card(card: dict[str, Any]) -> Iterator[None]:
    """Let a registration take this card, instead of computing one."""

    def made(*_: object) -> tuple[dict[str, Any], Evaluation]:
        return deepcopy(card), _NoEvaluation()  # type: ignore[return-value]

    with patch.object(registry_module, "make_card", made):
        yield


class _NoEvaluation:
    """Stands for an evaluation where none is made."""

    def to_html(self) -> str:
        return "<p>none</p>"


def register_as(kept: Kept, name: str, run: Run, **changes: object) -> ModelRecord:
    """Register a run with the figures of `m@1` and some changes, without computing anything."""
    with as_card({**kept.record.card, **changes}):
        return kept.registry.register(name, Submission.of(run))


def doctored(record: ModelRecord, part: str, index: int = 0, **changes: object) -> ModelRecord:
    """A record with other figures in one line of ``metrics``, ``controls`` or ``audits``."""
    card = deepcopy(dict(record.card))
    lines: Sequence[dict[str, Any]] = card[part]
    lines[index].update(changes)
    return replace(record, card=card)
