"""Counts and names: the totals of the programme, and the names that are promised."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from bqx import Registry, registry
from bqx.errors import BqxError
from bqx.families.regression import Regression
from bqx.features.counts import count, explanation, totals
from bqx.features.promised import compare, promised

CATALOGUE = Path(__file__).parents[4] / "shared" / "catalogue.csv"


def test_the_three_totals() -> None:
    found = totals(count(registry()))
    assert found["counted_in_1264"] == 1264
    assert found["counted_in_1080"] == 1080
    assert found["core_1388"] == 1388


def test_every_column_is_counted_once() -> None:
    families = registry()
    counted = [(table, c.name) for row in count(families) for table, c in row.columns]
    declared = [(t, c.name) for t in families.tables for c in families.declared(t)]
    assert sorted(counted) == sorted(declared)


def test_the_explanation_names_what_makes_the_differences() -> None:
    lines = explanation(count(registry()))
    assert lines[0].startswith("1,264 ")
    assert lines[1].startswith("1,080 ")
    assert lines[1].endswith(
        "Statistics Rate 56 + Bollinger Rate 56 + Fibonacci Rate 56 + Volume Rate 16 = 184."
    )
    assert lines[2].startswith("1,388 ")


def test_a_smaller_registry_counts_less() -> None:
    found = totals(count(Registry([Regression])))
    assert (found["counted_in_1264"], found["core_1388"], found["declared"]) == (0, 84, 84)


def test_the_promised_names_are_there() -> None:
    assert compare(registry())["missing"] == []


def test_a_missing_name_is_found(tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("table,column\nreg_rate,w60_r2\nreg_rate,w61_r2\n", encoding="utf-8")
    found = compare(registry(), names)
    assert found["missing"] == ["reg_rate__w61_r2"]
    assert len(found["added"]) == 41


def test_an_unreadable_list_of_names(tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("name\nw60_r2\n", encoding="utf-8")
    with pytest.raises(BqxError, match="unreadable list of names"):
        compare(registry(), names)


@pytest.mark.skipif(not CATALOGUE.exists(), reason="the catalogue document is not here")
def test_names_and_counts_are_those_of_the_catalogue() -> None:
    with CATALOGUE.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    found = {c.row.key: c for c in count(registry())}
    for key in dict.fromkeys(row["key"] for row in rows):
        wanted = Counter(row["column"] for row in rows if row["key"] == key)
        names = Counter(column.name for _, column in found[key].columns)
        assert names == wanted, key
    assert sum(len(names) for names in promised().values()) == len(rows)
