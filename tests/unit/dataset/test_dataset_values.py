"""Every value of a dataset is that of its table at the same row, or k rows earlier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

import bqx
from bqx.dataset.labels import load_labels
from bqx.dataset.making import build_dataset
from bqx.dataset.naming import owner, parse_feature
from bqx.dataset.target import BQXTarget
from bqx.errors import StoreError, UnknownNameError
from bqx.features.table import ALL, KEY
from bqx.store.slices import extent
from datasetstores import COLUMNS, OPTIONS, SMALL, make_store

MADE: dict[str, Any] = {**OPTIONS, "peers": "eurgbp", "peer_columns": "reg_rate__w60_r2,gap_rate"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    return make_store(tmp_path_factory.mktemp("values"))


@pytest.fixture(scope="module")
def made(store: bqx.FolderStore, tmp_path_factory: pytest.TempPathFactory) -> bqx.Dataset:
    out = tmp_path_factory.mktemp("made") / "set"
    return build_dataset(store, out, targets="60:15:level,innovation 15:30:change", **MADE)


def by_row(store: bqx.FolderStore, table: str, of: str) -> pl.DataFrame:
    """A table as `read` gives it, in float32, with absolute rows."""
    frame = store.read(table, None if of == ALL else of)
    minutes = frame[KEY].dt.epoch("s").to_numpy() // 60
    row = pl.Series("row", store.calendar.row_at_or_after(minutes))
    return frame.drop(KEY).cast(pl.Float32).with_columns(row)


@pytest.mark.parametrize("pair", ["eurusd", "eurgbp", "usdjpy"])
def test_every_column_is_the_tables_at_the_lagged_row(
    store: bqx.FolderStore, made: bqx.Dataset, pair: str
) -> None:
    rows, matrix = made.matrix(pair)
    tables: dict[tuple[str, str], pl.DataFrame] = {}
    for k, name in enumerate(made.features):
        feature = parse_feature(name, SMALL)
        place = feature.table, owner(feature, pair, SMALL)
        if place not in tables:
            tables[place] = by_row(store, *place)
        spine = pl.DataFrame({"row": rows - feature.lag})
        joined = spine.join(tables[place], on="row", how="left", maintain_order="left")
        expected = joined[feature.column].fill_null(float("nan")).to_numpy()
        np.testing.assert_array_equal(matrix[:, k], expected, err_msg=name)


def test_lags_are_there_from_the_first_row_that_has_them(made: bqx.Dataset) -> None:
    names = ["clock__minute", "clock__minute_lag1", "clock__minute_lag30"]
    _, matrix = made.matrix("eurusd", names)
    np.testing.assert_array_equal(matrix[30:, 2], matrix[:-30, 0])
    np.testing.assert_array_equal(matrix[1:, 1], matrix[:-1, 0])


def test_rows_are_the_spine_and_no_value_is_nan(store: bqx.FolderStore, made: bqx.Dataset) -> None:
    for pair in made.pairs:
        span = extent(store, pair)
        assert span is not None
        rows = made.rows(pair)
        assert (rows[0], rows[-1] + 1) == (span.first, span.last)
        assert np.all(np.diff(rows) > 0)
    for file in made.manifest.files:
        frame = pl.read_parquet(made.folder / file.name)
        assert frame[KEY].is_sorted()
        assert frame[KEY].n_unique() == frame.height == file.rows
        assert sum(frame.select(pl.col(pl.Float32, pl.Float64).is_nan().sum()).row(0)) == 0
    assert set(made.manifest.of("usdjpy")[0].name.split("/")) == {"usdjpy", "2018_10.parquet"}


def test_targets_are_the_labels_of_their_rows(store: bqx.FolderStore, made: bqx.Dataset) -> None:
    for pair in ("eurusd", "eurgbp"):
        labels = load_labels(store, pair, made.targets)
        for target, expected in labels.items():
            found = made.labels(pair, target)
            np.testing.assert_array_equal(found.values, expected.values)
            np.testing.assert_array_equal(found.expected, expected.expected)
            np.testing.assert_array_equal(found.scale, expected.scale)
            np.testing.assert_array_equal(found.valid, expected.valid)
            assert found.valid.any()
            assert not found.valid.all()
    assert made.targets[0] == BQXTarget(60, 15, "level")


def test_neither_chunks_nor_workers_nor_the_source_change_a_bit(
    store: bqx.FolderStore, made: bqx.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.build("all").passed
    ways: list[tuple[str, dict[str, Any], int | None]] = [
        ("stored", {"source": "stored", "workers": 1}, None),
        ("small", {"workers": 3}, 1500),
        ("small_stored", {"source": "stored"}, 2777),
    ]
    for name, options, size in ways:
        with monkeypatch.context() as patch:
            if size is not None:
                patch.setattr("bqx.dataset.making.pace", small_pace(size))
            other = build_dataset(
                store, tmp_path / name, targets=made.targets, **{**MADE, **options}
            )
        assert [f.hash for f in other.manifest.files] == [f.hash for f in made.manifest.files]
        assert other.manifest.identity == made.manifest.identity
        longest = max(other.manifest.files, key=lambda f: f.rows)
        groups = pq.read_metadata(other.folder / longest.name).num_row_groups
        assert (groups > 1) == (size is not None)
        np.testing.assert_array_equal(other.matrix("eurusd")[1], made.matrix("eurusd")[1])


def small_pace(rows: int) -> Any:
    """A pace of small chunks, whatever the budget."""
    from bqx.dataset.budget import Pace

    return lambda *_, **options: Pace(rows, options["workers"], 0)


def test_stored_partitions_that_are_missing_or_stale_are_named(tmp_path: Path) -> None:
    with make_store(tmp_path) as store:
        options: dict[str, Any] = {"columns": "reg_rate", "pairs": "eurusd", "source": "stored"}
        store.build("reg_rate", pairs="eurusd", months="2019-01")
        with pytest.raises(StoreError, match="reg_rate eurusd 2018_12 is missing"):
            build_dataset(store, tmp_path / "set", **options)
        store.build("reg_rate", pairs="eurusd")
        build_dataset(store, tmp_path / "set", **options)
        store.set("holidays", "2018-12-24")
        with pytest.raises(StoreError, match=r"2018_12 is stale.*2019_01 is stale"):
            build_dataset(store, tmp_path / "set", **options)


def test_a_peer_without_bars_is_an_error(store: bqx.FolderStore, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="audusd"):
        build_dataset(store, tmp_path / "set", columns=COLUMNS, peers="audusd")


def test_a_matrix_has_the_rows_and_columns_that_are_asked_for(made: bqx.Dataset) -> None:
    rows, whole = made.matrix("eurusd")
    assert whole.flags["C_CONTIGUOUS"]
    assert whole.dtype == np.float32
    start, stop = int(rows[5000]), int(rows[-500])
    names = [made.features[7], made.features[0], made.features[7]]
    found, part = made.matrix("eurusd", names, start, stop)
    np.testing.assert_array_equal(found, rows[5000:-500])
    np.testing.assert_array_equal(part, whole[5000:-500][:, [7, 0, 7]])
    labels = made.labels("eurusd", "60:15", start, stop)
    np.testing.assert_array_equal(labels.rows, found)
    assert len(labels) == len(found)
    minutes = made.minutes(found)
    np.testing.assert_array_equal(made.calendar.row_at_or_after(minutes), found)
    nothing, empty = made.matrix("eurusd", names, stop, start)
    assert nothing.shape == (0,)
    assert empty.shape == (0, 3)


def test_unknown_pairs_features_and_targets_are_errors(made: bqx.Dataset) -> None:
    for call in (
        lambda: made.matrix("audusd"),
        lambda: made.matrix("eurusd", ["reg_rate__w61_r2"]),
        lambda: made.labels("eurusd", "75:15:level"),
    ):
        with pytest.raises(UnknownNameError):
            call()


def test_the_reach_is_that_of_targets_and_features(made: bqx.Dataset) -> None:
    reach = made.reach()
    assert (reach.behind, reach.ahead) == (45, 30)
    histories = [SMALL.tables[f"reg_{d}"].column("w60_r2").history for d in ("rate", "bqx")]
    assert reach.lookback == max(histories) - 1 + 30
    assert made.reach(["60:15:level"], ["clock__minute"]).lookback == 0
