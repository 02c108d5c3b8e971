"""The probability functions of the tests, from the optional dependency SciPy."""

from __future__ import annotations

import importlib
from typing import Any

from bqx.errors import ConfigError


def scipy_part(name: str) -> Any:
    """A part of SciPy, such as ``special``.

    Raises:
        ConfigError: If SciPy is not installed.
    """
    try:
        return importlib.import_module(f"scipy.{name}")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "causality without scipy",
            expected="the extra `models`",
            hint="pip install bqx-ml[models]",
        ) from error


def f_tail(value: float, tested: int, freedom: int) -> float:
    """Probability that an F variable of ``tested`` and ``freedom`` degrees exceeds a value."""
    return float(scipy_part("special").fdtrc(tested, freedom, max(value, 0.0)))


def chi2_tail(value: float, freedom: int) -> float:
    """Probability that a chi-square variable exceeds a value."""
    return float(scipy_part("special").chdtrc(freedom, max(value, 0.0)))
