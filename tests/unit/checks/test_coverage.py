"""Coverage of any tables, and identities."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bqx.api import FolderStore
from bqx.checks.coverage import coverage
from bqx.checks.identities import identities
from bqx.domains.domain import Domain
from bqx.errors import ConfigError, UnknownNameError
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.features.registry import Registry
from damage import edit, put, store_with_bars, values

NAN = float("nan")


class Sign(Family):
    """Sign of the last change."""

    table = "sign_{domain}"

    sign = Feature("sign", "1 after a rise.", history=2, null_rule="the series did not change")
    label = Feature("label", "Always seven.", history=1, kind="category")
    number = Feature("number", "Always 0.5.", history=1)

    def compute_fixed(self, d: Domain) -> Columns:
        """NaN where nothing changed."""
        change = np.diff(d.series, prepend=np.nan)
        sign = np.where(change == 0, np.nan, np.sign(change))
        return {"sign": sign, "label": np.full(len(d), 7.0), "number": np.full(len(d), 0.5)}


def test_everything_that_is_stored_is_covered(store: FolderStore) -> None:
    report = coverage(store)
    assert report.passed
    assert report.facts["tables"] == 7
    columns = sum(len(spec.columns) for spec in store.tables.values())
    rows = store.read("bqx", "eurusd").height + store.read("bqx", "usdjpy").height
    (result,) = [c for c in report.checks if c.name == "coverage"]
    assert result.units == rows * columns


def test_found_and_expected_values_are_counted(store: FolderStore) -> None:
    edit(store, "bqx", "eurusd", "2019_02", put("rate_index", 700, NAN))
    report = coverage(store, tables=["bqx"], pairs="eurusd")
    cells = {c.month: c for c in report.cells if c.check == "coverage"}
    assert cells["2019_01"].failures == 0
    assert cells["2019_02"].failures == 1
    assert cells["2019_02"].found == cells["2019_02"].expected - 1
    stored = store.read("bqx", "eurusd", source="stored").drop("ts_utc")
    shown = sum(stored.height - n for n in stored.null_count().row(0))
    assert shown == sum(c.found for c in cells.values())
    assert report.facts["values"] == shown


def test_a_value_where_none_may_be_is_as_wrong_as_a_missing_one(store: FolderStore) -> None:
    edit(store, "reg_rate", "eurusd", "2019_01", put("w630_rmse", 10, 0.5))
    report = coverage(store)
    (finding,) = [f for f in report.findings if f.check == "coverage"]
    assert "a value instead of NULL" in finding.found
    assert (finding.month, finding.column) == ("2019_01", "w630_rmse")


def test_equal_counts_in_other_places_fail(store: FolderStore) -> None:
    """Counting NULLs alone would miss this."""
    swap = values("w60_rmse", lambda v: np.concatenate([[0.1], v[1:3000], [NAN], v[3001:]]))
    edit(store, "reg_rate", "eurusd", "2019_01", swap)
    (finding,) = [f for f in coverage(store).findings if f.check == "coverage"]
    assert finding.failures == 2
    nulls = finding.expected.removesuffix(" rows")
    assert finding.found.startswith(f"{nulls} of ")


def test_a_table_that_is_stored_for_one_pair_is_missing_for_the_other(tmp_path: Path) -> None:
    store = store_with_bars(tmp_path / "store", "eurusd", "usdjpy")
    store.build("bqx", pairs="eurusd")
    report = coverage(store)
    assert {(f.table, f.pair, f.month) for f in report.findings} == {
        ("bqx", "usdjpy", "2019_01"),
        ("bqx", "usdjpy", "2019_02"),
    }
    assert coverage(store, pairs="eurusd").passed


def test_nothing_stored_is_nothing_covered(tmp_path: Path) -> None:
    store = store_with_bars(tmp_path / "store", "eurusd")
    report = coverage(store)
    assert not report.passed
    assert report.score == 0.0
    assert not identities(store).passed


def test_a_family_of_ones_own(tmp_path: Path) -> None:
    store = store_with_bars(tmp_path / "store", "eurusd", families=Registry([Sign]))
    assert store.build().passed
    report = coverage(store)
    # A number that never changes is no feature; a code may stay the same for a month.
    assert {f.column for f in report.findings} == {"number"}
    (result,) = [c for c in report.checks if c.name == "coverage"]
    notes = "; ".join(result.notes)
    dull = re.search(r"sign_rate: \d columns of one value only[^:]*: ([\w, ]+)", notes)
    assert dull is not None
    assert dull[1].split(", ") == ["label", "number"]
    assert "NULLs by rules of columns that have no second implementation" in notes
    edit(store, "sign_rate", "eurusd", "2019_02", put("number", 700, NAN))
    edit(store, "sign_rate", "eurusd", "2019_01", put("sign", 0, 1.0))
    columns = {f.column for f in coverage(store).findings if f.check == "coverage"}
    assert columns == {"sign", "number"}


def test_columns_that_must_be_empty_are_named(tmp_path: Path) -> None:
    store = store_with_bars(tmp_path / "store", "eurusd")
    with store.writing():
        store.bars.replace("eurusd", "2019_01", store.bars.frame("eurusd", "2019_01").tail(300))
    store.build("reg_rate")
    report = coverage(store, months="2019-01")
    assert report.passed
    (result,) = [c for c in report.checks if c.name == "coverage"]
    assert any("wholly NULL, as they must be" in n and "w630_r2" in n for n in result.notes)


def test_unknown_names_are_errors(store: FolderStore) -> None:
    with pytest.raises(UnknownNameError):
        coverage(store, tables=["regression_typo"])
    with pytest.raises(UnknownNameError):
        coverage(store, pairs="audnzd")
    with pytest.raises(ConfigError):
        coverage(store, months="2019-13")


def test_identities_hold_and_fail(store: FolderStore) -> None:
    report = identities(store)
    assert report.passed
    assert {c.name for c in report.checks} == {
        "partitions",
        "terms",
        "residuals",
        "base",
        "relations",
    }
    edit(store, "reg_bqx", "eurusd", "2019_02", put("w240_constant_term", 2500, 0.5))
    failing = identities(store)
    assert {c.name for c in failing.checks if c.failures} == {"terms"}
    (finding,) = failing.findings
    assert (finding.table, finding.pair, finding.month) == ("reg_bqx", "eurusd", "2019_02")


def test_identities_tolerate_rounding_only(store: FolderStore) -> None:
    nudge = values("w60_prediction", lambda v: v + np.where(np.arange(len(v)) == 2500, 5e-9, 0))
    edit(store, "reg_rate", "eurusd", "2019_02", nudge)
    assert identities(store).passed  # 5e-9 relative to 100
    edit(store, "reg_bqx", "eurusd", "2019_02", nudge)
    report = identities(store)
    assert {c.name for c in report.checks if c.failures} == {"terms", "residuals"}
    assert {f.table for f in report.findings} == {"reg_bqx"}
