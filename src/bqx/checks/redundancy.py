"""How much a feature repeats its twin in the other domain, on the bars of a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from bqx.checks.contract import TAGS, untagged
from bqx.features.table import KEY
from bqx.store.base import BaseStore
from bqx.store.reading import Moment, read_table

REDUNDANT = 0.95
"""Correlation from which on a selection would keep one of the two."""
LEAST = 100
"""Rows that a correlation needs."""


@dataclass(frozen=True)
class Twins:
    """A feature of the rate domain and its twin.

    Attributes:
        family: Name of the table without the domain.
        rate: Column of the rate domain.
        bqx: Column of the BQX domain.
        rows: Rows where both have a value.
        correlation: Rank correlation (Spearman); NaN where one of the two is constant.
    """

    family: str
    rate: str
    bqx: str
    rows: int
    correlation: float


@dataclass(frozen=True)
class Redundancy:
    """All twins of some tables."""

    pair: str
    twins: tuple[Twins, ...]

    def by_family(self) -> list[dict[str, Any]]:
        """One line per family: number of twins, distribution of the correlations' size."""
        lines = []
        for family in dict.fromkeys(t.family for t in self.twins):
            mine = [t for t in self.twins if t.family == family and np.isfinite(t.correlation)]
            sizes = np.abs([t.correlation for t in mine])
            if not len(sizes):
                continue
            most = mine[int(np.argmax(sizes))]
            lines.append(
                {
                    "family": family,
                    "twins": len(sizes),
                    "median": float(np.median(sizes)),
                    "greatest": float(sizes.max()),
                    "of": f"{most.rate} / {most.bqx}",
                    "redundant": int((sizes > REDUNDANT).sum()),
                }
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        twins = [vars(t) for t in self.twins]
        return {"pair": self.pair, "families": self.by_family(), "twins": twins}

    def to_text(self) -> str:
        """The report as text."""
        lines = [f"Rank correlation of each feature with its twin, {self.pair}"]
        lines.append(f"{'family':<22} twins  median  greatest  redundant  of")
        lines += [
            f"{x['family']:<22} {x['twins']:>5}  {x['median']:>6.3f}  {x['greatest']:>8.3f}"
            f"  {x['redundant']:>9}  {x['of']}"
            for x in self.by_family()
        ]
        return "\n".join(lines)


def redundancy(
    store: BaseStore,
    pair: str,
    *,
    tables: Sequence[str] | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> Redundancy:
    """Correlate features with their twins; nothing is asserted.

    Args:
        store: The store.
        pair: Pair.
        tables: Names of tables or families; all that come in both domains when None.
        start: First time, included.
        end: Last time, excluded.

    Raises:
        UnknownNameError: If a table or the pair is unknown.
    """
    names = store.registry.resolve(["all"] if tables is None else tables)
    stems = dict.fromkeys(n.removesuffix("_rate") for n in names if n.endswith("_rate"))
    both = [s for s in stems if f"{s}_bqx" in store.tables]
    found = [twin for stem in both for twin in _twins(store, pair, stem, (start, end))]
    return Redundancy(pair, tuple(found))


def _twins(
    store: BaseStore, pair: str, stem: str, span: tuple[Moment | None, Moment | None]
) -> Iterator[Twins]:
    frames = [read_table(store, f"{stem}_{d}", pair, start=span[0], end=span[1]) for d in TAGS]
    sides = [
        {untagged(name, tag): frame[name] for name in frame.columns if name != KEY}
        for frame, tag in zip(frames, TAGS.values(), strict=True)
    ]
    for plain, rate in sides[0].items():
        if plain in sides[1]:
            bqx = sides[1][plain]
            rows, rho = _rank_correlation(rate, bqx)
            yield Twins(stem, rate.name, bqx.name, rows, rho)


def _rank_correlation(first: pl.Series, second: pl.Series) -> tuple[int, float]:
    both = (first.is_not_null() & second.is_not_null()).to_numpy()
    rows = int(both.sum())
    if rows < LEAST:
        return rows, float("nan")
    ranks = [s.filter(pl.Series(both)).rank().to_numpy() for s in (first, second)]
    spread = [r.std() for r in ranks]
    if min(spread) == 0.0:
        return rows, float("nan")
    return rows, float(np.corrcoef(ranks[0], ranks[1])[0, 1])
