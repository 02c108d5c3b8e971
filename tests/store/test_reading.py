from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import bqx
from bqx.errors import BqxError, StoreError, UnknownNameError
from places import Places
from stores import write_bars
from synthetic import random_walk_bars


@pytest.fixture(scope="module")
def store(shared_places: Places) -> bqx.Store:
    made = shared_places.filled(days=12)
    assert made.build(["regression", "term_covariance"]).passed
    return made


@pytest.mark.parametrize("table", ["reg_rate", "reg_bqx", "correlation_bqx"])
def test_computed_equals_stored(store: bqx.Store, table: str) -> None:
    computed = store.read(table, "eurusd")
    assert computed.equals(store.read(table, "eurusd", source="stored"))
    assert computed["ts_utc"].is_sorted()
    assert computed["ts_utc"].is_unique().all()


def test_computed_equals_stateless(store: bqx.Store) -> None:
    bars, base = store.read("m1", "eurusd"), store.bars.baseline("eurusd").rate
    for table in store.tables:
        stateless = bqx.compute(table, bars, pair="eurusd", baseline=base, registry=store.registry)
        assert store.read(table, "eurusd").equals(stateless)


@pytest.mark.parametrize("source", ["computed", "stored"])
def test_a_part_equals_the_part_of_the_whole(store: bqx.Store, source: str) -> None:
    whole = store.read("reg_rate", "eurusd")
    start, end = datetime(2018, 12, 31, 9, 30, tzinfo=UTC), "2019-01-02T22:10"
    part = store.read(
        "reg_rate",
        "eurusd",
        start=start,
        end=end,
        columns=["w60_r2"],
        source=source,  # type: ignore[arg-type]
    )
    expected = whole.filter(
        pl.col("ts_utc") >= start, pl.col("ts_utc") < datetime(2019, 1, 2, 22, 10, tzinfo=UTC)
    )
    assert part.equals(expected.select("ts_utc", "w60_r2"))
    assert part.height > 1000


def test_nothing_in_the_interval(store: bqx.Store) -> None:
    frame = store.read("reg_rate", "eurusd", start="2030-01-01")
    assert frame.height == 0
    assert frame.width == 43


def test_bad_requests(store: bqx.Store) -> None:
    with pytest.raises(BqxError, match="unreadable time"):
        store.read("reg_rate", "eurusd", start="yesterday")
    with pytest.raises(UnknownNameError, match="m1 has no column"):
        store.read("m1", "eurusd", columns=["spread"])


def test_months_without_bars_have_no_rows(places: Places, tmp_path: Path) -> None:
    store = places.open()
    parts = [random_walk_bars("eurusd", day, 3, seed=1) for day in ("2018-03-05", "2018-07-02")]
    store.ingest([write_bars(tmp_path, "eurusd", pl.concat(parts))])
    frame = store.read("reg_rate", "eurusd")
    months = frame["ts_utc"].dt.strftime("%Y_%m").unique().sort().to_list()
    assert months == ["2018_03", "2018_07"]
    july = frame.filter(pl.col("ts_utc").dt.month() == 7)
    # March's last close must not reach over four months: July starts anew.
    assert july["w60_prediction"].null_count() >= 54
    assert store.build("reg_rate").passed
    assert frame.equals(store.read("reg_rate", "eurusd", source="stored"))


def test_rows_before_the_baseline_have_no_index(places: Places, tmp_path: Path) -> None:
    settings = bqx.StoreSettings(baseline_start=datetime(2019, 1, 9, tzinfo=UTC))
    store = places.open(settings=settings)
    store.ingest([write_bars(tmp_path, "eurusd", random_walk_bars("eurusd", "2019-01-08", 2, 1))])
    frame = store.read("bqx", "eurusd", columns=["rate_index"])
    before = pl.col("ts_utc") < datetime(2019, 1, 9, tzinfo=UTC)
    assert frame.filter(before)["rate_index"].null_count() == frame.filter(before).height > 0
    assert frame["rate_index"].drop_nulls()[0] == 100.0
    late = bqx.StoreSettings(baseline_start=datetime(2020, 1, 1, tzinfo=UTC))
    other = places.open(settings=late)
    other.ingest([tmp_path / "eurusd.parquet"])
    with pytest.raises(StoreError, match="at or after 2020"):
        other.build()


def test_the_baseline_stays_when_older_bars_come(places: Places, tmp_path: Path) -> None:
    store = places.open()
    bars = random_walk_bars("eurusd", "2019-01-08", 3, seed=1)
    store.ingest([write_bars(tmp_path, "eurusd", bars.tail(1500), "_late")])
    store.build("reg_rate")
    first = store.bars.baseline("eurusd")
    store.ingest([write_bars(tmp_path, "eurusd", bars, "_whole")])
    assert store.bars.baseline("eurusd") == first
    assert store.plan("reg_rate").partitions == 1  # more rows, so it must be made again
