"""Copy what a store knows beside its partitions: sources, baselines, fitted parameters."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from bqx.errors import StoreError
from bqx.features.arrow import to_polars
from bqx.store.base import BaseStore
from bqx.store.state import Parameters

_SOURCE = "path, member, sha256, size, pair, format, clock, options, synthetic, ingested, report"
_SAME = "sha256 = ? AND pair = ? AND options = ? AND coalesce(member, '') = coalesce(?, '')"
_PUT_PROVENANCE = (
    "INSERT INTO provenance (pair, month, source, accepted, replaced) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (pair, month, source)"
    " DO UPDATE SET accepted = excluded.accepted, replaced = excluded.replaced"
)


def copy_record(source: BaseStore, target: BaseStore, pairs: Sequence[str]) -> int:
    """Copy the record of some pairs; what the target knows already stays.

    Returns:
        The number of sources that the target did not know.

    Raises:
        StoreError: If the target has another baseline of a pair.
    """
    for pair in pairs:
        _baseline(source, target, pair)
    target.state.record_parameters(_parameters(source, pairs))
    return sum(_sources(source, target, pair) for pair in pairs)


def _baseline(source: BaseStore, target: BaseStore, pair: str) -> None:
    here, there = source.state.baseline(pair), target.state.baseline(pair)
    if here is None:
        return
    if there is not None and there != here:
        raise StoreError(
            f"{target.name} has the baseline {there} of {pair}",
            expected=f"{here}, as {source.name} has it",
            hint="its tables have other values; copy into a new store",
        )
    target.state.set_baseline(pair, here)


def _parameters(source: BaseStore, pairs: Sequence[str]) -> list[Parameters]:
    rows = source.state.query(
        "SELECT pair, domain, name, row, version, inputs, vals FROM parameters"
    )
    found = [Parameters(*row) for row in rows]  # type: ignore[arg-type]
    return [p for p in found if p.pair in {*pairs, "all"}]


def _sources(source: BaseStore, target: BaseStore, pair: str) -> int:
    """The ingested files of a pair, with what came of their rows."""
    rows = source.state.query(
        f"SELECT id, {_SOURCE} FROM sources WHERE pair = ? ORDER BY id", (pair,)
    )
    return sum(_one_source(source, target, int(str(row[0])), row[1:]) for row in rows)


def _one_source(
    source: BaseStore, target: BaseStore, number: int, values: Sequence[object]
) -> bool:
    """Copy one source under a free number; whether it was unknown."""
    _, member, sha256, _, pair, _, _, options = values[:8]
    known = target.state.query(
        f"SELECT id FROM sources WHERE {_SAME}", (sha256, pair, options, member)
    )
    new = int(str(known[0][0])) if known else _free(target, number)
    _rejected(source, target, number, new)
    came = source.state.query(
        "SELECT pair, month, accepted, replaced FROM provenance WHERE source = ?", (number,)
    )
    with target.state.transaction() as transaction:
        if not known:
            marks = ", ".join("?" * (1 + len(values)))
            transaction.execute(
                f"INSERT INTO sources (id, {_SOURCE}) VALUES ({marks})", (new, *values)
            )
        transaction.executemany(_PUT_PROVENANCE, [(p, m, new, a, r) for p, m, a, r in came])
    return not known


def _free(target: BaseStore, number: int) -> int:
    """The same number where it is free, or else the next one."""
    if not target.state.query("SELECT 1 FROM sources WHERE id = ?", (number,)):
        return number
    return int(str(target.state.query("SELECT max(id) + 1 FROM sources")[0][0]))


def _rejected(source: BaseStore, target: BaseStore, number: int, new: int) -> None:
    """Copy rejected rows; they come before the source, as they do when it is ingested."""
    rows = to_polars(source.parts.rejected(number))
    if rows.height:
        renumbered = rows.with_columns(source=pl.lit(new, pl.Int64))
        target.parts.keep_rejected(new, renumbered.to_arrow())
