"""Bars in which something can be forecast, and how well at best: an AR term, a lead, a drift.

With I the rate index, ``B_W(t) = sum over i = 1 … W of (I[t-i] - I[t]) / I[t]``. To first order in
the one-minute log returns r,

    B_W(t) = - sum over j = 0 … W-1 of (W - j) r[t-j],

because the return of row t - j lies in those W - j terms that begin before it. Of B_W(t+h) the rows
after t hold the returns r[t+1] … r[t+h], with the weights ``w_m = max(W - h + m, 0)``:

    B_W(t+h) = B_{W-h}(t) - sum over m = 1 … h of w_m r[t+m].

The first part is what a martingale expects; the second is the surprise S. The best forecast of it
is ``f = E[S | bars <= t] = - sum of w_m E[r[t+m] | bars <= t]``, and because S - f is uncorrelated
with f, the skill ``1 - MSE / MSE of the martingale`` of that forecast is

    ceiling = E[f^2] / E[S^2],

which nothing can exceed beyond sampling error. The neglected terms are of order W h sd^2, some
1e-6 of B itself for the returns that are used here.

**AR(1)**: ``r[t] = phi r[t-1] + e[t]``. Then ``E[r[t+m] | t] = phi^m r[t]``. With g the variance of
r: ``E[f^2] = g (sum of w_m phi^m)^2`` and ``E[S^2] = g sum over m, n of w_m w_n phi^|m-n|``.

**Lead and lag**: ``b[t] = beta a[t-k] + e[t]`` with independent a and e. The returns m <= k ahead
are known up to e, the others not at all, and b itself is white: its own past tells nothing. With
``q = beta^2 var a / var b``: ``ceiling = q sum over m <= min(k, h) of w_m^2 / sum of w_m^2``.

**Session drift**: ``r[t] = mu[t] + e[t]`` with ``mu[t]`` known from the clock, +mu in some hours of
the UTC day and -mu in as many others. Then ``f = - sum of w_m mu[t+m]`` is known for every row, and
``ceiling = mean f^2 / (mean f^2 + sd^2 sum of w_m^2)``, the mean over the rows of a week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.bars.schema import BAR_SCHEMA
from bqx.bars.synthetic import trading_minutes
from bqx.market import Calendar, as_utc, epoch_minute

FloatArray = NDArray[np.float64]
Int64Array = NDArray[np.int64]
Returns = Mapping[str, FloatArray]
"""One-minute log returns by pair."""

START = "2024-07-01"
SD = 1e-4
"""Standard deviation of what is unknown in a one-minute log return."""
DIGITS = 8
"""Decimals of a price: rounding must not drown what is planted."""
A_DAY, A_WEEK = 1_440, 10_080
LEVEL = 1.1


class Signal(Protocol):
    """Bars in which something can be forecast."""

    @property
    def pair(self) -> str:
        """The pair whose BQX can be forecast."""

    @property
    def peers(self) -> tuple[str, ...]:
        """Other pairs that have bars."""

    @property
    def right(self) -> tuple[str, ...]:
        """Qualified names of the features that hold what can be known."""

    def returns(self, minutes: Int64Array, seed: int) -> Returns:
        """One-minute log returns of every pair, one for each epoch minute."""

    def forecast(
        self, minutes: Int64Array, returns: Returns, window: int, horizon: int
    ) -> FloatArray:
        """The best forecast of the surprise in B_W(t+h) at each row; NaN where there is none."""

    def ceiling(self, window: int, horizon: int) -> float:
        """The greatest possible skill in B_W(t+h)."""


@dataclass(frozen=True)
class AutoRegression:
    """Returns that follow the one before: r[t] = phi r[t-1] + e[t].

    Attributes:
        phi: The coefficient.
        pair: The pair.
    """

    phi: float = 0.35
    pair: str = "eurusd"
    peers: tuple[str, ...] = ()
    right: tuple[str, ...] = ("returns_rate__ret_idx_1",)

    def returns(self, minutes: Int64Array, seed: int) -> Returns:
        """The returns; they begin in their stationary distribution."""
        shocks = _shocks(seed, self.pair, len(minutes))
        shocks[0] /= np.sqrt(1.0 - self.phi**2)
        path = accumulate(shocks.tolist(), lambda r, e: self.phi * r + e)
        return {self.pair: np.fromiter(path, np.float64, len(minutes))}

    def forecast(
        self, minutes: Int64Array, returns: Returns, window: int, horizon: int
    ) -> FloatArray:
        """Minus the newest return times the sum of the weighted powers of phi."""
        del minutes
        return -self._sum(window, horizon) * returns[self.pair]

    def ceiling(self, window: int, horizon: int) -> float:
        """``(sum of w_m phi^m)^2 / sum of w_m w_n phi^|m-n|``."""
        w = weights(window, horizon)
        steps = np.arange(horizon)
        covariance = self.phi ** np.abs(steps[:, None] - steps)
        return float(self._sum(window, horizon) ** 2 / (w @ covariance @ w))

    def _sum(self, window: int, horizon: int) -> float:
        return float(weights(window, horizon) @ self.phi ** np.arange(1, horizon + 1))


@dataclass(frozen=True)
class LeadLag:
    """A pair that follows another one some minutes later: b[t] = beta a[t-lag] + e[t].

    Attributes:
        beta: How strongly.
        lag: Minutes.
        leader: The pair that leads.
        pair: The pair that follows.
    """

    beta: float = 1 / 3
    lag: int = 5
    leader: str = "eurusd"
    pair: str = "gbpusd"

    @property
    def peers(self) -> tuple[str, ...]:
        """The leader."""
        return (self.leader,)

    @property
    def right(self) -> tuple[str, ...]:
        """The leader's return over the lag: the weights of its minutes are nearly equal."""
        return (f"{self.leader}__returns_rate__ret_idx_{self.lag}",)

    def returns(self, minutes: Int64Array, seed: int) -> Returns:
        """White returns of both; the follower's first ones have no leader."""
        a, b = (_shocks(seed, name, len(minutes)) for name in (self.leader, self.pair))
        b[self.lag :] += self.beta * a[: -self.lag]
        return {self.leader: a, self.pair: b}

    def forecast(
        self, minutes: Int64Array, returns: Returns, window: int, horizon: int
    ) -> FloatArray:
        """Minus the weighted sum of the leader's newest returns."""
        del minutes
        a, w = returns[self.leader], weights(window, horizon)
        out = np.zeros(len(a))
        for m in range(1, min(self.lag, horizon) + 1):
            out -= self.beta * w[m - 1] * _later(a, m - self.lag)
        return out

    def ceiling(self, window: int, horizon: int) -> float:
        """The share of b that a explains, times the share of the weights that is known."""
        share = self.beta**2 / (1.0 + self.beta**2)
        squares = weights(window, horizon) ** 2
        return float(share * squares[: self.lag].sum() / squares.sum())


@dataclass(frozen=True)
class SessionDrift:
    """A mean return that the UTC clock determines: up in some hours, down in others.

    Attributes:
        drift: Mean return in those hours, in units of `SD`.
        up: First hour with a rise, and the one after the last.
        down: The same with a fall.
        pair: The pair.
    """

    drift: float = 0.06
    up: tuple[int, int] = (6, 12)
    down: tuple[int, int] = (18, 24)
    pair: str = "eurusd"
    peers: tuple[str, ...] = ()
    right: tuple[str, ...] = (
        "time__hour_sin",
        "time__hour_cos",
        "time__time_sin_minute",
        "time__time_cos_minute",
    )

    def returns(self, minutes: Int64Array, seed: int) -> Returns:
        """The mean of the minute and white noise."""
        return {self.pair: self._mean(minutes) + _shocks(seed, self.pair, len(minutes))}

    def forecast(
        self, minutes: Int64Array, returns: Returns, window: int, horizon: int
    ) -> FloatArray:
        """Minus the weighted sum of the means to come; NaN in the last rows."""
        del returns
        mean = self._mean(minutes)
        out = np.zeros(len(mean))
        for m, w in enumerate(weights(window, horizon), start=1):
            out -= w * _later(mean, m)
        return out

    def ceiling(self, window: int, horizon: int) -> float:
        """The mean is taken over a week of trading minutes that is followed by another one."""
        begin = epoch_minute(as_utc("2024-07-01"))
        rows = Calendar().row_range(begin, begin + A_WEEK)
        minutes = Calendar().minutes(rows[0], rows[1] + horizon)
        known = self.forecast(minutes, {}, window, horizon)[: rows[1] - rows[0]]
        unknown = SD**2 * np.sum(weights(window, horizon) ** 2)
        return float(np.mean(known**2) / (np.mean(known**2) + unknown))

    def _mean(self, minutes: Int64Array) -> FloatArray:
        hour = minutes % A_DAY // 60
        rising, falling = ((hour >= begin) & (hour < end) for begin, end in (self.up, self.down))
        return SD * self.drift * (rising.astype(np.float64) - falling)


def ceiling(signal: Signal, window: int, horizon: int) -> float:
    """The greatest possible skill, 1 - MSE / MSE of the martingale, in B_W(t+h).

    Args:
        signal: What is planted.
        window: W, in rows.
        horizon: h, in rows.
    """
    return signal.ceiling(window, horizon)


def best_forecast(
    signal: Signal,
    window: int,
    horizon: int,
    *,
    start: str | date = START,
    days: int = 31,
    seed: int = 7,
) -> tuple[Int64Array, FloatArray]:
    """Epoch minutes of the bars of `planted_bars`, and the best forecast of the surprise in each.

    A forecast of B_W(t+h) itself is the martingale's expected value and this surprise.

    Args:
        signal: What is planted.
        window: W, in rows.
        horizon: h, in rows.
        start: As for the bars.
        days: As for the bars.
        seed: As for the bars.
    """
    minutes = trading_minutes(start, days)
    return minutes, signal.forecast(minutes, signal.returns(minutes, seed), window, horizon)


def planted_bars(
    signal: Signal, start: str | date = START, days: int = 31, seed: int = 7
) -> dict[str, pl.DataFrame]:
    """Bars with the signal in their closes, by pair; equal arguments give equal bars.

    No minute is missing and the volatility is constant, so that the closed forms hold.

    Args:
        signal: What is planted.
        start: First UTC day or time.
        days: Calendar days.
        seed: Of the generator.

    Raises:
        ConfigError: If the days hold no trading minute.
    """
    minutes = trading_minutes(start, days)
    found = signal.returns(minutes, seed)
    return {pair: _frame(minutes, r, seed, pair) for pair, r in found.items()}


def weights(window: int, horizon: int) -> FloatArray:
    """How many terms of B_W(t+h) hold the return of row t + m, for m = 1 … h."""
    return np.maximum(np.arange(1, horizon + 1) + window - horizon, 0).astype(np.float64)


def _shocks(seed: int, pair: str, count: int) -> FloatArray:
    rng = np.random.default_rng([seed, *pair.encode()])
    return rng.normal(0.0, SD, count)


def _later(values: FloatArray, rows: int) -> FloatArray:
    """The values some rows later (earlier: negative); NaN where there are none."""
    out = np.full(len(values), np.nan)
    if rows > 0:
        out[:-rows] = values[rows:]
    else:
        out[-rows:] = values[: len(values) + rows]
    return out


def _frame(minutes: Int64Array, returns: FloatArray, seed: int, pair: str) -> pl.DataFrame:
    """Bars that open at the close before; highs and lows lie a little beyond both."""
    close = LEVEL * np.exp(np.cumsum(returns))
    opens = np.concatenate([[LEVEL], close[:-1]])
    rng = np.random.default_rng([seed, 1, *pair.encode()])
    reach = np.abs(rng.normal(0.0, SD / 2, (2, len(close))))
    prices = {
        "open": opens,
        "high": np.maximum(opens, close) * (1.0 + reach[0]),
        "low": np.minimum(opens, close) * (1.0 - reach[1]),
        "close": close,
    }
    columns = {
        "ts_utc": minutes * 60_000_000,
        **{name: np.round(values, DIGITS) for name, values in prices.items()},
        "volume": 1.0 + rng.poisson(60, len(close)),
    }
    missing = [pl.lit(None).alias(name) for name in BAR_SCHEMA if name not in columns]
    frame = pl.DataFrame(columns).with_columns(missing)
    return frame.select(BAR_SCHEMA.names()).cast(BAR_SCHEMA)
