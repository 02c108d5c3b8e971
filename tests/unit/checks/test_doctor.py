"""The doctor finds what is wrong with a store, and says what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

import bqx
from bqx.checks.doctor import Diagnosis, examine
from bqx.config import change
from stores import filled_store, open_store, write_bars
from synthetic import random_walk_bars


@pytest.fixture
def store(tmp_path: Path) -> bqx.FolderStore:
    made = filled_store(tmp_path / "store", days=10)
    assert made.build("reg_rate").passed
    return made


def advice(diagnosis: Diagnosis, found: str) -> tuple[str, str]:
    """Level and advice of the one finding with that text."""
    (line,) = [line for line in diagnosis.lines if found in line.found]
    return line.level, line.advice


def test_a_sound_store(store: bqx.FolderStore) -> None:
    diagnosis = examine(store.root)
    assert diagnosis.healthy
    assert advice(diagnosis, "every table that is stored is current") == ("ok", "")
    assert advice(diagnosis, "bars of 1 of 28 pairs")[0] == "ok"


def test_lost_files(store: bqx.FolderStore) -> None:
    store.path("reg_rate", "eurusd", "2019_01").unlink()
    diagnosis = examine(store.root)
    assert not diagnosis.healthy
    level, what = advice(diagnosis, "1 recorded partitions have no file")
    assert (level, "bqx verify" in what) == ("error", True)


def test_outdated_tables(store: bqx.FolderStore) -> None:
    change(store.root, store.settings, "holidays", "2019-01-01")
    level, what = advice(examine(store.root), "2 partitions are missing or outdated")
    assert (level, what) == ("warning", "`bqx update`")


def test_older_bars_than_the_baseline(store: bqx.FolderStore, tmp_path: Path) -> None:
    older = random_walk_bars("eurusd", "2018-11-05", 3, seed=2)
    store.ingest([write_bars(tmp_path / "older", "eurusd", older)])
    level, what = advice(examine(store.root), "1 months of eurusd lie before its baseline")
    assert level == "warning"
    assert "baseline_start" in what


def test_leftovers_synthetic_bars_and_unknown_tables(
    store: bqx.FolderStore, tmp_path: Path
) -> None:
    (store.root / "reg_rate" / "eurusd" / "2019_01.parquet.1.tmp").touch()
    bars = random_walk_bars("usdjpy", "2019-01-08", 1, seed=2)
    store.ingest([write_bars(tmp_path / "more", "usdjpy", bars)], synthetic=True)
    (store.root / "reg_rate" / "eurusd" / "2019_02.parquet.2.tmp").touch()
    change(store.root, store.settings, "families", "planted")
    with bqx.open(store.root) as other:
        assert other.build("row_number").passed
    (store.root / "m1" / "eurusd" / "x.tmp").touch()
    change(store.root, open_store(store.root).settings, "families", "")
    diagnosis = examine(store.root)
    assert advice(diagnosis, "1 temporary files")[0] == "note"
    assert advice(diagnosis, "some bars are synthetic")[0] == "note"
    assert "families" in advice(diagnosis, "counted_bqx, counted_rate")[1]


def test_no_store_and_a_broken_one(store: bqx.FolderStore, tmp_path: Path) -> None:
    assert advice(examine(tmp_path / "nowhere"), "no store at")[0] == "note"
    (store.root / "bqx.toml").write_text("week = always")
    assert not examine(store.root).healthy


def test_bars_before_any_baseline(tmp_path: Path) -> None:
    settings = bqx.StoreSettings.model_validate({"baseline_start": "2030-01-01T00:00:00Z"})
    with open_store(tmp_path / "late", settings=settings) as late:
        bars = random_walk_bars("eurusd", "2019-01-08", 1, seed=2)
        late.ingest([write_bars(tmp_path, "eurusd", bars)])
    diagnosis = examine(tmp_path / "late")
    assert advice(diagnosis, "at or after 2030")[0] == "error"
