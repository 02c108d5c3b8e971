"""Relations between columns hold in built tables, and a changed value breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest

import bqx
from bqx.api import FolderStore
from bqx.checks.identities import identities
from bqx.checks.relations import ORDERS, SUMS
from bqx.features.registry import families_in, registry
from damage import Change, copy_store, edit, put, store_with_bars

FILES = ("bollinger", "fibonacci", "returns", "statistics", "ohlc_index")
FAMILIES = bqx.Registry([f for name in FILES for f in families_in(f"bqx.families.{name}")])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("relations") / "store"
    with store_with_bars(root, "eurusd", families=FAMILIES) as store:
        assert store.build("all").passed
    return root


@pytest.fixture
def store(built: Path, tmp_path: Path) -> FolderStore:
    return copy_store(built, tmp_path / "damaged", families=FAMILIES)


def test_every_relation_names_columns_that_exist() -> None:
    tables = registry().tables
    for total in SUMS:
        assert {t.column for t in total.terms} <= set(tables[total.table].column_names)
    for order in ORDERS:
        assert set(order.columns) <= set(tables[order.table].column_names)


def test_the_relations_hold(store: FolderStore) -> None:
    report = identities(store)
    assert report.passed, report.to_text()
    (result,) = [c for c in report.checks if c.name == "relations"]
    assert result.units > 100_000


@pytest.mark.parametrize(
    ("table", "column", "change"),
    [
        ("bollinger_rate", "bb_upper_60", put("bb_middle_60", 3000, 99.0)),
        ("bollinger_bqx", "bb_upper_20", put("bb_width_20", 3000, 0.5)),
        ("fibonacci_rate", "fib_dist_236_f2", put("fib_dist_500_f2", 3000, 0.5)),
        ("returns_bqx", "ret_bqx_15", put("ret_bqx_15", 3000, 0.5)),
        ("statistics_rate", "p25_15min", put("p25_15min", 3000, 1.0)),
        ("ohlc_rate", "open_index", put("open_index", 3000, 1.0)),
    ],
)
def test_a_changed_value_breaks_one(
    store: FolderStore, table: str, column: str, change: Change
) -> None:
    edit(store, table, "eurusd", "2019_02", change)
    findings = [f for f in identities(store).findings if f.check == "relations"]
    assert (table, column) in {(f.table, f.column) for f in findings}
