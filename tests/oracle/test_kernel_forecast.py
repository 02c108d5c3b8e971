"""Regression of variances against statsmodels, and where it has no answer."""

from __future__ import annotations

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray

from bqx.kernels.forecast import har_forecast
from references import Floats

HOUR, SAMPLES = 4, 50
STARTS = np.array([90, 230, 300, 320])


def variances(seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(1e-8 * rng.gamma(2.0, 1.0, (3, 400)))


def run(v: Floats, starts: NDArray[np.int64] = STARTS) -> Floats:
    out = np.empty(v.shape[1])
    har_forecast(v, starts, HOUR, SAMPLES, out)
    return out


def reference(v: Floats, t: int) -> float:
    begin = int(STARTS[t >= STARTS].max())
    s = np.array([begin - 1 - HOUR * k for k in range(SAMPLES)])
    fit = sm.OLS(1e9 * v[0, s], sm.add_constant(1e9 * v[:, s - HOUR].T)).fit()
    value = float(fit.params @ np.concatenate([[1.0], 1e9 * v[:, t]])) / 1e9
    return value if v[0, s].min() <= value <= v[0, s].max() else float(v[0, s].mean())


def test_against_statsmodels() -> None:
    v = variances()
    found = run(v)
    expected = [reference(v, t) for t in range(230, 400)]
    np.testing.assert_allclose(found[230:], expected, rtol=1e-9)


def test_no_forecast_before_the_first_whole_sample() -> None:
    assert np.isnan(run(variances())[:230]).all()


def test_a_wild_forecast_gives_way_to_the_mean() -> None:
    v = variances()
    v[:, 250] = 1e-3
    s = np.array([229 - HOUR * k for k in range(SAMPLES)])
    assert run(v)[250] == np.float64(sum(v[0, s]) / SAMPLES)


def test_still_and_dependent_variances_have_no_forecast() -> None:
    v = variances()
    v[2] = 2 * v[1]
    assert np.isnan(run(v)).all()
    v[:] = 0.0
    assert np.isnan(run(v)).all()


def test_a_missing_variance_spoils_the_days_that_use_it() -> None:
    v = variances()
    v[1, 229 - HOUR * 3] = np.nan
    found = run(v)
    assert np.isnan(found[230:300]).all()
    assert np.isfinite(found[300:]).all()


def test_bits_do_not_depend_on_where_the_slice_begins() -> None:
    v = variances()
    cut = np.ascontiguousarray(v[:, 25:])
    np.testing.assert_array_equal(run(cut, STARTS - 25)[230 - 25 :], run(v)[230:])
