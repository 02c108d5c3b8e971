from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import bqx
from bqx.build.memory import MIB, allowed_workers, parse_size
from bqx.build.plan import Unit, narrowed
from bqx.build.unit import Receipt
from bqx.errors import BudgetError, ConfigError, UnknownNameError
from places import Places
from planted import NextClose, ShortMemory
from stores import content, open_store, write_bars
from synthetic import random_walk_bars


@pytest.fixture
def store(places: Places) -> bqx.Store:
    return places.filled(days=12)


def test_a_plan_counts_what_a_build_writes(store: bqx.Store) -> None:
    plan = store.plan(["regression"])
    report = store.build(["regression"])
    assert (plan.partitions, plan.rows, plan.values) == (report.built, report.rows, report.values)
    assert plan.values == plan.rows * 42
    if isinstance(store, bqx.FolderStore):
        assert plan.bytes == pytest.approx(report.bytes, rel=0.25)
    assert store.plan(["regression"]).partitions == 0
    assert store.plan(["regression"]).current == 4


def test_force_makes_everything_again(store: bqx.Store) -> None:
    store.build("reg_rate")
    before = content(store)
    assert store.build("reg_rate", force=True).built == 2
    assert content(store) == before


def test_a_changed_week_outdates_every_table(store: bqx.Store) -> None:
    store.build("reg_rate")
    store.set("week", "Mon 00:00 - Fri 21:00 UTC")
    again = open_store(store.address)
    assert again.plan("reg_rate").partitions == 2
    assert again.build("reg_rate").passed
    assert again.plan("reg_rate").partitions == 0


def test_some_windows_only(store: bqx.Store) -> None:
    assert store.build("regression", windows=[60, 630]).passed
    frame = store.read("reg_rate", "eurusd", columns=["w60_r2"], source="stored")
    assert frame.equals(store.read("reg_rate", "eurusd", columns=["w60_r2"]))
    assert store.plan("regression", windows=[60, 630]).partitions == 0
    assert store.plan("regression").partitions == 4  # the whole tables are still missing
    with pytest.raises(ConfigError, match="no windows"):
        narrowed(store.tables["reg_rate"], [61])


def test_unknown_names(store: bqx.Store) -> None:
    with pytest.raises(UnknownNameError, match="did you mean regression"):
        store.plan("regressions")
    with pytest.raises(UnknownNameError, match="no bars of gbpusd"):
        store.plan(pairs="gbpusd")


def test_a_failing_unit_does_not_stop_the_others(places: Places, tmp_path: Path) -> None:
    families = bqx.Registry([NextClose, ShortMemory])
    store = places.open(families=families)
    store.ingest([write_bars(tmp_path, "eurusd", random_walk_bars("eurusd", "2019-01-28", 6, 1))])
    report = store.build(["short_memory", "next_close"])
    assert report.exit_code == 3
    assert not report.passed
    assert "short_rate.change_30" in report.failures[0].reason
    assert store.build("leaky_rate").passed
    assert {table for table, _, _ in content(store)} == {"m1", "leaky_rate"}


def test_any_executor_will_do(store: bqx.Store) -> None:
    with ThreadPoolExecutor(2) as pool:
        report = store.build("reg_bqx", executor=pool)
    assert (report.built, report.executor) == (2, "ThreadPoolExecutor")
    with pytest.raises(ConfigError, match="unknown executor"):
        store.build("reg_rate", executor="carrier-pigeon")


def test_progress_hears_of_every_unit(store: bqx.Store) -> None:
    heard: list[str] = []

    def hear(unit: Unit, receipt: Receipt | None) -> None:
        assert receipt is not None
        heard.append(unit.month)

    store.build("reg_rate", progress=hear)
    assert sorted(heard) == ["2018_12", "2019_01"]


def test_the_budget_limits_the_workers(store: bqx.Store) -> None:
    plan = store.plan()
    many = allowed_workers(plan, 16, 64 * 2**30, processes=False)
    few = allowed_workers(plan, 16, 800 * MIB, processes=False)
    assert many == 16
    assert 1 <= few < 16
    assert allowed_workers(plan, 16, 2 * 2**30, processes=True) < few
    with pytest.raises(BudgetError, match="memory budget of 100 MiB") as caught:
        store.build(max_memory="100MiB")
    assert caught.value.exit_code == 4
    with pytest.raises(ConfigError, match="0 workers"):
        store.build(workers=0)


@pytest.mark.parametrize(
    ("text", "size"), [("4GiB", 4 * 2**30), ("512M", 512 * 2**20), ("1.5g", 3 * 2**29), ("7", 7)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "4 bananas", "-1G"])
def test_unreadable_sizes(text: str) -> None:
    with pytest.raises(ConfigError, match="unreadable size"):
        parse_size(text)
