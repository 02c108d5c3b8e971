"""Quadratic fits over six short windows, and that over 60 rows compared between the domains."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.regression import fitted_terms
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.across import spread_across, weighted_across
from bqx.kernels.correlation import correlation
from bqx.kernels.moments import mean_std
from bqx.kernels.present import standard_score
from bqx.kernels.quotient import quotient

SHORT_WINDOWS = (15, 30, 45, 60, 75, 90)
"""Windows in rows, shorter than those of the regression table but for two."""

NOTHING = 1e-12
"""Size below which a divisor counts as 0."""

QUADRATIC, LINEAR, RESIDUAL, R2, RMSE, END = 0, 1, 3, 4, 5, 6
"""Rows of the fitted terms."""


PAIRED = 60
"""Pairs of values in a correlation."""

SCORED = 240
"""Rows in which end values are standardised."""

LEAD = 15
"""Rows of closes before the first value of BQX."""

TABLE = "parabolic_comparison_{domain}"


def centred_log_weights() -> FloatArray:
    """Weights whose sum of products with six values is their slope on the log of the window."""
    logs = [math.log(w) for w in SHORT_WINDOWS]
    mean = math.fsum(logs) / len(logs)
    scatter = math.fsum((x - mean) ** 2 for x in logs)
    return np.array([(x - mean) / scatter for x in logs])


def short_fits(d: Domain, row: int, power: int = 0) -> FloatArray:
    """One output of the fits over the six windows, once per slice.

    Args:
        d: The domain.
        row: Row of the fitted terms.
        power: Of w - 1, by which the output is divided: 2 makes a coefficient a2 of the quadratic
            term, 1 a1 of the linear one.

    Returns:
        Array of shape (6, rows).
    """

    def make() -> FloatArray:
        out = d.block(len(SHORT_WINDOWS))
        for k, w in enumerate(SHORT_WINDOWS):
            np.divide(fitted_terms(d, w)[row], float((w - 1) ** power), out=out[k])
        return out

    return d.memo(("short_fits", row, power), make)


def spread(d: Domain, values: FloatArray) -> FloatArray:
    """Sample standard deviation across windows."""
    out: FloatArray = d.block(1)[0]
    spread_across(values, out)
    return out


def weighted(d: Domain, values: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted sum across windows."""
    out: FloatArray = d.block(1)[0]
    weighted_across(values, weights, out)
    return out


def divided(d: Domain, above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotient; NaN where the divisor counts as 0."""
    out: FloatArray = d.block(1)[0]
    quotient(above, below, NOTHING, out)
    return out


def correlated(d: Domain, x: FloatArray, y: FloatArray, w: int) -> FloatArray:
    """Pearson correlation over the last ``w`` rows."""
    out: FloatArray = d.block(1)[0]
    correlation(x, y, w, d.first, out)
    return out


def standardised(d: Domain, values: FloatArray, w: int) -> FloatArray:
    """Distance of each value from the mean of its last ``w``, in standard deviations."""
    mean, std = d.block(2)
    out: FloatArray = d.block(1)[0]
    mean_std(values, w, d.first, mean, std)
    standard_score(values, mean, std, out)
    return out


compared_feature = partial(Feature, unit="ratio")
"""Unit of most columns of the table."""


class ParabolicDomains(Family):
    """The parabola over 60 rows of the index against that of BQX."""

    table = TABLE
    domains = ("rate",)

    a2_corr = compared_feature(
        "a2_idx_vs_bqx_corr",
        "Correlation over 60 rows of the curvatures over 60 rows of the index and of BQX.",
        formula="corr(a2_60 of P, a2_60 of x) over 60 rows",
        history=LEAD + 60 + PAIRED - 1,
        low=-1.0,
        high=1.0,
        null_rule="one of the two is constant",
    )
    a1_corr = compared_feature(
        "a1_idx_vs_bqx_corr",
        "Correlation over 60 rows of a1 over 60 rows of the index and of BQX.",
        formula="corr(a1_60 of P, a1_60 of x) over 60 rows",
        history=LEAD + 60 + PAIRED - 1,
        low=-1.0,
        high=1.0,
        null_rule="one of the two is constant",
    )
    b_gap = compared_feature(
        "b_idx_vs_bqx_gap",
        "Difference of the standard scores over 240 rows of the two fitted values at the current"
        " row.",
        formula="z(end_60 of P) - z(end_60 of x), 240 rows",
        history=LEAD + 60 + SCORED - 1,
        unit="deviations",
        null_rule="one of the two is constant",
    )
    quality_ratio = compared_feature(
        "quality_idx_vs_bqx_ratio",
        "r2 over 60 rows of the index relative to that of BQX.",
        formula="r2_60 of P / r2_60 of x",
        history=LEAD + 60,
        low=0.0,
        null_rule="a window is flat (SST < 1e-18), or the divisor is below 1e-12",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All four columns."""
        here, there = fitted_terms(d, 60), fitted_terms(d.twin, 60)
        return {
            "a2_corr": correlated(d, here[QUADRATIC], there[QUADRATIC], PAIRED),
            "a1_corr": correlated(d, here[LINEAR], there[LINEAR], PAIRED),
            "b_gap": standardised(d, here[END], SCORED) - standardised(d, there[END], SCORED),
            "quality_ratio": divided(d, here[R2], there[R2]),
        }
