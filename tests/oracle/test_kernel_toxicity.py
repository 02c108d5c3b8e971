"""Buckets of volume, usual volumes, and moves that are taken back, against slow twins."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import norm

from bqx.kernels.reversal import half_life, large_moves
from bqx.kernels.toxicity import BUCKETS, EVERY, bulk_imbalance, vpin
from bqx.kernels.usual import low_quantile_of_minute
from references import Floats


def trades(n: int, seed: int = 4) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    volume = np.where(rng.random(n) < 0.1, 0.0, rng.integers(1, 400, n).astype(float))
    return volume, np.round(volume * rng.uniform(-1, 1, n) * 64) / 64


def in_buckets(volume: Floats, net: Floats) -> float:
    """The share by definition: every row lies between two cumulative volumes."""
    ends = np.concatenate([[0], np.cumsum(volume)])
    size = Fraction(int(ends[-1]), BUCKETS)
    found = Fraction(0)
    for k in range(BUCKETS):
        low, high = Fraction(k * size), Fraction((k + 1) * size)
        held = Fraction(0)
        for i in np.flatnonzero(volume):
            inside = min(high, Fraction(int(ends[i + 1]))) - max(low, Fraction(int(ends[i])))
            if inside > 0:
                held += Fraction(float(net[i])) * inside / int(volume[i])
        found += abs(held)
    return float(found / int(ends[-1]))


def test_buckets_of_equal_volume() -> None:
    (volume, net), w, origin = trades(500), 200, 7
    out = np.empty(500)
    vpin(volume, net, w, origin, out)
    for t in range(500):
        newest = t - (origin + t) % EVERY
        if newest < w - 1:
            assert np.isnan(out[t])
        elif t == newest:
            window = slice(t - w + 1, t + 1)
            expected = in_buckets(volume[window], net[window])
            assert out[t] == pytest.approx(expected, rel=1e-12)
        else:
            assert out[t] == out[newest]


def test_one_side_only_is_wholly_toxic_and_no_volume_is_unknown() -> None:
    volume, out = trades(300)[0], np.empty(300)
    vpin(volume, volume, 100, 0, out)
    assert out[105] == pytest.approx(1.0, rel=1e-12)
    assert np.nanmax(out) <= 1.0
    vpin(np.zeros(300), np.zeros(300), 100, 0, out)
    assert np.isnan(out).all()
    volume[150] = np.nan
    vpin(volume, volume, 100, 0, out)
    assert np.isnan(out[150:240]).all()
    assert np.isfinite(out[255:]).all()


def test_a_row_larger_than_a_bucket_fills_several() -> None:
    volume = np.full(100, 1.0)
    volume[50] = 1000.0
    net, out = np.where(np.arange(100) == 50, 500.0, 0.0), np.empty(100)
    vpin(volume, net, 100, 6, out)
    assert out[99] == pytest.approx(500 / 1099, rel=1e-12)


def test_bulk_classification() -> None:
    rng = np.random.default_rng(5)
    r, s, v = rng.normal(size=50), rng.uniform(0.1, 2, 50), rng.integers(0, 99, 50).astype(float)
    s[3] = 0.0
    out = np.empty(50)
    bulk_imbalance(r, s, v, out)
    expected = v * (2 * norm.cdf(r / np.where(s > 0, s, 1)) - 1)
    expected[3] = 0.0
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)


def test_usual_volume_of_a_minute() -> None:
    rng = np.random.default_rng(6)
    minutes = np.flatnonzero(np.arange(60 * 1440) % 1440 % 7 == 0)[:-3]
    minutes = minutes[rng.random(len(minutes)) < 0.95]
    y = rng.integers(0, 50, len(minutes)).astype(float)
    y[rng.random(len(y)) < 0.2] = np.nan
    out = np.empty(len(y))
    low_quantile_of_minute(y, minutes, 0.05, out)
    unknown = 0
    for t in range(0, len(y), 53):
        same = [i for i in range(t) if minutes[i] % 1440 == minutes[t] % 1440][-20:]
        known = [y[i] for i in same if not np.isnan(y[i])]
        if len(known) < 15:
            assert np.isnan(out[t])
            unknown += 1
        else:
            assert out[t] == pytest.approx(float(np.quantile(known, 0.05)), rel=1e-14)
    assert 0 < unknown < len(y) / 53 / 2


def test_a_minute_that_is_rare_looks_back_20_days_of_rows_only() -> None:
    minutes = np.arange(40 * 1440)
    y, out = np.ones(len(minutes)), np.empty(len(minutes))
    minutes[20 * 1440 + 10 :] += 1440 * 50
    low_quantile_of_minute(y, minutes, 0.05, out)
    assert np.isnan(out[15 * 1440 - 1])
    assert (out[15 * 1440 :] == 1.0).all()


def test_moves_that_are_taken_back() -> None:
    rng = np.random.default_rng(7)
    points = np.cumsum(rng.integers(-4, 5, 800))
    y = np.asarray(100.0 + 1e-3 * points, np.float64)
    r: Floats = np.full(800, np.nan)
    r[1:] = np.diff(points)
    deviation = np.full(800, 1.25)
    deviation[:50] = np.nan
    out = np.empty((2, 800))
    large_moves(y, r, deviation, 5, out)
    halves = 0
    for t in range(800):
        i = t - 5
        if i < 51:
            assert np.isnan(out[:, t]).all()
            continue
        move = int(points[i] - points[i - 1])
        back = [int(points[i] - points[k]) * int(np.sign(move)) for k in range(i + 1, t + 1)]
        large = abs(move) > 2.5
        assert out[0, t] == large
        assert out[1, t] == (large and 2 * max(back) >= abs(move))
        halves += large and 2 * max(back) == abs(move)
    assert halves > 10


def test_half_lives() -> None:
    phi, out = np.array([-0.2, 0.0, 0.5, 0.25, 0.999, 1.0, 1.2, np.nan]), np.empty(8)
    half_life(phi, 60.0, out)
    expected = [math.nan, math.nan, 1.0, 0.5, 60.0, math.nan, math.nan, math.nan]
    np.testing.assert_allclose(out, expected, rtol=1e-15)
