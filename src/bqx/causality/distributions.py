"""The probability functions of the tests, from the optional dependency SciPy."""

from __future__ import annotations

from typing import Any

from bqx.extras import library


def scipy_part(name: str) -> Any:
    """A part of SciPy, such as ``special``.

    Raises:
        ConfigError: If SciPy is not installed.
    """
    return library(f"scipy.{name}", "models")


def f_tail(value: float, tested: int, freedom: int) -> float:
    """Probability that an F variable of ``tested`` and ``freedom`` degrees exceeds a value."""
    return float(scipy_part("special").fdtrc(tested, freedom, max(value, 0.0)))


def chi2_tail(value: float, freedom: int) -> float:
    """Probability that a chi-square variable exceeds a value."""
    return float(scipy_part("special").chdtrc(freedom, max(value, 0.0)))
