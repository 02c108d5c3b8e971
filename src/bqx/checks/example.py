"""A week of both domains with fitted parabolas, for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass

from bqx.domains.grid import FloatArray, Int64Array


@dataclass(frozen=True)
class Parabola:
    """One fitted window: ``rows`` are positions in the week, ``values`` the fit on them."""

    rows: Int64Array
    values: FloatArray


@dataclass(frozen=True)
class Curve:
    """One domain's series over the week.

    Attributes:
        domain: Name of the domain.
        label: What the series is.
        values: One value per row of the week.
        fits: Fitted windows.
    """

    domain: str
    label: str
    values: FloatArray
    fits: tuple[Parabola, ...]


@dataclass(frozen=True)
class Example:
    """One week of one pair.

    Attributes:
        pair: Pair.
        window: Window of the fits, in rows.
        minutes: Epoch minute of each row.
        curves: Both domains.
    """

    pair: str
    window: int
    minutes: Int64Array
    curves: tuple[Curve, ...]
