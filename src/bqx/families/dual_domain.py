"""The rate index and BQX of a pair against each other."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.parabolic_domains import compared_feature, correlated, divided, standardised
from bqx.families.regression import fitted_terms
from bqx.families.shared.columns import later
from bqx.families.statistics import mean_and_deviation, shape, shaped
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.correlation import residual, slope
from bqx.kernels.moments import mean_std
from bqx.kernels.order import percentile_rank
from bqx.kernels.present import mean_std_of_present, standard_score
from bqx.kernels.sums import moving_sum

LONG = 1440
"""Rows of a reference: one day."""

SCORED = 240
"""Rows in which terms are standardised and widths ranked or averaged."""

LEAST = SCORED * 9 // 10
"""Values of r2 that a standard score needs among these rows."""

EXACT = 1.0 - 1e-9
"""Squared correlation above which a line counts as exact and leaves no residual."""

DECOUPLED = 0.1
"""Rank below which a squared correlation counts as low."""

LAGS = (0, 1, 5, 15)

_CONSTANT = "r or x is constant over the window"


def _r2(d: Domain, w: int) -> FloatArray:
    """Squared correlation of the index's one-row log returns with BQX."""

    def make() -> FloatArray:
        found = correlated(d, d.twin.change, d.series, w)
        return found * found

    return d.memo(("dual_r2", w), make)


def _deviation(d: Domain, values: FloatArray, w: int) -> FloatArray:
    mean, std = d.block(2)
    mean_std(values, w, d.first, mean, std)
    found: FloatArray = std
    return found


def _line(d: Domain, y: FloatArray, x: FloatArray, w: int) -> tuple[FloatArray, FloatArray]:
    """Slope of y on x, and the last residual in standard errors of the regression."""
    beta, rest = d.block(2)
    slope(y, x, w, d.first, beta)
    residual(y, x, w, d.first, rest)
    r2 = _r2(d, w)
    unexplained = np.where(r2 > EXACT, np.nan, 1.0 - r2)
    error = _deviation(d, y, w) * np.sqrt(unexplained * ((w - 1) / (w - 2)))
    return beta, rest / error


def _rank_among_known(d: Domain, values: FloatArray, w: int) -> FloatArray:
    """Share of the known values of the last ``w`` that lie below the current one.

    Unknown ones count as infinite, so they are below nothing. NaN where the current one is unknown,
    or more than a tenth of the others.
    """
    below, count = d.block(2)
    known = ~np.isnan(values)
    percentile_rank(np.where(known, values, np.inf), w, below)
    moving_sum(known.astype(np.float64), w, d.first, count)
    usable = known & (count >= 0.9 * w)
    return np.where(usable, below * (w - 1) / np.maximum(count - 1.0, 1.0), np.nan)


def _below(values: FloatArray, level: float) -> FloatArray:
    return np.where(np.isnan(values), np.nan, (values < level).astype(np.float64))


def _regressions(d: Domain) -> dict[str, FloatArray]:
    r, x = d.twin.change, d.series
    beta, score = _line(d, x, r, 30)
    reverse, reverse_score = _line(d, r, x, 30)
    return {
        "rate_bqx_beta": beta,
        "rate_bqx_r2": _r2(d, 30),
        "rate_bqx_resid_z": score,
        "bqx_rate_beta": reverse,
        "bqx_rate_r2": _r2(d, 30),
        "bqx_rate_resid_z": reverse_score,
        "coupling": _r2(d, 15) - _r2(d, 60),
        "decoupling": _below(_rank_among_known(d, _r2(d, 30), LONG), DECOUPLED),
    }


def _known_score(d: Domain, values: FloatArray) -> FloatArray:
    """Standard score in the known ones of the last 240 values."""
    moments, out = d.block(2), d.block(1)[0]
    mean_std_of_present(values, SCORED, LEAST, d.first, moments)
    standard_score(values, moments[0], moments[1], out)
    found: FloatArray = out
    return found


def _terms(d: Domain) -> dict[str, FloatArray]:
    """Differences between the domains of the standardised terms of the fit over 60 rows."""
    here, there = fitted_terms(d, 60), fitted_terms(d.twin, 60)
    quadratic, linear, constant = (
        standardised(d, there[k], SCORED) - standardised(d, here[k], SCORED) for k in range(3)
    )
    return {
        "a2_diff": quadratic,
        "a1_diff": linear,
        "b_diff": constant,
        "r2_diff": _known_score(d, there[4]) - _known_score(d, here[4]),
    }


def _variance_ratio(d: Domain, w: int) -> FloatArray:
    here, there = mean_and_deviation(d, w)[1], mean_and_deviation(d.twin, w)[1]
    return divided(d, here * here, there * there)


def relative(d: Domain, values: FloatArray, w: int) -> FloatArray:
    """Values relative to the mean of the last ``w``, which are not negative."""
    total: FloatArray = d.block(1)[0]
    moving_sum(values, w, d.first, total)
    return divided(d, values, total / w)


def _statistics(d: Domain) -> dict[str, FloatArray]:
    here, there = shape(d, 20), shape(d.twin, 20)
    own, other = (relative(d, _deviation(d, shaped(e), 30), LONG) for e in (d, d.twin))
    return {
        "var_ratio_20": _variance_ratio(d, 20),
        "var_ratio_60": _variance_ratio(d, 60),
        "skew_diff": here[0] - there[0],
        "kurt_diff": here[1] - there[1],
        **{
            f"xcorr_{k}": correlated(d, d.twin.change, later(d.series, k) if k else d.series, 60)
            for k in LAGS
        },
        "vol_ratio": divided(d, own, other),
        "vol_diff": own - other,
    }


def _slope(name: str, what: str, formula: str, unit: str) -> Feature:
    return compared_feature(
        f"reg_{name}_beta_30",
        f"Least-squares slope of {what} over 30 rows.",
        formula=formula,
        history=30,
        unit=unit,
        null_rule="the explaining series is constant over the window",
    )


def _explained(name: str, what: str) -> Feature:
    return compared_feature(
        f"reg_{name}_r2_30",
        f"Share of the variation that the line of {what} explains; the same in both directions.",
        formula="corr(r, x)² over 30 rows",
        history=30,
        low=0.0,
        high=1.0,
        null_rule=_CONSTANT,
    )


def _score(name: str, what: str) -> Feature:
    return compared_feature(
        f"reg_{name}_resid_z_30",
        f"Residual at the current row of the line of {what}, in standard errors of the regression.",
        formula="e_t / sqrt(SSE / 28), line with intercept over 30 rows",
        history=30,
        unit="deviations",
        null_rule=f"{_CONSTANT}, or one is exactly a line of the other (r2 > 1 - 1e-9)",
    )


def _term(name: str, what: str) -> Feature:
    return compared_feature(
        f"{name}_diff_idx_bqx",
        f"Standard score in 240 rows of {what} over 60 rows of the index, minus that of BQX.",
        formula=f"z({name}_60 of P) - z({name}_60 of x), 240 rows, ddof 1",
        history=60 + SCORED - 1,
        unit="deviations",
        null_rule="one of the two is constant",
    )


_ON_R, _ON_X = "BQX on the index's return", "the index's return on BQX"


class DualRegression(Family):
    """BQX x and the one-row log return r of the index P regressed on each other.

    Both regressions explain the same share; they differ in slope and residual. At a lag of 0 part
    of the relation is mechanical: x contains r with weight -15.
    """

    table = "dual_domain"
    domains = ("bqx",)

    rate_bqx_beta = _slope("rate_bqx", _ON_R, "cov(x, r) / var(r)", "BQX per return")
    rate_bqx_r2 = _explained("rate_bqx", _ON_R)
    rate_bqx_resid_z = _score("rate_bqx", _ON_R)
    bqx_rate_beta = _slope("bqx_rate", _ON_X, "cov(r, x) / var(x)", "return per BQX")
    bqx_rate_r2 = _explained("bqx_rate", _ON_X)
    bqx_rate_resid_z = _score("bqx_rate", _ON_X)
    coupling = compared_feature(
        "reg_coupling_15_60",
        "Squared correlation of return and BQX over 15 rows minus that over 60.",
        formula="corr(r, x)² over 15 rows - corr(r, x)² over 60 rows",
        history=60,
        low=-1.0,
        high=1.0,
        null_rule=_CONSTANT,
    )
    decoupling = compared_feature(
        "reg_decoupling_flag",
        "1 when the squared correlation over 30 rows is in the lowest tenth of its last 1440.",
        formula="[(average rank of corr(r, x)² - 1) / (known values - 1) < 0.1]",
        history=30 + LONG - 1,
        unit="flag",
        low=0.0,
        high=1.0,
        kind="flag",
        null_rule=f"{_CONSTANT}, now or in more than 10 % of the 1440 rows",
    )
    a2_diff = _term("a2", "the quadratic term")
    a1_diff = _term("a1", "the linear term")
    b_diff = _term("b", "the constant term")
    r2_diff = compared_feature(
        "r2_diff_idx_bqx",
        "Standard score in 240 rows of r2 over 60 rows of the index, minus that of BQX.",
        formula="z(r2_60 of P) - z(r2_60 of x), known values of 240 rows, ddof 1",
        history=60 + SCORED - 1,
        unit="deviations",
        null_rule="a window is flat now or in more than 10 % of the 240 rows, or r2 is constant",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All twelve columns."""
        return {**_regressions(d), **_terms(d)}


def _variance(w: int) -> Feature:
    return compared_feature(
        f"var_ratio_bqx_idx_{w}",
        f"Variance of BQX over {w} rows relative to that of the index.",
        formula=f"var(x) / var(P) over {w} rows",
        history=w,
        unit="BQX²/index²",
        low=0.0,
        null_rule="the index's variance is below 1e-12",
    )


def _shaped(name: str, what: str) -> Feature:
    return compared_feature(
        f"{name}_diff_bqx_idx_20",
        f"{what} over 20 rows of BQX minus that of the index's returns.",
        formula=f"{name}(x) - {name}(r) over 20 rows",
        history=20,
        null_rule=_CONSTANT,
    )


def _crossed(lag: int) -> Feature:
    return compared_feature(
        f"xcorr_idx_bqx_lag_{lag}",
        f"Correlation over 60 rows of the index's return with BQX {lag} rows earlier.",
        formula=f"corr(r_s, x_(s-{lag})) over 60 rows s",
        history=60 + lag,
        low=-1.0,
        high=1.0,
        null_rule=_CONSTANT,
    )


_SCALED = "standard deviations over 30 rows of x and of r, each over its mean of 1440 rows"


class DualStatistics(Family):
    """Moments of BQX x against those of the index P or its one-row log returns r."""

    table = "dual_domain"
    domains = ("bqx",)

    var_ratio_20 = _variance(20)
    var_ratio_60 = _variance(60)
    skew_diff = _shaped("skew", "Skewness")
    kurt_diff = _shaped("kurt", "Excess kurtosis")
    xcorr_0 = _crossed(0)
    xcorr_1 = _crossed(1)
    xcorr_5 = _crossed(5)
    xcorr_15 = _crossed(15)
    vol_ratio = compared_feature(
        "vol_ratio_bqx_idx_30",
        "Relative volatility of BQX over that of the index.",
        formula=f"quotient of the {_SCALED}",
        history=30 + LONG - 1,
        low=0.0,
        null_rule="r is constant over 30 rows, or one of the two over all of them",
    )
    vol_diff = compared_feature(
        "vol_diff_bqx_idx_30",
        "Relative volatility of BQX minus that of the index.",
        formula=f"difference of the {_SCALED}",
        history=30 + LONG - 1,
        low=-float(LONG),
        high=float(LONG),
        null_rule="x or r is constant over all of the rows",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All ten columns."""
        return _statistics(d)
