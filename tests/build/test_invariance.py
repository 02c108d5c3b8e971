"""The same bytes, however the work is split, and whatever interrupts it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bqx.store.hashing import content_hash
from bqx.store.verify import verify
from places import Places
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


def test_the_record_is_what_is_stored(places: Places) -> None:
    store = places.filled()
    store.build("regression")
    for key, partition in store.state.partitions().items():
        table = store.parts.read(key)
        assert (table.num_rows, content_hash(table)) == (partition.rows, partition.hash)


@pytest.mark.parametrize(
    ("workers", "executor"),
    [(2, "threads"), pytest.param(2, "processes", marks=pytest.mark.slow)],
)
def test_workers_and_executors(
    places: Places, reference: dict[tuple[str, str, str], str], workers: int, executor: str
) -> None:
    store = places.filled(PAIRS)
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


def test_update_day_by_day_equals_one_build(places: Places, tmp_path: Path) -> None:
    bars = random_walk_bars("eurusd", "2019-01-28", 9, seed=1)
    whole = places.open()
    whole.ingest([write_bars(tmp_path / "vendor", "eurusd", bars)])
    whole.build()
    daily = places.open()
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


def test_running_again_has_nothing_to_do(places: Places) -> None:
    store = places.filled()
    first = store.build()
    again = store.build()
    assert (again.built, again.planned, again.current) == (0, 0, first.built)
    assert again.passed


def _kill_while_building(address: str, began: Callable[[], bool], delay: float) -> None:
    code = f"import bqx; bqx.open({address!r}).build(workers=2, force=False)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not began() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, 10])
def test_kill_and_resume(
    places: Places, reference: dict[tuple[str, str, str], str], kills: int
) -> None:
    first = places.filled(PAIRS)
    rng = random.Random(kills)  # noqa: S311 - moments, not secrets
    for _ in range(kills):
        with open_store(first.address) as watch:
            began = partial(watch.parts.keys, "covariance_rate")
            _kill_while_building(watch.address, lambda: bool(began()), rng.uniform(0, 0.4))  # noqa: B023
        with open_store(first.address) as store:
            for key, partition in store.state.partitions().items():
                # Whatever is recorded is there, and whole.
                assert store.parts.read(key).num_rows == partition.rows
    store = open_store(first.address)
    assert store.build().passed
    assert content(store) == reference
    assert verify(store).passed
