"""Every row becomes a bar, a duplicate, or a line in quarantine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from bqx.bars.rows import complete
from bqx.bars.schema import BAR_SCHEMA, QUARANTINE_SCHEMA, TALLY_SCHEMA
from bqx.bars.validate import Checked, check
from bqx.market import FX_WEEK, TradingWeek

START = datetime(2024, 1, 31, 23, 55, tzinfo=UTC)
NOW = datetime(2024, 6, 1, tzinfo=UTC)


def _rows(**changes: dict[int, object]) -> pl.DataFrame:
    """Ten bars across the end of January, with some values changed by row."""
    columns: dict[str, list[object]] = {
        "line": list(range(1, 11)),
        "raw": [f"row {k}" for k in range(1, 11)],
        "ts_utc": [START + timedelta(minutes=k) for k in range(10)],
        **{name: [1.1] * 10 for name in ("open", "high", "low", "close")},
        "volume": [5.0] * 10,
        **{f"bid_{name}": [1.0999] * 10 for name in ("open", "high", "low", "close")},
        **{f"ask_{name}": [1.1001] * 10 for name in ("open", "high", "low", "close")},
    }
    for name, values in changes.items():
        for row, value in values.items():
            columns[name][row] = value
    return complete(pl.DataFrame(columns, strict=False))


def _check(**changes: dict[int, object]) -> Checked:
    return check(_rows(**changes), "eurusd", FX_WEEK, NOW)


def test_good_rows_are_accepted_with_all_schemas() -> None:
    checked = _check()
    assert checked.bars.schema == BAR_SCHEMA
    assert checked.quarantine.schema == QUARANTINE_SCHEMA
    assert checked.tally.schema == TALLY_SCHEMA
    assert checked.bars.height == 10
    assert checked.tally.rows() == [("2024-01", 5, 5, 0, 0), ("2024-02", 5, 5, 0, 0)]


@pytest.mark.parametrize(
    ("column", "value", "reason", "detail"),
    [
        ("open", 0.0, "non_positive_price", "open 0.0"),
        ("bid_low", -0.1, "non_positive_price", "bid_low -0.1"),
        ("close", float("nan"), "not_finite", "close NaN"),
        ("volume", float("inf"), "not_finite", "volume inf"),
        ("ask_high", float("inf"), "not_finite", "ask_high inf"),
        ("high", 1.05, "high_low", "open 1.1, high 1.05, low 1.1, close 1.1"),
        ("low", 1.15, "high_low", "open 1.1, high 1.1, low 1.15, close 1.1"),
        ("open", 1.15, "high_low", "open 1.15, high 1.1, low 1.1, close 1.1"),
        ("close", 1.05, "high_low", "open 1.1, high 1.1, low 1.1, close 1.05"),
        ("bid_close", 1.09, "high_low", "bid_open 1.0999, bid_high 1.0999, bid_low 1.0999, "),
        ("volume", -1.0, "negative_volume", "volume -1.0"),
        ("ts_utc", START + timedelta(seconds=200), "not_a_minute", "2024-01-31 23:58:20"),
        ("ts_utc", datetime(2024, 2, 3, tzinfo=UTC), "outside_week", "Sat 2024-02-03 00:00 UTC"),
        ("ts_utc", datetime(2024, 6, 5, tzinfo=UTC), "future", "is after 2024-06-01 00:00"),
    ],
)
def test_each_rule_names_what_it_found(
    column: str, value: object, reason: str, detail: str
) -> None:
    checked = _check(**{column: {3: value}})
    ((pair, line, found, text, raw),) = checked.quarantine.drop("ts_utc").rows()
    assert (pair, line, found, raw) == ("eurusd", 4, reason, "row 4")
    assert detail in text
    assert checked.bars.height == 9


@pytest.mark.parametrize("price", ["open", "high", "low", "close"])
def test_ask_below_bid_in_any_of_the_four(price: str) -> None:
    others = {
        f"{side}_{p}": {3: 1.1} for side in ("bid", "ask") for p in ("open", "high", "low", "close")
    }
    shape: dict[str, tuple[float, float]] = {
        "open": (1.1, 1.09), "high": (1.12, 1.11), "low": (1.09, 1.08), "close": (1.1, 1.09),
    }  # fmt: skip
    bid, ask = shape[price]
    others[f"bid_{price}"], others[f"ask_{price}"] = {3: bid}, {3: ask}
    if price in {"open", "close"}:  # keep each side a possible bar
        others["bid_low"], others["ask_low"] = {3: 1.08}, {3: 1.08}
    checked = _check(**others)  # type: ignore[arg-type]
    assert checked.quarantine.select("line", "reason").rows() == [(4, "ask_below_bid")]
    assert f"ask_{price} {ask} < bid_{price} {bid}" in checked.quarantine["detail"][0]


def test_one_minute_of_future_is_allowed_for_clocks_that_differ() -> None:
    rows = _rows()
    latest = START + timedelta(minutes=9)
    assert check(rows, "eurusd", FX_WEEK, latest - timedelta(minutes=1)).bars.height == 10
    assert check(rows, "eurusd", FX_WEEK, latest - timedelta(minutes=2)).bars.height == 9


def test_equal_repeats_are_duplicates_and_other_repeats_conflict() -> None:
    equal = _check(ts_utc={6: START, 7: START})
    assert equal.bars.height == 8
    assert equal.tally["duplicate"].sum() == 2
    assert equal.quarantine.is_empty()
    other = _check(ts_utc={6: START, 7: START}, volume={7: 6.0})
    assert other.quarantine.select("line", "reason").rows() == [
        (1, "conflicting_duplicate"),
        (7, "conflicting_duplicate"),
        (8, "conflicting_duplicate"),
    ]
    assert other.bars.height == 7


def test_a_repeat_of_a_row_that_is_wrong_does_not_conflict() -> None:
    checked = _check(ts_utc={6: START}, high={6: 0.5})
    assert checked.quarantine.select("line", "reason").rows() == [(7, "high_low")]
    assert checked.bars.height == 9


def test_repeats_without_volume_or_quotes_are_equal_as_null_equals_null() -> None:
    rows = _rows(ts_utc={6: START}).with_columns(volume=pl.lit(None, pl.Float64))
    assert check(rows, "eurusd", FX_WEEK, NOW).tally["duplicate"].sum() == 1


def test_rows_without_time_have_a_month_of_their_own() -> None:
    rows = _rows().with_columns(
        pl.when(pl.col("line") != 2).then("ts_utc").alias("ts_utc"),
        pl.when(pl.col("line") == 2).then(pl.lit("unreadable")).alias("reason"),
    )
    tally = check(rows, "eurusd", FX_WEEK, NOW).tally
    assert tally.rows()[-1] == (None, 1, 0, 0, 1)


def test_the_week_that_is_given_is_used() -> None:
    sunday = datetime(2024, 2, 4, 22, 30, tzinfo=UTC)
    rows = _rows(ts_utc={9: sunday})
    assert check(rows, "eurusd", FX_WEEK, NOW).bars.height == 10
    broker = TradingWeek.parse("Mon 00:00 - Fri 21:00 UTC")
    checked = check(rows, "eurusd", broker, NOW)
    assert checked.quarantine["detail"].to_list() == [
        "Sun 2024-02-04 22:30 UTC is outside Mon 00:00 - Fri 21:00 UTC"
    ]


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2024, 3, 8, 21, 59, tzinfo=UTC), True),  # Friday in winter time
        (datetime(2024, 3, 8, 22, 0, tzinfo=UTC), False),
        (datetime(2024, 3, 10, 20, 59, tzinfo=UTC), False),  # Sunday in summer time
        (datetime(2024, 3, 10, 21, 0, tzinfo=UTC), True),
    ],
)
def test_the_week_follows_new_york_daylight_saving(moment: datetime, *, inside: bool) -> None:
    assert _check(ts_utc={9: moment}).bars.height == 9 + inside
