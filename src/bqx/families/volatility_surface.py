"""Volatility surface: realized volatility over several horizons, its shape and its forecast.

No options are in the data: nothing here is implied volatility.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.realized_volatility import return_powers
from bqx.families.shared.columns import later, ratio
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.elementwise import log
from bqx.kernels.forecast import har_forecast
from bqx.kernels.marked import marked_products
from bqx.kernels.present import mean_std_of_present
from bqx.kernels.samples import hold
from bqx.kernels.sums import moving_sum

HORIZONS = (15, 60, 240, 1_440)
HOUR = 60
DAY = 1_440
SAMPLES = 480
"""Hours in 20 trading days."""

MOST = 432
"""90 % of them."""

FIT_ROWS = DAY + SAMPLES * HOUR + DAY
"""From the last row of a day back to the first return behind the day's coefficients."""

HAR = "Corsi 2009"


def mean_square(d: Domain, w: int) -> FloatArray:
    """Mean squared return of the last ``w`` rows, per row; once per slice."""

    def make() -> FloatArray:
        total: FloatArray = d.block(1)[0]
        moving_sum(return_powers(d)[0], w, d.first, total)
        found: FloatArray = total / (w * d.traits.step)
        return found

    return d.memo(("mean_square", w), make)


def hourly(d: Domain, values: FloatArray) -> tuple[slice, FloatArray]:
    """Values in the rows whose absolute number is a multiple of 60, and where these rows are."""
    rows = slice(-d.first % HOUR, None, HOUR)
    return rows, np.ascontiguousarray(values[rows])


def stand(d: Domain, rows: slice, sampled: FloatArray) -> FloatArray:
    """Hourly values on all rows: each until the next one."""
    out: FloatArray = d.block(1)[0]
    hold(sampled, np.arange(rows.start, len(d), HOUR), out)
    return out


def _log_volatility(d: Domain, w: int) -> FloatArray:
    """Logarithm of the volatility; NaN where nothing has moved."""

    def make() -> FloatArray:
        squares = mean_square(d, w)
        out: FloatArray = d.block(1)[0]
        log(np.where(squares > 0.0, squares, np.nan), out)
        out *= 0.5
        return out

    return d.memo(("log_volatility", w), make)


def _skew(d: Domain) -> FloatArray:
    """Falls less rises, relative to all squares."""
    squares, signed = d.block(2)
    moving_sum(return_powers(d)[0], 240, d.first, squares)
    moving_sum(return_powers(d)[2], 240, d.first, signed)
    found: FloatArray = np.clip(ratio(-signed, squares), -1.0, 1.0)
    return found


def _vol_of_vol(d: Domain) -> FloatArray:
    out = d.block(2)
    mean_std_of_present(_log_volatility(d, 15), 240, 216, d.first, out)
    deviation: FloatArray = out[1]
    return deviation


def _forecast(d: Domain) -> FloatArray:
    """Variance per row that is expected of the next 60 rows."""
    v = d.block(3)
    out: FloatArray = d.block(1)[0]
    for to, w in zip(v, (HOUR, 240, DAY), strict=True):
        to[:] = mean_square(d, w)
    days = d.grid.minutes // DAY
    har_forecast(v, np.flatnonzero(np.diff(days)) + 1, HOUR, SAMPLES, out)
    return out


def _persistence(d: Domain) -> FloatArray:
    """First autoregression of the log volatility of hours, updated every hour."""
    rows, now = hourly(d, _log_volatility(d, HOUR))
    before = later(now, 1)
    whole = ~(np.isnan(now) | np.isnan(before))
    pair = np.where(whole, before, 0.0), np.where(whole, now, 0.0)
    products: FloatArray = np.empty((5, len(now)))
    origin = (d.first + rows.start) // HOUR
    marked_products(*pair, whole.astype(np.float64), SAMPLES, origin, products)
    count, _, squares, _, cross = products
    slope = ratio(cross, squares)
    return stand(d, rows, np.where(count >= MOST, slope, np.nan))


_surface = partial(Feature, unit="ratio")


class VolatilitySurface(Family):
    """Realized volatility per row over four horizons, and the shape of its term structure.

    r is the one-row log return in the rate domain and the 15-row difference of BQX in the BQX
    domain, whose squares are divided by 15. rv_w is the root mean square of r over w rows.
    """

    table = "volatility_surface_{domain}"
    windows = HORIZONS

    rv = _surface(
        "vs_rv_{w}",
        "Realized volatility of the last {w} rows, per row.",
        formula="sqrt(mean r^2)",
        history=by_step(lambda step: lambda w: w + step),
        unit="return",
        low=0.0,
    )
    slope = _surface(
        "vs_slope_15_240",
        "Slope of the term structure of volatility: positive when it has risen.",
        formula="ln(rv_15 / rv_240)",
        history=by_step(lambda step: 240 + step),
        null_rule="the series has not moved in 15 rows",
    )
    curvature = _surface(
        "vs_curvature_15_60_240",
        "Curvature of the term structure of volatility.",
        formula="ln rv_15 - 2 ln rv_60 + ln rv_240",
        history=by_step(lambda step: 240 + step),
        null_rule="the series has not moved in 15 rows",
    )
    skew = _surface(
        "vs_semivariance_skew_240",
        "Semivariance of the falls less that of the rises, relative to both.",
        formula="(sum r^2 1(r<0) - sum r^2 1(r>0)) / sum r^2 over 240 rows",
        history=by_step(lambda step: 240 + step),
        low=-1.0,
        high=1.0,
        null_rule="the series has not moved in 240 rows",
        source="Barndorff-Nielsen, Kinnebrock and Shephard 2010",
    )
    vol_of_vol = _surface(
        "vs_vol_of_vol_240",
        "Standard deviation (ddof 1) of the log volatility of 15 rows over 240 rows; values of "
        "quarters of an hour in which nothing moved are left out.",
        formula="sd(ln rv_15)",
        history=by_step(lambda step: 254 + step),
        low=0.0,
        null_rule="in more than 10 % of the 240 rows the last 15 rows did not move",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The volatility over one horizon."""
        return {"rv": np.sqrt(mean_square(d, w))}

    def compute_fixed(self, d: Domain) -> Columns:
        """The shape."""
        short, hour, long = (_log_volatility(d, w) for w in (15, HOUR, 240))
        return {
            "slope": short - long,
            "curvature": short - 2.0 * hour + long,
            "skew": _skew(d),
            "vol_of_vol": _vol_of_vol(d),
        }


class VolatilityForecast(Family):
    """Forecast of the next hour's variance, its error, and how long volatility persists.

    rv_w is the root mean square of r over w rows; see the volatilities of the table. The forecast
    is a heterogeneous autoregression: rv_60^2 at s = D - 1 - 60 k, k = 0 ... 479, on rv_60^2,
    rv_240^2 and rv_1440^2 at s - 60, by least squares with a constant. D is the first row of the
    UTC day, so the coefficients of a day are known before it begins. Forecasts beyond the smallest
    and the greatest rv_60^2 of that sample are replaced by their mean. In the BQX domain returns
    of 15 rows overlap, so part of the next hour's variance is known.
    """

    table = "volatility_surface_{domain}"

    forecast = _surface(
        "vs_har_forecast_60",
        "Forecast of the mean squared return of the next 60 rows, per row.",
        formula=(
            "b0 + b1 rv_60^2 + b2 rv_240^2 + b3 rv_1440^2, b from the 28,800 rows before the UTC "
            "day"
        ),
        history=by_step(lambda step: FIT_ROWS + step),
        unit="return^2",
        low=0.0,
        null_rule="the variances of the 28,800 rows before the UTC day depend on each other",
        source=f"{HAR}; Bollerslev, Patton and Quaedvlieg 2016",
    )
    error = _surface(
        "vs_forecast_error_60",
        "Variance of the last 60 rows over its forecast of 60 rows ago, less 1.",
        formula="rv_60^2 / vs_har_forecast_60 of 60 rows ago - 1",
        history=by_step(lambda step: FIT_ROWS + HOUR + step),
        low=-1.0,
        null_rule="the forecast is NULL or 0",
        source=HAR,
    )
    persistence = _surface(
        "vs_persistence",
        "Coefficient of the first autoregression of ln rv_60 from hour to hour, over 20 days; made "
        "at rows whose number on the grid is a multiple of 60, and standing until the next one.",
        formula=(
            "OLS slope of ln rv_60 at s on that at s - 60, 480 hours s; pairs with rv_60 = 0 left "
            "out"
        ),
        history=by_step(lambda step: HOUR + SAMPLES * HOUR + HOUR + step - 1),
        null_rule="fewer than 432 pairs of hours have moved",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All three columns."""
        forecast = _forecast(d)
        return {
            "forecast": forecast,
            "error": ratio(mean_square(d, HOUR), later(forecast, HOUR)) - 1.0,
            "persistence": _persistence(d),
        }
