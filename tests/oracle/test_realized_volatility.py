"""Every column of the realized volatility tables against slow twins and closed forms."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import polars as pl
import pytest

import references
import references_volatility as slow
from bqx.domains.domain import Domain, DomainName
from bqx.families.realized_volatility import RealizedVolatility
from bqx.families.volatility_dynamics import DAY, FORGOTTEN, VolatilityDynamics
from bqx.features.family import Columns
from bqx.kernels.sums import moving_sum
from bqx.kernels.variation import clean_terms, jump_statistic, power_terms, skewness
from references import Floats, Long
from synthetic import random_walk_bars

DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")

BOTH = pytest.mark.parametrize("name", DOMAINS)
WINDOWS = pytest.mark.parametrize("w", [20, 630])


@cache
def estimators(name: DomainName, w: int) -> Columns:
    return RealizedVolatility().compute(slow.domain(name), w)


@cache
def dynamics(name: DomainName) -> Columns:
    return VolatilityDynamics().compute_fixed(slow.domain(name))


def agree(found: Floats, expected: Long, size: Long | None = None) -> None:
    """Equal to 1e-12 of the size, NaN in the same rows."""
    assert (np.isnan(found) == np.isnan(expected)).all()
    error = np.abs(found - expected)
    unit = np.abs(expected) if size is None else size
    assert float(np.nanmax(error - 1e-12 * unit)) <= 0.0


@WINDOWS
@BOTH
def test_range_estimators(name: DomainName, w: int) -> None:
    d, found = slow.domain(name), estimators(name, w)
    inside = {"rate": 1, "bqx": 14}[name]
    h, low, c, o = (slow.windows(v, w) for v in slow.moves(d))
    two = np.log(np.longdouble(2))
    rs = (h * (h - c) + low * (low - c)).mean(axis=1)
    gk = ((h - low) ** 2 / 2 - (2 * two - 1) * c**2).mean(axis=1)
    agree(found["parkinson"], np.sqrt(((h - low) ** 2).mean(axis=1) / (4 * two * inside)))
    agree(found["garman_klass"], np.sqrt(gk / inside))
    agree(found["rogers_satchell"], np.sqrt(rs / inside))
    k = 0.34 / (1.34 + (w + 1) / (w - 1))
    joint = o.var(axis=1, ddof=1) + k * c.var(axis=1, ddof=1) + (1 - k) * rs
    agree(found["yang_zhang"], np.sqrt(joint / d.traits.step))


@WINDOWS
@BOTH
def test_variations(name: DomainName, w: int) -> None:
    d, found = slow.domain(name), estimators(name, w)
    step, r = d.traits.step, slow.returns(d)
    squares, before = slow.windows(r * r, w), np.roll(r, step)
    before[:step] = np.nan
    agree(found["quarticity"], w / 3 * (squares**2).sum(axis=1) / step**2)
    products = slow.windows(np.abs(r * before), w - 1).sum(axis=1)
    agree(found["bipower"], np.pi / 2 * w / (w - 1) * products / step)
    signed = (squares * np.sign(slow.windows(r, w))).sum(axis=1) / step
    agree(found["signed_jump"], signed, size=squares.sum(axis=1) / step)


@WINDOWS
@BOTH
def test_jump_statistic(name: DomainName, w: int) -> None:
    d, found = slow.domain(name), estimators(name, w)["jump_statistic"]
    crosses = slow.crossing(d)
    monday = crosses.index(True)
    rows = {*range(len(d) - 700, len(d), 9), *range(monday - 2, monday + 690, 7)}
    rows |= set(np.flatnonzero(np.isnan(found))[700::40].tolist())
    assert len(rows) > 150
    for t in sorted(rows):
        expected = slow.jump_statistic(d.change, crosses, t, w, d.traits.step)
        assert found[t] == pytest.approx(expected, rel=1e-10, abs=1e-12, nan_ok=True)


@BOTH
def test_skewness_and_volatility_of_volatility(name: DomainName) -> None:
    d, found = slow.domain(name), dynamics(name)
    r = slow.windows(slow.returns(d), 20)
    total = (r * r).sum(axis=1)
    vol = np.sqrt(total / (20 * d.traits.step))
    agree(found["vol"], vol)
    cubes = np.sqrt(np.longdouble(20)) * (r**3).sum(axis=1)
    scale = np.where(total > 0, total, np.nan) ** 1.5
    size = np.sqrt(np.longdouble(20)) * (np.abs(r) ** 3).sum(axis=1) / scale
    agree(found["skew"], cubes / scale, size=size)
    deviation = slow.windows(vol, 20).std(axis=1, ddof=1)
    agree(found["vol_of_vol"], deviation, size=slow.windows(vol, 20).max(axis=1))
    second = np.full(len(d), np.nan, np.longdouble)
    second[20:] = vol[20:] - 2 * vol[10:-10] + vol[:-20]
    agree(found["acceleration"], second, size=vol + 1e-4)


@BOTH
def test_ratio_of_exponential_averages(name: DomainName) -> None:
    d, found = slow.domain(name), dynamics(name)["ewma_ratio"]
    squares = slow.returns(d) ** 2
    first = int(np.argmax(~np.isnan(squares)))
    for t in range(first + 19, len(d), 23):
        row = d.first + t
        seed = max((row // FORGOTTEN - 1) * FORGOTTEN - d.first, first)
        past = squares[seed : t + 1]
        averages = []
        for n in (5, 20):
            gain = np.longdouble(2) / (n + 1)
            weights = gain * (1 - gain) ** np.arange(len(past))[::-1]
            weights[0] /= gain
            averages.append(weights @ past)
        short, long = averages
        expected = math.sqrt(short / long) if long > 0 else math.nan
        assert found[t] == pytest.approx(expected, rel=1e-11, nan_ok=True)


@BOTH
def test_regimes(name: DomainName) -> None:
    found = dynamics(name)
    vol, flag = found["vol"], found["regime_high"]
    past = references.trailing(vol, DAY)
    first = int(np.argmax(~np.isnan(flag)))
    assert first == slow.domain(name).traits.lead + {"rate": 1459, "bqx": 1473}[name]
    for t in range(first, len(vol), 31):
        assert flag[t] == (vol[t] > np.quantile(past[t], 0.8))
    for t in range(first + DAY, len(vol), 17):
        states = flag[t - DAY : t + 1]
        assert found["transition_prob"][t] == ((np.diff(states) != 0).sum() + 1) / 1442
        run = next((k for k in range(1, DAY + 1) if states[-1 - k] != states[-1]), DAY + 1)
        assert found["regime_duration"][t] == min(run - 1, DAY)
    assert 0.1 < float(np.nanmean(flag)) < 0.35


def statistic(r: Floats, w: int) -> Floats:
    terms, sums, out = np.empty((6, len(r))), np.empty((6, len(r))), np.empty(len(r))
    clean_terms(r, np.ones_like(r), 1, terms)
    for k in range(6):
        moving_sum(terms[k], w - k % 3, 0, sums[k])
    jump_statistic(sums, w, out)
    return out


@pytest.mark.parametrize("w", [20, 390])
def test_returns_of_one_size_have_closed_forms(w: int) -> None:
    r = 1e-4 * np.where(np.arange(900) % 3 == 0, -1.0, 1.0)
    powers = np.empty((4, 900))
    power_terms(r, 1, powers)
    assert powers[:, 6] == pytest.approx([1e-8, 1e-16, -1e-8, 1e-8], rel=1e-14)
    # Here RV = w a², BV = π/2 RV, and TQ/BV² = 0.7066, which counts as 1.
    noise = (math.pi**2 / 4 + math.pi - 5) / w
    np.testing.assert_allclose(
        statistic(r, w)[w:], (1 - math.pi / 2) / math.sqrt(noise), rtol=1e-11
    )


def test_skewness_has_closed_forms() -> None:
    squares, cubes = np.array([9.0, 1.0, 0.0, np.nan]), np.array([27.0, -1.0 / 20.0**0.5, 0.0, 1.0])
    out = np.empty(4)
    skewness(squares, cubes, 20, out)
    assert out[:2] == pytest.approx([math.sqrt(20), -1.0], rel=1e-15)
    assert np.isnan(out[2:]).all()


def test_the_jump_statistic_is_standard_normal_without_jumps_and_great_with_one() -> None:
    w = 630
    r = np.random.default_rng(8).normal(size=600 * w) * 1e-4
    found = statistic(r, w)[w - 1 :: w]
    assert abs(float(found.mean())) < 0.15
    assert float(found.std()) == pytest.approx(1.0, abs=0.1)
    r[5 * w + 100] = 2e-3
    assert statistic(r[: 6 * w], w)[-1] > 5.0


def test_variations_of_noise_meet_their_expectations() -> None:
    r = np.random.default_rng(9).normal(size=400_000) * 1e-4
    powers = np.empty((4, len(r)))
    power_terms(r, 1, powers)
    assert powers[0].mean() == pytest.approx(1e-8, rel=0.01)
    assert powers[1].mean() / 3 == pytest.approx(1e-16, rel=0.02)
    assert math.pi / 2 * powers[3][1:].mean() == pytest.approx(1e-8, rel=0.01)


def constant(n: int) -> Domain:
    """The rate domain of a still market."""
    frame = random_walk_bars("eurusd", "2019-01-29", n / 1440, seed=1, gaps=False)
    still = [pl.lit(1.25).alias(name) for name in ("open", "high", "low", "close")]
    return slow.domains_of(frame.with_columns(still))["rate"]


def test_a_still_market_has_no_volatility_and_no_ratios() -> None:
    d = constant(1600)
    for key, values in RealizedVolatility().compute(d, 60).items():
        shown = values[61:]
        assert np.isnan(shown).all() if key == "jump_statistic" else (shown == 0.0).all()
    found = VolatilityDynamics().compute_fixed(d)
    for key in ("skew", "ewma_ratio"):
        assert np.isnan(found[key]).all()
    for key in ("vol", "vol_of_vol", "acceleration", "regime_high"):
        assert (found[key][1460:] == 0.0).all()


def test_histories_are_those_of_the_formulas() -> None:
    for name, w in itertools.product(DOMAINS, (20, 60)):
        for column in RealizedVolatility.columns(name):
            values = estimators(name, w)[column.key]
            if column.window == w and column.key != "jump_statistic":
                assert int(np.argmax(~np.isnan(values))) == column.history - 1
        for column in VolatilityDynamics.columns(name):
            values = dynamics(name)[column.key]
            assert int(np.argmax(~np.isnan(values))) == column.history - 1
