"""Technical indicators from recursive averages of the series: relative strength and MACD."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.convergence import Spans, macd
from bqx.kernels.recursive import ema_rows, wilder_ratio_rows
from bqx.kernels.relative_strength import relative_strength

FAST_SPANS = (12, 26, 9)
SLOW_SPANS = (60, 130, 45)
"""Spans of the fast, the slow and the signal average of both MACDs."""

SLOPE = 5
"""Rows of the histogram's slope."""


def _converged(w: int) -> int:
    """Rows after which less than 0.7 % of an average of w rows is its seed."""
    return 5 * w


def _strength_memory(w: int) -> int:
    """Two restarts, and the value before the first change."""
    return 2 * wilder_ratio_rows(w) + 1


class RelativeStrength(Family):
    """Relative strength index of one-row changes (Wilder 1978), shown once its seed has faded."""

    table = "technical_{domain}"
    windows = (7, 9, 14, 21, 25, 30, 60)

    rsi = Feature(
        "rsi_{w}",
        "Relative strength index of one-row changes over {w} rows.",
        unit="percent",
        formula="100 - 100/(1 + Wilder_{w}(rises)/Wilder_{w}(falls)) of u_t - u_(t-1)",
        low=0.0,
        high=100.0,
        history=_converged,
        memory=_strength_memory,
        null_rule="the series has not moved since the averages began",
        source="Wilder 1978",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """One window."""
        (out,) = d.block(1)
        relative_strength(d.series, w, d.first, wilder_ratio_rows(w), out)
        return {"rsi": out}


def _rows(spans: Spans) -> int:
    """Rows between two restarts, after which all three averages have forgotten their start."""
    return ema_rows(spans[1], stages=2)


def _average(name: str, description: str, formula: str, spans: Spans, more: int = 0) -> Feature:
    """A feature of the MACD with these spans, made from the values up to ``more`` rows ago."""
    fast, slow, signal = spans
    return Feature(
        name,
        description,
        formula=formula.format(fast=fast, slow=slow, signal=signal),
        history=slow + signal + more,
        memory=2 * _rows(spans) + more,
        source="Appel 1979",
    )


LINE = "EMA_{fast}(u) - EMA_{slow}(u)"
SIGNAL = "EMA_{signal}(line)"
DIFFERENCE = "line - signal"


class MovingAverageConvergence(Family):
    """Moving average convergence and divergence of the series, fast and slow (Appel 1979)."""

    table = "technical_{domain}"

    line = _average("macd_line", "Fast minus slow average, 12 and 26 rows.", LINE, FAST_SPANS)
    signal = _average("macd_signal", "Average of macd_line over 9 rows.", SIGNAL, FAST_SPANS)
    histogram = _average("macd_histogram", "macd_line - macd_signal.", DIFFERENCE, FAST_SPANS)
    line_slow = _average(
        "macd_line_slow", "Fast minus slow average, 60 and 130 rows.", LINE, SLOW_SPANS
    )
    signal_slow = _average(
        "macd_signal_slow", "Average of macd_line_slow over 45 rows.", SIGNAL, SLOW_SPANS
    )
    histogram_slow = _average(
        "macd_histogram_slow", "macd_line_slow - macd_signal_slow.", DIFFERENCE, SLOW_SPANS
    )
    slope = _average(
        f"macd_histogram_slope_{SLOPE}",
        "Change of macd_histogram per row over 5 rows.",
        "(histogram_t - histogram_(t-5))/5",
        FAST_SPANS,
        more=SLOPE,
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """Both MACDs and the slope."""
        out = d.block(7)
        macd(d.series, FAST_SPANS, d.first, _rows(FAST_SPANS), out[:3])
        macd(d.series, SLOW_SPANS, d.first, _rows(SLOW_SPANS), out[3:6])
        histogram, slope = out[2], out[6]
        slope[:SLOPE] = float("nan")
        slope[SLOPE:] = (histogram[SLOPE:] - histogram[:-SLOPE]) / SLOPE
        return dict(zip(self.features, out, strict=True))
