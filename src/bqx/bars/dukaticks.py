"""Dukascopy's hours of ticks, aggregated to one-minute bars of bid, ask and their middle."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import product

import numpy as np
import polars as pl

from bqx.bars.clock import UTC_CLOCK, place
from bqx.bars.names import pair_in
from bqx.bars.rows import Reading, complete
from bqx.bars.schema import ASK, BID, PRICES, Reason
from bqx.bars.source import Member

_HOUR = re.compile(r"(\d{4})[/_-](\d{2})[/_-](\d{2})[/_-](\d{2})h_ticks\.bi5$", re.IGNORECASE)
_RECORD = np.dtype(
    [("ms", ">u4"), ("ask", ">u4"), ("bid", ">u4"), ("ask_volume", ">f4"), ("bid_volume", ">f4")]
)
_HOUR_MS = 3_600_000
_SIDES = {"mid": PRICES, "bid": BID, "ask": ASK}


def read_ticks(member: Member) -> Reading:
    """Read one hour of ticks; volume is the number of ticks.

    Ticks with a price of 0, with ask below bid, or later than the hour are rejected one by one.

    Raises:
        InputFileError: If the path names no hour or no pair, or the last record is cut.
    """
    hour = _hour(member)
    pair = pair_in("/".join(member.path.parts[-5:-4])) or pair_in(member.stem)
    if len(member.data) % _RECORD.itemsize:
        raise member.error(
            f"{len(member.data):,} bytes", expected=f"records of {_RECORD.itemsize} bytes"
        )
    ticks = _ticks(member.data, 1e3 if pair is not None and "jpy" in pair else 1e5)
    bad = ticks.filter(pl.col("reason").is_not_null())
    bars = _bars(ticks.filter(pl.col("reason").is_null()))
    rows = pl.concat([_with_offset(bars), _with_offset(bad)]).with_columns(
        wall=pl.lit(hour) + pl.duration(milliseconds="ms")
    )
    note = f"{ticks.height:,} ticks were aggregated to {bars.height:,} bars"
    return Reading(complete(place(rows, UTC_CLOCK)), str(UTC_CLOCK), pair, (note,), ticks.height)


def _with_offset(rows: pl.DataFrame) -> pl.DataFrame:
    """Bars and rejected ticks with the same columns."""
    wall = complete(rows.drop("ms")).with_columns(rows["ms"])
    return wall.drop("ts_utc")


def _hour(member: Member) -> datetime:
    match = _HOUR.search(member.path.as_posix())
    try:
        year, month, day, hour = (int(part) for part in match.groups()) if match else (0, 0, 0, 0)
        # January is month 00.
        return datetime(year, month + 1, day) + timedelta(hours=_checked(hour))  # noqa: DTZ001
    except ValueError as error:
        raise member.error(
            "the path names no hour",
            expected="PAIR/YYYY/MM/DD/HHh_ticks.bi5 with January as month 00",
        ) from error


def _checked(hour: int) -> int:
    if hour > 23:
        raise ValueError(hour)
    return hour


def _ticks(data: bytes, scale: float) -> pl.DataFrame:
    records = np.frombuffer(data, _RECORD)
    ask, bid = records["ask"] / scale, records["bid"] / scale
    ticks = pl.DataFrame({"ms": records["ms"].astype(np.int64), "ask": ask, "bid": bid})
    late = pl.col("ms") >= _HOUR_MS
    faults = {
        Reason.UNREADABLE: (late, "the tick is later than its hour"),
        Reason.NON_POSITIVE_PRICE: (pl.min_horizontal("ask", "bid") <= 0, "a price is 0"),
        Reason.ASK_BELOW_BID: (pl.col("ask") < pl.col("bid"), "ask below bid"),
    }
    return ticks.with_row_index("line", offset=1).with_columns(
        pl.coalesce(pl.when(c).then(pl.lit(r)) for r, (c, _) in faults.items()).alias("reason"),
        pl.coalesce(pl.when(c).then(pl.lit(d)) for c, d in faults.values()).alias("detail"),
        pl.format("{} ms, ask {}, bid {}", "ms", "ask", "bid").alias("raw"),
        mid=(pl.col("ask") + pl.col("bid")) / 2,
    )


def _bars(ticks: pl.DataFrame) -> pl.DataFrame:
    take = (pl.Expr.first, pl.Expr.max, pl.Expr.min, pl.Expr.last)
    prices = [take[k](pl.col(side)).alias(_SIDES[side][k]) for side, k in product(_SIDES, range(4))]
    minute = (pl.col("ms") // 60_000 * 60_000).alias("ms")
    bars = ticks.sort("ms", maintain_order=True).group_by(minute, maintain_order=True)
    return bars.agg(
        pl.col("line").first(),
        pl.format("{} ticks", pl.len()).alias("raw"),
        pl.len().alias("volume"),
        *prices,
    )
