"""Both sides joined on the time: rows of one side only, comparable rows, correlations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bqx.checks.contract import WINDOWS
from bqx.features.table import KEY
from bqx.market import TRIANGLES, moment_of, month_bounds
from bqx.stages.mapping import BQX, RATE, SIDES, Cell
from bqx.stages.target import SCHEMA, PostgresTarget

Columns = Mapping[Cell, str]
"""Stored names of the canonical features of one table."""
_SHORT, _NEXT = WINDOWS[:2]
BETWEEN = {
    "features": ((0, (_SHORT, "quadratic_term")), (0, (_SHORT, "linear_term"))),
    "windows": ((0, (_SHORT, "prediction")), (0, (_NEXT, "prediction"))),
    "domains": ((0, (_SHORT, "residual")), (1, (_SHORT, "residual"))),
}
"""The two columns whose correlation shows that such correlations can be made: side and feature."""
ENOUGH = 100
"""Comparable rows from which a month must have correlations."""


@dataclass
class Joined:
    """One month of both sides, joined.

    Attributes:
        rows: Times that either side has.
        only_rate: Times that the BQX side lacks.
        only_bqx: Times that the rate side lacks.
        shown: Rows by window in which both sides have a prediction.
        comparable: Rows by window in which both sides have r2.
        correlations: By what they are between, where the columns are there.
    """

    rows: int
    only_rate: int
    only_bqx: int
    shown: dict[int, int] = field(default_factory=dict)
    comparable: dict[int, int] = field(default_factory=dict)
    correlations: dict[str, float | None] = field(default_factory=dict)

    @property
    def both(self) -> int:
        """Times that both sides have."""
        return self.rows - self.only_rate - self.only_bqx


def joined(target: PostgresTarget, pair: str, stored: tuple[Columns, Columns]) -> dict[int, Joined]:
    """Join both sides of a pair; results by number of either side's partition."""
    texts = [
        f"count(*) FILTER (WHERE b.{KEY} IS NULL)",
        f"count(*) FILTER (WHERE a.{KEY} IS NULL)",
    ]
    windows = [
        (w, name) for w in WINDOWS for name in ("prediction", "r2") if _both(stored, w, name)
    ]
    for window, name in windows:
        sides = [
            f"{alias}.{columns[window, name]}" for alias, columns in zip("ab", stored, strict=True)
        ]
        texts.append(f"count(*) FILTER (WHERE {sides[0]} IS NOT NULL AND {sides[1]} IS NOT NULL)")
    between = {name: ends for name, ends in BETWEEN.items() if all(c in stored[s] for s, c in ends)}
    for ends in between.values():
        first, second = (f"{'ab'[side]}.{stored[side][cell]}" for side, cell in ends)
        texts.append(f"corr({first}, {second})")
    tables = [f"{SCHEMA}.{side.kind}_{pair}" for side in SIDES]
    found = {}
    # Partitions of a month are joined with each other, and no other rows with any.
    with target.transaction():
        target.execute("SET LOCAL enable_partitionwise_join = on")
        rows = target.query(
            f"SELECT coalesce(a.tableoid, b.tableoid)::bigint, count(*), {', '.join(texts)}"
            f" FROM {tables[0]} a FULL JOIN {tables[1]} b ON a.{KEY} = b.{KEY} GROUP BY 1"
        )
    for part, count, only_rate, only_bqx, *values in rows:
        month = Joined(count, only_rate, only_bqx)
        for (window, name), value in zip(windows, values, strict=False):
            (month.shown if name == "prediction" else month.comparable)[window] = value
        month.correlations = dict(zip(between, values[len(windows) :], strict=True))
        found[part] = month
    return found


def _both(stored: tuple[Columns, Columns], window: int, name: str) -> bool:
    return all((window, name) in columns for columns in stored)


def pair_correlation(
    target: PostgresTarget, pairs: tuple[str, str], month: str, columns: tuple[str, str]
) -> float | None:
    """Correlation of the same feature of two pairs over a month."""
    first, second = (f"{SCHEMA}.{RATE.kind}_{pair}" for pair in pairs)
    value = target.query(
        f"SELECT corr(a.{columns[0]}, b.{columns[1]}) FROM {first} a JOIN {second} b USING ({KEY})"
        f" WHERE {KEY} >= %s AND {KEY} < %s",
        [moment_of(minute) for minute in month_bounds(month)],
    )[0][0]
    return None if value is None else float(value)


def common_minutes(
    target: PostgresTarget,
    pairs: Sequence[str],
    month: str,
    stored: Mapping[tuple[str, str], Columns],
) -> int:
    """Minutes at which all windows of both sides of all pairs have a prediction."""
    tables: list[str] = []
    rules: list[str] = []
    for pair in pairs:
        for side in (RATE, BQX):
            alias = f"t{len(tables)}"
            tables.append(f"{SCHEMA}.{side.kind}_{pair} {alias}")
            columns = stored[side.kind, pair]
            rules += [f"{alias}.{columns[w, 'prediction']} IS NOT NULL" for w in WINDOWS]
    source = tables[0] + "".join(f" JOIN {table} USING ({KEY})" for table in tables[1:])
    return int(
        target.query(
            f"SELECT count(*) FROM {source} WHERE {KEY} >= %s AND {KEY} < %s"
            f" AND {' AND '.join(rules)}",
            [moment_of(minute) for minute in month_bounds(month)],
        )[0][0]
    )


def groups(pairs: Sequence[str]) -> list[tuple[str, ...]]:
    """Triangles among the pairs; where there is none, neighbours in the list."""
    triangles = [tuple(name for name, _ in triangle.legs) for triangle in TRIANGLES]
    inside = [legs for legs in triangles if set(legs) <= set(pairs)]
    return inside or neighbours(pairs)


def neighbours(pairs: Sequence[str]) -> list[tuple[str, ...]]:
    """Each pair with the next one."""
    return list(pairwise(pairs))
