"""Wrong ticks are found; news, crashes and quiet markets are left alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from barfiles import quiet_bars
from bqx.bars.outliers import NEIGHBOUR_RANGES, SIGMAS, mark_outliers
from bqx.bars.rows import complete
from bqx.bars.schema import PRICES


def _rows(prices: NDArray[np.float64]) -> pl.DataFrame:
    """Rows of open, high, low, close, ready for the test on outliers."""
    times = quiet_bars("2024-03-05T00:00", max(len(prices), 1) / 1440)["ts_utc"]
    frame = pl.DataFrame(dict(zip(PRICES, prices.T, strict=True))).with_columns(
        ts_utc=times.head(len(prices)),
        line=pl.int_range(1, len(prices) + 1),
        raw=pl.lit("x"),
    )
    return complete(frame).with_columns(duplicate=pl.lit(value=False))


def _found(prices: NDArray[np.float64]) -> list[int]:
    """Numbers, from 0, of the bars that are outliers."""
    marked = mark_outliers(_rows(prices))
    return [line - 1 for line in marked.filter(pl.col("reason") == "outlier")["line"]]


def _quiet(count: int = 600, seed: int = 5, step: float = 5e-5) -> NDArray[np.float64]:
    """Bars of a walk whose robust sigma is known: closes move by +-step."""
    rng = np.random.default_rng(seed)
    closes = 1.1 * np.exp(np.cumsum(rng.choice([-step, step], count)))
    opens = np.concatenate([[1.1], closes[:-1]])
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    return np.stack([opens, high, low, closes], axis=1)


def test_a_quiet_walk_has_none() -> None:
    assert _found(_quiet()) == []


@pytest.mark.parametrize("column", [1, 2])
def test_one_absurd_extreme_is_found(column: int) -> None:
    prices = _quiet()
    prices[300, column] *= 1.01 if column == 1 else 0.99
    assert _found(prices) == [300]


def test_a_whole_bar_at_another_price_is_found_and_its_neighbours_are_kept() -> None:
    prices = _quiet()
    prices[300] = 1965.0001
    assert _found(prices) == [300]


def test_the_limit_is_twenty_robust_sigmas_beyond_both_neighbours() -> None:
    prices = _quiet()
    limit = SIGMAS * 1.4826 * 5e-5
    assert limit > NEIGHBOUR_RANGES * 5e-5 * 2
    edge = max(prices[299, 1], prices[301, 1])
    prices[300, 1] = edge * np.exp(0.99 * limit)
    assert _found(prices) == []
    prices[300, 1] = edge * np.exp(1.01 * limit)
    assert _found(prices) == [300]


def test_a_spike_beside_a_wide_bar_is_news() -> None:
    prices = _quiet()
    prices[300, 1] *= 1.004
    assert _found(prices) == [300]
    prices[301, 2] *= 0.999  # the next minute moves too: 10 bp, a sixth of the limit
    assert _found(prices) == []


def test_a_crash_that_persists_is_kept() -> None:
    prices = _quiet()
    prices[300:, :] *= 0.97
    prices[300, 1] = prices[299, 3]
    assert _found(prices) == []


def test_a_crash_that_recovers_over_minutes_is_kept() -> None:
    prices = _quiet()
    for minute, factor in enumerate([0.99, 0.975, 0.97, 0.98, 0.985, 0.99, 0.995]):
        prices[300 + minute] *= factor
    for minute in range(300, 308):  # bars touch, as one price follows the other
        prices[minute, 0] = prices[minute - 1, 3]
        prices[minute, 1] = max(prices[minute])
        prices[minute, 2] = min(prices[minute])
    assert _found(prices) == []


def test_a_price_of_four_decimals_that_hardly_moves_has_none() -> None:
    rng = np.random.default_rng(8)
    closes = np.round(1.3 + 1e-4 * np.cumsum(rng.choice([0, 0, 0, 0, 0, 1, -1], 900)), 4)
    prices = np.repeat(closes[:, None], 4, axis=1)
    prices[::50, 1] += 3e-4  # a wick of three ticks out of nothing
    assert np.median(np.abs(np.diff(closes))) == 0.0
    assert _found(prices) == []
    prices[455, 1] += 0.01
    assert _found(prices) == [455]


def test_a_constant_price_has_a_limit_of_some_basis_points() -> None:
    prices = np.full((100, 4), 1.1)
    prices[50, 1] = 1.1 * np.exp(25e-4)
    assert _found(prices) == []
    prices[50, 1] = 1.1 * np.exp(35e-4)
    assert _found(prices) == [50]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_bars_for_two_neighbours(count: int) -> None:
    marked = mark_outliers(_rows(_quiet(10)).head(count))
    assert marked["reason"].null_count() == count


def test_the_ends_of_a_file_are_never_outliers() -> None:
    prices = _quiet()
    prices[0] *= 2
    prices[-1] *= 2
    assert _found(prices) == []


def test_the_detail_names_price_distance_and_limit() -> None:
    prices = _quiet()
    prices[300, 2] = 1.0
    marked = mark_outliers(_rows(prices)).filter(pl.col("reason") == "outlier")
    (detail,) = marked["detail"]
    assert detail.startswith("low 1.0 lies 9")
    assert detail.endswith("bp beyond both neighbours, more than 14.8 bp")


@pytest.mark.parametrize(("kind", "found"), [("calm", True), ("wild", False), ("dead", False)])
def test_the_scale_is_the_day_s_or_the_file_s_whichever_is_larger(
    kind: str, *, found: bool
) -> None:
    """After three calm days: what is wrong on a calm one is not on a wild or a dead one."""
    step = {"calm": 5e-5, "wild": 20e-5, "dead": 1e-5}[kind]
    calm, other = _quiet(3 * 1440), _quiet(1200, step=step)
    prices = np.concatenate([calm, other * calm[-1, 3] / 1.1])
    size = {"calm": 6e-5, "wild": 10e-5, "dead": 4e-5}[kind]
    prices[5000, 1] = prices[4999:5002, 1].max() * np.exp(SIGMAS * 1.4826 * size)
    assert _found(prices) == ([5000] if found else [])
