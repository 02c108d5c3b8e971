"""Granger's test against statsmodels: F, chi2, HC, HAC, orders, adjusted p values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests
from statsmodels.tsa.api import VAR
from statsmodels.tsa.stattools import grangercausalitytests

from bqx.causality.conditional import conditional_network
from bqx.causality.false_discovery import adjusted
from bqx.causality.granger import Settings, granger
from bqx.causality.lagorder import CRITERIA, Criterion
from bqx.causality.network import granger_network
from bqx.causality.results import Link
from bqx.causality.robust import Robust
from causalseries import network, two

Floats = NDArray[np.float64]


def close(expected: Any) -> Any:
    return pytest.approx(expected, rel=1e-8, abs=1e-14)


def lagged(series: Floats, lags: int) -> Floats:
    return np.column_stack([series[lags - k : len(series) - k] for k in range(1, lags + 1)])


@pytest.mark.parametrize("lags", [1, 3, 8])
@pytest.mark.parametrize("names", [("x", "y"), ("y", "x")])
def test_f_and_chi2_are_those_of_statsmodels(lags: int, names: tuple[str, str]) -> None:
    panel = two(1500, 3, strength=0.05)
    source, target = (panel.values[panel.place(name)] for name in names)
    theirs = grangercausalitytests(np.column_stack([target, source]), [lags])[lags][0]
    settings = Settings(lags=lags, robust="none")
    ours = granger(panel, *names, settings)
    assert ours is not None
    assert (ours.statistic, ours.p) == close(theirs["ssr_ftest"][:2])
    assert (ours.chi2, ours.chi2_p) == close(theirs["ssr_chi2test"][:2])
    shared = granger_network(panel, settings, links=[names]).links[0]
    assert (shared.statistic, shared.p) == close(theirs["ssr_ftest"][:2])


def test_nearly_dependent_lags_are_factored_and_not_squared() -> None:
    rng = np.random.default_rng(5)
    panel = two(2000, 4)
    values = panel.values.copy()
    values[0] = np.cumsum(np.cumsum(rng.standard_normal(2000)))
    panel = type(panel)(panel.names, panel.rows, values, panel.breaks)
    theirs = grangercausalitytests(values[[1, 0]].T, [4])[4][0]["ssr_ftest"]
    found = granger_network(panel, Settings(lags=4, robust="none"), links=[("x", "y")]).links[0]
    assert found.condition > 1e4
    assert (found.statistic, found.p) == pytest.approx(theirs[:2], rel=1e-5)


@pytest.mark.parametrize("robust", ["hc", "hac"])
def test_robust_tests_are_those_of_statsmodels(robust: Robust) -> None:
    panel, _ = network(1200, 3, 2, 7, wild=True)
    target, source, other = panel.values
    lags = 3
    regressors = np.column_stack([lagged(s, lags) for s in (target, other, source)])
    model = sm.OLS(target[lags:], sm.add_constant(regressors))
    options: dict[str, Any] = {"cov_type": "HC3"}
    if robust == "hac":
        correction = {"maxlags": 9, "use_correction": True}
        options = {"cov_type": "HAC", "cov_kwds": correction}
    fitted = model.fit(use_t=True, **options)
    tested = np.eye(3 * lags + 1)[1 + 2 * lags :]
    theirs = fitted.wald_test(tested, use_f=True, scalar=True)
    settings = Settings(lags=lags, robust=robust, hac_lag=9)
    ours = granger(panel, "s01", "s00", settings, given=["s02"])
    assert ours is not None
    wanted = (float(theirs.statistic), float(theirs.pvalue))
    assert (ours.statistic, ours.p) == close(wanted)
    every = conditional_network(panel, settings)
    found = of(every.links, "s01", "s00")
    assert (found.statistic, found.p) == close(wanted)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_orders_are_those_of_statsmodels(criterion: Criterion) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 700))
    for t in range(5, 700):
        y[t] += 0.4 * x[t - 4] + 0.3 * y[t - 2]
    theirs = VAR(np.column_stack([y, x])).select_order(9).selected_orders
    panel = type(two(5, 0)).of({"x": x, "y": y})
    settings = Settings(max_lag=9, criterion=criterion)
    name = {"hq": "hqic"}.get(criterion, criterion)
    ours = granger(panel, "x", "y", settings)
    assert ours is not None
    assert ours.lag == theirs[name]
    assert {link.lag for link in granger_network(panel, settings).links} == {theirs[name]}


def test_adjusted_p_values_are_those_of_statsmodels() -> None:
    p = np.random.default_rng(0).random(200) ** 3
    for ours, theirs in (("bh", "fdr_bh"), ("by", "fdr_by")):
        wanted = multipletests(p, method=theirs)[1]
        np.testing.assert_allclose(adjusted(p, ours), wanted, rtol=1e-12)  # type: ignore[arg-type]


def of(links: tuple[Link, ...], source: str, target: str) -> Link:
    return next(k for k in links if (k.source, k.target) == (source, target))
