"""1.6.9 on a folder: every partition gets its new name, or none does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqx.api import FolderStore
from bqx.errors import ConfigError, IntegrityError, PostConditionError, StoreError
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.embedded_rename import OLD_NAMES, FolderRename
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.stage import Selection
from bqx.store.verify import verify
from damage import edit, put
from legacyfolder import EMPTY, PAIRS
from stores import content

STAGE = FolderRename()
ALL = Selection()
Content = dict[tuple[str, str, str], str]


def new_names(before: Content) -> Content:
    return {(OLD_NAMES.get(t, t), p, m): digest for (t, p, m), digest in before.items()}


def files(store: FolderStore) -> set[str]:
    return {str(path.relative_to(store.root)) for path in store.root.glob("*/*/*.parquet")}


def test_every_partition_is_renamed_and_none_is_changed(store: FolderStore) -> None:
    before, runner = content(store), Runner(EmbeddedTarget(store))
    result = runner.apply(STAGE)
    assert result.outcome["partitions"] == len(OLD_NAMES) * len(PAIRS) * 2
    assert content(store) == new_names(before)
    assert not [path for path in store.root.iterdir() if path.name in OLD_NAMES]
    assert all(c.passed for c in runner.verify(STAGE))
    assert runner.history()[0].status == "done"
    assert verify(store).passed


def test_rolling_back_gives_the_old_names_back(store: FolderStore) -> None:
    before, there, runner = content(store), files(store), Runner(EmbeddedTarget(store))
    runner.apply(STAGE)
    result = runner.rollback(STAGE)
    assert result.outcome["restored"] == len(OLD_NAMES) * len(PAIRS) * 2
    assert content(store) == before
    assert files(store) == there
    assert not any((store.root / ".changes").rglob("*.parquet"))
    assert not runner.verify(STAGE)[0].passed
    with pytest.raises(StoreError, match="was not applied"):
        runner.rollback(STAGE)


def test_pairs_can_be_selected_and_months_cannot(store: FolderStore) -> None:
    runner = Runner(EmbeddedTarget(store))
    runner.apply(STAGE, Selection(pairs=("eurusd",)))
    assert all(c.passed for c in runner.verify(STAGE, Selection(pairs=("eurusd",))))
    [no_old, *_] = runner.verify(STAGE)
    assert (no_old.done, no_old.total) == (8, 16)
    with pytest.raises(ConfigError, match="whole tables"):
        runner.plan(STAGE, Selection(months=("2019_01",)))


def test_renaming_again_has_nothing_to_do(store: FolderStore) -> None:
    runner = Runner(EmbeddedTarget(store))
    runner.apply(STAGE)
    assert not runner.plan(STAGE).operations
    assert not runner.apply(STAGE).outcome


def test_a_store_without_such_tables_is_not_done(tmp_path: Path) -> None:
    from damage import store_with_bars

    with store_with_bars(tmp_path / "store", "eurusd") as store:
        assert not any(c.passed for c in Runner(EmbeddedTarget(store)).verify(STAGE))


def test_a_taken_name_is_refused(store: FolderStore) -> None:
    partition = next(iter(store.state.partitions("reg").values()))
    source = store.path("reg", partition.pair, partition.month)
    target = store.path("statistics_rate", partition.pair, partition.month)
    target.parent.mkdir(parents=True)
    target.write_bytes(source.read_bytes())
    values = {name: getattr(partition, name) for name in partition.__dataclass_fields__}
    store.state.record([type(partition)(**{**values, "tbl": "statistics_rate"})])
    before = content(store)
    with pytest.raises(BlockedError, match="statistics_rate eurusd 2019_01 exists"):
        Runner(EmbeddedTarget(store)).apply(STAGE)
    assert content(store) == before


def test_a_missing_file_is_refused(store: FolderStore) -> None:
    store.path("bollinger_features", "eurusd", "2019_02").unlink()
    with pytest.raises(BlockedError, match="bollinger_features eurusd 2019_02 is missing"):
        Runner(EmbeddedTarget(store)).apply(STAGE)


def test_a_file_with_wrong_data_stops_it_before_anything_is_visible(store: FolderStore) -> None:
    edit(store, "statistics_features", "gbpusd", "2019_01", put("mean_15min", 7, 99.0))
    before, there = content(store), files(store)
    with pytest.raises((PostConditionError, IntegrityError), match="statistics_"):
        Runner(EmbeddedTarget(store)).apply(STAGE)
    assert content(store) == before
    assert files(store) == there


def test_contents_are_read_again_at_every_look(store: FolderStore) -> None:
    runner = Runner(EmbeddedTarget(store))
    runner.apply(STAGE)
    edit(store, "statistics_rate", "gbpusd", "2019_01", put("mean_15min", 7, 99.0))
    failed = [c for c in runner.verify(STAGE) if not c.passed]
    assert [c.name for c in failed] == ["rows and contents before = after"]
    assert "statistics_rate gbpusd 2019_01" in failed[0].found
    with pytest.raises(IntegrityError, match="kept partitions are missing or damaged"):
        _damage_kept_and_roll_back(store, runner)


def _damage_kept_and_roll_back(store: FolderStore, runner: Runner) -> None:
    for path in (store.root / ".changes").rglob("2019_01.parquet"):
        path.unlink()
    runner.rollback(STAGE)


def test_an_empty_family_is_renamed_and_stays_empty(store: FolderStore) -> None:
    Runner(EmbeddedTarget(store)).apply(STAGE)
    rows = {p.rows for p in store.state.partitions(OLD_NAMES[EMPTY]).values()}
    assert rows == {0}
