"""Every family, present or future, passes the contract; planted faults do not."""

from __future__ import annotations

from functools import cache

import pytest

from bqx import Registry, registry
from bqx.errors import PostConditionError
from bqx.features.stateless import bar_arrays
from bqx.market import Calendar
from contract import CONTRACT, Subject
from planted import PLANTED
from synthetic import random_walk_bars


@cache
def subject(families: Registry, table: str) -> Subject:
    """A table on six days of a gappy random walk that spans a weekend and a month's end."""
    bars = bar_arrays(random_walk_bars("eurusd", "2019-01-29", 7, seed=3))
    return Subject(families, table, bars, Calendar())


@pytest.mark.parametrize("rule", CONTRACT)
@pytest.mark.parametrize("table", registry().tables)
def test_every_table_keeps_the_contract(table: str, rule: str) -> None:
    CONTRACT[rule](subject(registry(), table))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_breaks_the_contract(name: str) -> None:
    family, rules = PLANTED[name]
    planted = Registry([family])
    for table in planted.tables:
        for rule in rules:
            with pytest.raises((AssertionError, PostConditionError)):
                CONTRACT[rule](subject(planted, table))
