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
REQUIRED_TWINS = (REGRESSION, CORRELATION, COVARIANCE)
OTHER_TWINS = tuple(
    (f"{family}_rate", f"{family}_bqx")
    for family in (
        "technical",
        "statistics",
        "bollinger",
        "fibonacci",
        "momentum",
        "regime",
        "returns",
        "error_correction",
        "realized_volatility",
        "hmm_regime",
        "jumps",
    )
)
"""Twins that a store need not have; where it has one, it must have the other."""
TWINS = (*REQUIRED_TWINS, *OTHER_TWINS)
SAME = {"cusum_momentum": "cusum_returns", "cusum_velocity": "cusum_a2"}
"""Names of the BQX domain that the programme spells otherwise than those of the rate domain."""
BASE = "bqx"
REQUIRED = (*REGRESSION, *CORRELATION, *COVARIANCE, BASE)
"""Tables that every pair and month with bars must have."""

SEED_WINDOW = 60
"""Window of the term covariances."""


def untagged(name: str, tag: str) -> str:
    """A column's name with the domain's tag taken out, and as the rate domain spells it."""
    plain = "_".join("{domain}" if part == tag else part for part in name.split("_"))
    for bqx, rate in SAME.items():
        plain = plain.replace(bqx, rate)
    return plain
