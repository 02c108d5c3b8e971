"""Technical indicators over fixed windows: stochastic, CCI, Williams %R and rate of change.

Stochastic and %R take highs and lows from the index bars in the rate domain, and from the series in
the BQX domain: a window's extrema are extrema over rows already, and need no bars of 15.
"""

from __future__ import annotations

from collections.abc import Callable

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.channel import channel, widen
from bqx.kernels.deviation import mean_deviation
from bqx.kernels.moments import mean_std
from bqx.kernels.oscillators import (
    above,
    below,
    commodity_channel,
    rate_of_change,
    scaled_change,
    typical_price,
)
from bqx.kernels.sums import moving_mean

STOCHASTICS = ((14, 3), (60, 13), (240, 51))
"""Rows of each K and of the average D over it."""

LENGTHS = (9, 14, 21, 30, 60, 90, 150, 240, 390)
"""Lengths of all channels in rows, none more than twice the one before it."""

SLOWING = 3
"""Rows of the average over the first D."""

DEVIATION = 240
"""Rows of the standard deviation in which changes of BQX are measured."""


def _channel(d: Domain, w: int) -> FloatArray:
    """Lowest low and highest high of w rows, one of ``LENGTHS``, made from the length below."""

    def make() -> FloatArray:
        out = d.block(2)
        shorter = [n for n in LENGTHS if n < w]
        if shorter:
            widen(_channel(d, shorter[-1]), w - shorter[-1], out)
            return out
        rate = d.traits.name == "rate"
        low, high = (d.bars.low, d.bars.high) if rate else (d.series, d.series)
        channel(low, high, w, out[0], out[1])
        return out

    return d.memo(("technical_channel", w), make)


def _percent(n: int, average: int, suffix: str = "") -> Feature:
    """K over n rows (``average`` 1), or the average of K over as many rows."""
    letter = "k" if average == 1 else "d"
    name = f"stoch_{letter}" + ("" if n == STOCHASTICS[0][0] else f"_{n}")
    k = f"100 (C - MIN_{n}(L))/(MAX_{n}(H) - MIN_{n}(L))"
    slow = f"Mean of stoch_d over {SLOWING} rows."
    mean = f"Mean of stoch_k over {average} rows, K over {n} rows."
    place = f"Place of the close between low and high of {n} rows."
    return Feature(
        name + suffix,
        slow if suffix else place if average == 1 else mean,
        unit="percent",
        formula=f"SMA_{SLOWING}(stoch_d)" if suffix else k if average == 1 else f"SMA_{average}(K)",
        low=0.0,
        high=100.0,
        history=n + average - 1 + (SLOWING - 1 if suffix else 0),
        null_rule="high and low are equal in a window",
        source="Lane 1984",
    )


def _mean(d: Domain, values: FloatArray, w: int) -> FloatArray:
    """Mean of the last w rows; a missing value leaves no mean."""
    out: FloatArray = d.block(1)[0]
    moving_mean(values, w, d.first, out)
    return out


class Stochastic(Family):
    """Stochastic oscillator (Lane 1984): where the close stands in the range of the last rows."""

    table = "technical_{domain}"

    k = _percent(14, 1)
    d = _percent(14, 3)
    d_slow = _percent(14, 3, "_slow")
    k_60 = _percent(60, 1)
    d_60 = _percent(60, 13)
    k_240 = _percent(240, 1)
    d_240 = _percent(240, 51)

    def compute_fixed(self, d: Domain) -> Columns:
        """K and D over each number of rows."""
        found = []
        for n, average in STOCHASTICS:
            (k,) = d.block(1)
            low, high = _channel(d, n)
            above(d.series, low, high, k)
            found += [k, _mean(d, k, average)]
        found.insert(2, _mean(d, found[1], SLOWING))
        return dict(zip(self.features, found, strict=True))


class CommodityChannel(Family):
    """Commodity channel index (Lambert 1980), in the BQX domain of bars of 15 rows."""

    table = "technical_{domain}"
    windows = (14, 20, 40, 60, 90, 150, 240)

    cci = Feature(
        "cci_{w}",
        "Commodity channel index over {w} rows.",
        unit="ratio",
        formula="(TP - SMA_{w}(TP))/(0.015 mean abs(TP - SMA_{w}(TP))), TP = (H + L + C)/3",
        history=by_step(lambda step: lambda w: w + step - 1),
        null_rule="the typical price is constant over the window",
        source="Lambert 1980",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """One window."""

        def make() -> FloatArray:
            out: FloatArray = d.block(1)[0]
            typical_price(d.bars.high, d.bars.low, d.bars.close, out)
            return out

        (gap, deviation), (out,) = d.block(2), d.block(1)
        mean_deviation(d.memo("typical_price", make), w, gap, deviation)
        commodity_channel(gap, deviation, out)
        return {"cci": out}


class WilliamsRange(Family):
    """Williams %R: how far the close lies below the high of the last rows."""

    table = "technical_{domain}"
    windows = (9, 14, 21, 30, 90, 150, 390)

    williams = Feature(
        "williams_r_{w}",
        "Distance of the close from the high of {w} rows, in negative percent of their range.",
        unit="percent",
        formula="-100 (MAX_{w}(H) - C)/(MAX_{w}(H) - MIN_{w}(L))",
        low=-100.0,
        high=0.0,
        null_rule="high and low are equal in the window",
        source="Williams 1979",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """One window."""
        (out,) = d.block(1)
        low, high = _channel(d, w)
        below(d.series, low, high, out)
        return {"williams": out}


def _change(unit: str, formula: str, history: Callable[[int], int], null_rule: str = "") -> Feature:
    return Feature(
        "roc_{w}",
        "Change over {w} rows.",
        unit=unit,
        formula=formula,
        history=history,
        null_rule=null_rule,
    )


class RateOfChange(Family):
    """Rate of change of the index in percent."""

    table = "technical_{domain}"
    domains = ("rate",)
    windows = (7, 12, 25, 40, 55, 100, 200)

    roc = _change("percent", "100 (u_t/u_(t-{w}) - 1)", lambda w: w + 1)

    def compute(self, d: Domain, w: int) -> Columns:
        """One window."""
        (out,) = d.block(1)
        rate_of_change(d.series, w, out)
        return {"roc": out}


class BqxRateOfChange(Family):
    """Change of BQX in units of its standard deviation, for BQX crosses zero."""

    table = "technical_{domain}"
    domains = ("bqx",)
    windows = RateOfChange.windows

    roc = _change(
        "ratio",
        f"(u_t - u_(t-{{w}}))/SD_{DEVIATION}(u)",
        lambda w: max(w + 1, DEVIATION),
        f"BQX is constant over {DEVIATION} rows",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """One window."""

        def make() -> FloatArray:
            out = d.block(2)
            mean_std(d.series, DEVIATION, d.first, out[0], out[1])
            return out

        (out,) = d.block(1)
        deviation = d.memo(("technical_deviation", DEVIATION), make)[1]
        scaled_change(d.series, w, deviation, out)
        return {"roc": out}
