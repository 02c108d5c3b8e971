"""The one way to show scores: a table in which every value stands beside the martingale's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bqx.errors import ConfigError
from bqx.models.comparison import Adjustment, adjusted
from bqx.models.metrics import METRICS
from bqx.models.skill import Measure, Score

if TYPE_CHECKING:
    import polars as pl

SHOWN = ("mse", "r2_mean", "direction")
"""Metrics that the text and the page show unless told otherwise."""

_HEAD = ("metric", "value", "martingale", "skill", "low", "high", "p", "p adjusted")


@dataclass(frozen=True)
class Scored:
    """A score and what it is of.

    Attributes:
        keys: What was scored: model, pair, horizon, session, …, in the order of the columns.
        score: The score.
    """

    keys: Mapping[str, str]
    score: Score


@dataclass(frozen=True)
class ScoreTable:
    """Scores of models, pairs, horizons or groups, with p values adjusted for their number.

    Args:
        scored: The scores; all have the same keys, no two the same ones.
        synthetic: Whether any of the data is synthetic; every output says so.
        adjustment: Rule against false discoveries, over the rows of the table for each metric.

    Raises:
        ConfigError: If there is no score, the keys or the confidence differ, two scores have equal
            keys, or a key is called like a column of the table.
    """

    scored: tuple[Scored, ...]
    synthetic: bool
    adjustment: Adjustment = "bh"

    def __post_init__(self) -> None:
        """Check the keys."""
        kinds = {tuple(s.keys) for s in self.scored}
        if len(kinds) != 1:
            raise ConfigError(
                f"a score table with the keys {sorted(kinds)}", expected="one set of keys"
            )
        first = self.scored[0]
        own = {"metric", "title", *_numbers(first.score.mse, math.nan), *_counts(first.score)}
        taken = [key for key in first.keys if key in own]
        if taken:
            raise ConfigError(f"a key called {', '.join(taken)}", expected="names of their own")
        if len({s.score.confidence for s in self.scored}) != 1:
            raise ConfigError("intervals of different confidence", expected="one for a table")
        values = [tuple(s.keys.values()) for s in self.scored]
        if len(set(values)) != len(values):
            twice = next(v for v in values if values.count(v) > 1)
            raise ConfigError(f"two scores of {' '.join(twice)}", expected="one of each")

    def records(self) -> Iterator[dict[str, Any]]:
        """One record per score and metric: keys, counts, value, martingale, skill, …; NaN is None.

        ``p_adjusted`` is the two-sided p value of Diebold and Mariano after adjustment.
        """
        columns = [dict(s.score.measures()) for s in self.scored]
        for name, metric in METRICS.items():
            having = [k for k, found in enumerate(columns) if name in found]
            p = np.array([columns[k][name].p_value for k in having], np.float64)
            for k, p_adjusted in zip(having, adjusted(p, self.adjustment), strict=True):
                measure, one = columns[k][name], self.scored[k]
                yield {
                    **one.keys,
                    "metric": name,
                    "title": metric.title,
                    **_numbers(measure, float(p_adjusted)),
                    **_counts(one.score),
                }

    def frame(self) -> pl.DataFrame:
        """The records as a frame."""
        import polars as pl

        return pl.DataFrame(list(self.records()), infer_schema_length=None)

    def to_json(self) -> str:
        """The records, and what the table is made from."""
        facts = {"synthetic": self.synthetic, "adjustment": self.adjustment}
        return json.dumps({**facts, "scores": list(self.records())}, allow_nan=False)

    def to_text(self, metrics: Sequence[str] = SHOWN) -> str:
        """Lines for a terminal.

        Args:
            metrics: Names of the metrics to show.

        Raises:
            ConfigError: If one is unknown.
        """
        lines = [(*self._key_names(), *_HEAD), *self._lines(metrics)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        body = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([*(line.rstrip() for line in body), "", self.caption()])

    def to_html(self, metrics: Sequence[str] = SHOWN) -> str:
        """A ``<table>`` to stand inside a page; all text is escaped.

        Args:
            metrics: Names of the metrics to show.

        Raises:
            ConfigError: If one is unknown.
        """
        from markupsafe import escape

        def row(cells: Sequence[str], tag: str) -> str:
            return f"<tr>{''.join(f'<{tag}>{escape(c)}</{tag}>' for c in cells)}</tr>"

        head = row((*self._key_names(), *_HEAD), "th")
        body = "".join(row(line, "td") for line in self._lines(metrics))
        caption = f"<caption>{escape(self.caption())}</caption>"
        table = f"{caption}<thead>{head}</thead><tbody>{body}</tbody>"
        return f'<table class="scores">{table}</table>'

    def caption(self) -> str:
        """What a reader must know to read the numbers."""
        score = self.scored[0].score
        rule = {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}[self.adjustment]
        mark = "SYNTHETIC DATA. " if self.synthetic else ""
        return (
            f"{mark}skill = (value - martingale) / (perfect - martingale), for losses"
            f" 1 - loss/loss; low and high: {score.confidence:.0%} interval of the skill by the"
            f" stationary bootstrap; p: Diebold-Mariano, two-sided, adjusted by {rule} over the"
            " rows of the metric."
        )

    def _key_names(self) -> tuple[str, ...]:
        return tuple(self.scored[0].keys)

    def _lines(self, metrics: Sequence[str]) -> Iterator[tuple[str, ...]]:
        unknown = sorted(set(metrics) - METRICS.keys())
        if unknown:
            raise ConfigError(f"metrics {', '.join(unknown)}", expected=", ".join(METRICS))
        keys = self._key_names()
        shown = [r for r in self.records() if r["metric"] in metrics]
        for r in sorted(shown, key=lambda r: [metrics.index(r["metric"])]):
            numbers = (r[n] for n in ("value", "martingale", "skill", "low", "high"))
            chances = (_chance(r[n]) for n in ("p_value", "p_adjusted"))
            yield (*(r[k] for k in keys), r["metric"], *(_number(x) for x in numbers), *chances)


def _numbers(measure: Measure, p_adjusted: float) -> dict[str, float | None]:
    found = {
        "value": measure.value,
        "martingale": measure.martingale,
        "skill": measure.skill,
        "low": measure.interval[0],
        "high": measure.interval[1],
        "p_value": measure.p_value,
        "p_better": measure.p_better,
        "p_adjusted": p_adjusted,
    }
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def _counts(score: Score) -> dict[str, float | int | None]:
    effective = score.effective_n if math.isfinite(score.effective_n) else None
    nested = score.nested.p_better
    return {
        "n": score.n,
        "times": score.times,
        "effective_n": effective,
        "zeros": score.zeros,
        "undecided": score.undecided,
        "rows_ahead": score.horizon,
        "block": score.block,
        "resamples": score.resamples,
        "seed": score.seed,
        "confidence": score.confidence,
        "p_clark_west": nested if math.isfinite(nested) else None,
    }


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.5g}"


def _chance(value: float | None) -> str:
    if value is None:
        return "undefined"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
