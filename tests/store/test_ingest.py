"""What becomes of files in a store: late, repeated, contradicting, refused, interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import bqx
from bqx.bars.report import IngestReport
from bqx.errors import StoreError, UnknownNameError
from bqx.features.arrow import to_polars
from bqx.store.ingest import IngestError
from places import Places
from stores import content, open_store, write_bars
from synthetic import random_walk_bars

Ingest = Callable[..., IngestReport]

BARS = random_walk_bars("eurusd", "2019-01-28", 6, seed=1)


@pytest.fixture
def store(places: Places) -> bqx.Store:
    return places.open()


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    """Ingests bars of eurusd from a file."""

    def ingested(store: bqx.Store, bars: pl.DataFrame, label: str = "") -> IngestReport:
        return store.ingest([write_bars(tmp_path / "vendor", "eurusd", bars, label)])

    return ingested


def test_bars_come_back_as_delivered(store: bqx.Store, ingest: Ingest) -> None:
    report = ingest(store, BARS)
    assert report.balanced
    assert (report.totals.read, report.totals.accepted) == (BARS.height, BARS.height)
    assert store.read("m1", "eurusd").equals(BARS)
    assert store.bars.months("eurusd") == ("2019_01", "2019_02")
    assert set(report.files[0].months) == {"2019-01", "2019-02"}


def test_the_same_file_again_changes_nothing(store: bqx.Store, ingest: Ingest) -> None:
    ingest(store, BARS)
    before, sources = content(store), store.state.query("SELECT * FROM sources")
    report = ingest(store, BARS)
    assert report.files[0].status == "unchanged"
    assert (report.totals.accepted, report.totals.duplicate) == (0, BARS.height)
    assert report.balanced
    assert content(store) == before
    assert store.state.query("SELECT * FROM sources") == sources


def test_overlapping_files_add_only_what_is_new(store: bqx.Store, ingest: Ingest) -> None:
    ingest(store, BARS.head(3000), "_a")
    report = ingest(store, BARS.tail(BARS.height - 1000), "_b")
    assert (report.totals.duplicate, report.totals.accepted) == (2000, BARS.height - 3000)
    assert store.read("m1", "eurusd").equals(BARS)


def test_the_order_of_files_does_not_matter(
    store: bqx.Store, places: Places, ingest: Ingest
) -> None:
    ingest(store, BARS)
    other = places.open()
    ingest(other, BARS.tail(1500), "_a")
    ingest(other, BARS.head(BARS.height - 1500), "_b")
    assert content(other) == content(store)


def test_the_last_source_wins_and_the_loser_is_kept(store: bqx.Store, ingest: Ingest) -> None:
    ingest(store, BARS, "_a")
    close = pl.when(pl.int_range(pl.len()) == 7).then(pl.col("high")).otherwise("close")
    corrected = BARS.with_columns(close=close)
    assert corrected["close"][7] != BARS["close"][7]
    report = ingest(store, corrected, "_b")
    assert report.totals.accepted == 1
    assert store.read("m1", "eurusd").equals(corrected)
    lost = to_polars(store.parts.rejected(2))
    assert lost["reason"].to_list() == ["superseded"]
    assert lost["ts_utc"][0] == BARS["ts_utc"][7]
    assert f'"close":{BARS["close"][7]}' in lost["raw"][0]
    rows = store.state.query("SELECT source, accepted, replaced FROM provenance WHERE accepted > 0")
    assert (2, 1, 1) in rows


def test_rejected_rows_are_kept_with_their_reason(store: bqx.Store, ingest: Ingest) -> None:
    bad = BARS.with_columns(
        low=pl.when(pl.int_range(pl.len()).is_in([3, 4])).then(-1.0).otherwise("low")
    )
    report = ingest(store, bad)
    assert report.balanced
    assert report.reasons == {"non_positive_price": 2}
    kept = to_polars(store.parts.rejected(1))
    assert kept["ts_utc"].to_list() == BARS["ts_utc"][3:5].to_list()
    assert store.read("m1", "eurusd").height == BARS.height - 2


def test_a_refused_file_leaves_the_store_as_it_was(
    store: bqx.Store, tmp_path: Path, ingest: Ingest
) -> None:
    ingest(store, BARS)
    before = content(store)
    broken = tmp_path / "gbpusd.parquet"
    broken.write_bytes(b"PAR1 this is no Parquet file PAR1")
    good = write_bars(tmp_path, "gbpusd", random_walk_bars("gbpusd", "2019-01-08", 1, 2), "_b")
    with pytest.raises(IngestError, match="1 of 2 files refused") as caught:
        store.ingest([broken, good])
    assert [f.status for f in caught.value.report.files] == ["refused", "ingested"]
    assert {k: v for k, v in content(store).items() if k[1] == "eurusd"} == before
    report = store.ingest([broken], on_refused="report")
    assert report.files[0].error


def test_provenance_says_where_a_partition_comes_from(store: bqx.Store, ingest: Ingest) -> None:
    ingest(store, BARS)
    rows = store.state.query("SELECT path, sha256, format, clock, ingested, pair FROM sources")
    path, sha256, form, clock, ingested, pair = (str(v) for v in rows[0])
    assert path.endswith("eurusd.parquet")
    assert (len(sha256), form, pair) == (64, "parquet", "eurusd")
    assert clock
    assert ingested.startswith("20")
    months = store.state.query("SELECT month, source FROM provenance ORDER BY month")
    assert months == [("2019_01", 1), ("2019_02", 1)]


def test_one_writer_at_a_time(store: bqx.Store, ingest: Ingest) -> None:
    other = open_store(store.address)
    with store.writing(), pytest.raises(StoreError, match="another process is writing"):
        ingest(other, BARS)
    assert ingest(other, BARS).totals.accepted == BARS.height


def test_a_folder_of_something_else_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    with pytest.raises(StoreError, match="is no bqx store"):
        open_store(tmp_path)


def test_an_existing_store_keeps_its_settings(store: bqx.Store) -> None:
    assert open_store(store.address).settings == store.settings
    other = bqx.StoreSettings(week="Mon 00:00 - Fri 21:00 UTC")
    with pytest.raises(StoreError, match="has other settings"):
        open_store(store.address, settings=other)


def test_reading_what_is_not_there(store: bqx.Store, ingest: Ingest) -> None:
    ingest(store, BARS)
    with pytest.raises(UnknownNameError, match="no bars of usdjpy"):
        store.read("reg_rate", "usdjpy")
    with pytest.raises(UnknownNameError, match="unknown table"):
        store.read("reg_rates", "eurusd")


@pytest.mark.slow
def test_a_killed_ingest_loses_nothing(places: Places, tmp_path: Path) -> None:
    whole, address = places.open(), places.new()
    bars = random_walk_bars("eurusd", "2018-01-02", 200, seed=1)
    file = write_bars(tmp_path / "vendor", "eurusd", bars)
    whole.ingest([file])
    with open_store(address) as watch:
        code = f"import bqx; bqx.open({address!r}).ingest([{str(file)!r}])"
        process = subprocess.Popen([sys.executable, "-c", code])
        while not watch.parts.keys("m1") and process.poll() is None:
            time.sleep(0.001)
    time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    store = open_store(address)
    assert set(content(store)) == set(store.parts.keys("m1"))  # what was written is known
    store.ingest([file])
    assert content(store) == content(whole)
    assert store.read("m1", "eurusd").equals(bars)


def test_readers_open_a_store_while_it_is_written(
    store: bqx.Store, tmp_path: Path, ingest: Ingest
) -> None:
    ingest(store, BARS)
    code = (
        f"import bqx, pathlib; s = bqx.open({store.address!r})\n"
        "with s.writing():\n"
        "    s.state.forget([('m1', 'eurusd', '2019_01')])\n"
        f"    pathlib.Path({str(tmp_path)!r}, 'ready').touch()\n"
        "    import time; time.sleep(0.5)\n"
        "    s.bars.record('eurusd', '2019_01')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    reader = open_store(store.address)
    assert reader.read("m1", "eurusd").equals(BARS)
    assert process.wait() == 0
