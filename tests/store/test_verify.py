"""Verification catches every kind of damage, and says where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import bqx
from bqx.config import StoreSettings
from bqx.errors import UnknownNameError
from bqx.features.family import Family
from bqx.features.registry import Registry
from bqx.store.parquet import read_file, write_table
from bqx.store.verify import VerifyResult, verify
from stores import filled_store, open_store

TABLES = ("m1", "reg_rate", "correlation_bqx")
KEYS = [(t, p, m) for t in TABLES for p in ("eurusd", "usdjpy") for m in ("2019_01", "2019_02")]
PLACES = [("m1", "eurusd", "2019_01"), ("reg_rate", "usdjpy", "2019_02")]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of two pairs, two months and two tables."""
    root = tmp_path_factory.mktemp("verify") / "store"
    with filled_store(root, ("eurusd", "usdjpy"), start="2019-01-30", days=4) as made:
        assert made.build(TABLES[1:]).passed
    return root


@pytest.fixture
def store(original: Path, tmp_path: Path) -> bqx.FolderStore:
    """A copy of that store, to be damaged."""
    return open_store(shutil.copytree(original, tmp_path / "store"))


def kinds(result: VerifyResult) -> dict[tuple[str | None, ...], set[str]]:
    found: dict[tuple[str | None, ...], set[str]] = {}
    for f in result.findings:
        found.setdefault((f.table, f.pair, f.month), set()).add(f.kind)
    return found


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """The file with another content: valid Parquet, written as the store writes."""
    write_table(change(pa.table(read_file(path).to_pydict(), read_file(path).schema)), path)


@pytest.mark.parametrize("deep", [True, False])
def test_a_whole_store_passes(store: bqx.FolderStore, deep: bool) -> None:
    result = verify(store, deep=deep)
    recorded = store.state.partitions()
    assert set(recorded) == set(KEYS)
    assert result.passed
    assert result.findings == ()
    assert result.partitions == len(KEYS)
    assert result.rows == sum(p.rows for p in recorded.values())
    assert result.bytes == sum(store.path(*key).stat().st_size for key in KEYS)
    assert json.loads(json.dumps(result.to_json()))["passed"] is True
    assert "12 partitions" in result.to_text()


@pytest.mark.parametrize("place", PLACES)
def test_flipped_bits(store: bqx.FolderStore, place: tuple[str, str, str]) -> None:
    path = store.path(*place)
    data = path.read_bytes()
    column = pq.read_metadata(path).row_group(0).column(2)
    start = column.data_page_offset
    rng = np.random.default_rng(7)
    for at in rng.integers(start + 60, start + column.total_compressed_size, 12):
        damaged = bytearray(data)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        result = verify(store)
        assert not result.passed
        assert set(kinds(result)) == {place}
        assert kinds(result)[place] & {"content", "unreadable"}
        path.write_bytes(data)
    assert verify(store).passed


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.999])
@pytest.mark.parametrize("place", PLACES)
def test_truncated(
    store: bqx.FolderStore, place: tuple[str, str, str], kept: float, deep: bool
) -> None:
    path = store.path(*place)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if kept < 1 else int(kept)])
    assert kinds(verify(store, deep=deep)) == {place: {"size", "unreadable"}}


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_deleted(store: bqx.FolderStore, place: tuple[str, str, str], deep: bool) -> None:
    store.path(*place).unlink()
    result = verify(store, deep=deep)
    assert kinds(result) == {place: {"missing"}}
    (finding,) = result.findings
    assert finding.hint
    assert finding.place in result.to_text()


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_another_month_in_its_place(
    store: bqx.FolderStore, place: tuple[str, str, str], deep: bool
) -> None:
    table, pair, month = place
    other = "2019_02" if month == "2019_01" else "2019_01"
    shutil.copyfile(store.path(table, pair, other), store.path(*place))
    found = kinds(verify(store, deep=deep))
    assert set(found) == {place}
    assert found[place] >= {"time", "rows", "size"}


def test_another_pair_in_its_place(store: bqx.FolderStore) -> None:
    shutil.copyfile(
        store.path("reg_rate", "eurusd", "2019_01"), store.path("reg_rate", "usdjpy", "2019_01")
    )
    found = kinds(verify(store, deep=False))
    assert "origin" in found["reg_rate", "usdjpy", "2019_01"]


@pytest.mark.parametrize("place", PLACES)
def test_a_changed_value(store: bqx.FolderStore, place: tuple[str, str, str]) -> None:
    def nudged(table: pa.Table) -> pa.Table:
        name = table.column_names[-1] if place[0] != "m1" else "close"
        values = table.column(name).to_pylist()
        at = max(k for k, value in enumerate(values) if value is not None)
        values[at] = float(np.nextafter(values[at], np.inf))
        index = table.column_names.index(name)
        return table.set_column(index, table.schema.field(name), pa.array(values, pa.float64()))

    rewritten(store.path(*place), nudged)
    found = kinds(verify(store))
    assert set(found) == {place}
    assert "content" in found[place]
    assert "content" not in kinds(verify(store, deep=False)).get(place, set())


def test_null_for_a_value(store: bqx.FolderStore) -> None:
    place = ("correlation_bqx", "eurusd", "2019_02")

    def blanked(table: pa.Table) -> pa.Table:
        column = table.column(3)
        values = pc.if_else(pc.equal(column, column.drop_null()[-1]), None, column)
        return table.set_column(3, table.schema.field(3), values)

    rewritten(store.path(*place), blanked)
    assert "content" in kinds(verify(store))[place]


def test_repeated_and_missing_rows(store: bqx.FolderStore) -> None:
    repeated, shorter = PLACES
    rewritten(store.path(*repeated), lambda t: pa.concat_tables([t.slice(0, 9), t.slice(8)]))
    rewritten(store.path(*shorter), lambda t: t.slice(0, t.num_rows - 1))
    found = kinds(verify(store, deep=False))
    assert found[repeated] >= {"rows", "order"}
    assert found[shorter] >= {"rows", "time"}


def _dropped(table: pa.Table) -> pa.Table:
    return table.drop_columns([table.column_names[4]])


def _reordered(table: pa.Table) -> pa.Table:
    names = table.column_names
    return table.select([names[0], names[2], names[1], *names[3:]])


def _narrowed(table: pa.Table) -> pa.Table:
    field = table.schema.field(4)
    return table.set_column(4, field.with_type(pa.float32()), table.column(4).cast(pa.float32()))


def _recommented(table: pa.Table) -> pa.Table:
    field = table.schema.field(4).with_metadata({"comment": "something else"})
    return table.cast(table.schema.set(4, field))


def _foreign(table: pa.Table) -> pa.Table:
    return table.append_column("extra", pa.array(["x"] * table.num_rows))


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("change", [_dropped, _reordered, _narrowed, _recommented, _foreign])
@pytest.mark.parametrize("place", PLACES)
def test_another_schema(
    store: bqx.FolderStore,
    place: tuple[str, str, str],
    change: Callable[[pa.Table], pa.Table],
    deep: bool,
) -> None:
    rewritten(store.path(*place), change)
    found = kinds(verify(store, deep=deep))
    assert set(found) == {place}
    assert "schema" in found[place]


def test_no_key_and_no_parquet(store: bqx.FolderStore) -> None:
    first, second = PLACES
    rewritten(store.path(*first), lambda t: t.drop_columns(["ts_utc"]))
    store.path(*second).write_text("no Parquet", encoding="utf-8")
    found = kinds(verify(store))
    assert "schema" in found[first] or "unreadable" in found[first]
    assert found[second] == {"size", "unreadable"}


def test_days_of_bars(store: bqx.FolderStore) -> None:
    with store.state.transaction() as connection:
        connection.execute("UPDATE days SET hash = 'x' WHERE pair = 'usdjpy' AND day = 17928")
        connection.execute("DELETE FROM days WHERE pair = 'eurusd' AND day = 17926")
    result = verify(store)
    found = {(f.kind, f.pair, f.month, f.found.partition(":")[0]) for f in result.findings}
    assert {f for f in found if f[0] == "days"} == {
        ("days", "usdjpy", "2019_02", "2019-02-01"),
        ("days", "eurusd", "2019_01", "2019-01-30"),
    }
    assert not result.passed


@pytest.mark.parametrize(
    "name",
    [
        "reg_rate/eurusd/2018_01.parquet",
        "m1/eurusd/notes.txt",
        "other/eurusd/2019_01.parquet",
        "quarantine/list.txt",
        "dump.csv",
    ],
)
def test_files_that_belong_to_nothing(store: bqx.FolderStore, name: str) -> None:
    path = store.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    result = verify(store)
    (finding,) = result.findings
    assert finding.kind == "unrecorded"
    assert name in finding.found
    assert not result.passed


def test_leftovers_of_a_killed_writer(store: bqx.FolderStore) -> None:
    (store.root / "reg_rate" / "eurusd" / "2019_01.parquet.123.tmp").write_bytes(b"x")
    assert kinds(verify(store)) == {("reg_rate", "eurusd", "2019_01"): {"leftover"}}
    with store.writing():
        assert verify(store).passed


def test_outdated_partitions_are_a_note(store: bqx.FolderStore) -> None:
    week = StoreSettings(week="Sun 17:00 - Fri 16:00 America/New_York")
    (store.root / "bqx.toml").write_text(week.to_toml(), encoding="utf-8")
    store.reload()
    result = verify(store)
    assert result.passed
    assert kinds(result) == {key: {"outdated"} for key in KEYS if key[0] != "m1"}
    assert "note: reg_rate usdjpy: 2 outdated; `bqx build`" in result.to_text()
    rewritten(store.path("reg_rate", "eurusd", "2019_02"), lambda t: t.slice(0, 5))
    assert not verify(store).passed


def test_tables_of_families_that_are_gone(store: bqx.FolderStore) -> None:
    fewer: list[type[Family]] = [
        f for f in store.registry.families.values() if f.name() != "regression"
    ]
    with open_store(store.root, families=Registry(fewer)) as other:
        result = verify(other)
        assert result.passed
        assert {f.table for f in result.findings} == {"reg_rate"}


def test_partitions_of_some_windows(store: bqx.FolderStore) -> None:
    store.build("reg_rate", pairs="eurusd", windows=[60])
    result = verify(store)
    assert result.passed
    assert {(f.kind, f.table, f.pair) for f in result.findings} == {
        ("outdated", "reg_rate", "eurusd")
    }


@pytest.mark.parametrize(
    ("tables", "pairs", "count"),
    [("m1", None, 4), (["reg_rate"], "eurusd", 2), ("regression,m1", ["usdjpy"], 4)],
)
def test_a_selection(
    store: bqx.FolderStore,
    tables: str | list[str],
    pairs: str | list[str] | None,
    count: int,
) -> None:
    (store.root / "correlation_bqx" / "eurusd" / "2018_01.parquet").write_bytes(b"x")
    store.path("correlation_bqx", "usdjpy", "2019_01").unlink()
    result = verify(store, tables=tables, pairs=pairs)
    assert result.partitions == count
    assert result.passed
    assert not verify(store).passed


def test_unknown_selections(store: bqx.FolderStore) -> None:
    with pytest.raises(UnknownNameError):
        verify(store, tables="regresion")
    with pytest.raises(UnknownNameError):
        verify(store, pairs="gbpusd")


def test_a_wrong_record(store: bqx.FolderStore) -> None:
    key = ("reg_rate", "eurusd", "2019_01")
    recorded = store.state.partitions()[key]
    store.state.record([replace(recorded, rows=recorded.rows + 1, first=recorded.first - 1)])
    assert kinds(verify(store)) == {key: {"rows", "time"}}
