"""The month files of a dataset: which there must be, and the hash of all that determines each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import xxhash

from bqx.dataset.columns import Choice, Names
from bqx.dataset.frames import Rows, tables_by_owner
from bqx.dataset.manifest import FORMAT
from bqx.dataset.target import BQXTarget
from bqx.errors import ConfigError
from bqx.features.fingerprint import code_hash
from bqx.features.table import ALL, TableSpec
from bqx.market import select_months
from bqx.store.barstore import MINUTES_A_DAY
from bqx.store.base import BaseStore
from bqx.store.reading import Source
from bqx.store.slices import Extent, Inputs, extent, month_rows

LABEL_CODE = ("bqx.dataset.martingale", "bqx.dataset.masking")


@dataclass(frozen=True)
class Recipe:
    """What every file of a dataset holds.

    Attributes:
        choice: The features.
        targets: The targets.
        source: Where the values come from; it changes none of them.
    """

    choice: Choice
    targets: tuple[BQXTarget, ...]
    source: Source = "computed"


@dataclass(frozen=True)
class Part:
    """One month file that there must be.

    Attributes:
        pair: Pair.
        month: ``yyyy_mm``.
        rows: Absolute grid rows, half open: the month's, from the first to the last bar.
        plan: Hash of all that determines the content.
    """

    pair: str
    month: str
    rows: Rows
    plan: str


def plan_parts(
    store: BaseStore, recipe: Recipe, pairs: Sequence[str], months: Names | None
) -> tuple[Part, ...]:
    """The files of some pairs and months, in order.

    Raises:
        ConfigError: If months cannot be read, or there is no bar in any of them.
    """
    inputs = Inputs(store)
    parts = []
    for pair in pairs:
        span = extent(store, pair)
        if span is None:
            continue
        for month in select_months(months, store.bars.months(pair)):
            rows = month_rows(store, span, month)
            if rows[0] < rows[1]:
                plan = _plan(store, recipe, inputs, (pair, span, rows))
                parts.append(Part(pair, month, rows, plan))
    if not parts:
        raise ConfigError(
            f"no bars of {', '.join(pairs) or 'any pair'} in {months or 'any month'}",
            expected="months with bars",
            hint="`bqx ingest FILES` first",
        )
    return tuple(parts)


def _plan(store: BaseStore, recipe: Recipe, inputs: Inputs, place: tuple[str, Extent, Rows]) -> str:
    pair, span, rows = place
    digest = xxhash.xxh3_128(f"{FORMAT}|{pair}|{rows}|{store.calendar.identity}\n".encode())
    digest.update("\n".join(recipe.choice.names).encode())
    reached = (rows[0] - recipe.choice.lead, rows[1])
    for name, specs in tables_by_owner(store.registry, recipe.choice, pair).items():
        known = extent(store, name) if name in {ALL, *store.state.pairs()} else None
        for table, spec in specs.items():
            made = "" if known is None else _inputs(inputs, name, known, reached, spec)
            digest.update(f"{name}|{table}|{store.fingerprint(table)}|{made}\n".encode())
    digest.update(_labels(store, recipe.targets, pair, span, rows).encode())
    return digest.hexdigest()


def _inputs(inputs: Inputs, pair: str, span: Extent, rows: Rows, spec: TableSpec) -> str:
    """Hash of the bars behind the values of a table, as far as the pair has such rows."""
    low, high = max(rows[0], span.first), min(rows[1], span.last)
    return inputs.hash(pair, span, (low, high), spec) if low < high else ""


def _labels(
    store: BaseStore, targets: Sequence[BQXTarget], pair: str, span: Extent, rows: Rows
) -> str:
    """What labels depend on: their definition and code, and the days that they reach."""
    if not targets:
        return ""
    first = max(rows[0] - max(t.known for t in targets), span.first)
    last = min(rows[1] + max(t.ahead for t in targets), span.last)
    low, high = (int(store.calendar.minutes(row, row + 1)[0]) for row in (first, last - 1))
    days = store.state.days(pair)
    # The newest day before may fill the start.
    begin = max(bisect_left(days, (low // MINUTES_A_DAY, "")) - 1, 0)
    end = bisect_left(days, (high // MINUTES_A_DAY + 1, ""))
    names = [t.identity for t in targets]
    code = [code_hash(module) for module in LABEL_CODE]
    return repr((names, code, span.start, span.rate, days[begin:end]))
