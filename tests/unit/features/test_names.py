from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqx import registry
from bqx.errors import UnknownNameError
from bqx.features.names import QualifiedColumn, TableName
from bqx.market import PAIRS

TABLES = st.sampled_from(["m1", *registry().tables])
MONTHS = st.one_of(st.none(), st.dates().map(lambda d: f"{d.year:04}_{d.month:02}"))
COLUMNS = st.sampled_from([c for t in registry().tables.values() for c in t.column_names])


@given(TABLES, st.sampled_from(list(PAIRS)), MONTHS)
def test_table_names_parse_back(table: str, pair: str, month: str | None) -> None:
    name = TableName(table, pair, month)
    assert TableName.parse(str(name)) == name


@given(TABLES, COLUMNS, st.integers(0, 60))
def test_column_names_parse_back(table: str, column: str, lag: int) -> None:
    name = QualifiedColumn(table, column, lag)
    assert QualifiedColumn.parse(str(name)) == name


def test_the_seeds_names() -> None:
    assert str(TableName("reg_rate", "eurusd", "2024_07")) == "reg_rate_eurusd_2024_07"
    lagged = QualifiedColumn.parse("technical_rate__rsi_14_lag5")
    assert (lagged.table, lagged.column, lagged.lag) == ("technical_rate", "rsi_14", 5)


@pytest.mark.parametrize("text", ["", "eurusd", "reg_rate", "reg_rate_eurusd_2024_13"])
def test_other_texts_are_no_table_names(text: str) -> None:
    with pytest.raises(UnknownNameError):
        TableName.parse(text)


@pytest.mark.parametrize("text", ["", "rsi_14", "a__", "__b", "a__b c"])
def test_other_texts_are_no_columns(text: str) -> None:
    with pytest.raises(UnknownNameError):
        QualifiedColumn.parse(text)
