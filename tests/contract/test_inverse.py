"""The inverse pair: features of 1/P against those of P, where their definitions say what follows.

Logarithmic changes change their sign to rounding; what is made from levels does so to first order
of the moves, which are 1e-4 here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import bqx
from synthetic import random_walk_bars

ROWS = 4000

ROUNDED = 2e-6
"""Of the greatest value: float32 columns round at 1e-7 of their size."""
FIRST_ORDER = 0.02

NEGATED = {
    "returns_rate": ("ret_idx_1", "ret_idx_45", "ret_norm_idx_15"),
    "momentum_rate": ("mom_idx_w60", "mom_norm_idx_w150", "mom_accel_idx_w60"),
    "statistics_rate": ("skew_60min", "skew_15min"),
    "realized_volatility_rate": ("realized_skewness_idx_20", "signed_jump_idx_60_1m"),
}
SAME = {
    "statistics_rate": ("kurt_60min", "jb_stat_60min", "autocorr_lag1"),
    "realized_volatility_rate": (
        "parkinson_vol_idx_60_1m",
        "garman_klass_vol_idx_60_1m",
        "rogers_satchell_vol_idx_60_1m",
        "bipower_var_idx_60_1m",
        "realized_quarticity_idx_60_1m",
        "realized_vol_idx_20_1m",
    ),
    "momentum_rate": ("mom_vr_idx_w150", "mom_autocorr1_idx_w60"),
}
NEARLY_NEGATED = {
    "bqx": ("w15_bqx_return", "w75_bqx_return"),
    "reg_bqx": ("w60_linear_term", "w240_quadratic_term", "w60_constant_term"),
    "reg_rate": ("w60_linear_term", "w60_quadratic_term", "w60_residual"),
    "returns_bqx": ("ret_bqx_15", "ret_norm_bqx_30"),
}
COMPLEMENTS = {
    "technical_rate": ("rsi_14", "rsi_60", "stoch_k", "stoch_k_240"),
    "momentum_rate": ("mom_rangepos_idx_w60", "mom_upfrac_idx_w60"),
}
"""Columns on a scale whose ends change places."""


def _inverse(bars: pl.DataFrame) -> pl.DataFrame:
    one = {name: 1.0 / pl.col(name) for name in ("open", "close")}
    return bars.with_columns(**one, high=1.0 / pl.col("low"), low=1.0 / pl.col("high"))


@cache
def tables(table: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A table of a pair and of its inverse."""
    bars = random_walk_bars("eurusd", "2019-01-08", 3, seed=9, gaps=False)
    bars = bars.drop("bid_close", "ask_close", "bid_low", "ask_high")
    return (
        bqx.compute(table, bars, pair="eurusd"),
        bqx.compute(table, _inverse(bars), pair="eurusd"),
    )


def both(table: str, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of a column for the pair and its inverse, where both have one."""
    own, inverse = (frame[column] for frame in tables(table))
    known = own.is_not_null() & inverse.is_not_null()
    assert known.sum() > ROWS // 2
    return own.filter(known).to_numpy(), inverse.filter(known).to_numpy()


def cases(columns: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(table, name) for table, names in columns.items() for name in names]


@pytest.mark.parametrize(("table", "column"), cases(NEGATED))
def test_logarithmic_features_change_their_sign(table: str, column: str) -> None:
    own, inverse = both(table, column)
    assert np.abs(own + inverse).max() <= ROUNDED * np.abs(own).max()


@pytest.mark.parametrize(("table", "column"), cases(SAME))
def test_features_without_a_direction_stay(table: str, column: str) -> None:
    own, inverse = both(table, column)
    assert np.abs(own - inverse).max() <= ROUNDED * np.abs(own).max()


@pytest.mark.parametrize(("table", "column"), cases(NEARLY_NEGATED))
def test_features_of_levels_change_their_sign_to_first_order(table: str, column: str) -> None:
    own, inverse = both(table, column)
    assert np.abs(own + inverse).max() <= FIRST_ORDER * np.abs(own).max()
    assert np.abs(own + inverse).max() > 0.0


@pytest.mark.parametrize(("table", "column"), cases(COMPLEMENTS))
def test_scales_change_their_ends(table: str, column: str) -> None:
    own, inverse = both(table, column)
    top = 100.0 if table.startswith("technical") else 1.0
    assert np.abs(own + inverse - top).max() <= FIRST_ORDER * top
