"""The same bytes, however the work is split, and whatever interrupts it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bqx.store.hashing import content_hash
from bqx.store.parquet import read_file
from stores import content, filled_store, open_store, write_bars
from synthetic import random_walk_bars

PAIRS = ("eurusd", "usdjpy")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], str]:
    """Hashes of a build in one go with one worker."""
    store = filled_store(tmp_path_factory.mktemp("reference") / "store", PAIRS)
    report = store.build(workers=1)
    assert report.passed
    assert report.built == len(store.tables) * len(PAIRS) * 3
    return content(store)


def test_the_record_is_what_the_files_hold(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store")
    store.build("regression")
    for key, partition in store.state.partitions().items():
        assert content_hash(read_file(store.path(*key))) == partition.hash


@pytest.mark.parametrize(("workers", "executor"), [(2, "threads"), (2, "processes")])
def test_workers_and_executors(
    tmp_path: Path, reference: dict[tuple[str, str, str], str], workers: int, executor: str
) -> None:
    store = filled_store(tmp_path / "store", PAIRS)
    assert store.build(workers=workers, executor=executor).passed
    assert content(store) == reference


def test_month_by_month_in_any_order(
    tmp_path: Path, reference: dict[tuple[str, str, str], str]
) -> None:
    store = filled_store(tmp_path / "store", PAIRS)
    for month in ("2019-02", "2018-12", "2019-01"):
        assert store.build(months=month).passed
    assert content(store) == reference


def test_table_by_table(tmp_path: Path, reference: dict[tuple[str, str, str], str]) -> None:
    store = filled_store(tmp_path / "store", PAIRS)
    for table in reversed(store.tables):
        assert store.build(table).passed
    assert content(store) == reference


def test_update_day_by_day_equals_one_build(tmp_path: Path) -> None:
    bars = random_walk_bars("eurusd", "2019-01-28", 9, seed=1)
    whole = open_store(tmp_path / "whole")
    whole.ingest([write_bars(tmp_path / "vendor", "eurusd", bars)])
    whole.build()
    daily = open_store(tmp_path / "daily")
    days = bars.with_columns(day=bars["ts_utc"].dt.date()).partition_by("day", as_dict=True)
    for number, part in enumerate(days.values()):
        file = write_bars(tmp_path / "days", "eurusd", part.drop("day"), f"_{number}")
        _, built = daily.update([file])
        if number == 0:
            built = daily.build()
        assert built.passed
        assert built.built > 0
    assert content(daily) == content(whole)


def test_late_bars_rebuild_what_they_touch_and_nothing_else(tmp_path: Path) -> None:
    bars = random_walk_bars("eurusd", "2018-12-24", 40, seed=1)
    day = bars["ts_utc"].dt.date().cast(str)
    whole = open_store(tmp_path / "whole")
    whole.ingest([write_bars(tmp_path / "vendor", "eurusd", bars)])
    whole.build()
    late = open_store(tmp_path / "late")
    late.ingest([write_bars(tmp_path / "vendor", "eurusd", bars.filter(day != "2019-01-15"), "_a")])
    late.build()
    missing = write_bars(tmp_path / "vendor", "eurusd", bars.filter(day == "2019-01-15"), "_b")
    _, built = late.update([missing])
    assert built.built == len(late.tables)  # January alone: its look-forward ends in it
    assert content(late) == content(whole)


def test_running_again_has_nothing_to_do(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store")
    first = store.build()
    again = store.build()
    assert (again.built, again.planned, again.current) == (0, 0, first.built)
    assert again.passed


def _kill_while_building(root: Path, delay: float) -> None:
    code = f"import bqx; bqx.open({str(root)!r}).build(workers=2, force=False)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    started = root / "covariance_rate"
    while not started.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_kill_and_resume(
    tmp_path: Path, reference: dict[tuple[str, str, str], str], kills: int
) -> None:
    root = tmp_path / "store"
    filled_store(root, PAIRS).close()
    rng = random.Random(kills)  # noqa: S311 - moments, not secrets
    for _ in range(kills):
        _kill_while_building(root, rng.uniform(0, 0.4))
        with open_store(root) as store:
            for key in store.state.partitions():
                assert read_file(store.path(*key)).num_rows  # whatever is recorded is readable
    store = open_store(root)
    assert store.build().passed
    assert content(store) == reference
    assert not list(root.rglob("*.tmp"))
