"""Rolling transfer entropy against counts of every window."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.kernels.order import quantiles
from bqx.kernels.transfer import transfer_entropy
from references import Floats, walk

W, LAG = 60, 7


def run(y: Floats, x: Floats) -> Floats:
    edges, out = np.empty((4, len(y))), np.full(len(y), 777.0)
    thirds = np.array([1 / 3, 2 / 3])
    quantiles(y, W, thirds, edges[:2])
    quantiles(x, W, thirds, edges[2:])
    transfer_entropy(y, x, (W, LAG), edges, out)
    return out


def twin(y: Floats, x: Floats, t: int) -> float:
    """Sum over the joint probabilities, as the definition has it."""
    rows = np.arange(t - W + 1, t + 1)
    low, high = np.quantile(y[rows], (1 / 3, 2 / 3))
    now, past = ((y[r] > low).astype(int) + (y[r] > high) for r in (rows, rows - LAG))
    low, high = np.quantile(x[rows - LAG], (1 / 3, 2 / 3))
    other = (x[rows - LAG] > low).astype(int) + (x[rows - LAG] > high)
    total = 0.0
    for a, b, c in set(zip(now.tolist(), past.tolist(), other.tolist(), strict=True)):
        joint = np.mean((now == a) & (past == b) & (other == c))
        given_both = joint / np.mean((past == b) & (other == c))
        given_own = np.mean((now == a) & (past == b)) / np.mean(past == b)
        total += float(joint * np.log2(given_both / given_own))
    return total


def test_every_window() -> None:
    y, x = 100.0 + walk(400, 1e-4, 1), 100.0 + walk(400, 1e-4, 2)
    found = run(y, x)
    assert np.isnan(found[: W + LAG - 1]).all()
    for t in range(W + LAG - 1, 400):
        assert found[t] == pytest.approx(twin(y, x, t), abs=1e-13)


def test_a_late_copy_tells_everything_and_itself_nothing() -> None:
    x = np.random.default_rng(4).normal(size=3000)
    y = np.concatenate((np.zeros(LAG), x[:-LAG]))
    led, leading = run(y, x)[200:], run(x, y)[200:]
    # What is left of log2 3 is what chance makes of the past of a short window.
    assert 1.3 < led.mean() < np.log2(3)
    assert leading.mean() < 0.2


def test_flat_series_tell_exactly_nothing() -> None:
    y, x = np.full(200, 99.7), walk(200, 1e-4)
    assert (run(y, x)[W + LAG - 1 :] == 0.0).all()
    assert (run(x, y)[W + LAG - 1 :] == 0.0).all()


def test_missing_values_touch_their_windows_only() -> None:
    y, x = walk(400, 1e-4, 1), walk(400, 1e-4, 2)
    whole = run(y, x)
    y[150] = x[300] = np.nan
    found = run(y, x)
    touched = np.r_[150 : 150 + W + LAG, 300 + LAG : 300 + W + LAG]
    clean = np.setdiff1d(np.arange(W + LAG - 1, 400), touched)
    assert np.isnan(found[touched]).all()
    assert np.array_equal(found[clean], whole[clean])


def test_bits_do_not_depend_on_the_slice() -> None:
    y, x = walk(400, 1e-4, 1), walk(400, 1e-4, 2)
    whole = run(y, x)
    for cut in (1, 17, 130):
        part = run(y[cut:], x[cut:])[W + LAG - 1 :]
        assert part.tobytes() == whole[cut + W + LAG - 1 :].tobytes()
