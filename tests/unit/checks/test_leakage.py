"""Leakage: nothing in the built families, and every planted fault is caught and told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bqx.api import FolderStore
from bqx.checks.leakage import leakage
from bqx.checks.replay import differing, groups_of
from bqx.checks.report import Report
from bqx.errors import ConfigError, UnknownNameError
from bqx.features.registry import Registry, registry
from damage import Change, edit, put, store_with_bars, values
from planted import PLANTED
from planted_leaks import LEAKS
from stores import open_store

EXPECTED = {
    "next_close": {"truncation", "shocks"},
    "whole_mean": {"truncation", "shocks", "cold_start"},
    "cold_start": {"truncation", "cold_start"},
    "short_memory": {"truncation", "shocks", "cold_start"},
    "row_number": {"truncation", "cold_start"},
}


def failed(report: Report) -> set[str]:
    return {c.name for c in report.checks if c.failures}


def test_the_families_do_not_leak(store: FolderStore) -> None:
    report = leakage(store, samples=24, seed=3)
    assert report.passed, report.to_text()
    assert [c.name for c in report.checks] == ["truncation", "shocks", "cold_start"]
    columns = sum(len(spec.columns) for spec in store.tables.values())
    assert [c.units for c in report.checks][:2] == [24 * columns, 24 * columns]
    assert report.checks[2].units > 0
    assert not any(c.notes for c in report.checks)


def test_without_stored_tables_builds_are_compared(tmp_path: Path) -> None:
    store = store_with_bars(tmp_path / "store", "eurusd")
    report = leakage(store, tables=["bqx", "correlation_bqx"], samples=8)
    assert report.passed
    assert report.facts["tables"] == 2
    assert "not stored or outdated; computed instead" in report.checks[0].notes[0]


@pytest.mark.parametrize("name", LEAKS)
def test_the_leaks_of_the_first_version_are_caught(tmp_path: Path, name: str) -> None:
    family = LEAKS[name][0]
    store = store_with_bars(tmp_path / "store", "eurusd", families=Registry([family]))
    assert store.build().passed  # a build alone cannot see them
    report = leakage(store, samples=16)
    assert {"truncation", "shocks"} & failed(report)


@pytest.mark.parametrize("built", [True, False], ids=["stored", "computed"])
@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_caught(tmp_path: Path, name: str, *, built: bool) -> None:
    family = PLANTED[name][0]
    store = store_with_bars(tmp_path / "store", "eurusd", families=Registry([family]))
    if built:
        # A family that breaks its contract cannot be built; it is caught all the same.
        assert store.build().passed is (name != "short_memory")
    report = leakage(store, samples=16)
    assert not report.passed
    assert failed(report) == EXPECTED[name]
    assert {f.table for f in report.findings} == set(store.tables)
    assert {f.column for f in report.findings} == {
        c.name for spec in store.tables.values() for c in spec.columns
    }


def test_a_planted_fault_does_not_hide_the_good_columns(tmp_path: Path) -> None:
    families = [*registry().families.values(), PLANTED["short_memory"][0]]
    store = store_with_bars(tmp_path / "store", "eurusd", families=Registry(families))
    report = leakage(store, tables=["bqx", "short_rate"], samples=8)
    assert {f.table for f in report.findings} == {"short_rate"}
    assert "NaN" in report.findings[0].found


def test_a_stored_value_with_other_bits_is_found(store: FolderStore) -> None:
    for month in ("2019_01", "2019_02"):
        edit(store, "bqx", "eurusd", month, _nudge("rate_index"))
    report = leakage(store, tables=["bqx"], pairs="eurusd", samples=16)
    assert failed(report) == {"truncation", "cold_start"}
    assert {f.column for f in report.findings} == {"rate_index"}
    assert " at 2019-0" in report.findings[0].found


def _nudge(column: str) -> Change:
    return values(column, lambda v: np.nextafter(v, np.inf))


def test_a_missing_stored_value_is_found(store: FolderStore) -> None:
    edit(store, "bqx", "eurusd", "2019_02", put("rate_index", 3, float("nan")))
    report = leakage(store, tables=["bqx"], pairs="eurusd", samples=8)
    findings = [f for f in report.findings if f.check == "cold_start"]
    assert findings[0].column == "rate_index"
    assert findings[0].failures == 1
    assert "NULL at 2019-02-01 00:00 + 3 rows" in findings[0].found


def test_the_same_seed_tries_the_same_rows(store: FolderStore) -> None:
    for month in ("2019_01", "2019_02"):
        edit(store, "bqx", "eurusd", month, _nudge("rate_index"))
    texts = [
        [f.found for f in leakage(store, tables=["bqx"], samples=5, seed=seed).findings]
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_an_empty_store_has_nothing_to_try(tmp_path: Path) -> None:
    report = leakage(open_store(tmp_path / "empty"))
    assert not report.passed
    assert report.units == 0


def test_bad_arguments(store: FolderStore) -> None:
    with pytest.raises(ConfigError):
        leakage(store, samples=0)
    with pytest.raises(UnknownNameError):
        leakage(store, tables=["no_such_table"])


def test_groups_have_the_memory_of_their_own_window() -> None:
    groups = groups_of([registry().table("reg_bqx")])
    assert [g.memory for g in groups] == [75, 105, 165, 255, 405, 645]
    assert all(len(g.spec.columns) == 7 for g in groups)


def test_differing_compares_bits_and_nulls() -> None:
    yes, no = np.array([True]), np.array([False])
    one, next_one = np.array([1.0]), np.nextafter(np.array([1.0]), 2)
    assert not differing((one, yes), (one, yes)).any()
    assert differing((one, yes), (next_one, yes)).all()
    assert differing((one, yes), (one, no)).all()
    assert not differing((one, no), (next_one, no)).any()
    assert not differing((np.array([np.nan]), yes), (np.array([np.nan]), yes)).any()
