"""Snapshots keep what a store held, and bring it back."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import bqx
from bqx.config import StoreSettings
from bqx.errors import ConfigError, IntegrityError, StoreError, UnknownNameError
from bqx.store import snapshots
from bqx.store.verify import verify
from stores import content, filled_store, open_store, write_bars
from synthetic import random_walk_bars

KEYS = {
    (table, "eurusd", month) for table in ("m1", "reg_rate") for month in ("2019_01", "2019_02")
}


@pytest.fixture
def store(tmp_path: Path) -> bqx.FolderStore:
    """Two months of one pair with one stored table."""
    made = filled_store(tmp_path / "store", start="2019-01-30", days=4)
    assert made.build("reg_rate").passed
    return made


def with_bad_rows(bars: pl.DataFrame) -> pl.DataFrame:
    """The bars, the first five with a price that no market has."""
    bad = pl.int_range(pl.len()) < 5
    return bars.with_columns(close=pl.when(bad).then(-1.0).otherwise("close"))


def change(store: bqx.FolderStore, folder: Path) -> None:
    """Replace, add and remove partitions, and reject rows."""
    later = random_walk_bars("eurusd", "2019-02-01", 30, seed=8)
    store.ingest([write_bars(folder, "eurusd", with_bad_rows(later), "_later")])
    store.ingest(
        [write_bars(folder, "usdjpy", random_walk_bars("usdjpy", "2019-02-04", 2, seed=4))]
    )
    assert store.build(["reg_rate", "bqx"]).passed
    store.path("reg_rate", "eurusd", "2019_01").unlink()
    store.state.forget([("reg_rate", "eurusd", "2019_01")])


def test_create_and_list(store: bqx.FolderStore, tmp_path: Path) -> None:
    made = snapshots.create(store, "before-2.12")
    recorded = store.state.partitions().values()
    assert made.partitions == len(KEYS) == 4
    assert made.rows == sum(p.rows for p in recorded)
    assert made.bytes == sum(p.bytes for p in recorded)
    change(store, tmp_path / "vendor")
    later = snapshots.create(store, "after")
    assert later.partitions > made.partitions
    assert {s.name: s for s in snapshots.list_snapshots(store)} == {
        "before-2.12": made,
        "after": later,
    }
    assert json.loads(json.dumps(made.to_json()))["name"] == "before-2.12"


def test_a_snapshot_costs_no_space_and_never_changes(
    store: bqx.FolderStore, tmp_path: Path
) -> None:
    snapshots.create(store, "kept")
    folder = store.root / "snapshots" / "kept"
    for key in KEYS:
        assert store.path(*key).samefile(folder.joinpath(*key).with_suffix(".parquet"))
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    change(store, tmp_path / "vendor")
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_restore(store: bqx.FolderStore, tmp_path: Path) -> None:
    kept, rows = content(store), store.read("reg_rate", "eurusd")
    tables = ("days", "sources", "provenance", "baselines")
    record = {table: store.state.query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}
    snapshots.create(store, "one")
    change(store, tmp_path / "vendor")
    assert content(store) != kept
    assert store.sql("SELECT count(*) FROM quarantine").item() > 0
    snapshots.restore(store, "one")
    assert content(store) == kept
    assert verify(store).findings == ()
    for table, expected in record.items():
        assert store.state.query(f"SELECT * FROM {table} ORDER BY 1, 2") == expected
    assert store.sql("SELECT count(*) FROM quarantine").item() == 0
    assert store.read("reg_rate", "eurusd").equals(rows)
    assert store.plan("reg_rate").partitions == 0
    store.close()
    with open_store(store.root) as reopened:
        assert content(reopened) == kept
        assert reopened.select_pairs(None) == ("eurusd",)


def test_the_ledger_of_runs_goes_on(store: bqx.FolderStore, tmp_path: Path) -> None:
    snapshots.create(store, "one")
    change(store, tmp_path / "vendor")
    snapshots.restore(store, "one")
    kinds = [kind for (kind,) in store.state.query("SELECT kind FROM runs ORDER BY id")]
    assert kinds == ["build", "build", "restore"]


def test_restore_brings_the_settings_back(store: bqx.FolderStore) -> None:
    snapshots.create(store, "one")
    other = StoreSettings(week="Mon 00:00 - Fri 21:00 UTC")
    (store.root / "bqx.toml").write_text(other.to_toml(), encoding="utf-8")
    with open_store(store.root) as changed:
        assert changed.settings == other
        snapshots.restore(changed, "one")
        assert changed.settings == StoreSettings()
        assert changed.calendar == store.calendar
        assert changed.plan("reg_rate").partitions == 0


def test_back_and_forth(store: bqx.FolderStore, tmp_path: Path) -> None:
    first = content(store)
    snapshots.create(store, "first")
    change(store, tmp_path / "vendor")
    second = content(store)
    snapshots.create(store, "second")
    for name, expected in (("first", first), ("second", second), ("second", second)):
        snapshots.restore(store, name)
        assert content(store) == expected
        assert verify(store).passed


def test_untouched_files_stay_the_same_file(store: bqx.FolderStore, tmp_path: Path) -> None:
    snapshots.create(store, "one")
    before = store.path("m1", "eurusd", "2019_01").stat()
    change(store, tmp_path / "vendor")
    snapshots.restore(store, "one")
    after = store.path("m1", "eurusd", "2019_01").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_delete(store: bqx.FolderStore) -> None:
    kept = content(store)
    snapshots.create(store, "one")
    snapshots.delete(store, "one")
    assert snapshots.list_snapshots(store) == []
    assert verify(store).passed
    assert content(store) == kept
    snapshots.create(store, "one")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../x", "A", "ä", "a b", "-x"])
def test_names(store: bqx.FolderStore, name: str) -> None:
    with pytest.raises(ConfigError, match="unusable snapshot name"):
        snapshots.create(store, name)


@pytest.mark.parametrize("use", [snapshots.restore, snapshots.delete])
@pytest.mark.parametrize("name", ["on", "../store", "."])
def test_unknown_snapshots(
    store: bqx.FolderStore, use: Callable[[bqx.FolderStore, str], None], name: str
) -> None:
    snapshots.create(store, "one")
    with pytest.raises(UnknownNameError, match="no snapshot"):
        use(store, name)


def test_a_name_is_used_once(store: bqx.FolderStore) -> None:
    snapshots.create(store, "one")
    with pytest.raises(StoreError, match="there is a snapshot one"):
        snapshots.create(store, "one")


def test_another_writer(store: bqx.FolderStore) -> None:
    snapshots.create(store, "one")
    with open_store(store.root) as other, other.writing():
        for use in (snapshots.create, snapshots.restore, snapshots.delete):
            with pytest.raises(StoreError, match="another process is writing"):
                use(store, "one")


def test_a_damaged_store_is_not_kept(store: bqx.FolderStore) -> None:
    store.path("reg_rate", "eurusd", "2019_01").unlink()
    with pytest.raises(IntegrityError, match="missing"):
        snapshots.create(store, "one")
    assert snapshots.list_snapshots(store) == []
    assert list((store.root / "snapshots").iterdir()) == []


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.unlink()
    path.write_bytes(data)


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flipped, removed, emptied])
@pytest.mark.parametrize(
    "file",
    [
        "m1/eurusd/2019_01.parquet",
        "reg_rate/eurusd/2019_02.parquet",
        "state.sqlite",
        "bqx.toml",
        "quarantine/000002.parquet",
        "snapshot.json",
    ],
)
def test_a_damaged_snapshot_is_not_restored(
    store: bqx.FolderStore, tmp_path: Path, file: str, damage: Callable[[Path], None]
) -> None:
    bars = random_walk_bars("eurusd", "2019-02-01", 1, seed=8)
    store.ingest([write_bars(tmp_path, "eurusd", with_bad_rows(bars))])
    snapshots.create(store, "one")
    change(store, tmp_path / "vendor")
    kept = content(store)
    path = store.root / "snapshots" / "one" / file
    if file == "snapshot.json" and damage is flipped:
        path.write_text(path.read_text().replace('"files"', '"file"'))
    else:
        damage(path)
    with pytest.raises(IntegrityError):
        snapshots.restore(store, "one")
    assert content(store) == kept
    assert not (store.root / "restore.journal").exists()
    snapshots.delete(store, "one")


def test_the_copied_state_is_one_file(store: bqx.FolderStore) -> None:
    snapshots.create(store, "one")
    folder = store.root / "snapshots" / "one"
    snapshots.restore(store, "one")
    assert sorted(p.name for p in folder.iterdir()) == [
        "bqx.toml",
        "m1",
        "reg_rate",
        "snapshot.json",
        "state.sqlite",
    ]
    with sqlite3.connect(folder / "state.sqlite") as state:
        assert state.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    state.close()


def test_a_snapshot_is_a_store(store: bqx.FolderStore, tmp_path: Path) -> None:
    snapshots.create(store, "one")
    copied = shutil.copytree(store.root / "snapshots" / "one", tmp_path / "copy")
    with open_store(copied) as other:
        assert content(other) == content(store)
        assert other.read("reg_rate", "eurusd").equals(store.read("reg_rate", "eurusd"))
