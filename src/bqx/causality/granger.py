"""Granger causality: does the past of one series improve the forecast of another?

Granger (1969). The target is regressed on its own past, on the source's past and, if wanted, on the
past of further series; the coefficients of the source are tested together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bqx.causality.distributions import chi2_tail, f_tail
from bqx.causality.fit import Fit, fit, triangle_of_design
from bqx.causality.lagorder import Criterion, order_by
from bqx.causality.moments import lags_of
from bqx.causality.results import Link
from bqx.causality.robust import (
    Design,
    Robust,
    automatic_lag,
    covariance,
    require_robust,
    residuals,
)
from bqx.causality.series import Panel
from bqx.errors import ConfigError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Lags = int | Literal["auto"]
MAX_LAG = 15
"""Greatest lag that a criterion chooses from."""


@dataclass(frozen=True)
class Settings:
    """How a link is tested.

    Args:
        lags: A number, or ``auto`` for the order of the bivariate VAR by ``criterion``.
        max_lag: Greatest order that is chosen from.
        criterion: ``aic``, ``bic`` or ``hq``.
        robust: Covariance of the coefficients: ``none`` for equal variances (the textbook's F),
            ``hc`` for changing ones (White 1980, as HC3), ``hac`` for autocorrelated errors too
            (Newey and West 1987, times n/(n - k)).
        hac_lag: Greatest autocorrelation of ``hac``; by Newey and West (1994) when None.
        hac_least: The least that the automatic lag may be, such as the overlap of labels.
        bridge: Whether lags may reach over a closure of the market.

    Raises:
        ConfigError: If lags are below 1, or a name is unknown.
    """

    lags: Lags = "auto"
    max_lag: int = MAX_LAG
    criterion: Criterion = "bic"
    robust: Robust = "hc"
    hac_lag: int | None = None
    hac_least: int = 0
    bridge: bool = True

    def __post_init__(self) -> None:
        require_robust(self.robust)
        if self.greatest < 1 or (self.hac_lag is not None and self.hac_lag < 0):
            raise ConfigError(
                f"lags {self.lags}, at most {self.max_lag}, hac lag {self.hac_lag}",
                expected="at least 1, and 0 for the hac lag",
            )

    @property
    def greatest(self) -> int:
        """Lags that a row must have to count."""
        return self.max_lag if self.lags == "auto" else self.lags

    def chosen_hac_lag(self, error: Floats, design: Design) -> int:
        """The given greatest autocorrelation, or the automatic one."""
        if self.hac_lag is not None:
            return self.hac_lag
        return max(automatic_lag(error, design), self.hac_least)

    @property
    def method(self) -> str:
        """As results name it."""
        return {"none": "F", "hc": "F, HC", "hac": "F, HAC"}[self.robust]


@dataclass(frozen=True)
class GrangerTest:
    """A test whether a source Granger-causes a target.

    Attributes:
        statistic: F: Wald's statistic over the number of tested coefficients.
        p: Its p value, from F with (lag, rows - regressors) degrees of freedom.
        chi2: ``rows * (SSR without - SSR with) / SSR with``; for equal variances.
        chi2_p: Its p value.
        effect: ``ln(SSR without / SSR with)`` (Geweke 1982).
        lag: Lags of every series.
        rows: Rows of the regression.
        hac_lag: Greatest autocorrelation that the covariance allows for; 0 without.
        condition: Condition number of the regressors.
    """

    statistic: float
    p: float
    chi2: float
    chi2_p: float
    effect: float
    lag: int
    rows: int
    hac_lag: int
    condition: float


def granger(
    panel: Panel,
    source: str,
    target: str,
    settings: Settings | None = None,
    *,
    given: Sequence[str] = (),
) -> GrangerTest | None:
    """Test one link, from the design itself (QR).

    Rows in which any series, or one of its lags, has no valid value are left out.

    Args:
        panel: The series.
        source: Name of the series whose past is asked.
        target: Name of the series that it may lead.
        settings: How; the defaults when None.
        given: Further series whose past is known too (Geweke 1984).

    Returns:
        None when it cannot be tested: regressors are linearly dependent, the fit is perfect, or
        fewer rows than regressors and two are left.

    Raises:
        ConfigError: If a series occurs twice.
        UnknownNameError: If a series is not there.
    """
    asked = settings or Settings()
    names = [target, source, *given]
    if len(set(names)) < len(names):
        raise ConfigError(f"series {', '.join(names)}", expected="each once")
    part, most = panel.chosen(names), asked.greatest
    usable = np.logical_and.reduce(part.complete(most, bridge=asked.bridge))[most:]
    if np.count_nonzero(usable) < (len(names) * most + 1) + 2:
        return None
    views = [lags_of(series, most) for series in part.standard]
    order = most if asked.lags != "auto" else _order(views, usable, asked)
    own = np.column_stack([v[:, 1 : order + 1] for v in (views[0], *views[2:])])
    return linear_test(views[0][:, 0], Design(own, views[1][:, 1 : order + 1], usable), asked)


def _order(views: Sequence[Floats], usable: Flags, asked: Settings) -> int:
    """The order of the bivariate VAR of target and source."""
    pair = [view[usable] for view in views[:2]]
    lagged = [view[:, k] for k in range(1, asked.max_lag + 1) for view in pair]
    columns = [np.ones(len(pair[0])), *lagged, *(view[:, 0] for view in pair)]
    triangle = triangle_of_design(columns)
    return order_by(triangle, len(pair[0]), asked.criterion)


def linear_test(y: Floats, design: Design, asked: Settings) -> GrangerTest | None:
    """Whether regressors add to a regression on those known anyway, from the design itself.

    Args:
        y: Shape (n,).
        design: The regressors.
        asked: How.
    """
    own, extra, usable = design
    ones = np.ones(np.count_nonzero(usable))
    found = fit(triangle_of_design([ones, own[usable], extra[usable], y[usable]]))
    return None if found is None else of_fit(found, y, design, asked)


def of_fit(found: Fit, y: Floats, design: Design, asked: Settings) -> GrangerTest | None:
    """The test of the last regressors of a fit.

    Args:
        found: The fit of y on 1 and the regressors.
        y: Shape (n,).
        design: The regressors.
        asked: How.
    """
    n, b = int(np.count_nonzero(design.usable)), design.extra.shape[1]
    k = 1 + design.own.shape[1] + b
    square = float(np.sum(y[design.usable] ** 2))
    # A perfect fit leaves only rounding, which says nothing.
    if n <= k or not found.squares > 1e-14 * square:
        return None
    gain, lag = found.gain(range(k - b, k)) / found.squares, 0
    if asked.robust == "none":
        return tested_by(gain * (n - k), gain, (b, n, k), lag, found.condition)
    error, beta = residuals(y, design, found.beta), found.beta[k - b :]
    if asked.robust == "hac":
        lag = asked.chosen_hac_lag(error, design)
    spread = covariance(asked.robust, error, design, found.inverse, first=k - b, lag=lag)
    wald = float(beta @ np.linalg.solve(spread, beta))
    return tested_by(wald, gain, (b, n, k), lag, found.condition)


def tested_by(
    wald: float, gain: float, size: tuple[int, int, int], hac_lag: int, condition: float
) -> GrangerTest:
    """The test from its numbers.

    Args:
        wald: Wald's statistic.
        gain: Relative growth of the sum of squares without the tested regressors.
        size: Tested regressors, rows, all regressors.
        hac_lag: See `GrangerTest`.
        condition: See `GrangerTest`.
    """
    b, n, k = size
    return GrangerTest(
        wald / b,
        f_tail(wald / b, b, n - k),
        n * gain,
        chi2_tail(n * gain, b),
        math.log1p(gain),
        b,
        n,
        hac_lag,
        condition,
    )


def link_of(
    found: GrangerTest | None,
    names: tuple[str, str],
    settings: Settings,
    rows: tuple[int, int, int] | None,
) -> Link:
    """The test as a row of a table.

    Args:
        found: The test; None where it could not be made.
        names: Source and target.
        settings: How it was made.
        rows: Number of rows that count, the first that was read, the last; None when there are
            none.
    """
    count, first, last = rows or (0, None, None)
    base = (*names, "granger", settings.method)
    if found is None:
        nothing = math.nan
        return Link(*base, settings.greatest, nothing, nothing, nothing, count, first, last)
    numbers = (found.lag, found.statistic, found.p, found.effect)
    return Link(*base, *numbers, count, first, last, found.condition)
