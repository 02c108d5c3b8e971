"""Jump columns against a walk over the rows, and what is planted against what is found."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import polars as pl
import pytest

import references_volatility as slow
from bqx.domains.domain import DomainName
from bqx.families.jumps import Jumps
from bqx.features.family import Columns
from bqx.kernels.jumps import decay, rows_since
from references import Floats
from synthetic import random_walk_bars

DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
BOTH = pytest.mark.parametrize("name", DOMAINS)
W, DAY = 20, 1440


@cache
def computed(name: DomainName) -> Columns:
    return Jumps().compute_fixed(slow.domain(name))


@cache
def walked(name: DomainName) -> list[float]:
    """Each return in deviations of the 20 before it; NaN where that is not known."""
    d = slow.domain(name)
    step, crosses = d.traits.step, slow.crossing(d)
    found = [math.nan] * len(d)
    for t in range(first(name), len(d)):
        variance = slow.bipower_mean(d.change, crosses, t - step, W, step)
        if variance and not crosses[t]:
            found[t] = abs(float(d.change[t])) / math.sqrt(variance)
    return found


def first(name: DomainName) -> int:
    """The first row with a whole history."""
    return {"rate": 21, "bqx": 15 + 63}[name]


def rms(r: Floats, rows: list[int]) -> float:
    return math.sqrt(sum(float(r[i]) ** 2 for i in rows) / len(rows))


@BOTH
def test_scores_flags_and_directions(name: DomainName) -> None:
    found, score = computed(name), np.array(walked(name))
    np.testing.assert_allclose(found["magnitude"], score, rtol=1e-12)
    known = ~np.isnan(score)
    assert int(np.argmax(known)) == Jumps.columns(name)[0].history - 1 == first(name)
    for key, threshold in (("large", 2.5), ("extreme", 3.0)):
        assert np.isnan(found[key][~known]).all()
        assert (found[key][known] == (score[known] > threshold)).all()
    expected = (score > 3) * np.sign(slow.domain(name).change)
    np.testing.assert_array_equal(found["direction"], np.where(known, expected, np.nan))


@BOTH
def test_counts_and_times(name: DomainName) -> None:
    found, jump = computed(name), np.array(walked(name)) > 3
    assert jump.any()
    last = None
    for t in range(len(jump)):
        last = t if jump[t] else last
        expected = math.nan if t - first(name) < DAY else float(DAY)
        if last is not None and t - last < DAY:
            expected = t - last
        assert found["since"][t] == pytest.approx(expected, nan_ok=True)
        for rows in (20, 60):
            if t >= rows:
                assert found[f"count_{rows}"][t] == jump[t - rows + 1 : t + 1].sum()


@BOTH
def test_what_follows_a_jump(name: DomainName) -> None:
    d, found, jump = slow.domain(name), computed(name)["decay"], np.array(walked(name)) > 3
    crosses, compared = slow.crossing(d), 0
    for t in range(first(name) + W, len(jump)):
        back = next((k for k in range(W + 1) if jump[t - k]), None)
        expected = math.nan
        if back:
            after = [i for i in range(t - back + 1, t + 1) if not crosses[i]]
            before = [i for i in range(t - back - W + 1, t - back + 1) if not crosses[i]]
            if after:
                expected = rms(d.change, after) / rms(d.change, before)
                compared += 1
        assert found[t] == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert compared > 200


def test_noise_has_few_jumps_and_a_planted_one_is_found() -> None:
    frame = random_walk_bars("eurusd", "2019-01-29", 2, seed=4, gaps=False)
    close = 1.1 * np.exp(np.cumsum(np.random.default_rng(1).normal(size=len(frame))) * 1e-4)
    close[1000:] *= 1.003
    close[2000:] /= 1.003
    prices = {name: pl.Series(close) for name in ("open", "high", "low", "close")}
    d = slow.domains_of(frame.with_columns(**prices))["rate"]
    found = Jumps().compute_fixed(d)
    assert found["direction"][1000] == 1.0
    assert found["direction"][2000] == -1.0
    assert found["magnitude"][1000] > 15.0
    assert found["since"][1003] <= 3.0
    # Student's t would give about 0.7 % beyond 3 of its deviations with 20 returns; bipower is
    # noisier.
    assert 0.003 < float(np.nanmean(found["extreme"])) < 0.02


def test_a_jump_is_forgotten_after_a_day() -> None:
    score, out = np.ones(60), np.empty(60)
    rows_since(score, 3.0, 20, 5, out)
    assert np.isnan(out[:25]).all()
    assert (out[25:] == 20.0).all()
    score[[7, 12]] = 4.0
    score[13] = np.nan
    rows_since(score, 3.0, 20, 5, out)
    assert np.isnan(out[:7]).all()
    assert out[7:].tolist() == [0, 1, 2, 3, 4, *range(20), *[20] * 28]


def test_decay_of_a_closed_form() -> None:
    r = np.where(np.arange(50) <= 30, 2.0, 1.0)
    since, out = np.arange(-30.0, 20.0), np.empty(50)
    since[:30] = np.nan
    decay(r, np.ones(50), since, 20, out)
    assert np.isnan(out[:31]).all()
    assert (out[31:] == 0.5).all()
