"""Numbers as JSON, text and pages show them."""

from __future__ import annotations

import math


def finite(value: float) -> float | None:
    """A number for JSON; None where it is not defined."""
    return float(value) if math.isfinite(value) else None


def short(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}" if math.isfinite(value) else "undefined"


def share(value: float, digits: int = 1) -> str:
    """A share as a percentage."""
    return f"{100.0 * value:.{digits}f} %" if math.isfinite(value) else "undefined"


def chance(value: float) -> str:
    """A p value."""
    if not math.isfinite(value):
        return "undefined"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def bounds(interval: tuple[float, float]) -> str:
    """An interval."""
    low, high = interval
    return f"[{short(low)}, {short(high)}]" if math.isfinite(low) else "undefined"


def percents(interval: tuple[float, float], digits: int) -> str:
    """An interval of a share, in percent."""
    low, high = interval
    if not math.isfinite(low):
        return "undefined"
    return f"[{100.0 * low:.{digits}f}, {100.0 * high:.{digits}f}]"


def side(interval: tuple[float, float]) -> str:
    """Where an interval of a skill lies, in words."""
    low, high = interval
    if not (math.isfinite(low) and math.isfinite(high)):
        return "no interval"
    if low == 0.0 == high:
        return "equal to the martingale"
    if low > 0.0:
        return "above 0"
    return "below 0" if high < 0.0 else "contains 0"
