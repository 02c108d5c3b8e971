"""All links among several series, each given the past of all others (Geweke 1984)."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bqx.causality.false_discovery import Adjustment
from bqx.causality.fit import Fit, fit, triangle_of_design
from bqx.causality.granger import GrangerTest, Settings, link_of, tested_by
from bqx.causality.moments import lags_of
from bqx.causality.network import Names, facts_of, span_of
from bqx.causality.results import Link, Links
from bqx.causality.robust import Design, covariance, residuals
from bqx.causality.series import Panel
from bqx.errors import ConfigError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def conditional_network(
    panel: Panel, settings: Settings | None = None, *, fdr: Adjustment = "bh"
) -> Links:
    """Test every link given the past of all other series: the equations of one large VAR.

    A link that only passes through, or comes from, a third series of the panel is not found. Rows
    count in which all series and their lags are valid; the design is factored once for all links.
    Series that close a triangle (EURUSD, GBPUSD and EURGBP) are nearly dependent, and such links
    have little power; a condition number says so.

    Args:
        panel: The series.
        settings: How; ``lags`` must be a number.
        fdr: How p values are adjusted for the number of links.

    Raises:
        ConfigError: If the lags are chosen by a criterion.
    """
    asked = settings or Settings(lags=1)
    if asked.lags == "auto":
        raise ConfigError(
            "lags by a criterion, given all other series",
            expected="a number of lags",
            hint="a criterion of a bivariate VAR says nothing about many series",
        )
    equations = _Equations(panel, asked, asked.lags)
    names = list(product(panel.names, panel.names))
    links = [equations.link((s, t)) for t, s in names if s != t]
    facts = {"kind": "granger", "given": "all others", **facts_of(panel, asked)}
    return Links(tuple(links), fdr, panel.synthetic, facts)


class _Equations:
    """One regression per series on the lags of all."""

    def __init__(self, panel: Panel, asked: Settings, lags: int) -> None:
        self._panel, self._asked, self._lags = panel, asked, lags
        complete = np.logical_and.reduce(panel.complete(lags, bridge=asked.bridge))
        self._span = span_of(panel, complete, lags)
        self._usable = complete[lags:]
        self._now, self._past = self._laid()
        self._found = self._fitted()

    def _laid(self) -> tuple[Floats, Floats]:
        """The series at lag 0, and the lags of all, those of a series side by side."""
        if len(self._panel) <= self._lags:
            return np.empty((0, len(self._panel.names))), np.empty((0, 0))
        views = [lags_of(series, self._lags) for series in self._panel.standard]
        return (
            np.column_stack([view[:, 0] for view in views]),
            np.column_stack([view[:, 1:] for view in views]),
        )

    def _fitted(self) -> list[tuple[Fit, Floats, int] | None]:
        """Fit, covariance of the coefficients but the constant's, and HAC lag, by target."""
        m, k = len(self._panel.names), self._past.shape[1] + 1
        n = int(np.count_nonzero(self._usable))
        if n <= k + 1:
            return [None] * m
        ones, past, now = np.ones(n), self._past[self._usable], self._now[self._usable]
        triangle = triangle_of_design([ones, past, now])
        found: list[tuple[Fit, Floats, int] | None] = []
        for target in range(m):
            # Below the regressors, a column of the triangle holds what they leave of the target.
            left = math.sqrt(float(np.sum(triangle[k:, k + target] ** 2)))
            corner = np.append(np.zeros(k), left)
            top = np.column_stack([triangle[:k, :k], triangle[:k, k + target]])
            fitted = fit(np.vstack([top, corner]))
            found.append(None if fitted is None else self._covariance(fitted, target, n - k))
        return found

    def _covariance(self, fitted: Fit, target: int, freedom: int) -> tuple[Fit, Floats, int] | None:
        now = np.ascontiguousarray(self._now[:, target])
        if not fitted.squares > 1e-14 * float(np.sum(now[self._usable] ** 2)):
            return None
        if self._asked.robust == "none":
            return fitted, fitted.inverse[1:, 1:] * fitted.squares / freedom, 0
        design = Design(np.empty((len(now), 0)), self._past, self._usable)
        error, lag = residuals(now, design, fitted.beta), 0
        if self._asked.robust == "hac":
            lag = self._asked.chosen_hac_lag(error, design)
        how = self._asked.robust
        return fitted, covariance(how, error, design, fitted.inverse, first=1, lag=lag), lag

    def link(self, names: Names) -> Link:
        """Test one link."""
        source, target = (self._panel.place(name) for name in names)
        return link_of(self._test(source, target), names, self._asked, self._span)

    def _test(self, source: int, target: int) -> GrangerTest | None:
        found = self._found[target]
        if found is None:
            return None
        fitted, covariance, lag = found
        at = np.arange(source * self._lags, (source + 1) * self._lags)
        beta = fitted.beta[1 + at]
        wald = float(beta @ np.linalg.solve(covariance[np.ix_(at, at)], beta))
        gain = fitted.gain((1 + at).tolist()) / fitted.squares
        n, k = int(np.count_nonzero(self._usable)), len(fitted.beta)
        return tested_by(wald, gain, (self._lags, n, k), lag, fitted.condition)
