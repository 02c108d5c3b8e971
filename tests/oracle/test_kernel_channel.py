"""Channels and mean absolute deviations against windows taken one by one."""

from __future__ import annotations

import numpy as np
import pytest

import references
from bqx.kernels.channel import channel, widen
from bqx.kernels.deviation import mean_deviation
from bqx.kernels.oscillators import (
    above,
    below,
    commodity_channel,
    rate_of_change,
    scaled_change,
    typical_price,
)
from bqx.kernels.true_range import directional_movement, true_range
from references import Floats

SERIES = references.accuracy_series(2600)
WINDOWS = (1, 2, 3, 4, 5, 14, 15, 16, 17, 63, 64, 65, 240, 390)


def run_channel(low: Floats, high: Floats, w: int) -> Floats:
    out = np.full((2, len(low)), 12345.678)
    channel(low, high, w, out[0], out[1])
    return out


def run_deviation(y: Floats, w: int) -> Floats:
    out = np.full((2, len(y)), 12345.678)
    mean_deviation(y, w, out[0], out[1])
    return out


@pytest.mark.parametrize("w", WINDOWS)
@pytest.mark.parametrize("rows", [1, 13, 100, 2600])
def test_channels_are_exact(w: int, rows: int) -> None:
    rng = np.random.default_rng(w)
    low = np.round(rng.normal(size=rows), 1)
    high = low + np.round(rng.random(rows), 1)
    for spoiled in (0, min(9, rows)):
        low[:spoiled] = high[:spoiled] = np.nan
        bottom, top = run_channel(low, high, w)
        windows = references.trailing(low, w)
        np.testing.assert_array_equal(bottom, windows.min(axis=1))
        np.testing.assert_array_equal(top, references.trailing(high, w).max(axis=1))


@pytest.mark.parametrize(("w", "rows"), [(1, 1), (14, 7), (14, 14), (240, 150), (90, 600)])
def test_a_widened_channel_is_the_channel_of_longer_windows(w: int, rows: int) -> None:
    low = np.random.default_rng(w).normal(size=600)
    low[:11] = np.nan
    high, out = low + 1.0, np.full((2, 600), 12345.678)
    widen(run_channel(low, high, w), rows, out)
    np.testing.assert_array_equal(out, run_channel(low, high, w + rows))


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("w", [14, 61, 240])
def test_mean_deviations(name: str, w: int) -> None:
    y = SERIES[name][1]
    gap, deviation = run_deviation(y, w)
    exact = references.trailing(y, w).astype(np.longdouble)
    exact -= exact[:, -1:].copy()  # even extended precision loses digits at a level
    distance = -exact.mean(axis=1)
    scatter = np.abs(exact - exact.mean(axis=1, keepdims=True)).mean(axis=1)
    flat = exact.max(axis=1) == exact.min(axis=1)
    assert (gap[flat] == 0.0).all()
    assert (deviation[flat] == 0.0).all()
    live = ~flat & np.isfinite(y) & (np.arange(len(y)) >= w - 1)
    unit = scatter + np.abs(distance)
    assert float(np.max(np.abs(gap - distance)[live] / unit[live])) <= 1e-13
    assert float(np.max(np.abs(deviation - scatter)[live] / scatter[live])) <= 1e-12
    assert np.isnan(gap[: w - 1]).all()
    assert np.isnan(deviation[: w - 1]).all()


def test_bits_of_a_deviation_come_from_its_window_alone() -> None:
    y = SERIES["quotes"][1]
    for w in (14, 15, 16, 17, 240):
        whole = run_deviation(y, w)
        for start, stop in ((1, 400), (7, 700), (255, 2599), (600, 600 + w)):
            part = run_deviation(y[start:stop].copy(), w)
            assert part[:, w - 1 :].tobytes() == whole[:, start + w - 1 : stop].tobytes()


def test_nan_spoils_the_windows_that_contain_it_and_no_other() -> None:
    y = SERIES["quotes"][1].copy()
    clean = run_deviation(y, 20)
    y[[0, 500]] = np.nan
    found = run_deviation(y, 20)
    spoiled = np.zeros(len(y), np.bool_)
    spoiled[:20] = spoiled[500:520] = True
    assert np.isnan(found[:, spoiled]).all()
    assert found[:, ~spoiled].tobytes() == clean[:, ~spoiled].tobytes()


def test_oscillators_row_by_row() -> None:
    close = np.array([np.nan, 2.0, 3.0, 3.0])
    low, high = np.array([np.nan, 1.0, 3.0, 2.0]), np.array([np.nan, 5.0, 3.0, 3.0])
    out = np.full(4, 12345.678)
    above(close, low, high, out)
    np.testing.assert_array_equal(out, [np.nan, 25.0, np.nan, 100.0])
    below(close, low, high, out)
    np.testing.assert_array_equal(out, [np.nan, -75.0, np.nan, 0.0])
    typical_price(high, low, close, out)
    np.testing.assert_array_equal(out, [np.nan, 8.0 / 3.0, 3.0, 8.0 / 3.0])
    commodity_channel(np.array([0.0, 3.0, -3.0, np.nan]), np.array([0.0, 2.0, 2.0, 1.0]), out)
    np.testing.assert_allclose(out, [np.nan, 100.0, -100.0, np.nan], rtol=1e-15)
    rate_of_change(close, 1, out)
    np.testing.assert_array_equal(out, [np.nan, np.nan, 50.0, 0.0])
    scaled_change(close, 1, np.array([1.0, 1.0, 2.0, 0.0]), out)
    np.testing.assert_array_equal(out, [np.nan, np.nan, 0.5, np.nan])


def test_ranges_and_movements_row_by_row() -> None:
    high, low = np.array([np.nan, 5.0, 8.0, 7.0, 9.0]), np.array([np.nan, 4.0, 6.0, 2.0, 8.0])
    close = np.array([np.nan, 4.0, 7.0, 3.0, 8.5])
    out = np.full((3, 5), 12345.678)
    true_range(high, low, close, 1, out[0])
    directional_movement(high, low, 1, out[1], out[2])
    expected = [[4.0, 5.0, 6.0], [3.0, 0.0, 2.0], [0.0, 4.0, 0.0]]
    np.testing.assert_array_equal(out[:, 2:], expected)
    assert np.isnan(out[:, :2]).all()
    for step in (3, 9):
        true_range(high, low, close, step, out[0])
        directional_movement(high, low, step, out[1], out[2])
        assert np.isnan(out[:, :4]).all()
