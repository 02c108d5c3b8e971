"""Fibonacci levels over both domains: rolling ranges, swing grids and floor pivots."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.extremum_times import MAXIMUM, MINIMUM, latest_extremum
from bqx.kernels.fibonacci import GRID_ROWS, LEAST, MOST, RANGE_ROWS, range_grid, swing_grid
from bqx.kernels.mean_true_range import mean_true_range
from bqx.kernels.moments import mean_std
from bqx.kernels.previous_day import previous_day
from bqx.kernels.swings import latest_swing

RANGE = 240
"""Rows of the rolling range."""

LOOKBACK = 2880
"""Age in rows, two trading days, beyond which a swing is forgotten."""

DAYS = 3 * 1440
"""Rows that reach the previous day: the current one, a day without a bar, and the previous one."""

ORDERS = (2, 10, 30)
"""Bars on either side of a swing."""

TRUE_RANGES = 20
LONGEST_BAR = 15

SINGLE = "one minute holds both extremes of the window"
FLAT = "the window's range is 0"
NO_DAY = (
    f"no earlier UTC day with a bar lies wholly in the last {DAYS} trading minutes and in the "
    "pair's history"
)
NO_GRID = (
    f"no swing high or no swing low was confirmed in the last {LOOKBACK} trading minutes, or the "
    "high is not above the low"
)


def _begin(d: Domain, rows: int) -> int:
    """First element that the pair's history allows for a value made from ``rows`` of the series."""
    return max(d.grid.start - d.first, 0) + d.traits.lead + rows - 1


def _retracement(ratio: float) -> Feature:
    return Feature(
        f"fib_retracement_{round(1000 * ratio)}",
        f"Retracement level {ratio} of the rolling range.",
        formula=f"MAX_{RANGE} - {ratio} R",
        history=RANGE,
    )


def _extension(ratio: float) -> Feature:
    return Feature(
        f"fib_ext_{round(1000 * ratio)}",
        f"Extension level {ratio} of the rolling range.",
        formula=f"MAX_{RANGE} + ({ratio} - 1) R",
        history=RANGE,
    )


def _fan(name: str, ratio: float) -> Feature:
    return Feature(
        f"fib_fan_{name}",
        f"Fan line {ratio} through the earlier extreme of the window, at the current row.",
        formula=f"v0 + (1 - {ratio}) (v1 - v0) (t - t0) / (t1 - t0)",
        history=RANGE,
        null_rule=SINGLE,
    )


def _distance(ratio: float) -> Feature:
    return Feature(
        f"dist_to_{round(1000 * ratio)}",
        f"Distance from the retracement level {ratio} in units of the rolling range.",
        unit="ratio",
        formula=f"(u_t - (MAX_{RANGE} - {ratio} R)) / R",
        low=ratio - 1.0,
        high=ratio,
        history=RANGE,
        null_rule=FLAT,
    )


def _pivot(name: str, description: str, formula: str) -> Feature:
    return Feature(name, description, formula=formula, history=RANGE, memory=DAYS, null_rule=NO_DAY)


class FibonacciRange(Family):
    """Fibonacci levels of the rolling range, and floor pivots of the previous UTC day.

    R is the range of the last 240 rows: highest high less lowest low in the rate domain, greatest
    less least value of x in the BQX domain. Of equal extremes the latest counts. (t0, v0) is the
    extreme that came first, (t1, v1) the other. A day is a UTC day of the trading grid, a Sunday
    evening too, and is made of its observed minutes; days without any are passed over.
    """

    table = "fibonacci_{domain}"

    retracement_236 = _retracement(0.236)
    retracement_382 = _retracement(0.382)
    retracement_500 = _retracement(0.5)
    retracement_618 = _retracement(0.618)
    retracement_786 = _retracement(0.786)
    extension_1272 = _extension(1.272)
    extension_1618 = _extension(1.618)
    extension_2618 = _extension(2.618)
    extension_4236 = _extension(4.236)
    fan_upper = _fan("upper", 0.382)
    fan_middle = _fan("middle", 0.5)
    fan_lower = _fan("lower", 0.618)
    arc_radius = Feature(
        "fib_arc_radius",
        "Distance from the later extreme, in ranges and windows.",
        unit="ratio",
        formula=f"sqrt(((u_t - v1) / R)² + ((t - t1) / {RANGE})²)",
        low=0.0,
        history=RANGE,
        null_rule=SINGLE,
    )
    distance_382 = _distance(0.382)
    distance_500 = _distance(0.5)
    distance_618 = _distance(0.618)
    pivot_point = _pivot("pivot_point", "Floor pivot of the previous day.", "(Hd + Ld + Cd) / 3")
    resistance_1 = _pivot("resistance_1", "First resistance of the floor pivot.", "2 pivot - Ld")
    support_1 = _pivot("support_1", "First support of the floor pivot.", "2 pivot - Hd")
    distance_pivot = Feature(
        "dist_to_pivot",
        f"Distance from the floor pivot in standard deviations of the last {RANGE} rows.",
        unit="ratio",
        formula=f"(u_t - pivot) / SD_{RANGE}(u)",
        history=RANGE,
        memory=DAYS,
        null_rule=f"{NO_DAY}, or the deviation is 0",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All twenty columns."""
        out = [*_range_columns(d), *_pivot_columns(d)]
        return dict(zip(self.features, out, strict=True))


def _range_columns(d: Domain) -> FloatArray:
    """Levels, fan, arc and distances, in the order of the features."""
    lows, highs = (d.series, d.series) if d.traits.name == "bqx" else (d.bars.low, d.bars.high)
    low, high = d.block(2), d.block(2)
    latest_extremum(lows, RANGE, d.first, MINIMUM, low)
    latest_extremum(highs, RANGE, d.first, MAXIMUM, high)
    out = d.block(RANGE_ROWS)
    range_grid(d.series, low, high, RANGE, out)
    return out


def _pivot_columns(d: Domain) -> tuple[FloatArray, ...]:
    """Pivot, resistance, support and distance."""
    u, grid = d.series, d.grid
    prices = (u, u, u) if d.traits.name == "bqx" else (d.bars.high, d.bars.low, u)
    day, (mean, std) = d.block(3), d.block(2)
    previous_day(prices, grid.observed, grid.minutes, _begin(d, 1), DAYS, day)
    mean_std(u, RANGE, d.first, mean, std)
    pivot = (day[0] + day[1] + day[2]) / 3.0
    std[std == 0.0] = float("nan")
    return pivot, 2.0 * pivot - day[1], 2.0 * pivot - day[0], (u - pivot) / std


def _reach(order: int) -> int:
    """Rows that can influence the newest swing of an order, with the bars on its other side."""
    return LOOKBACK + (order + 1) * LONGEST_BAR


def _grid_distance(ratio: float) -> Feature:
    extension = ratio > 1.0
    prefix, level = ("ext_dist", "extension") if extension else ("dist", "retracement")
    formula = f"Sh + ({ratio} - 1) (Sh - Sl)" if extension else f"Sh - {ratio} (Sh - Sl)"
    return Feature(
        f"fib_{prefix}_{round(1000 * ratio)}_f{{w}}",
        f"Distance from the {level} level {ratio} of the swing grid of order {{w}}.",
        formula=f"u_t - ({formula})",
        history=RANGE,
        memory=_reach,
        null_rule=NO_GRID,
    )


class FibonacciSwing(Family):
    """Fibonacci grid between the newest confirmed swing high and swing low, for three orders.

    The bar that ends at s is a swing high of order k if its high is strictly above those of the k
    bars on either side (a fractal: Williams 1995); it is used from the end of the last of them. In
    the BQX domain bars are 15 rows long, and the bars on either side end 15, 30 … 15 k rows away.
    """

    table = "fibonacci_{domain}"
    windows = ORDERS

    dist_236 = _grid_distance(0.236)
    dist_382 = _grid_distance(0.382)
    dist_500 = _grid_distance(0.5)
    dist_618 = _grid_distance(0.618)
    dist_786 = _grid_distance(0.786)
    ext_dist_1272 = _grid_distance(1.272)
    ext_dist_1618 = _grid_distance(1.618)
    ext_dist_2618 = _grid_distance(2.618)
    nearest_level = Feature(
        "fib_nearest_level_f{w}",
        "Distance from the nearest of the eight levels of the swing grid of order {w}.",
        formula="min over the levels of abs(u_t - level)",
        low=0.0,
        history=RANGE,
        memory=_reach,
        null_rule=NO_GRID,
    )
    grid_position = Feature(
        "fib_grid_position_f{w}",
        "Position between swing low (0) and swing high (1) of order {w}, clipped.",
        unit="ratio",
        formula="clip((u_t - Sl) / (Sh - Sl), -0.5, 1.5)",
        low=LEAST,
        high=MOST,
        history=RANGE,
        memory=_reach,
        null_rule=NO_GRID,
    )
    time_since_swing = Feature(
        "fib_time_since_swing_f{w}",
        "Trading minutes since the newer of the two swings of order {w}; at least {w} bars.",
        unit="minutes",
        formula="t - max(time of Sh, time of Sl)",
        low=float(min(ORDERS)),
        high=float(LOOKBACK),
        history=RANGE,
        memory=_reach,
        null_rule=NO_GRID,
        kind="count",
    )
    grid_strength = Feature(
        "fib_grid_strength_f{w}",
        "Swing range of order {w} in mean true ranges, fading with the age of the newer swing.",
        unit="ratio",
        formula=f"(Sh - Sl) / atr_{TRUE_RANGES} exp(-age / 1440), age in trading minutes",
        low=0.0,
        history=TRUE_RANGES * LONGEST_BAR + 1,
        memory=_reach,
        null_rule=f"{NO_GRID}, or the last {TRUE_RANGES} bars are flat",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All twelve columns of one order."""
        high, low = d.block(2), d.block(2)
        _swings(d, d.bars.high, w, MAXIMUM, high)
        _swings(d, d.bars.low, w, MINIMUM, low)
        out = d.block(GRID_ROWS)
        swing_grid(d.series, low, high, _true_range(d), out)
        return dict(zip(self.features, out, strict=True))


def _swings(d: Domain, values: FloatArray, order: int, sign: float, out: FloatArray) -> None:
    """Newest swings of one side, none of which leans on rows before the pair's history."""
    if d.grid.start > d.first:
        values = values.copy()
        values[: _begin(d, d.traits.step)] = float("nan")
    latest_swing(values, order, d.traits.step, sign, LOOKBACK, out)


def _true_range(d: Domain) -> FloatArray:
    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        bars = (d.bars.high, d.bars.low, d.series)
        mean_true_range(bars, TRUE_RANGES, d.traits.step, out)
        return out

    return d.memo(("mean_true_range", TRUE_RANGES), make)
