"""Wavelet columns against PyWavelets and sums over each window."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import pywt
from numpy.lib.stride_tricks import sliding_window_view
from scipy import stats

import references_volatility as slow
from bqx.domains.domain import DomainName
from bqx.families.wavelet import ROWS, TOGETHER, WITHIN, Wavelet
from bqx.features.family import Columns
from bqx.kernels.wavelet import REACH, REACH_2, energy_measures, modwt, relative_size
from references import Floats

DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
BOTH = pytest.mark.parametrize("name", DOMAINS)
AHEAD = {"d1": 4, "d2": 12, "d3": 28, "a3": 28}
"""Rows by which PyWavelets' coefficients stand before the newest row of their filters."""
BEHIND = {"d1": 8, "d2": 22, "d3": 50, "a3": 50}
"""Rows behind a coefficient."""


def backward_wavelet() -> pywt.Wavelet:
    """PyWavelets' db4 with the taps in the other order, so that the first meets the newest row."""
    g = np.array(pywt.Wavelet("db4").rec_lo)
    h = g[::-1] * (-1.0) ** np.arange(8)
    wavelet = pywt.Wavelet("backward", [list(g), list(h), list(g[::-1]), list(h[::-1])])
    wavelet.orthogonal = True
    return wavelet


def coefficients(r: Floats) -> dict[str, Floats]:
    """Coefficients of PyWavelets' stationary transform, NaN where the filters wrap around."""
    padded = np.concatenate([r, np.zeros(-len(r) % 8)])
    found = pywt.swt(padded, backward_wavelet(), level=3, norm=True, trim_approx=True)
    out = {}
    for name, values in zip(("a3", "d3", "d2", "d1"), found, strict=True):
        out[name] = np.roll(values, AHEAD[name])[: len(r)]
        out[name][: BEHIND[name] - 1] = np.nan
    return out


def start(name: DomainName) -> int:
    """The first row with a change."""
    return {"rate": 1, "bqx": 30}[name]


@cache
def transformed(name: DomainName) -> dict[str, Floats]:
    begin = start(name)
    found = coefficients(slow.domain(name).change[begin:])
    return {key: np.concatenate([np.full(begin, np.nan), c]) for key, c in found.items()}


@cache
def computed(name: DomainName) -> Columns:
    return Wavelet().compute_fixed(slow.domain(name))


def trailing(values: Floats, rows: int, first: int) -> Floats:
    """The last ``rows`` values of each row from ``first`` on."""
    return sliding_window_view(values[first - rows + 1 :], rows)


def assert_close(found: Floats, first: int, exact: Floats, key: str) -> None:
    assert np.isnan(found[:first]).all()
    np.testing.assert_allclose(found[first:], exact, rtol=1e-11, atol=1e-13, err_msg=key)


@pytest.mark.parametrize("name", ["d1", "d2", "d3", "a3"])
def test_coefficients(name: str) -> None:
    r = np.random.default_rng(4).normal(size=803)
    out = np.full((6, len(r)), 12345.678)
    modwt(r, out)
    found, exact = out[{"d1": 0, "d2": 1, "d3": 2, "a3": 5}[name]], coefficients(r)[name]
    assert int(np.isnan(found).sum()) == BEHIND[name] - 1
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-14)
    assert (BEHIND["d3"], BEHIND["d2"]) == (REACH, REACH_2) == (50, 22)


def test_a_coefficient_is_the_sum_over_its_own_past() -> None:
    impulse, out = np.zeros(200), np.empty((6, 200))
    impulse[100] = 1.0
    modwt(impulse, out)
    for row, name in ((0, "d1"), (1, "d2"), (2, "d3"), (5, "a3")):
        touched = np.flatnonzero(np.nan_to_num(out[row]))
        assert (touched[0], touched[-1]) == (100, 99 + BEHIND[name])


@BOTH
def test_energies(name: DomainName) -> None:
    found, first = computed(name), start(name) + ROWS - 1
    assert Wavelet.columns(name)[0].history == first + 1
    energy = np.array(
        [(trailing(transformed(name)[k], WITHIN, first) ** 2).sum(axis=1) for k in AHEAD]
    )
    for key, share in zip(("d1", "d2", "d3", "a3"), energy / energy.sum(axis=0), strict=True):
        assert_close(found[key], first, share, key)
    assert_close(found["ratio"], first, energy[0] / energy[2], "ratio")
    assert_close(found["entropy"], first, stats.entropy(energy[:3], axis=0) / np.log(3), "entropy")
    assert_close(found["scale"], first, 1.0 + energy.argmax(axis=0), "scale")


@BOTH
def test_trend_strength_and_singularity(name: DomainName) -> None:
    found, first = computed(name), start(name) + ROWS - 1
    deviation = trailing(slow.domain(name).change, ROWS, first).std(axis=1, ddof=1)
    newest = np.abs(transformed(name)["a3"][first:])
    assert_close(found["trend_strength"], first, newest / deviation, "trend_strength")
    d1 = transformed(name)["d1"]
    greatest = np.abs(trailing(d1, 10, first)).max(axis=1)
    spread = trailing(d1, WITHIN, first).std(axis=1, ddof=1)
    assert_close(found["singularity"], first, greatest / spread, "singularity")


@BOTH
def test_coherence(name: DomainName) -> None:
    found = computed(name)["coherence"]
    column = Wavelet.columns(name)[-1]
    first = column.history - 1
    assert (column.name, first) == ("wavelet_coherence", 170)
    x, y = (trailing(transformed(d)["d2"], TOGETHER, first) for d in DOMAINS)
    exact = stats.pearsonr(x, y, axis=1).statistic
    assert_close(found, first, exact, "coherence")
    np.testing.assert_array_equal(found, computed("rate")["coherence"])


def test_noise_has_the_energies_of_the_bands() -> None:
    r, out = np.random.default_rng(0).normal(size=100_000), np.empty((6, 100_000))
    modwt(r, out)
    energy = np.nanvar(out[[0, 1, 2, 5]], axis=1)
    np.testing.assert_allclose(energy, [1 / 2, 1 / 4, 1 / 8, 1 / 8], rtol=0.03)


def test_measures_without_energy() -> None:
    out = np.empty((7, 4))
    columns = [[0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], [1, 2, 2, 2]]
    energy = np.array(columns, np.float64).T.copy()
    energy[0, 1] = 1e-30
    energy_measures(energy, out)
    assert np.isnan(out[:, 0]).all()
    np.testing.assert_array_equal(out[:, 1], [1e-30, 0, 0, 1, np.nan, np.nan, 4])
    np.testing.assert_array_equal(out[:, 2], [1, 0, 0, 0, np.nan, 0, 1])
    assert out[6, 3] == 2
    size = np.empty(4)
    relative_size(-np.ones(4), np.array([0.0, 2.0, 2.0, np.nan]), np.array([1, 1, 1e-30, 1]), size)
    np.testing.assert_array_equal(size, [np.nan, 0.5, np.nan, np.nan])


def test_a_flat_window_has_no_energy() -> None:
    out = np.full((6, 300), 12345.678)
    modwt(np.zeros(300), out)
    assert (out[:, REACH - 1 :] == 0.0).all()
