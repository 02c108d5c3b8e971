"""2.11 on a folder: six columns more, nothing else different, and the way back."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from bqx.api import FolderStore
from bqx.errors import PostConditionError
from bqx.stages.embedded_columns import TABLE, WINDOWS, FolderConstantTerm
from bqx.stages.runner import BlockedError
from bqx.stages.stage import Selection
from bqx.store.parquet import read_file
from bqx.store.verify import verify
from damage import MONTHS, edit, put
from legacyfolder import rewritten, runner_of
from stores import content

STAGE = FolderConstantTerm()
NEW = [f"w{w}_constant_term" for w in WINDOWS]


def test_columns_are_added_and_filled(store: FolderStore) -> None:
    before = {key: read_file(store.path(*key)) for key in store.state.partitions(TABLE)}
    runner = runner_of(store)
    plan = runner.plan(STAGE)
    assert [(op.kind, op.count) for op in plan.operations] == [("add columns", 4)]
    result = runner.apply(STAGE)
    assert result.outcome["rows"] == sum(table.num_rows for table in before.values())
    for key, old in before.items():
        new = read_file(store.path(*key))
        assert new.column_names == [*old.column_names, *NEW]
        assert new.select(old.column_names).equals(old)
        for w in WINDOWS:
            assert new.column(f"w{w}_constant_term").equals(old.column(f"w{w}_c_coef"))
            assert new.schema.field(f"w{w}_constant_term").metadata[b"comment"]
        assert b"rate index" in new.schema.metadata[b"comment"]
    assert {c.name: (c.passed, c.total) for c in runner.verify(STAGE)} == {
        "constant terms of all windows": (True, 4),
        "constant_term = c_coef": (True, result.outcome["rows"] * 6),
        "prediction = a_term + b_term + constant_term": (True, result.outcome["rows"] * 6),
    }
    assert verify(store).passed


def test_rolling_back_drops_just_these(store: FolderStore) -> None:
    before, runner = content(store), runner_of(store)
    runner.apply(STAGE)
    assert content(store) != before
    runner.rollback(STAGE)
    assert content(store) == before
    path = store.path(TABLE, "eurusd", MONTHS[0])
    assert not set(NEW) & set(pq.read_schema(path).names)
    assert verify(store).passed


def test_a_part_is_not_done(store: FolderStore) -> None:
    runner = runner_of(store)
    runner.apply(STAGE, Selection(months=(MONTHS[0],)))
    [columns] = runner.verify(STAGE)
    assert (columns.done, columns.total) == (2, 4)
    assert "reg eurusd 2019_02 lacks [60, 90, 150, 240, 390, 630]" in columns.found
    runner.apply(STAGE)
    assert all(c.passed for c in runner.verify(STAGE))


def test_without_the_table_it_is_not_done(store: FolderStore) -> None:
    store.state.forget(list(store.state.partitions(TABLE)))
    [columns] = runner_of(store).verify(STAGE)
    assert not columns.passed
    assert columns.total == 0


def test_a_broken_sum_is_refused_before_anything_changes(store: FolderStore) -> None:
    key = (TABLE, "gbpusd", MONTHS[1])
    rewritten(store, key, put("w90_yhat_end", 5, 123.0))
    before = content(store)
    with pytest.raises(PostConditionError, match=r"prediction = a_term.*reg gbpusd 2019_02"):
        runner_of(store).apply(STAGE)
    assert content(store) == before


def test_another_value_is_found_at_the_next_look(store: FolderStore) -> None:
    runner = runner_of(store)
    runner.apply(STAGE)
    edit(store, TABLE, "eurusd", MONTHS[0], put("w630_constant_term", 3, 0.5))
    failed = {c.name: c.total - c.done for c in runner.verify(STAGE) if not c.passed}
    assert failed == {
        "constant_term = c_coef": 1,
        "prediction = a_term + b_term + constant_term": 1,
    }


def test_a_table_without_coefficients_is_blocked(store: FolderStore) -> None:
    rewritten(store, (TABLE, "gbpusd", MONTHS[1]), lambda table: table.drop_columns(["w60_c_coef"]))
    with pytest.raises(BlockedError, match="not in reg gbpusd 2019_02"):
        runner_of(store).apply(STAGE)
