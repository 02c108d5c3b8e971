"""A building stage is done when every partition is there, current and filled, and never before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bqx.api import FolderStore
from bqx.build import unit as units
from bqx.errors import PostConditionError, StoreError
from bqx.families.ohlc_index import OhlcIndex
from bqx.families.returns import NormalizedReturns, Returns
from bqx.families.time import Time
from bqx.features.compute import ColumnData, TableData, compute_tables
from bqx.features.registry import Registry
from bqx.stages import embedded_beside
from bqx.stages.building import FolderBuilding, folder_stages
from bqx.stages.runner import BlockedError
from bqx.stages.stage import Condition, Selection
from bqx.store.hashing import content_hash
from bqx.store.parquet import read_file, write_file
from bqx.store.state import Partition
from bqx.store.verify import verify
from damage import MONTHS, copy_store, edit, store_with_bars, values
from legacyfolder import runner_of
from stores import content, open_store

FAMILIES = Registry([Returns, NormalizedReturns, Time, OhlcIndex])
PAIRS = ("eurusd", "gbpusd")
BY_CODE = {s.code: s for s in folder_stages()}
RETURNS, TIME, OHLC = (BY_CODE[f"BQX-{n}"] for n in ("1.7.3", "1.8.1", "1.8.3"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("building")
    with store_with_bars(folder / "store", *PAIRS, families=FAMILIES) as store:
        return store.root


@pytest.fixture(scope="module")
def built(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with copy_store(empty, tmp_path_factory.mktemp("built") / "store", FAMILIES) as store:
        runner_of(store).apply(OHLC)
        return store.root


def failed(store: FolderStore, stage: FolderBuilding = OHLC) -> list[Condition]:
    return [c for c in runner_of(store).verify(stage) if not c.passed]


@pytest.mark.parametrize("stage", [RETURNS, TIME, OHLC], ids=lambda s: s.code)
def test_a_stage_builds_its_tables(empty: Path, tmp_path: Path, stage: FolderBuilding) -> None:
    with copy_store(empty, tmp_path / "store", FAMILIES) as store:
        runner = runner_of(store)
        plan = runner.plan(stage)
        partitions = sum(op.count for op in plan.operations)
        assert plan.ready
        assert plan.estimate.bytes > 0
        result = runner.apply(stage)
        assert result.outcome["partitions"] == partitions
        assert result.outcome["rows"] == sum(op.rows for op in plan.operations)
        assert {t for t, _, _ in content(store)} == {"m1", *stage.tables}
        assert all(c.passed for c in result.conditions)
        assert len(result.conditions) >= 6
        assert verify(store).passed
        assert runner.history()[0].status == "done"
        assert not runner.plan(stage).operations


def test_the_partitions_are_those_of_an_ordinary_build(empty: Path, tmp_path: Path) -> None:
    with (
        copy_store(empty, tmp_path / "stage", FAMILIES) as one,
        copy_store(empty, tmp_path / "build", FAMILIES) as other,
    ):
        runner_of(one).apply(RETURNS)
        other.build(["returns_rate", "returns_bqx"])
        assert content(one) == content(other)


def test_rolling_back_drops_just_what_was_made(empty: Path, tmp_path: Path) -> None:
    with copy_store(empty, tmp_path / "store", FAMILIES) as store:
        store.build("time")
        before, runner = content(store), runner_of(store)
        runner.apply(OHLC)
        assert runner.rollback(OHLC).outcome == {"restored": 0, "dropped": 4}
        assert content(store) == before
        assert not (store.root / "ohlc_rate").exists()
        assert verify(store).passed
        with pytest.raises(StoreError, match="was not applied"):
            runner.rollback(OHLC)


def test_pairs_and_months_can_be_selected(empty: Path, tmp_path: Path) -> None:
    with copy_store(empty, tmp_path / "store", FAMILIES) as store:
        some = Selection(pairs=("gbpusd",), months=(MONTHS[1],))
        runner_of(store).apply(OHLC, some)
        assert {k for k in content(store) if k[0] != "m1"} == {("ohlc_rate", "gbpusd", MONTHS[1])}
        assert all(c.passed for c in runner_of(store).verify(OHLC, some))
        [part] = failed(store)
        assert (part.done, part.total) == (1, 4)


def test_a_store_without_bars_is_blocked(tmp_path: Path) -> None:
    with store_with_bars(tmp_path / "store", families=FAMILIES) as store:
        assert failed(store)
        with pytest.raises(BlockedError, match="cannot start: bars"):
            runner_of(store).apply(OHLC)


@pytest.mark.parametrize(
    ("some", "what"),
    [
        (Selection(pairs=("usdjpy",)), "usdjpy"),
        (Selection(months=("2020_01",)), "eurusd 2020_01"),
        (Selection(pairs=("eurusd", "usdjpy"), months=(MONTHS[0],)), "usdjpy"),
    ],
)
def test_a_selection_without_bars_is_blocked(built: Path, some: Selection, what: str) -> None:
    with open_store(built, families=FAMILIES) as store:
        plan = runner_of(store).plan(OHLC, some)
        assert not plan.ready
        assert what in next(c for c in plan.preconditions if not c.passed).found


def test_families_that_do_not_make_the_tables_are_told(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", Registry([Time])) as store:
        assert [c.found for c in failed(store)][1] == "no family makes ohlc_rate"
        with pytest.raises(BlockedError, match="no family makes ohlc_rate"):
            runner_of(store).apply(OHLC)


def test_an_empty_family_is_not_done(empty: Path) -> None:
    with open_store(empty, families=FAMILIES) as store:
        [missing] = failed(store)
        assert (missing.done, missing.total) == (0, 4)
        assert missing.found.startswith("4 missing, 0 outdated of 4")


def test_a_missing_month_is_not_done(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", FAMILIES) as store:
        store.state.forget([("ohlc_rate", "eurusd", MONTHS[1])])
        [missing] = failed(store)
        assert (missing.done, missing.total) == (3, 4)
        assert "ohlc_rate eurusd 2019_02" in missing.found


def test_a_missing_file_is_not_done(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", FAMILIES) as store:
        store.path("ohlc_rate", "eurusd", MONTHS[1]).unlink()
        assert "no file" in failed(store)[0].found


def test_a_column_without_values_is_not_done(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", FAMILIES) as store:
        name = store.tables["ohlc_rate"].column_names[0]
        edit(store, "ohlc_rate", "gbpusd", MONTHS[0], values(name, lambda v: v * float("nan")))
        [null] = failed(store)
        assert f"ohlc_rate gbpusd 2019_01 {name}: wholly NULL" in null.found


def test_a_constant_column_is_not_done(tmp_path: Path, empty: Path) -> None:
    with copy_store(empty, tmp_path / "store", FAMILIES) as store:
        runner_of(store).apply(RETURNS)
        name = store.tables["returns_rate"].column_names[0]
        edit(store, "returns_rate", "gbpusd", MONTHS[1], values(name, lambda v: v * 0.0))
        assert any(name in c.found for c in failed(store, RETURNS))


def test_other_rows_are_not_done(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", FAMILIES) as store:
        edit(store, "ohlc_rate", "eurusd", MONTHS[0], lambda table: table.slice(1))
        assert any("1 rows missing" in c.found for c in failed(store))


def test_an_outdated_fingerprint_is_not_done(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", FAMILIES) as store:
        outdate(store)
        [old] = failed(store)
        assert (old.done, old.total) == (3, 4)
        assert old.found.startswith("0 missing, 1 outdated of 4")


def outdate(store: FolderStore) -> None:
    """Make a partition one of other code, with other values."""
    key = ("ohlc_rate", "eurusd", MONTHS[0])
    path = store.path(*key)
    table = read_file(path)
    table = values(table.column_names[1], lambda v: v + 1.0)(table)
    metadata = {**(table.schema.metadata or {}), b"fingerprint": b"other"}
    table = table.replace_schema_metadata(metadata)
    path.unlink()
    size, digest = write_file(table, path), content_hash(table)
    record = store.state.partitions()[key]
    store.state.record([replace(record, fingerprint="other", hash=digest, bytes=size)])


def test_outdated_partitions_are_rebuilt_and_can_be_had_back(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", FAMILIES) as store:
        whole = content(store)
        outdate(store)
        old, runner = content(store), runner_of(store)
        assert [op.kind for op in runner.plan(OHLC).operations] == ["rebuild"]
        assert runner.apply(OHLC).outcome["kept"] == 1
        assert content(store) == whole
        assert runner.rollback(OHLC).outcome == {"restored": 1, "dropped": 0}
        assert content(store) == old
        assert [f.kind for f in verify(store).findings] == ["outdated"]


def test_what_a_later_build_replaced_can_be_rolled_back_too(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", FAMILIES) as store:
        store.build("ohlc_rate", force=True)
        assert runner_of(store).rollback(OHLC).outcome["dropped"] == 4


def test_what_came_later_and_cannot_be_made_again_is_not_lost(built: Path, tmp_path: Path) -> None:
    with copy_store(built, tmp_path / "store", FAMILIES) as store:
        outdate(store)
        with pytest.raises(StoreError, match="1 partitions are not those that"):
            runner_of(store).rollback(OHLC)


def test_a_failing_unit_leaves_the_store_as_it_was(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copy_store(empty, tmp_path / "store", FAMILIES) as store:
        before, runner = content(store), runner_of(store)
        with monkeypatch.context() as patched:
            patched.setattr("bqx.build.unit._write", _failing("gbpusd"))
            with pytest.raises(PostConditionError, match="2 units failed, the first gbpusd"):
                runner.apply(OHLC)
        assert content(store) == before
        assert runner.history()[0].status == "failed"
        done: list[int] = []
        runner.apply(OHLC, monitor=lambda _, total, __: done.append(total))
        assert done == [2, 2]  # the units of the other pair were kept
        assert verify(store).passed


def _failing(pair: str) -> Callable[..., Partition]:
    write = units._write

    def failing(*arguments: Any) -> Partition:
        if arguments[1].pair == pair:
            raise PostConditionError("broken on purpose")
        return write(*arguments)

    return failing


def test_wrong_values_never_become_visible(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = "bqx.build.unit.compute_tables"
    with copy_store(empty, tmp_path / "store", FAMILIES) as store:
        before, runner = content(store), runner_of(store)
        with monkeypatch.context() as patched:
            patched.setattr(compute, _emptied)
            with pytest.raises(PostConditionError, match="wholly NULL"):
                runner.apply(OHLC)
        assert content(store) == before
        assert not (store.root / "ohlc_rate").exists()


def _emptied(*arguments: Any) -> dict[str, TableData]:
    def nothing(column: ColumnData) -> ColumnData:
        return replace(column, valid=column.valid & False, nulls=len(column.valid))

    return {
        name: replace(data, columns=tuple(map(nothing, data.columns)))
        for name, data in compute_tables(*arguments).items()
    }


def test_new_bars_make_an_interrupted_build_start_again(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copy_store(empty, tmp_path / "store", FAMILIES) as store:
        runner = runner_of(store)
        with monkeypatch.context() as patched:
            patched.setattr("bqx.build.unit._write", _failing("gbpusd"))
            with pytest.raises(PostConditionError):
                runner.apply(OHLC)
        bars = store.bars.frame("eurusd", MONTHS[1])
        with store.writing():
            store.bars.replace("eurusd", MONTHS[1], bars.head(len(bars) - 10))
        done: list[int] = []
        runner.apply(OHLC, monitor=lambda _, total, __: done.append(total))
        assert done == [4] * 4
        assert not failed(store)
        assert embedded_beside.READY not in {p.name for p in store.root.rglob("*")}
