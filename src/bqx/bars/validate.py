"""The checks of single rows, and the separation of bars, repeats and quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from bqx.bars.outliers import mark_outliers
from bqx.bars.rows import Rows
from bqx.bars.schema import (
    ASK,
    BAR_SCHEMA,
    BID,
    PRICES,
    QUARANTINE_SCHEMA,
    TALLY_SCHEMA,
    VALUES,
    Reason,
)
from bqx.market import Calendar, TradingWeek

_QUOTES = (*PRICES, *BID, *ASK)
_SIDES = (PRICES, BID, ASK)


@dataclass(frozen=True)
class Checked:
    """Rows by what became of them: accepted bars, quarantine, and the tally by month."""

    bars: pl.DataFrame
    quarantine: pl.DataFrame
    tally: pl.DataFrame


def check(rows: Rows, pair: str, week: TradingWeek, now: datetime) -> Checked:
    """Validate rows; each one is accepted, a duplicate of an accepted one, or in quarantine.

    Rows that repeat a minute with equal values are duplicates. Rows that repeat a minute with other
    values are all rejected, as nothing tells which of them is right.

    Args:
        rows: Rows of a reader (`ROW_SCHEMA`).
        pair: Canonical name of the pair.
        week: The trading week; bars outside it are rejected.
        now: The present moment; bars more than a minute later are rejected.
    """
    rows = mark(rows, pl.coalesce(_row_rules(now)))
    rows = mark(rows, _outside(rows, week))
    good = mark_outliers(_mark_repeats(rows.filter(pl.col("reason").is_null())))
    bad = rows.filter(pl.col("reason").is_not_null())
    rows = pl.concat([good, bad.with_columns(duplicate=pl.lit(value=False))])
    rows = rows.with_columns(accepted=pl.col("reason").is_null() & ~pl.col("duplicate"))
    return Checked(_bars(rows), _quarantine(rows, pair), _tally(rows))


def mark(rows: Rows, finding: pl.Expr | pl.Series) -> Rows:
    """Give rows that are still good a reason and a detail.

    Args:
        rows: The rows.
        finding: ``reason: detail`` texts, NULL for a good row.
    """
    rows = rows.with_columns(pl.when(pl.col("reason").is_null()).then(finding).alias("finding"))
    parts = pl.col("finding").str.splitn(": ", 2).struct
    return rows.with_columns(
        pl.coalesce("reason", parts.field("field_0")).alias("reason"),
        pl.coalesce("detail", parts.field("field_1")).alias("detail"),
    ).drop("finding")


def _rule(broken: pl.Expr, reason: Reason, form: str, *columns: str) -> pl.Expr:
    detail = pl.format(form, *columns) if columns else pl.lit(form)
    return pl.when(broken).then(pl.concat_str(pl.lit(f"{reason}: "), detail))


def _row_rules(now: datetime) -> list[pl.Expr]:
    seconds = pl.col("ts_utc").dt.epoch("us") % 60_000_000
    latest = now + timedelta(minutes=1)
    return [
        _rule(seconds != 0, Reason.NOT_A_MINUTE, "{}", "ts_utc"),
        *(
            _rule(
                pl.col(c).is_not_null() & ~pl.col(c).is_finite(), Reason.NOT_FINITE, f"{c} {{}}", c
            )
            for c in (*_QUOTES, "volume")
        ),
        *(_rule(pl.col(c) <= 0, Reason.NON_POSITIVE_PRICE, f"{c} {{}}", c) for c in _QUOTES),
        *(_high_low(side) for side in _SIDES),
        # The close first: the bar's last quotes matter most, and the detail names one of the four.
        *(_crossed(*sides) for sides in zip(reversed(ASK), reversed(BID), strict=True)),
        _rule(pl.col("volume") < 0, Reason.NEGATIVE_VOLUME, "volume {}", "volume"),
        _rule(
            pl.col("ts_utc") > latest,
            Reason.FUTURE,
            f"{{}} is after {now:%Y-%m-%d %H:%M}",
            "ts_utc",
        ),
    ]


def _crossed(ask: str, bid: str) -> pl.Expr:
    broken = pl.col(ask) < pl.col(bid)
    return _rule(broken, Reason.ASK_BELOW_BID, f"{ask} {{}} < {bid} {{}}", ask, bid)


def _high_low(side: tuple[str, ...]) -> pl.Expr:
    start, high, low, end = side
    broken = (pl.max_horizontal(start, end, low) > pl.col(high)) | (
        pl.min_horizontal(start, end, high) < pl.col(low)
    )
    form = ", ".join(f"{name} {{}}" for name in side)
    return _rule(broken, Reason.HIGH_LOW, form, *side)


def _outside(rows: Rows, week: TradingWeek) -> pl.Series:
    minutes = rows["ts_utc"].dt.epoch("s").fill_null(0).to_numpy() // 60
    closed = ~Calendar(week).is_open(minutes.astype(np.int64))
    detail = pl.format(
        "{}: {} is outside {}", pl.lit(Reason.OUTSIDE_WEEK), _weekday(), pl.lit(str(week))
    )
    return rows.select(pl.when(pl.Series(closed)).then(detail)).to_series()


def _weekday() -> pl.Expr:
    return pl.col("ts_utc").dt.strftime("%a %Y-%m-%d %H:%M UTC")


def _mark_repeats(rows: Rows) -> Rows:
    """Mark the second and later of equal rows as duplicates, and conflicting rows with a reason."""
    rows = rows.sort("ts_utc", "line")
    repeated = rows.filter(pl.col("ts_utc").is_duplicated())
    single = rows.filter(pl.col("ts_utc").is_unique()).with_columns(duplicate=pl.lit(value=False))
    if repeated.is_empty():
        return single
    spread = pl.struct(VALUES).n_unique().over("ts_utc")
    repeated = repeated.with_columns(
        duplicate=(spread == 1) & (pl.col("line") != pl.col("line").min().over("ts_utc")),
        versions=spread,
    )
    conflict = _rule(
        pl.col("versions") > 1,
        Reason.CONFLICTING_DUPLICATE,
        "{} versions of this minute",
        "versions",
    )
    return pl.concat([single, mark(repeated, conflict).drop("versions")]).sort("ts_utc", "line")


def _bars(rows: Rows) -> pl.DataFrame:
    return rows.filter("accepted").select(BAR_SCHEMA.names()).sort("ts_utc")


def _quarantine(rows: Rows, pair: str) -> pl.DataFrame:
    bad = rows.filter(pl.col("reason").is_not_null()).with_columns(pair=pl.lit(pair))
    return bad.select(QUARANTINE_SCHEMA.names()).sort("line").cast(QUARANTINE_SCHEMA)


def _tally(rows: Rows) -> pl.DataFrame:
    counts = rows.group_by(pl.col("ts_utc").dt.strftime("%Y-%m").alias("month")).agg(
        pl.len().alias("read"),
        pl.col("accepted").sum(),
        pl.col("duplicate").sum(),
        pl.col("reason").is_not_null().sum().alias("quarantined"),
    )
    return counts.sort("month", nulls_last=True).cast(TALLY_SCHEMA)
