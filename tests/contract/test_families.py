"""Every family, present or future, passes the contract; planted faults do not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

import pytest

from bqx import Registry, registry
from bqx.domains.grid import BarArrays
from bqx.errors import PostConditionError
from bqx.features.stateless import bar_arrays
from bqx.market import PAIRS, Calendar
from contract import CONTRACT, Subject
from planted import PLANTED
from planted_leaks import LEAKS
from synthetic import market_bars

PAIR = "eurusd"


@cache
def bars(days: int, pairs: tuple[str, ...]) -> dict[str, BarArrays]:
    """Gappy markets that span a weekend and a month's end, and end in the same days."""
    start = f"{date(2019, 2, 5) - timedelta(days=days):%Y-%m-%d}"
    frames = market_bars(pairs, start, days, seed=3)
    return {pair: bar_arrays(frame) for pair, frame in frames.items()}


@cache
def subject(families: Registry, table: str) -> Subject:
    """A table on at least six days, and four times its memory."""
    spec = families.table(table)
    days = max(7, 7 * -(-spec.memory * 10 // (3 * 7200)))
    pairs = tuple(PAIRS) if spec.peers else (PAIR,)
    return Subject(families, table, PAIR, bars(days, pairs), Calendar())


def cases() -> Iterator[object]:
    """Every table with every rule; what is fitted for every slice takes its time."""
    for table, spec in registry().tables.items():
        marks = [pytest.mark.slow] if spec.fits else []
        for rule in CONTRACT:
            yield pytest.param(table, rule, marks=marks, id=f"{table}-{rule}")


@pytest.mark.parametrize(("table", "rule"), list(cases()))
def test_every_table_keeps_the_contract(table: str, rule: str) -> None:
    CONTRACT[rule](subject(registry(), table))


FAULTS = PLANTED | LEAKS


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_the_contract(name: str) -> None:
    family, rules = FAULTS[name]
    planted = Registry([family])
    for table in planted.tables:
        for rule in rules:
            with pytest.raises((AssertionError, PostConditionError)):
                CONTRACT[rule](subject(planted, table))
