"""Averages that begin again on anchors: against slow twins, TA-Lib, and themselves in pieces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

import references
import references_technical as slow
from bqx.kernels.convergence import macd
from bqx.kernels.directional import Moves, directional
from bqx.kernels.recursive import ema, ema_rows, rows_to_forget, wilder, wilder_rows
from bqx.kernels.relative_strength import relative_strength
from references import Floats

SERIES = references.accuracy_series(2600)
GARBAGE = 12345.678


def run_ema(y: Floats, n: int, origin: int, memory: int) -> Floats:
    out = np.full((1, len(y)), GARBAGE)
    ema(y, n, origin, memory, out[0])
    return out


def run_wilder(y: Floats, n: int, origin: int, memory: int) -> Floats:
    out = np.full((1, len(y)), GARBAGE)
    wilder(y, n, origin, memory, out[0])
    return out


def run_strength(y: Floats, n: int, origin: int, memory: int) -> Floats:
    out = np.full((1, len(y)), GARBAGE)
    relative_strength(y, n, origin, memory, out[0])
    return out


def run_macd(y: Floats, n: int, origin: int, memory: int) -> Floats:
    out = np.full((3, len(y)), GARBAGE)
    macd(y, (3, n, 4), origin, memory, out)
    return out


def run_directional(y: Floats, n: int, origin: int, memory: int) -> Floats:
    out = np.full((3, len(y)), GARBAGE)
    plus, minus = np.maximum(np.sin(9.0 * y), 0.0), np.maximum(-np.sin(7.0 * y), 0.0)
    directional(Moves(2.0 + np.cos(y), plus, minus), n, origin, memory, out)
    return out


Run = Callable[[Floats, int, int, int], Floats]
KERNELS: dict[str, tuple[Run, int]] = {
    "ema": (run_ema, 0),
    "wilder": (run_wilder, 0),
    "relative_strength": (run_strength, 1),
    "macd": (run_macd, 0),
    "directional": (run_directional, 0),
}
"""Each kernel, and how many rows its input needs beyond its own memory."""

EACH = pytest.mark.parametrize("name", KERNELS)


def bits(values: Floats) -> bytes:
    return np.ascontiguousarray(values).tobytes()


@EACH
@pytest.mark.parametrize("n", [2, 5, 9])
def test_two_memories_decide_every_bit(name: str, n: int) -> None:
    run, more = KERNELS[name]
    y, rng = 100.0 + references.walk(900, 1e-2), np.random.default_rng(n)
    for memory in (20, 23, 37):
        origin = int(rng.integers(0, 10**8))
        whole = run(y, n, origin, memory)
        warm = 2 * memory + more - 1
        for start in (*range(1, memory + 2), 300, 777):
            stop = min(len(y), start + warm + 1 + int(rng.integers(0, 90)))
            part = run(y[start:stop], n, origin + start, memory)
            assert bits(part[:, warm:]) == bits(whole[:, start + warm : stop])


@EACH
def test_the_future_changes_nothing(name: str) -> None:
    run, _ = KERNELS[name]
    y = 100.0 + references.walk(200, 1e-2)
    whole = run(y, 5, 7, 31)
    for stop in range(201):
        assert bits(run(y[:stop], 5, 7, 31)) == bits(whole[:, :stop])


@EACH
def test_leading_nan_is_skipped_and_every_output_is_written(name: str) -> None:
    run, _ = KERNELS[name]
    y = 100.0 + references.walk(150, 1e-2)
    for spoiled in (0, 1, 14, 30, 31, 149, 150):
        found = run(np.concatenate([np.full(spoiled, np.nan), y[spoiled:]]), 5, 3, 31)
        alone = run(y[spoiled:], 5, 3 + spoiled, 31)
        assert np.isnan(found[:, :spoiled]).all()
        assert bits(found[:, spoiled:]) == bits(alone)
        assert not (found == GARBAGE).any()


def anchored(y: Floats, memory: int, origin: int, average: Callable[[Floats], Floats]) -> Floats:
    """An average by the rule: from the anchor before last, or the first row, to each row."""
    out = np.full(len(y), np.nan)
    for t in range(len(y)):
        begin = max(((origin + t) // memory - 1) * memory - origin, 0)
        out[t] = average(y[begin : t + 1])[-1]
    return out


@pytest.mark.parametrize("origin", [0, 12, 26, 34, 10**8 + 5])
def test_every_row_comes_from_the_anchor_before_last(origin: int) -> None:
    y = 100.0 + references.walk(170, 1e-2)
    for n in (3, 8):
        exact = anchored(y, 35, origin, lambda v, n=n: slow.wilder(v, n))  # type: ignore[misc]
        np.testing.assert_allclose(run_wilder(y, n, origin, 35)[0], exact, rtol=1e-14)
        exact = anchored(y, 35, origin, lambda v, n=n: slow.ema(v, n))  # type: ignore[misc]
        exact[: n - 1] = np.nan
        np.testing.assert_allclose(run_ema(y, n, origin, 35)[0], exact, rtol=1e-14)


@pytest.mark.parametrize("name", SERIES)
def test_a_restart_is_forgotten(name: str) -> None:
    level, y = SERIES[name]
    unit = max(level, float(np.ptp(y)))
    for n in (7, 60):
        found = run_ema(y, n, 10**6 + 3, ema_rows(n))[0, n - 1 :]
        assert float(np.abs(found - slow.ema(y, n)[n - 1 :]).max()) <= 2e-12 * unit
        found = run_wilder(y, n, 10**6 + 3, wilder_rows(n))[0, n - 1 :]
        assert float(np.abs(found - slow.wilder(y, n)[n - 1 :]).max()) <= 2e-12 * unit


@pytest.mark.parametrize(("gain", "stages"), [(1 / 7, 1), (2 / 131, 2), (1 / 390, 1), (1 / 60, 2)])
def test_the_start_weighs_less_than_the_threshold(gain: float, stages: int) -> None:
    rows = rows_to_forget(gain, stages)
    impulse = np.zeros(rows + 1)
    impulse[0] = 1.0
    for stage in range(stages):
        for t in range(1, rows + 1):
            impulse[t] = (1 - gain) * impulse[t - 1] + (gain * impulse[t] if stage else 0.0)
    assert impulse[rows] < 1e-12 < impulse[int(0.8 * rows)]


@pytest.mark.parametrize("n", [5, 60])
def test_talib_agrees_once_its_seed_has_faded(n: int) -> None:
    y = 100.0 + references.walk(6000, 1e-4)
    found, theirs = run_ema(y, n, 99, ema_rows(n))[0], talib.EMA(y, n)
    assert float(np.abs(found - theirs)[2 * ema_rows(n) :].max()) <= 1e-11
    # Its ATR of bars from 0 to y is Wilder's smoothing of y, without the first row.
    zero = np.zeros(len(y) + 1)
    theirs = talib.ATR(np.concatenate([[1.0], y]), zero, zero, n)[1:]
    found = run_wilder(y, n, 99, wilder_rows(n))[0]
    np.testing.assert_allclose(found, theirs, rtol=1e-12)


def test_a_flat_series_gives_itself() -> None:
    flat = np.full(500, 100.1)
    assert (run_ema(flat, 9, 5, 40)[0, 8:] == 100.1).all()
    assert (run_macd(flat, 9, 5, 40)[:, 8:] == 0.0).all()
    assert (run_wilder(np.zeros(500), 9, 5, 40)[0, 8:] == 0.0).all()
    assert np.isnan(run_strength(flat, 9, 5, 40)).all()
