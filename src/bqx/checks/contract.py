"""What alignment means: the tables, twins, windows and columns that both domains must have.

Written down here and not taken from the families: the check must be able to contradict them.
"""

from __future__ import annotations

DOMAINS = ("rate", "bqx")
TAGS = {"rate": "idx", "bqx": "bqx"}
WINDOWS = (60, 90, 150, 240, 390, 630)
PER_WINDOW = (
    "quadratic_term",
    "linear_term",
    "constant_term",
    "residual",
    "r2",
    "rmse",
    "prediction",
)
"""Columns of each window of the regression, in order."""

REGRESSION = ("reg_rate", "reg_bqx")
CORRELATION = ("correlation_rate", "correlation_bqx")
COVARIANCE = ("covariance_rate", "covariance_bqx")
TWINS = (REGRESSION, CORRELATION, COVARIANCE)
BASE = "bqx"
REQUIRED = (*REGRESSION, *CORRELATION, *COVARIANCE, BASE)
"""Tables that every pair and month with bars must have."""

SEED_WINDOW = 60
"""Window of the term covariances."""
