"""Leakage: whether a stored value would be the same if its future had not happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bqx import __version__
from bqx.checks.report import Report
from bqx.checks.scan import Names, bounded, stored_tables, synthetic_pairs
from bqx.checks.tally import Tally, summarise
from bqx.checks.trial import CHECKS, Month, Trial
from bqx.errors import ConfigError
from bqx.features.table import ALL
from bqx.store.base import BaseStore
from bqx.store.slices import extent, month_rows
from bqx.store.state import now

ROWS_A_MONTH = 8
SAMPLES_A_START = 25


def leakage(
    store: BaseStore,
    *,
    tables: Sequence[str] | None = None,
    pairs: Names = None,
    samples: int = 200,
    seed: int = 0,
) -> Report:
    """Compute random rows again without their future, and the beginnings of months with more past.

    A row's reference is its stored value, or where nothing current is stored the value that a
    build of its month gives. Bits must be equal, NULLs too. Every column gets exactly the
    look-back that it declares, so a memory that is declared too short shows as well.

    Args:
        store: The store.
        tables: Names of tables or families; those stored when None, or else the base tables.
        pairs: Pairs; all with bars when None.
        samples: Rows to try, spread over random pairs and months.
        seed: Of the random choice.

    Raises:
        UnknownNameError: If a table or pair is unknown.
        ConfigError: If no row shall be tried.
    """
    if samples < 1:
        raise ConfigError(f"{samples} samples", expected="at least one")
    default = stored_tables(store) or store.registry.resolve(["base"])
    names = default if tables is None else store.registry.resolve(tables)
    chosen = store.select_pairs(pairs)
    single = any(store.tables[n].single for n in names)
    months = [m for pair in (*chosen, *([ALL] if single else [])) for m in _months(store, pair)]
    months = [m for m in months if _tables(store, names, m)]
    tried = list(bounded(_jobs(store, names, months, samples, seed)))
    tallies = [tally for one in tried for tally in one]
    return Report(
        title="Leakage",
        checks=tuple(summarise(c, [t for t in tallies if t.check == c.name]) for c in CHECKS),
        cells=tuple(t.cell() for t in tallies if t.units),
        facts={
            "store": store.name,
            "pairs": len(chosen),
            "tables": len(names),
            "columns": sum(len(store.tables[n].columns) for n in names),
            "rows tried": min(samples, sum(m.high - m.low for m in months)),
            "seed": seed,
            "synthetic pairs": synthetic_pairs(store, chosen),
            "generated": now(),
            "bqx version": __version__,
        },
    )


def _months(store: BaseStore, pair: str) -> list[Month]:
    span = extent(store, pair)
    if span is None:
        return []
    rows = {m: month_rows(store, span, m) for m in store.bars.months(pair)}
    return [Month(pair, m, span, low, high) for m, (low, high) in rows.items() if low < high]


def _tables(store: BaseStore, names: Sequence[str], month: Month) -> list[str]:
    """Those of the tables that the pair has."""
    return [n for n in names if store.tables[n].single == (month.pair == ALL)]


def _jobs(
    store: BaseStore, names: Sequence[str], months: Sequence[Month], samples: int, seed: int
) -> Iterator[Callable[[], list[Tally]]]:
    """Random months with a few random rows each, and random months that are not a pair's first."""
    rng = np.random.default_rng(seed)
    cuts = _draw(rng, months, -(-samples // ROWS_A_MONTH))
    for number, month in enumerate(cuts):
        count = samples * (number + 1) // len(cuts) - samples * number // len(cuts)
        yield _rows_job(Trial(store, _tables(store, names, month), month), count, seed + number)
    later = [m for m in months if m.low > m.span.first]
    for month in _draw(rng, later, max(samples // SAMPLES_A_START, 1)):
        yield Trial(store, _tables(store, names, month), month).beginning


def _rows_job(trial: Trial, count: int, seed: int) -> Callable[[], list[Tally]]:
    return lambda: trial.rows(count, seed)


def _draw(rng: np.random.Generator, months: Sequence[Month], count: int) -> list[Month]:
    picked = rng.permutation(len(months))[:count]
    return [months[k] for k in sorted(picked)]
