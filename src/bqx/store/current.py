"""Which partitions are current: of the present code, on the present grid, of the present bars."""

from __future__ import annotations

from collections.abc import Iterable

from bqx.store.barstore import M1
from bqx.store.base import BaseStore
from bqx.store.slices import Inputs, extent, month_rows
from bqx.store.state import Partition


def current_partitions(
    store: BaseStore, table: str, pair: str, months: Iterable[str]
) -> dict[str, Partition]:
    """Current partitions of a table and pair, by month.

    Args:
        store: The store.
        table: Name of a known table, or ``m1``, whose recorded partitions are always current.
        pair: A pair.
        months: Months to look at.
    """
    recorded = {month: p for (_, _, month), p in store.state.partitions(table, pair).items()}
    wanted = [recorded[month] for month in months if month in recorded]
    if table != M1 and wanted:
        wanted = _current(store, table, pair, wanted)
    return {p.month: p for p in wanted}


def _current(store: BaseStore, table: str, pair: str, recorded: list[Partition]) -> list[Partition]:
    fingerprint = store.fingerprint(table)
    spec = store.tables[table]
    span = extent(store, pair)
    inputs = Inputs(store)
    current = []
    for partition in recorded:
        if span is None or partition.fingerprint != fingerprint:
            continue
        rows = month_rows(store, span, partition.month)
        if rows[0] < rows[1] and partition.inputs == inputs.hash(pair, span, rows, spec):
            current.append(partition)
    return current
