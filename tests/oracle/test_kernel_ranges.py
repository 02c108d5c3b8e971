"""Range estimators: their bias with few moves in a bar, closed forms, and averages of squares."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bqx.kernels.ewma import ewma
from bqx.kernels.ranges import log_range_terms, range_terms
from bqx.kernels.recursive import ema_rows
from references import Floats

SIZE = 1e-4
"""Standard deviation of a simulated bar's move."""

BIAS = {
    5: (0.76, 0.64, 0.61),
    14: (0.84, 0.77, 0.76),
    60: (0.92, 0.89, 0.88),
    390: (0.97, 0.95, 0.95),
}
"""Estimate over true volatility by moves in a bar: Parkinson, Garman-Klass, Rogers-Satchell."""

SCALES = (1 / (4 * math.log(2)), 1.0, 1.0)


def simulated(m: int, bars: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Open, high, low and close of bars with m Gaussian moves each, about 0."""
    rng = np.random.default_rng(m)
    path = np.cumsum(rng.normal(size=(bars, m)), axis=1) * (SIZE / math.sqrt(m))
    zero = np.zeros(bars)
    return zero, np.maximum(path.max(axis=1), 0), np.minimum(path.min(axis=1), 0), path[:, -1]


def ratios(terms: Floats) -> list[float]:
    return [math.sqrt(terms[k].mean() * SCALES[k]) / SIZE for k in range(3)]


@pytest.mark.parametrize("m", BIAS)
def test_few_moves_in_a_bar_bias_ranges_low_by_a_known_factor(m: int) -> None:
    bars = simulated(m, 2_000_000 // m if m > 50 else 40_000)
    out = np.empty((5, len(bars[0])))
    range_terms(bars, 1, out)
    assert ratios(out) == pytest.approx(BIAS[m], rel=0.02)
    # The same bars as prices at level 100.
    o, h, low, c = (100.0 * np.exp(v) for v in bars)
    logs = np.empty_like(out)
    log_range_terms((o, h, low, c), 1, logs)
    np.testing.assert_allclose(ratios(logs), ratios(out), rtol=1e-9)


def test_terms_of_one_bar() -> None:
    out = np.empty((5, 2))
    bars = tuple(np.array(v) for v in ([1.0, 5.0], [4.0, 9.0], [0.0, 3.0], [3.0, 4.0]))
    range_terms(bars, 1, out)
    body = 2 * math.log(2) - 1
    # The second bar: h = 4, l = -2, c = -1, and it opens 2 above the close before.
    expected = (36.0, 18.0 - body, 4 * 5 + (-2) * (-1), 2.0, -1.0)
    assert out[:, 1] == pytest.approx(expected, rel=1e-15)
    assert np.isnan(out[3, 0])
    log_range_terms(tuple(np.exp(v) for v in bars), 1, out)
    assert out[:, 1] == pytest.approx(expected, rel=1e-12)


def test_no_term_is_negative_and_those_of_a_flat_bar_are_zero() -> None:
    rng = np.random.default_rng(4)
    o, c = np.round(100 + rng.normal(size=(2, 20_000)) * 0.01, 3)
    up, down = np.round(np.abs(rng.normal(size=(2, 20_000))) * 0.01, 3)
    bars = (o, np.maximum(o, c) + up, np.minimum(o, c) - down, c)
    out = np.empty((5, 20_000))
    log_range_terms(bars, 1, out)
    assert (out[:3] >= 0.0).all()
    still = (bars[1] == bars[2]) & (o == c)
    assert still.any()
    assert (out[:3, still] == 0.0).all()


@pytest.mark.parametrize("origin", [0, 987_654])
def test_averages_of_squares_against_the_endless_recursion(origin: int) -> None:
    y = np.random.default_rng(5).normal(size=2000) ** 2 * 1e-8
    out = np.empty_like(y)
    ewma(y, 20, origin, ema_rows(20), out)
    state, expected = y[0], []
    for value in y:
        state += 2 / 21 * (value - state)
        expected.append(state)
    assert np.isnan(out[:19]).all()
    np.testing.assert_allclose(out[19:], expected[19:], rtol=1e-10)


def test_averages_of_squares_forget_an_outlier_and_reach_zero() -> None:
    memory = ema_rows(20)
    y = np.zeros(5 * memory)
    y[10] = 1.0
    out = np.empty_like(y)
    ewma(y, 20, 40, memory, out)
    assert (out[19:] >= 0.0).all()
    assert (out[2 * memory + 10 :] == 0.0).all()
    assert out[100] == pytest.approx(2 / 21 * (19 / 21) ** 90, rel=1e-12)


def test_averages_of_squares_are_the_same_for_any_slice() -> None:
    y = np.random.default_rng(6).normal(size=3000) ** 2
    memory = ema_rows(5)
    whole, part = np.empty_like(y), np.empty(1777)
    ewma(y, 5, 31, memory, whole)
    ewma(y[1223:].copy(), 5, 31 + 1223, memory, part)
    assert part[2 * memory :].tobytes() == whole[1223 + 2 * memory :].tobytes()
