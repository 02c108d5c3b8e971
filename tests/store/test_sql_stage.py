"""The validation queries of the first version run unchanged and give what they expect."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

import bqx
from bqx.config import StoreSettings
from stores import open_store, write_bars
from synthetic import random_walk_bars

WINDOWS = {"w60", "w90", "w150", "w240", "w390", "w630"}


def queries(partition: str) -> list[str]:
    text = Path(__file__).with_name("stage_2_15.sql").read_text(encoding="utf-8")
    return re.split(r"(?m)^-- Query \d.*\n", text.replace("{partition}", partition))[1:]


def check_stage(store: bqx.FolderStore, partition: str) -> None:
    schema, windows, integrity, coverage, comparable = map(store.sql, queries(partition))
    assert schema.row(0) == (7, 7)
    assert set(windows["reg_rate_window"]) == set(windows["reg_bqx_window"]) == WINDOWS
    assert set(windows["status"]) == {"✅ Aligned"}
    assert integrity.height == 100
    assert integrity["rate_index"].null_count() == 0
    errors = integrity.select(pl.max("pred_error", "resid_error")).row(0)
    assert all(0 <= error < 1e-9 for error in errors)
    assert coverage["total_rows"][0] > 7000
    assert coverage["cov_quad_lin_count"][0] == coverage["corr_quad_lin_count"][0]
    assert coverage["coverage_pct"][0] > 99
    assert comparable.height == 100
    assert set(comparable["comparability"]) == {"✅ Comparable"}


@pytest.mark.parametrize("built", [True, False])
def test_on_generated_bars(tmp_path: Path, built: bool) -> None:
    store = open_store(tmp_path / "store")
    bars = random_walk_bars("eurusd", "2019-01-28", 12, seed=3, gaps=False)
    store.ingest([write_bars(tmp_path / "vendor", "eurusd", bars)])
    if built:
        assert store.build(["bqx", "reg_rate", "reg_bqx", "correlation_bqx"]).passed
    check_stage(store, "eurusd_2019_02")


def test_on_real_bars(tmp_path: Path, data_dir: Path) -> None:
    # The vendor's week is shorter than the market's; so is the grid, then.
    settings = StoreSettings(week="Mon 00:00 - Fri 21:00 UTC")
    store = open_store(tmp_path / "store", settings=settings)
    store.ingest(sorted((data_dir / "mt5_csv").glob("frxEURUSD*.csv.gz")))
    assert store.build(months="2019-02").passed
    check_stage(store, "eurusd_2019_02")
