"""Spectral columns against SciPy's periodogram and closed forms."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal, stats

import references_volatility as slow
from bqx.domains.domain import DomainName
from bqx.families.spectral import Spectral
from bqx.features.family import Columns
from references import Floats

DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
BOTH = pytest.mark.parametrize("name", DOMAINS)
N, HALF = 256, 128


@cache
def computed(name: DomainName) -> Columns:
    return Spectral().compute_fixed(slow.domain(name))


def first(name: DomainName) -> int:
    """The first row with 256 changes."""
    return {"rate": N, "bqx": 15 + 15 + N - 1}[name]


def periodogram(r: Floats) -> Floats:
    """One row of powers at the frequencies 1/256 … 1/2 per trailing window."""
    windows = sliding_window_view(r, N)
    _, power = signal.periodogram(windows, window="hann", detrend="linear", axis=1)
    return np.asarray(power[:, 1:])


@cache
def powers(name: DomainName) -> Floats:
    return periodogram(slow.domain(name).change[first(name) - N + 1 :])


def dominant(power: Floats) -> Floats:
    return np.asarray((1 + power.argmax(axis=1)) / N)


def elsewhere(power: Floats) -> Floats:
    """The powers with 0 for the dominant frequency and two on either side."""
    distance = np.abs(np.arange(HALF) - power.argmax(axis=1)[:, None])
    return np.where(distance > 2, power, 0.0)


def expected(power: Floats) -> dict[str, Floats]:
    """The columns that one row's powers decide."""
    k, rows = 1 + power.argmax(axis=1), np.arange(len(power))
    padded = np.concatenate([power, np.zeros((len(power), 3 * HALF))], axis=1)
    total, best = power.sum(axis=1), power.max(axis=1)
    low, high = power[:, :4].sum(axis=1), power[:, 51:].sum(axis=1)
    harmonics = (padded[rows, 2 * k - 1] + padded[rows, 3 * k - 1]) / best
    running = np.cumsum(power, axis=1) / total[:, None]
    return {
        "dominant_freq": dominant(power),
        "dominant_power": best / total,
        "secondary_freq": dominant(elsewhere(power)),
        "harmonic_ratio": np.where(2 * k <= HALF, harmonics, np.nan),
        "low_power": low / total,
        "high_power": high / total,
        "entropy": stats.entropy(power, axis=1) / np.log(HALF),
        "edge": (1 + (running < 0.95).sum(axis=1)) / N,
        "noise_ratio": high / low,
        "cyclic_strength": best / np.median(power, axis=1),
    }


@BOTH
def test_columns_of_one_row(name: DomainName) -> None:
    found, begin = computed(name), first(name)
    assert Spectral.columns(name)[0].history == begin + 1
    for key, values in expected(powers(name)).items():
        assert np.isnan(found[key][:begin]).all()
        np.testing.assert_allclose(found[key][begin:], values, rtol=1e-10, err_msg=key)


@BOTH
def test_columns_of_sixty_rows(name: DomainName) -> None:
    found, begin, power = computed(name), first(name), powers(name)
    total = np.log(power.sum(axis=1))
    assert np.isnan(found["power_trend"][: begin + 60]).all()
    np.testing.assert_allclose(
        found["power_trend"][begin + 60 :], total[60:] - total[:-60], atol=1e-12
    )
    recent = sliding_window_view(dominant(power), 60)
    steady = 1 / (1 + stats.variation(recent, axis=1, ddof=1))
    assert np.isnan(found["stability"][: begin + 59]).all()
    np.testing.assert_allclose(found["stability"][begin + 59 :], steady, rtol=1e-12)


def test_periods_are_split_at_an_hour_and_at_five_minutes() -> None:
    frequencies = np.arange(1, HALF + 1) / N
    assert (1 / frequencies[:4] > 60).all()
    assert 1 / frequencies[4] < 60
    assert (1 / frequencies[51:] < 5).all()
    assert 1 / frequencies[50] > 5
