"""Prices that leave the market for one minute and are gone in the next.

A wrong tick stands alone: it lies far beyond both neighbouring bars, and these are as quiet as
always. News leave wide bars behind, and a crash goes on; both are kept. The scale is robust
(1.4826 times the median absolute change, Rousseeuw and Croux 1993), so that the wrong ticks do not
enlarge it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from bqx.bars.rows import Rows
from bqx.bars.schema import Reason

SIGMAS = 20
"""Robust standard deviations of one-minute changes that both neighbours must be away."""
NEIGHBOUR_RANGES = 6
"""Multiple of the wider neighbour's high-low range that both neighbours must be away."""

_MAD_TO_SIGMA = 1.4826
_MIN_CHANGES = 60
# One tick relative to the price: of five decimals at least, of four decimals at most.
_FINEST, _COARSEST = 1e-5, 1.5e-4
_DECIMALS = (2, 3, 4, 5)


def mark_outliers(rows: Rows) -> Rows:
    """Give bars that are outliers `Reason.OUTLIER`.

    The first and the last bar have one neighbour only and are never outliers.

    Args:
        rows: Valid rows sorted by time; repeats carry ``duplicate`` or a reason and are left alone.
    """
    bar = pl.col("reason").is_null() & ~pl.col("duplicate")
    bars = rows.filter(bar)
    if bars.height < 3:
        return rows
    found = _measure(bars).filter(pl.col("beyond") > pl.col("limit"))
    if found.is_empty():
        return rows
    details = found.select("line", _detail().alias("outlier"))
    rows = rows.join(details, on="line", how="left", maintain_order="left")
    hit = pl.col("outlier").is_not_null()
    return rows.with_columns(
        pl.when(hit).then(pl.lit(Reason.OUTLIER)).otherwise("reason").alias("reason"),
        pl.coalesce("outlier", "detail").alias("detail"),
    ).drop("outlier")


def _measure(bars: pl.DataFrame) -> pl.DataFrame:
    """Log distance of each bar's extremes beyond both neighbours, and the largest allowed one."""
    logs = bars.select(
        "line",
        "ts_utc",
        "high",
        "low",
        top=pl.col("high").log(),
        bottom=pl.col("low").log(),
        sigma=_sigma(bars),
    )
    above = pl.col("top") - pl.max_horizontal(pl.col("top").shift(1), pl.col("top").shift(-1))
    below = pl.min_horizontal(pl.col("bottom").shift(1), pl.col("bottom").shift(-1)) - pl.col(
        "bottom"
    )
    spread = pl.col("top") - pl.col("bottom")
    widest = pl.max_horizontal(spread.shift(1), spread.shift(-1))
    measured = logs.with_columns(
        above=above,
        below=below,
        beyond=pl.max_horizontal(above, below),
        limit=pl.max_horizontal(SIGMAS * pl.col("sigma"), NEIGHBOUR_RANGES * widest),
    )
    return measured.slice(1, bars.height - 2)


def _sigma(bars: pl.DataFrame) -> pl.Series:
    """Robust standard deviation of one-minute log changes: the UTC day's, or the file's if larger.

    A dead holiday would make an ordinary wick look wrong, so the file's own scale is the least.
    """
    changes = bars.select(
        pl.col("ts_utc").dt.date().alias("day"),
        pl.col("close").log().diff().abs().alias("change"),
    )
    enough = pl.col("change").count().over("day") >= _MIN_CHANGES
    day = pl.when(enough).then(pl.col("change").median().over("day"))
    mad = pl.max_horizontal(day, pl.col("change").median())
    return changes.select(pl.max_horizontal(mad * _MAD_TO_SIGMA, pl.lit(_tick(bars)))).to_series()


def _tick(bars: pl.DataFrame) -> float:
    """The smallest step of the closes relative to the price, from their decimals.

    Where most changes are 0 the median change is 0 too, and a step of one tick must not look large.
    """
    closes = bars["close"].to_numpy()
    fits = [d for d in _DECIMALS if np.mean(np.abs(closes.round(d) - closes) < 1e-9) > 0.99]
    step = 10.0 ** -(fits[0] if fits else _DECIMALS[-1])
    return float(np.clip(step / np.median(closes), _FINEST, _COARSEST))


def _detail() -> pl.Expr:
    high = pl.col("above") >= pl.col("below")
    return pl.format(
        "{} {} lies {} bp beyond both neighbours, more than {} bp",
        pl.when(high).then(pl.lit("high")).otherwise(pl.lit("low")),
        pl.when(high).then("high").otherwise("low"),
        (pl.col("beyond") * 1e4).round(1),
        (pl.col("limit") * 1e4).round(1),
    )
