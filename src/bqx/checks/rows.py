"""Partitions and rows: nothing missing, nothing outdated, nothing lost, and both domains join."""

from __future__ import annotations

import numpy as np

from bqx.checks.contract import TWINS
from bqx.checks.tally import Tally
from bqx.checks.unit import Stored, Unit
from bqx.domains.grid import Int64Array
from bqx.features.feature import Column
from bqx.features.table import KEY
from bqx.market import moment_of
from bqx.store.base import BaseStore
from bqx.store.slices import Inputs, extent, month_rows
from bqx.store.state import Partition

BUILD = "; `bqx build` makes it"


def partitions(unit: Unit, tally: Tally) -> None:
    """Each partition is stored, recorded, readable, and made from today's code and bars."""
    for table in (*unit.tables, *unit.problems):
        tally.count(1)
        problem = unit.problems.get(table) or _problem(unit, table)
        if problem:
            tally.fail(table, None, problem, f"a current partition{BUILD}")


def _problem(unit: Unit, table: str) -> str | None:
    key = (table, unit.pair, unit.month)
    record = unit.store.state.partitions(table, unit.pair).get(key)
    if record is None:
        return "a file that the store's state does not know"
    rows = unit.tables[table].table.num_rows
    if record.rows != rows:
        return f"a file of {rows:,} rows, recorded with {record.rows:,}"
    return outdated(unit.store, record, unit.inputs)


def outdated(store: BaseStore, record: Partition, inputs: Inputs) -> str | None:
    """Why a recorded partition is not what a build would make today; None if it is."""
    if record.fingerprint != store.fingerprint(record.tbl):
        return "made with other code, windows or trading minutes"
    span = extent(store, record.pair)
    if span is None:
        return "made from bars that are gone"
    rows = month_rows(store, span, record.month)
    if record.inputs != inputs.hash(record.pair, span, rows, store.tables[record.tbl]):
        return "made from other bars"
    return None


def rows(unit: Unit, tally: Tally) -> None:
    """Each trading minute from the first bar to the last has one row, and so has each bar."""
    bars = unit.truth.bars
    observed = unit.truth.minutes[bars[(bars >= unit.low) & (bars < unit.high)]]
    for table, stored in unit.tables.items():
        tally.count(len(unit.minutes))
        _one_row_each(tally, table, stored.minutes, unit.minutes, observed)
        if stored.uneven:
            text = f"{stored.uneven:,} times within a minute"
            tally.fail(table, KEY, text, "whole minutes", stored.uneven)
    outside = unit.truth.outside.get(unit.month, 0)
    tally.note(outside, "bars outside the trading week; m1 keeps them, feature tables have no row")


def _one_row_each(
    tally: Tally, table: str, found: Int64Array, expected: Int64Array, observed: Int64Array
) -> None:
    if np.array_equal(found, expected):
        return
    problems = {
        "missing": np.setdiff1d(expected, found),
        "outside the grid": np.setdiff1d(found, expected),
        "repeated": _repeated(found),
    }
    for name, minutes in problems.items():
        if len(minutes):
            lost = np.isin(minutes, observed).sum()
            of_bars = f", {lost:,} of them with a bar" if lost else ""
            found_text = f"{len(minutes):,} rows {name}, the first at {_time(minutes[0])}{of_bars}"
            tally.fail(
                table, None, found_text, f"{len(expected):,} rows, one a minute", len(minutes)
            )
    if len(found) and (np.diff(found) < 0).any():
        at = int(np.argmax(np.diff(found) < 0)) + 1
        tally.fail(table, None, f"row {at} goes back in time", "rows in order of time")


def _repeated(minutes: Int64Array) -> Int64Array:
    unique, counts = np.unique(minutes, return_counts=True)
    return np.repeat(unique, counts - 1)


def _time(minute: int) -> str:
    return f"{moment_of(int(minute)):%Y-%m-%d %H:%M}"


def join(unit: Unit, tally: Tally) -> None:
    """Twins hold the same times once each, and where both have a value by right, both have it."""
    for twins in TWINS:
        if all(table in unit.tables for table in twins):
            _same_times(tally, twins, [unit.tables[t] for t in twins])
            _comparable(unit, tally, twins)


def _same_times(tally: Tally, twins: tuple[str, str], stored: list[Stored]) -> None:
    rate, bqx = (s.minutes for s in stored)
    tally.count(len(rate))
    if np.array_equal(rate, bqx) and (np.diff(rate) > 0).all():
        return
    alone = np.setxor1d(rate, bqx)
    if len(alone):
        text = f"{len(alone):,} times in one of the two only, the first {_time(alone[0])}"
        tally.fail(twins[1], KEY, text, f"the times of {twins[0]}", len(alone))
    for table, minutes in zip(twins, (rate, bqx), strict=True):
        repeats = len(_repeated(minutes))
        if repeats:
            text = f"{repeats:,} times that stand there more than once"
            tally.fail(table, KEY, text, "unique times", repeats)


def _comparable(unit: Unit, tally: Tally, twins: tuple[str, str]) -> None:
    sides = [{(c.key, c.window): (c, valid) for c, _, valid in unit.columns(t)} for t in twins]
    for key, (rate, here) in sides[0].items():
        if key not in sides[1]:
            continue
        bqx, there = sides[1][key]
        if rate.nullable or bqx.nullable:
            continue
        expected = unit.valid(rate.history) & unit.valid(bqx.history)
        lacking = expected & ~(here & there)
        tally.count(int(expected.sum()))
        if lacking.any():
            _not_comparable(unit, tally, (twins[1], bqx), lacking.nonzero()[0])


def _not_comparable(unit: Unit, tally: Tally, place: tuple[str, Column], at: Int64Array) -> None:
    text = f"{len(at):,} rows where a domain has no value, the first {unit.time(int(at[0]))}"
    tally.fail(place[0], place[1].name, text, "a value in both domains", len(at))
