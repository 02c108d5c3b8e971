"""Generated bars that look like a market: for demonstrations, documentation and tests.

Eight log currency values follow one common path each, and every pair is the difference of two, so
that all triangles close. Volatility depends on the hour in Tokyo, London and New York, clusters
(two log-AR(1) factors) and has fat tails (Student's t); weekends jump; minutes are missing, more of
them in quiet hours. The prices are a martingale: nothing in them can be forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.bars.schema import ASK, BAR_SCHEMA, BID, PRICES
from bqx.errors import ConfigError
from bqx.market import CURRENCIES, FX_WEEK, PAIRS, Calendar, epoch_minute, parse_pairs, read_moment

FloatArray = NDArray[np.float64]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

START = "2024-07-01"
TICKS = 8
"""Prices per minute behind a bar's open, high, low and close."""
MINUTES_A_YEAR = 52 * 7200


@dataclass(frozen=True)
class Money:
    """What is assumed of a currency.

    Attributes:
        level: US dollars for one unit at the start.
        volatility: Yearly standard deviation of its log value.
        cost: Its share of a spread, in basis points.
        sessions: Weight of the Tokyo, London and New York hours.
    """

    level: float
    volatility: float
    cost: float
    sessions: tuple[float, float, float]


MONEY = {
    "eur": Money(1.0736, 0.042, 0.25, (0.3, 1.3, 1.0)),
    "gbp": Money(1.2650, 0.050, 0.40, (0.3, 1.4, 0.9)),
    "aud": Money(0.6660, 0.065, 0.50, (1.0, 0.8, 0.8)),
    "nzd": Money(0.6090, 0.068, 0.75, (1.0, 0.7, 0.7)),
    "usd": Money(1.0000, 0.045, 0.20, (0.5, 1.0, 1.4)),
    "cad": Money(1 / 1.3680, 0.042, 0.50, (0.2, 0.7, 1.5)),
    "chf": Money(1 / 0.8990, 0.050, 0.50, (0.3, 1.3, 0.8)),
    "jpy": Money(1 / 160.90, 0.068, 0.30, (1.4, 0.9, 1.0)),
}
_SESSIONS = (("Asia/Tokyo", 10.5), ("Europe/London", 9.5), ("America/New_York", 10.0))
_QUIET, _SESSION_HOURS = 0.35, 2.2
# Half-lives in minutes, and standard deviations of the log volatility.
_CLUSTERS = ((1440.0, 0.30), (30.0, 0.30))
_DEGREES = 5
_WEEKEND_JUMP = 0.0006
_OUTAGE_DAYS = 10


def synthetic_bars(
    pairs: str | Sequence[str] | None = None,
    start: str | date = START,
    days: int = 31,
    seed: int = 7,
) -> dict[str, pl.DataFrame]:
    """Bars of some pairs or all, by name; equal arguments give equal bars.

    A pair's bars do not depend on which other pairs are asked for. Prices have 5 decimals, 3 in
    yen; open, high, low and close are mid prices, bid and ask lie half a spread off them; volume is
    a number of ticks.

    Args:
        pairs: Pairs; all 28 when None.
        start: First UTC day or time.
        days: Calendar days.
        seed: Of the generator.

    Returns:
        Frames of `BAR_SCHEMA`, all inside the FX week.

    Raises:
        UnknownNameError: If a pair is unknown.
        ConfigError: If ``start`` cannot be read, or the days hold no trading minute.
    """
    return dict(iter_synthetic_bars(pairs, start, days, seed))


def iter_synthetic_bars(
    pairs: str | Sequence[str] | None = None,
    start: str | date = START,
    days: int = 31,
    seed: int = 7,
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The same as `synthetic_bars`, pair after pair: only one frame is in memory at a time.

    Raises:
        UnknownNameError: If a pair is unknown.
        ConfigError: If ``start`` cannot be read, or the days hold no trading minute.
    """
    names = tuple(PAIRS) if pairs is None else parse_pairs(_listed(pairs))
    minutes = trading_minutes(start, days)
    activity = {c: _activity(minutes, MONEY[c].sessions) for c in CURRENCIES}
    values = {c: _value(minutes, c, activity[c], seed) for c in CURRENCIES}
    common = _outages(_generator(seed, "common"), len(minutes), max(days // 30, 1))
    for name in names:
        base, quote = PAIRS[name].base, PAIRS[name].quote
        busy = (activity[base] + activity[quote]) / 2
        mids = _mids(values[base] - values[quote], name)
        rng = _generator(seed, name)
        spread, volume = _spread(rng, name, mids, busy), _volume(rng, mids, busy)
        frame = _frame(minutes, mids, spread, volume, _points(name))
        gaps = common | _gaps(rng, name, busy, days)
        yield name, frame.filter(pl.Series(~gaps))


def _listed(pairs: str | Sequence[str]) -> str | list[str]:
    return pairs if isinstance(pairs, str) else list(pairs)


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode()])


def trading_minutes(start: str | date, days: int) -> Int64Array:
    """The epoch minutes of the days from a day or time on in which there is trading.

    Raises:
        ConfigError: If ``start`` cannot be read, or the days hold no trading minute.
    """
    moment = read_moment(start)
    calendar = Calendar(FX_WEEK)
    end = moment + timedelta(days=days)
    rows = calendar.row_range(epoch_minute(moment), epoch_minute(end))
    if rows[0] >= rows[1]:
        raise ConfigError(
            f"no trading minute in {days} days from {moment:%Y-%m-%d}",
            expected=f"days inside {FX_WEEK}",
            hint="the market is closed on Saturdays",
        )
    return calendar.minutes(*rows)


def _activity(minutes: Int64Array, weights: tuple[float, float, float]) -> FloatArray:
    """How busy a currency is in each minute, 1 in the quadratic mean over the span."""
    stamps = pl.from_epoch(pl.Series(minutes * 60), "s").dt.replace_time_zone("UTC")
    total = np.full(len(minutes), _QUIET)
    for (zone, centre), weight in zip(_SESSIONS, weights, strict=True):
        local = stamps.dt.convert_time_zone(zone).dt
        hour = local.hour().to_numpy() + local.minute().to_numpy() / 60
        total += weight * np.exp(-(((hour - centre) / _SESSION_HOURS) ** 2) / 2)
    normal: FloatArray = total / np.sqrt(np.mean(total**2))
    return normal


def _value(minutes: Int64Array, currency: str, activity: FloatArray, seed: int) -> FloatArray:
    """Log value of a currency in dollars at every tick, one row a minute."""
    rng, money = _generator(seed, currency), MONEY[currency]
    n = len(minutes)
    tails = np.sqrt((_DEGREES - 2) / rng.chisquare(_DEGREES, n))
    scale = activity * tails * _clustering(rng, n) * money.volatility / np.sqrt(MINUTES_A_YEAR)
    steps = rng.standard_normal((n, TICKS)) * (scale / np.sqrt(TICKS))[:, None]
    opens = np.flatnonzero(np.diff(minutes) > 1) + 1
    steps[opens, 0] += rng.standard_normal(len(opens)) * _WEEKEND_JUMP
    path: FloatArray = np.log(money.level) + np.cumsum(steps).reshape(n, TICKS)
    return path


def _clustering(rng: np.random.Generator, n: int) -> FloatArray:
    """A volatility factor that persists, 1 in the expected quadratic mean."""
    log = np.zeros(n)
    for half_life, sd in _CLUSTERS:
        log += _persistent(rng.standard_normal(n) * sd, 0.5 ** (1 / half_life)) - sd**2
    return np.exp(log)


def _persistent(shocks: FloatArray, keep: float) -> FloatArray:
    """An AR(1) series with coefficient ``keep`` and the variance of the shocks."""
    scaled = shocks * np.sqrt(1 - keep**2)
    scaled[0] = shocks[0]
    return np.fromiter(accumulate(scaled.tolist(), lambda v, e: keep * v + e), float, len(shocks))


def _points(name: str) -> float:
    """Quoted steps in one unit of price: the last of 5 decimals, 3 in yen."""
    return 1e3 if name.endswith("jpy") else 1e5


def _mids(log_price: FloatArray, name: str) -> Int64Array:
    """Open, high, low and close in points, one column each."""
    points = np.exp(log_price) * _points(name)
    columns = (points[:, 0], points.max(axis=1), points.min(axis=1), points[:, -1])
    mids: Int64Array = np.rint(np.stack(columns, axis=1)).astype(np.int64)
    return mids


def _spread(rng: np.random.Generator, name: str, mids: Int64Array, busy: FloatArray) -> Int64Array:
    """Spread in points: wider for rarer currencies and in quiet hours."""
    pair = PAIRS[name]
    relative = (MONEY[pair.base].cost + MONEY[pair.quote].cost) * 1e-4
    noise = np.exp(rng.standard_normal(len(busy)) * 0.15)
    wide = relative * mids[:, 3] * noise / np.clip(busy, 0.2, 1.5)
    return np.maximum(np.rint(wide), 1).astype(np.int64)


def _volume(rng: np.random.Generator, mids: Int64Array, busy: FloatArray) -> FloatArray:
    """Ticks of each minute: more in busy hours and in wide bars."""
    reach = (mids[:, 1] - mids[:, 2]) / max(float(np.mean(mids[:, 1] - mids[:, 2])), 1e-9)
    ticks = 1 + rng.poisson(60 * busy * np.sqrt(0.2 + reach))
    return ticks.astype(np.float64)


def _gaps(rng: np.random.Generator, name: str, busy: FloatArray, days: int) -> BoolArray:
    """Minutes without a bar: single ones where it is quiet, and outages."""
    pair = PAIRS[name]
    rare = 0.008 * (MONEY[pair.base].cost + MONEY[pair.quote].cost)
    single = rng.random(len(busy)) < rare / np.clip(busy, 0.15, 2) ** 1.5
    return single | _outages(rng, len(busy), int(rng.poisson(days / _OUTAGE_DAYS)))


def _outages(rng: np.random.Generator, n: int, count: int) -> BoolArray:
    """Flags of stretches of 10 to 80 minutes."""
    flags = np.zeros(n, np.bool_)
    for start, length in zip(rng.integers(n, size=count), rng.integers(10, 81, count), strict=True):
        flags[start : start + length] = True
    return flags


def _frame(
    minutes: Int64Array, mids: Int64Array, spread: Int64Array, volume: FloatArray, points: float
) -> pl.DataFrame:
    bids = mids - (spread // 2)[:, None]
    sides = ((PRICES, mids), (BID, bids), (ASK, bids + spread[:, None]))
    prices = {name: side[:, k] / points for names, side in sides for k, name in enumerate(names)}
    frame = pl.DataFrame({"ts_utc": minutes * 60_000_000, "volume": volume, **prices})
    return frame.select(BAR_SCHEMA.names()).cast(BAR_SCHEMA)
