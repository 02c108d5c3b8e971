"""Cumulative sums against a slow twin, and the columns of both domains."""

from __future__ import annotations

import numpy as np
import pytest

import references_regimes as slow
from bqx.domains.domain import DomainName
from bqx.families.hmm_regime import REACH, SCALES
from bqx.families.hmm_regime_changes import CusumBqx, CusumRate
from bqx.families.regression import fitted_terms
from bqx.kernels.cusum import cusum
from references import Floats


def run(z: Floats, cap: int) -> Floats:
    out = np.empty((3, len(z)))
    cusum(z, cap, out)
    return out


def test_sums_alarms_and_samples_since() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=5000) + np.repeat(rng.normal(size=50), 100)
    z[[0, 70, 71, 4000]] = np.nan
    found = run(z, 60)
    np.testing.assert_array_equal(found, slow.cusum(z, 60))
    assert 20 < np.nansum(found[1]) < 2000
    assert (np.abs(found[0]) <= 5 + np.abs(z))[~np.isnan(z)].all()


def test_a_steady_shift_of_one_deviation_alarms_every_eleven_samples() -> None:
    found = run(np.ones(44), 99)
    assert np.flatnonzero(found[1]).tolist() == [10, 21, 32, 43]
    assert found[0, 10] == pytest.approx(5.5)
    assert found[2, :12].tolist() == [99] * 10 + [0, 1]


def inputs(name: DomainName, ends: list[int]) -> tuple[Floats, Floats]:
    d = slow.domain(name)
    values = d.series[ends]
    if name == "rate":
        quadratic = fitted_terms(d, 60)[0][ends]
        steps = np.diff(np.log(values)), np.diff(quadratic)
        first, second = (slow.scores(np.append(np.nan, s), 240, centred=False) for s in steps)
        return first, second
    lagged = np.append(np.full(15, np.nan), d.series[15:] - d.series[:-15])[ends]
    first = slow.scores(values, 240, centred=True)
    return first, slow.scores(lagged, 240, centred=False)


@pytest.mark.parametrize("name", ["rate", "bqx"])
@pytest.mark.parametrize("k", SCALES)
def test_columns(name: DomainName, k: int) -> None:
    d = slow.domain(name)
    found = (CusumRate if name == "rate" else CusumBqx)().compute(d, k)
    pairs = slow.samples(d.grid.minutes, k)
    ends, known = [e for e, _ in pairs], [row for _, row in pairs]
    # The last week is enough for the slow twins of the sums.
    week = (d.first + len(d) - 1) // slow.WEEK * slow.WEEK - d.first
    begin = int(np.searchsorted(known, week - REACH[k] * k))
    scores = inputs(name, ends[begin - 240 :])
    first, second = (slow.cusum(z[240:], REACH[k]) for z in scores)
    for values, exact in zip(found.values(), (first[0], second[0], *first[1:]), strict=True):
        rows = slow.on_rows(exact, known[begin:], len(d))[week + k :]
        np.testing.assert_allclose(values[week + k :], rows, rtol=0, atol=1e-9)
    assert np.isfinite(next(iter(found.values()))[week:]).any()
