"""Run length posterior against the full recursion with SciPy's Student t, and its columns."""

from __future__ import annotations

import numpy as np
import pytest

import references_regimes as slow
from bqx.domains.domain import DomainName
from bqx.families.hmm_regime_changes import LONGEST_RUN, ChangePoint
from bqx.kernels.bocpd import HAZARD, LONGEST, bocpd
from references import Floats


def run(z: Floats, limit: int) -> Floats:
    out = np.empty((3, len(z)))
    bocpd(z, limit, out)
    return out


def changing(n: int, seed: int) -> Floats:
    """Gaussian values whose mean and deviation change about every 150 samples."""
    rng = np.random.default_rng(seed)
    part = np.cumsum(rng.random(n) < 1 / 150)
    return rng.normal(rng.normal(size=n)[part], np.exp(rng.normal(size=n) / 2)[part])


@pytest.mark.parametrize("limit", [1, 40, 1000])
def test_every_hypothesis_counts(limit: int) -> None:
    z = changing(1500, seed=limit)
    z[[5, 6, 700]] = np.nan
    z[900] = 15.0
    np.testing.assert_allclose(run(z, limit), slow.bocpd(z, limit), rtol=0, atol=1e-9)


def test_a_stable_sequence_reaches_the_limit_and_stays() -> None:
    z = np.random.default_rng(4).normal(size=1500)
    found = run(z, 100)
    np.testing.assert_allclose(found, slow.bocpd(z, 100), rtol=0, atol=1e-9)
    assert 80 < found[0, 500:].max() <= 100


def test_the_posterior_finds_a_change() -> None:
    rng = np.random.default_rng(5)
    z = np.concatenate([rng.normal(0, 1, 400), rng.normal(4, 1, 50)])
    found = run(z, 1000)
    assert found[0, 399] > 300
    assert found[1, 403] > 0.95
    assert found[0, 449] == pytest.approx(50, abs=2)


def test_extreme_values_leave_a_posterior() -> None:
    z = np.array([0.1, -0.2, 1e9, 0.0, 0.0, -1e9, 1e-300, 0.0])
    found = run(np.tile(z, 30), 50)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found[1:] <= 1).all()


def test_the_newest_beginning_always_has_the_hazard() -> None:
    """Why P(run length = 0) is not a column: after one sample, the rest is the first run."""
    assert run(np.array([0.3]), 10)[2, 0] == pytest.approx(1 - HAZARD)
    assert run(np.array([0.3]), 10)[0, 0] == pytest.approx(1 - HAZARD)
    assert LONGEST >= LONGEST_RUN


@pytest.mark.parametrize("name", ["rate", "bqx"])
@pytest.mark.parametrize("k", [5, 15])
def test_columns(name: DomainName, k: int) -> None:
    d = slow.domain(name)
    found = ChangePoint().compute(d, k)
    pairs = slow.samples(d.grid.minutes, k)
    ends, known = [e for e, _ in pairs], [row for _, row in pairs]
    values = np.log(d.series) if name == "rate" else d.series
    lag = k if name == "rate" else 15
    changes = np.append(np.full(lag, np.nan), values[lag:] - values[:-lag])[ends]
    week = (d.first + len(d) - 1) // slow.WEEK * slow.WEEK - d.first
    begin = int(np.searchsorted(known, week - LONGEST_RUN * k))
    exact = slow.bocpd(slow.scores(changes, 240, centred=False)[begin:], LONGEST_RUN)
    for column, samples in zip(found.values(), exact, strict=True):
        rows = slow.on_rows(samples, known[begin:], len(d))[week + k :]
        np.testing.assert_allclose(column[week + k :], rows, rtol=1e-9, atol=1e-9)
    assert np.isfinite(found["run_length"][week:]).any()
