"""The schemas of accepted bars and of quarantined rows."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

PRICES = ("open", "high", "low", "close")
BID = ("bid_open", "bid_high", "bid_low", "bid_close")
ASK = ("ask_open", "ask_high", "ask_low", "ask_close")
VALUES = (*PRICES, "volume", *BID, *ASK)
"""Every column of a bar but its time."""

BAR_SCHEMA = pl.Schema({"ts_utc": pl.Datetime("us", "UTC")} | dict.fromkeys(VALUES, pl.Float64()))
"""A bar: ``ts_utc`` is its open minute. The four prices are never NULL; volume, bid and ask may be.

Frames of this schema hold all 14 columns in this order, sorted by ``ts_utc``, without repeats.
"""

QUARANTINE_SCHEMA = pl.Schema(
    {
        "pair": pl.String(),
        "line": pl.Int64(),
        "ts_utc": pl.Datetime("us", "UTC"),
        "reason": pl.String(),
        "detail": pl.String(),
        "raw": pl.String(),
    }
)
"""A rejected row: ``line`` is its 1-based line (header counted) or, in Parquet, its 1-based row."""

TALLY_SCHEMA = pl.Schema(
    {
        "month": pl.String(),
        "read": pl.Int64(),
        "accepted": pl.Int64(),
        "duplicate": pl.Int64(),
        "quarantined": pl.Int64(),
    }
)
"""Rows by UTC month ``YYYY-MM``; the month is NULL for rows whose time cannot be read."""


class Reason(StrEnum):
    """Why a row stands in quarantine."""

    UNREADABLE = "unreadable"
    NON_POSITIVE_PRICE = "non_positive_price"
    NOT_FINITE = "not_finite"
    HIGH_LOW = "high_low"
    ASK_BELOW_BID = "ask_below_bid"
    NEGATIVE_VOLUME = "negative_volume"
    OUTSIDE_WEEK = "outside_week"
    FUTURE = "future"
    NOT_A_MINUTE = "not_a_minute"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    OUTLIER = "outlier"
    SUPERSEDED = "superseded"


def empty_bars() -> pl.DataFrame:
    """A frame of bars without rows."""
    return BAR_SCHEMA.to_frame()
