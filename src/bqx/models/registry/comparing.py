"""Two models side by side, each beside the martingale, and tested on the rows that they share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from bqx.errors import StoreError
from bqx.models.comparison import adjusted, diebold_mariano
from bqx.models.registry.cards import aligned
from bqx.models.registry.measuring import finite
from bqx.models.registry.records import ModelRecord
from bqx.models.registry.registry import ModelRegistry
from bqx.models.runs.run import Run

LEAST = 12
"""Common rows below which nothing is compared."""


@dataclass(frozen=True)
class Compared:
    """One pair and target of two models, on common rows.

    Attributes:
        pair: Pair.
        target: Target.
        n: Common rows with a label.
        martingale: Mean squared error of the martingale.
        first: Of the first model.
        second: Of the second.
        skill_first: Skill of the first, 1 - error over the martingale's.
        skill_second: Of the second.
        p_value: Two-sided Diebold-Mariano test of equal accuracy of the two models.
        p_adjusted: The same after adjustment (Benjamini-Hochberg) over the table.
    """

    pair: str
    target: str
    n: int
    martingale: float
    first: float
    second: float
    skill_first: float | None
    skill_second: float | None
    p_value: float | None
    p_adjusted: float | None


@dataclass(frozen=True)
class Comparison:
    """Two models side by side.

    Attributes:
        first: Label of the first.
        second: Label of the second.
        rows: What they have in common.
        registered: Scores of both as registered, each on all of its own rows.
        synthetic: Whether either learned from generated bars.
    """

    first: str
    second: str
    rows: tuple[Compared, ...]
    registered: tuple[dict[str, Any], ...]
    synthetic: bool

    @property
    def gain(self) -> float:
        """Mean difference of the skills on common rows, first less second."""
        found = [
            r.skill_first - r.skill_second
            for r in self.rows
            if r.skill_first is not None and r.skill_second is not None
        ]
        return float(np.mean(found)) if found else float("nan")

    @property
    def worse(self) -> bool:
        """Whether the first is not shown to be at least as good: worse, or without common rows."""
        return not self.gain >= 0.0

    @property
    def verdict(self) -> str:
        """The comparison in a sentence."""
        if not self.rows:
            return "they have no forecasts of the same rows"
        better = sum(r.first < r.second for r in self.rows)
        sure = sum(r.p_adjusted is not None and r.p_adjusted <= 0.05 for r in self.rows)
        return (
            f"mean skill of {self.first} is {self.gain:+.5f} beside {self.second}'s; it is better"
            f" in {better} of {len(self.rows)} pairs and targets; {sure} differ after adjustment"
        )

    def to_text(self) -> str:
        """The comparison for a terminal."""
        head = ("pair", "target", "rows", "MSE martingale", *(f"MSE {m}" for m in self.models))
        head += (*(f"skill {m}" for m in self.models), "p", "p adjusted")
        lines = aligned([head, *(_texts(row) for row in self.rows)])
        own = ("model", "pair", "target", "rows", "skill", "low", "high")
        texts = [tuple(map(_text, record.values())) for record in self.registered]
        lines += ["", "as registered, on all rows of each", *aligned([own, *texts])]
        mark = ["SYNTHETIC DATA: no figure is real.", ""] if self.synthetic else []
        return "\n".join([*mark, *lines, "", f"p: paired Diebold-Mariano. {self.verdict}"])

    @property
    def models(self) -> tuple[str, str]:
        """Labels of both."""
        return self.first, self.second

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "first": self.first,
            "second": self.second,
            "synthetic": self.synthetic,
            "gain": finite(self.gain),
            "verdict": self.verdict,
            "rows": [asdict(r) for r in self.rows],
            "registered": list(self.registered),
        }


def compare(registry: ModelRegistry, first: ModelRecord, second: ModelRecord) -> Comparison:
    """Compare two models on the rows for which both have a forecast.

    Args:
        registry: The registry.
        first: One model.
        second: The other.

    Raises:
        IntegrityError: If artefacts are damaged.
        StoreError: If they say different things about what happened: other data behind them.
    """
    runs = registry.run(first), registry.run(second)
    rows = list(_compared(first, second, runs))
    p = np.array([np.nan if r.p_value is None else r.p_value for r in rows], np.float64)
    tested = [
        Compared(**{**asdict(r), "p_adjusted": finite(float(value))})
        for r, value in zip(rows, adjusted(p), strict=True)
    ]
    registered = tuple(
        {"model": r.label, **{k: m[k] for k in ("pair", "target", "n", "skill", "low", "high")}}
        for r in (first, second)
        for m in r.card["metrics"]
        if m["pair"] in r.pairs and m["target"] in r.targets
    )
    synthetic = first.synthetic or second.synthetic
    return Comparison(first.label, second.label, tuple(tested), registered, synthetic)


def _compared(first: ModelRecord, second: ModelRecord, runs: tuple[Run, Run]) -> Iterator[Compared]:
    for pair in first.pairs:
        for target in first.targets:
            if pair in second.pairs and target in second.targets:
                both = _common(runs, pair, target)
                if both.height >= LEAST:
                    yield _tested(both, pair, target, int(target.split(":")[1]))


def _common(runs: tuple[Run, Run], pair: str, target: str) -> pl.DataFrame:
    """Rows that both have; where folds overlap, the newest fold's forecast counts."""
    columns = ["row", "value", "expected", "point"]
    parts = [
        run.forecasts(pair, target).sort("row", "fold").unique("row", keep="last").select(columns)
        for run in runs
    ]
    both = parts[0].join(parts[1], on="row", suffix="_second", validate="1:1").drop_nulls()
    if not both["value"].equals(both["value_second"]):
        raise StoreError(
            f"two values of {pair} {target} at the same rows",
            expected="models that were scored on the same bars",
            hint="train both on datasets of the same bars",
        )
    return both.sort("row")


def _tested(both: pl.DataFrame, pair: str, target: str, horizon: int) -> Compared:
    value = both["value"].to_numpy()
    losses = [(value - both[n].to_numpy()) ** 2 for n in ("expected", "point", "point_second")]
    reference, one, other = (float(np.mean(loss)) for loss in losses)
    test = diebold_mariano(losses[1], losses[2], horizon=horizon, rows=both["row"].to_numpy())
    skills = [finite(1.0 - e / reference) if reference > 0.0 else None for e in (one, other)]
    p_value = finite(test.p_value)
    return Compared(
        pair, target, both.height, reference, one, other, skills[0], skills[1], p_value, None
    )


def _texts(row: Compared) -> tuple[str, ...]:
    numbers = (row.martingale, row.first, row.second, row.skill_first, row.skill_second)
    chances = (row.p_value, row.p_adjusted)
    return (row.pair, row.target, f"{row.n:,}", *map(_text, (*numbers, *chances)))


def _text(value: float | str | None) -> str:
    return (
        "undefined" if value is None else f"{value:.5g}" if isinstance(value, float) else f"{value}"
    )
