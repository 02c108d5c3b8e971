"""2.12, its rate side and 2.14 on a folder: from the first version's tables to 100 %, and back."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from bqx.api import FolderStore
from bqx.errors import PostConditionError, StoreError
from bqx.features.arrow import minutes_of
from bqx.market import month_bounds
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.embedded_columns import FolderConstantTerm
from bqx.stages.embedded_rebuild import FolderCovariances, FolderRebuildBqx, FolderRebuildRate
from bqx.stages.embedded_rename import FolderRename
from bqx.stages.embedded_stage import EmbeddedStage
from bqx.stages.embedded_validation import FolderValidation
from bqx.stages.runner import BlockedError
from bqx.stages.stage import Selection
from bqx.store.parquet import read_file
from bqx.store.snapshots import create, restore
from bqx.store.verify import verify
from damage import MONTHS
from legacyfolder import runner_of, write_partition
from stores import content

BQX, RATE, COVARIANCES = FolderRebuildBqx(), FolderRebuildRate(), FolderCovariances()
VALIDATION = FolderValidation()
PROGRAMME: tuple[EmbeddedStage, ...] = (
    FolderRename(),
    FolderConstantTerm(),
    BQX,
    RATE,
    COVARIANCES,
)


@pytest.mark.slow
def test_the_whole_remediation_and_the_way_back(store: FolderStore) -> None:
    runner = runner_of(store)
    assert not all(c.passed for c in runner.verify(VALIDATION))
    states = []
    for stage in PROGRAMME:
        states.append(content(store))
        runner.apply(stage)
        assert all(c.passed for c in runner.verify(stage)), stage.code
        assert verify(store).passed, stage.code
    assert all(c.passed for c in runner.apply(VALIDATION).conditions)
    assert store.align().score == 100.0
    for stage in reversed(PROGRAMME):
        runner.rollback(stage)
        assert content(store) == states.pop(), stage.code
        assert verify(store).passed, stage.code
    assert [run.action for run in runner.history()] == ["rollback"] * 5 + ["apply"] * 5
    assert not any((store.root / ".changes").rglob("*.parquet"))


def test_the_bqx_side_gets_the_windows_of_the_rate_side(store: FolderStore) -> None:
    key = ("reg_bqx", "eurusd", MONTHS[0])
    old, runner = read_file(store.path(*key)), runner_of(store)
    kinds = {op.kind: op.count for op in runner.plan(BQX).operations}
    assert kinds == {"build": 4, "rebuild": 4}
    result = runner.apply(BQX)
    names = pq.read_schema(store.path(*key)).names
    assert len([name for name in names if name.startswith(("w60_", "w630_"))]) == 14
    assert "w15_a2" not in names
    [rows] = [c for c in runner.verify(BQX) if c.name == "no old row is lost"]
    assert rows.passed
    assert rows.total >= old.num_rows
    assert result.outcome["kept"] == 4


def test_the_rate_side_takes_the_place_of_the_old_table(store: FolderStore) -> None:
    runner = runner_of(store)
    runner.apply(RATE)
    assert not store.state.partitions("reg")
    assert not (store.root / "reg").exists()
    assert "BQX-2.11" in RATE.supersedes
    runner.rollback(RATE)
    assert len(store.state.partitions("reg")) == 4
    assert not store.state.partitions("reg_rate")


def test_an_earlier_stage_cannot_be_undone_under_a_later_one(store: FolderStore) -> None:
    runner = runner_of(store)
    runner.apply(FolderConstantTerm())
    runner.apply(RATE)
    before = content(store)
    with pytest.raises(StoreError, match=r"BQX-2\.12-rate changed 4 of the partitions"):
        runner.rollback(FolderConstantTerm())
    assert content(store) == before


def test_a_part_of_it_is_not_done(store: FolderStore) -> None:
    runner = runner_of(store)
    runner.apply(RATE, Selection(pairs=("eurusd",)))
    assert all(c.passed for c in runner.verify(RATE, Selection(pairs=("eurusd",))))
    assert len(store.state.partitions("reg")) == 2
    failed = {c.name: (c.done, c.total) for c in runner.verify(RATE) if not c.passed}
    assert failed == {
        "current partitions": (2, 4),
        "the first version's table is gone": (2, 4),
    }


def test_an_old_row_that_would_be_lost_stops_it(store: FolderStore) -> None:
    key = ("reg", "eurusd", MONTHS[1])
    last = store.bars.frame("eurusd", MONTHS[1])["ts_utc"].dt.epoch("s").to_numpy()[-1] // 60
    minutes = minutes_of(read_file(store.path(*key), ["ts_utc"]))
    open_minutes = range(int(last) + 1, int(last) + 5_000)
    more = next(m for m in open_minutes if store.calendar.is_open(minutes[:1] * 0 + m).all())
    minutes[-1] = more
    write_partition(store, key, minutes, {"rate_index": minutes.astype(np.float64)})
    before = content(store)
    with pytest.raises(PostConditionError, match=r"no old row is lost.*reg eurusd 2019_02"):
        runner_of(store).apply(RATE)
    assert content(store) == before


def test_old_rows_at_the_weekend_are_told_and_kept(store: FolderStore) -> None:
    key = ("reg", "eurusd", MONTHS[1])
    minutes = minutes_of(read_file(store.path(*key), ["ts_utc"]))
    closed = next(m for m in range(int(minutes[0]), int(minutes[-1])) if _closed(store, m))
    minutes = minutes[minutes < closed].copy()
    minutes[-1] = closed
    write_partition(store, key, minutes, {"rate_index": minutes.astype(np.float64)})
    runner = runner_of(store)
    runner.apply(RATE)
    [rows] = [c for c in runner.verify(RATE) if c.name == "no old row is lost"]
    assert rows.passed
    assert "(1 rows outside of trading minutes are kept with the old files)" in rows.found


def _closed(store: FolderStore, minute: int) -> bool:
    return not store.calendar.is_open(np.array([minute])).any()


def test_an_old_month_without_bars_is_blocked(store: FolderStore) -> None:
    write_partition(store, ("reg", "eurusd", "2018_12"), np.array([month_bounds("2018_12")[0]]), {})
    with pytest.raises(BlockedError, match="none for reg eurusd 2018_12"):
        runner_of(store).apply(RATE)


def test_a_snapshot_from_before_undoes_it_too(store: FolderStore) -> None:
    create(store, "before")
    before, runner = content(store), runner_of(store)
    runner.apply(RATE)
    restore(store, "before")
    assert content(store) == before
    assert verify(store).passed
    assert runner.history()[0].status == "done"  # what happened stays in the ledger
    with pytest.raises(StoreError):
        runner.rollback(RATE)


def test_the_validation_changes_nothing(store: FolderStore) -> None:
    before, runner = content(store), runner_of(store)
    with pytest.raises(PostConditionError, match=r"BQX-2\.15"):
        runner.apply(VALIDATION)
    assert content(store) == before
    with pytest.raises(StoreError, match="was not applied"):
        runner.rollback(VALIDATION)
    with pytest.raises(StoreError, match="changes nothing"):
        VALIDATION.rollback(EmbeddedTarget(store), lambda *_: None)
