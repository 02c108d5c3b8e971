"""Slow quadratic fits over short windows, and what is measured on them."""

from __future__ import annotations

from functools import cache

import numpy as np

import references
import references_trend as slow
from bqx.domains.domain import Domain, DomainName
from references import Floats

DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
SHORT = (15, 30, 45, 60, 75, 90)
DAYS = 3.0
QUADRATIC, LINEAR, CONSTANT, RESIDUAL, R2, RMSE, END = range(7)


@cache
def domain(name: DomainName) -> Domain:
    """A domain over three days of a random walk with gaps and flat stretches."""
    return slow.domain(name, DAYS)


@cache
def fit(name: DomainName, w: int) -> Floats:
    """The seven outputs of the fit over ``w`` rows, from extended precision."""
    return np.asarray(references.quadratic(domain(name).series, w), np.float64)


def fits(name: DomainName, row: int, power: int = 0) -> Floats:
    """One output over the six short windows, divided by a power of w - 1."""
    return np.array([fit(name, w)[row] / float(w - 1) ** power for w in SHORT])


def end_slopes(name: DomainName) -> Floats:
    """Slopes of the six parabolas at their last row."""
    return np.array([(2 * fit(name, w)[0] + fit(name, w)[1]) / (w - 1) for w in SHORT])


@cache
def bar_change(name: DomainName) -> Floats:
    """One-row log returns, or 15-row differences of BQX."""
    u = domain(name).series
    if name == "bqx":
        return u - slow.back(u, 15)
    return np.asarray(np.log1p((u - slow.back(u, 1)) / slow.back(u, 1)))


@cache
def volatility(name: DomainName, w: int) -> Floats:
    """Sample standard deviation of the bar changes."""
    return slow.deviation(bar_change(name), w)


def agree(found: Floats, exact: Floats, start: int, tolerance: float) -> float:
    """Fail unless two columns agree, in units of the greater of 1 and the value.

    Returns:
        The greatest error.
    """
    size = np.maximum(np.abs(exact), 1.0)
    return slow.assert_close(found / size, exact / size, tolerance, start)
