"""SSA columns against NumPy's singular value decomposition, and closed forms."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import references_volatility as slow
from bqx.domains.domain import DomainName
from bqx.families.ssa import SingularSpectrum
from bqx.features.family import Columns
from bqx.kernels.ssa import LENGTH, MEASURES, MEMORY, PERIOD, VECTORS, WINDOW, ssa_measures
from references import Floats

DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
BOTH = pytest.mark.parametrize("name", DOMAINS)
NAMES = tuple(SingularSpectrum.features)
COUNTS = np.minimum(np.minimum(np.arange(1, WINDOW + 1), LENGTH), WINDOW - np.arange(WINDOW))


def measured(u: Floats, origin: int = 0) -> Floats:
    out = np.full((MEASURES, len(u)), 12345.678)
    ssa_measures(u, origin, out)
    return out


def lagged(y: Floats) -> Floats:
    """Trajectory matrix: one lagged vector per column."""
    return np.lib.stride_tricks.sliding_window_view(y, LENGTH).T


def diagonal_means(matrix: Floats) -> Floats:
    """A series from a trajectory matrix, by averaging over its antidiagonals."""
    sums = np.zeros(WINDOW)
    for s in range(VECTORS):
        sums[s : s + LENGTH] += matrix[:, s]
    return sums / COUNTS


def decomposed(u: Floats, base: Floats) -> Floats:
    """The eight measures of a window in the directions of another."""
    mean = base.mean()
    directions = np.linalg.svd(lagged(base - mean), full_matrices=False)[0]
    y, matrix = u - mean, lagged(u - mean)
    trend, oscillation = (
        diagonal_means(part @ (part.T @ matrix)) for part in (directions[:, :1], directions[:, 1:3])
    )
    variance = ((directions[:, :3].T @ matrix) ** 2).sum(axis=1) / (matrix**2).sum()
    rest = y - trend - oscillation
    shares = [variance[0], variance[1] + variance[2], 1 - variance.sum()]
    norms = np.sqrt((COUNTS * trend**2).sum() * (COUNTS * oscillation**2).sum())
    alike = abs((COUNTS * trend * oscillation).sum()) / norms
    last = [trend[-1], oscillation[-1], rest[-1]]
    return np.array([*last, *shares, 1 - alike, np.sqrt((rest**2).mean())])


@cache
def computed(name: DomainName) -> Columns:
    return SingularSpectrum().compute_fixed(slow.domain(name))


def anchor(row: int, origin: int) -> int:
    return row - (row + origin) % PERIOD


def errors(name: DomainName, step: int = 53) -> dict[str, float]:
    """Greatest error by column; components relative to the error of reconstruction."""
    d, worst = slow.domain(name), np.zeros(MEASURES)
    for t in range(MEMORY - 1 + d.traits.lead, len(d), step):
        a = anchor(t, d.first)
        u, base = (d.series[end - WINDOW + 1 : end + 1] for end in (t, a))
        exact = decomposed(u, base)
        found = np.array([computed(name)[key][t] for key in NAMES])
        unit = np.where(np.isin(np.arange(MEASURES), (0, 1, 2, 7)), exact[-1], 1.0)
        worst = np.maximum(worst, np.abs(found - exact) / unit)
    return dict(zip(NAMES, worst.tolist(), strict=True))


@BOTH
def test_columns_against_the_singular_value_decomposition(name: DomainName) -> None:
    for key, error in errors(name).items():
        assert error <= 1e-8, key


@BOTH
def test_parts_add_up(name: DomainName) -> None:
    d, found = slow.domain(name), computed(name)
    start = MEMORY - 1 + d.traits.lead
    shares = sum(found[key][start:] for key in ("trend_share", "oscillation_share", "noise_share"))
    np.testing.assert_allclose(shares, 1.0, atol=1e-14)
    total = found["trend"] + found["oscillation"] + found["noise"]
    for t in range(start, len(d), 97):
        a = anchor(t, d.first)
        mean = float(d.series[a - WINDOW + 1 : a + 1].mean())
        assert total[t] == pytest.approx(float(d.series[t]) - mean, abs=1e-12)


def test_a_wave_is_two_components() -> None:
    # The window holds whole periods, so the mean is 0 and two directions hold everything.
    found = measured(3.0 + np.sin(2 * np.pi * np.arange(400) / 20))[:, MEMORY:]
    assert float(found[7].max()) <= 1e-12
    np.testing.assert_allclose(found[3] + found[4], 1.0, atol=1e-12)
    np.testing.assert_allclose(found[5], 0.0, atol=1e-12)


def test_a_line_has_one_component_of_great_variance() -> None:
    found = measured(100.0 + 1e-4 * np.arange(400.0))[:, MEMORY:]
    # A line is of rank two; the third component is nothing.
    assert float(found[7].max()) <= 1e-12
    assert float(found[3].min()) > 0.85


def test_nothing_is_made_of_nothing() -> None:
    assert np.isnan(measured(np.full(500, 100.1))).all()
    y = np.random.default_rng(1).normal(size=900)
    y[300:800] = y[300]
    found = measured(y)
    assert np.isnan(found[:, 555:800]).all()
    assert not np.isnan(found[:, 300:540]).any()


def test_where_the_window_equals_its_mean() -> None:
    u = np.full(400, 5.0)
    u[1], u[2] = 6.0, 4.0
    found = measured(u)
    # The eigenvectors of row 240 know the two; the window of row 245 does not hold them any more.
    assert np.isnan(found[3:7, 245]).all()
    np.testing.assert_allclose(found[[0, 1, 2, 7], 245], 0.0, atol=1e-30)
    np.testing.assert_allclose(found[3:6, 240].sum(), 1.0, atol=1e-14)


def test_one_spike_has_equal_eigenvalues() -> None:
    u = np.zeros(400)
    u[200] = 1.0
    found = measured(u)
    assert np.isfinite(found[:, MEMORY:]).all()
    assert (found[3:7, MEMORY:] >= 0.0).all()


def test_a_missing_value_blanks_what_uses_it() -> None:
    y = np.random.default_rng(2).normal(size=900)
    y[400] = np.nan
    blank = np.isnan(measured(y))
    expected = np.zeros(len(y), np.bool_)
    for t in range(len(y)):
        start = anchor(t, 0) - WINDOW + 1
        expected[t] = start < 0 or start <= 400 <= t
    assert (blank == expected).all()


def test_a_slice_gives_the_same_bits() -> None:
    y, origin = 100.0 + np.cumsum(np.random.default_rng(3).normal(size=1200)) * 1e-4, 123_456
    whole = measured(y, origin)
    for a, b in ((1, 1199), (37, 640), (500, 1100), (700, 700 + MEMORY)):
        part = measured(y[a:b], origin + a)
        assert part[:, MEMORY - 1 :].tobytes() == whole[:, a + MEMORY - 1 : b].tobytes()
