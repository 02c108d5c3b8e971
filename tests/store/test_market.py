"""Tables of several pairs, tables of all pairs, and fitted parameters, in a store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bqx
from bqx.checks.coverage import coverage
from bqx.checks.leakage import leakage
from bqx.errors import UnknownNameError
from bqx.market import Calendar
from market_families import FITS, Clock, FittedLevel, PeerGap
from stores import content, open_store, write_bars
from synthetic import market_bars

FAMILIES = bqx.Registry([PeerGap, FittedLevel, Clock])
PAIRS = ("eurgbp", "eurusd", "gbpusd")
MARKET = market_bars(PAIRS, "2018-12-20", 50, seed=5)


def store_of(root: Path, pairs: tuple[str, ...] = PAIRS) -> bqx.FolderStore:
    store = open_store(root, families=FAMILIES)
    store.ingest([write_bars(root.parent / f"vendor_{root.name}", p, MARKET[p]) for p in pairs])
    return store


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    store = store_of(tmp_path_factory.mktemp("market") / "store")
    assert store.build("all").passed
    return store


@pytest.mark.parametrize("table", ["gap_rate", "gap_bqx", "fitted_rate"])
def test_computed_equals_stored_and_stateless(built: bqx.FolderStore, table: str) -> None:
    computed = built.read(table, "eurusd")
    assert computed.equals(built.read(table, "eurusd", source="stored"))
    peers = {p: MARKET[p] for p in PAIRS if p != "eurusd"}
    alone = bqx.compute(table, MARKET["eurusd"], pair="eurusd", peers=peers, registry=FAMILIES)
    assert computed.equals(alone)
    assert computed.columns[1:] == list(built.tables[table].column_names)


def test_peers_are_joined_by_time(built: bqx.FolderStore) -> None:
    index = {p: built.read("gap_rate", p) for p in PAIRS}
    closes = {}
    for pair in PAIRS:
        bars = MARKET[pair]
        closes[pair] = bars.select("ts_utc", pl.col("close") / bars["close"][0] * 100)
    moment = closes["eurusd"].join(closes["eurgbp"], on="ts_utc", suffix="_a")
    moment = moment.join(closes["gbpusd"], on="ts_utc", suffix="_b")
    wanted = moment["close"] - (moment["close_a"] + moment["close_b"]) / 2
    found = moment.join(index["eurusd"], on="ts_utc")["gap"]
    assert np.abs((found - wanted).to_numpy()).max() < 1e-6


def test_a_table_of_all_pairs(built: bqx.FolderStore) -> None:
    clock = built.read("clock")
    assert clock.equals(built.read("clock", source="stored"))
    assert clock.schema["pairs"] == pl.Int16
    assert clock["pairs"].max() == len(PAIRS)
    first = min(frame["ts_utc"][0] for frame in MARKET.values())
    last = max(frame["ts_utc"][-1] for frame in MARKET.values())
    assert (clock["ts_utc"][0], clock["ts_utc"][-1]) == (first, last)
    assert "depth" not in clock.columns  # declared, but nobody has it
    assert [c.name for c in FAMILIES.declared("clock")] == ["minute", "pairs", "depth"]
    counted = built.sql("SELECT count(*) AS n, max(pairs) AS most FROM bqx.clock_2019_01")
    month = Calendar().row_range(*(60 * 24 * d for d in (17897, 17928)))
    assert counted.row(0) == (month[1] - month[0], 3)
    assert built.sql("SELECT count(*) AS n FROM bqx.clock")["n"][0] == len(clock)


def test_a_pair_is_named_where_one_is_needed(built: bqx.FolderStore) -> None:
    with pytest.raises(UnknownNameError, match="one table for all"):
        built.read("clock", "eurusd")
    with pytest.raises(UnknownNameError, match="expected: a pair"):
        built.read("gap_rate")


def test_checks_take_all_tables(built: bqx.FolderStore) -> None:
    assert coverage(built).passed
    report = leakage(built, samples=24)
    assert report.passed, report.to_text()
    assert report.facts["tables"] == len(FAMILIES.tables)


@pytest.mark.slow
def test_processes_and_single_days_give_the_same_bytes(
    built: bqx.FolderStore, tmp_path: Path
) -> None:
    other = store_of(tmp_path / "processes")
    assert other.build("all", executor="processes").passed
    assert content(other) == content(built)
    daily = open_store(tmp_path / "daily", families=FAMILIES)
    for day in (pl.datetime(2019, 1, 20), pl.datetime(2019, 1, 31), pl.datetime(2019, 3, 1)):
        until = pl.col("ts_utc") < day.dt.replace_time_zone("UTC")
        label = str(len(content(daily)))
        files = [write_bars(tmp_path / label, p, MARKET[p].filter(until)) for p in PAIRS]
        daily.ingest(files)
        assert daily.build("all").passed
    assert content(daily) == content(built)


def test_a_new_pair_makes_its_peers_outdated(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", PAIRS[:2])
    assert store.build("all").passed
    store.ingest([write_bars(tmp_path, "gbpusd", MARKET["gbpusd"])])
    tables = {task.table for unit in store.plan_update().units for task in unit.tasks}
    assert tables == {"gap_rate", "gap_bqx", "clock"}  # fits look at the pair alone


def test_parameters_are_fitted_once_and_again_when_the_past_changes(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", ("eurusd",))
    FITS.clear()
    assert store.build("fitted_rate").passed
    fitted = len(FITS)
    assert fitted == 2  # the first month has no past at all
    rows = store.sql("SELECT name, row FROM bqx.parameters ORDER BY row")
    assert rows["name"].to_list() == ["mean"] * len(rows)
    again = open_store(tmp_path / "store", families=FAMILIES)
    assert again.build("fitted_rate", force=True).passed
    assert again.read("fitted_rate", "eurusd").height > 0
    assert len(FITS) == fitted
    late = (
        MARKET["eurusd"]
        .with_columns(
            pl.when(pl.col("ts_utc").dt.month() == 1)
            .then(pl.col("close") * 1.00001)
            .otherwise(pl.col("close"))
            .alias("close")
        )
        .with_columns(
            high=pl.max_horizontal("high", "close"), low=pl.min_horizontal("low", "close")
        )
    )
    again.ingest([write_bars(tmp_path / "late", "eurusd", late)])
    assert again.build("fitted_rate").passed
    assert len(FITS) == fitted + 1  # February's; January's past is the same
