"""Each format is detected, and gives back the bars that were written in it."""

from __future__ import annotations

import gzip
import lzma
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from barfiles import (
    MT5_HEADER,
    generic_lines,
    histdata_lines,
    mt4_lines,
    mt5_lines,
    quiet_bars,
    rows_of,
    wall,
    write,
    write_zip,
)
from bqx.bars.parse import parse_file
from bqx.bars.parsed import ParsedFile, ReadOptions
from bqx.bars.schema import PRICES
from bqx.errors import ClockError, InputFileError

# Two weeks that hold the change of New York time on 2024-03-10.
BARS = quiet_bars("2024-03-03T22:00", 12)
ROWS = rows_of(BARS)
SHORT = quiet_bars("2024-03-05T00:00", 0.2)


def one(path: Path, options: ReadOptions | None = None) -> ParsedFile:
    (parsed,) = parse_file(path, options)
    return parsed


def assert_same_prices(parsed: ParsedFile, bars: pl.DataFrame) -> None:
    columns = ["ts_utc", *PRICES]
    assert_frame_equal(parsed.bars.select(columns), bars.select(columns), abs_tol=5e-6)
    assert parsed.quarantine.is_empty()


def test_histdata_before_2019_is_new_york_time(tmp_path: Path) -> None:
    zone = "America/New_York"
    bars = quiet_bars("2018-03-04T22:00", 12)
    path = write(tmp_path / "DAT_ASCII_EURUSD_M1_2018.csv", histdata_lines(rows_of(bars), zone))
    parsed = one(path)
    assert (parsed.format, parsed.pair, parsed.clock) == ("histdata", "eurusd", zone)
    assert_same_prices(parsed, bars)
    assert parsed.bars["volume"].null_count() == bars.height


def test_histdata_from_2019_is_london_time_less_five_hours(tmp_path: Path) -> None:
    lines = histdata_lines(ROWS, "Europe/London", -5)
    path = write_zip(
        tmp_path / "HISTDATA_EURUSD.zip",
        {
            "DAT_ASCII_EURUSD_M1_202403.csv": "\n".join(lines),
            "DAT_ASCII_EURUSD_M1_202403.txt": "Gap of 77s found between 20240304170418 and 2",
        },
    )
    parsed = one(path)
    assert parsed.clock == "Europe/London -05:00"
    assert parsed.member == "DAT_ASCII_EURUSD_M1_202403.csv"
    assert_same_prices(parsed, BARS)
    assert any("missing stretches are not in the vendor's report" in note for note in parsed.notes)


def test_histdata_across_new_year_2019_uses_both_rules(tmp_path: Path) -> None:
    bars = quiet_bars("2018-12-27T00:00", 12)
    old = [r for r in rows_of(bars) if wall(r[0], "America/New_York").year < 2019]
    new = [r for r in rows_of(bars) if wall(r[0], "America/New_York").year >= 2019]
    lines = histdata_lines(old, "America/New_York") + histdata_lines(new, "Europe/London", -5)
    parsed = one(write(tmp_path / "EURUSD.csv", lines))
    assert parsed.clock == "America/New_York, from 2019 Europe/London -05:00"
    assert_same_prices(parsed, bars)


@pytest.mark.parametrize(
    ("start", "zone", "hours"),
    [
        ("2018-03-04T22:00", "Etc/GMT+5", 0),  # the documented rule
        ("2024-03-03T22:00", "America/New_York", 0),  # the old rule, in the weeks between changes
        ("2024-06-02T21:00", "UTC", -5),  # the documented rule in summer
    ],
)
def test_histdata_whose_weeks_contradict_the_rule_is_refused(
    tmp_path: Path, start: str, zone: str, hours: float
) -> None:
    bars = quiet_bars(start, 19)
    path = write(tmp_path / "EURUSD.csv", histdata_lines(rows_of(bars), zone, hours))
    with pytest.raises(ClockError, match="contradict the FX week") as caught:
        parse_file(path)
    assert "weeks open Sun 1" in caught.value.found
    assert "name the time zone" in caught.value.hint


def test_a_given_zone_overrides_the_rule_and_is_verified_too(tmp_path: Path) -> None:
    bars = quiet_bars("2024-06-02T21:00", 19)
    path = write(tmp_path / "EURUSD.csv", histdata_lines(rows_of(bars), "UTC", -5))
    parsed = one(path, ReadOptions(timezone="UTC-5"))
    assert parsed.clock == "UTC-05:00"
    assert_same_prices(parsed, bars)
    with pytest.raises(ClockError, match="read as UTC, the bars contradict"):
        parse_file(path, ReadOptions(timezone="UTC"))


def test_histdata_without_a_weekend_is_unverified(tmp_path: Path) -> None:
    lines = histdata_lines(rows_of(SHORT), "Europe/London", -5)
    parsed = one(write(tmp_path / "EURUSD.csv", lines))
    assert any("is unverified" in note for note in parsed.notes)


def test_space_padded_and_unordered_rows_are_read_and_noted(tmp_path: Path) -> None:
    lines = histdata_lines(rows_of(SHORT), "Europe/London", -5)
    lines[3] = lines[3].replace(";", "    ;")
    lines[5], lines[6] = lines[6], lines[5]
    parsed = one(write(tmp_path / "EURUSD.csv", lines))
    assert_same_prices(parsed, SHORT)
    assert "1 rows with space-padded numbers were read" in parsed.notes
    assert "1 rows out of order were sorted" in parsed.notes


@pytest.mark.parametrize(("zone", "hours"), [("America/New_York", 7), ("UTC", 2), ("UTC", 0)])
@pytest.mark.parametrize("five", [True, False])
def test_metatrader_clock_is_estimated_from_the_weeks(
    tmp_path: Path, zone: str, hours: float, five: bool
) -> None:
    # Fixed offsets hold in winter only in this test, or the weeks would not be New York's.
    bars = BARS if zone != "UTC" else quiet_bars("2024-01-07T22:00", 12)
    lines = (mt5_lines if five else mt4_lines)(rows_of(bars), zone, hours)
    header = [MT5_HEADER] if five else []
    parsed = one(write(tmp_path / "EURUSD1.csv", [*header, *lines], end="\r\n"))
    assert parsed.format == "metatrader"
    assert any("was estimated from the weeks" in note for note in parsed.notes)
    assert_same_prices(parsed, bars)
    assert parsed.bars["volume"].unique().to_list() == [7.0]


def test_metatrader_clock_that_fits_a_winter_and_no_summer_is_not_guessed(tmp_path: Path) -> None:
    lines = mt4_lines(ROWS, "Asia/Tokyo", 0.5)
    path = write(tmp_path / "EURUSD1.csv", lines)
    with pytest.raises(ClockError, match="none of the usual broker clocks fits"):
        parse_file(path)
    assert_same_prices(one(path, ReadOptions(timezone="Asia/Tokyo +00:30")), BARS)


def test_metatrader_weeks_that_are_short_at_both_ends_prove_no_clock(tmp_path: Path) -> None:
    inside = BARS.filter(
        pl.col("ts_utc").dt.weekday().is_between(1, 4)
        | ((pl.col("ts_utc").dt.weekday() == 5) & (pl.col("ts_utc").dt.hour() < 20))
    )
    path = write(tmp_path / "EURUSD1.csv", mt5_lines(rows_of(inside), "UTC"))
    with pytest.raises(ClockError, match="cannot be told"):
        parse_file(path)


def test_the_names_of_binary_com_mean_utc(tmp_path: Path) -> None:
    lines = mt5_lines(rows_of(SHORT), "UTC", volume=0)
    path = tmp_path / "frxEURUSD_M1_202403.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    parsed = one(path)
    assert (parsed.pair, parsed.clock) == ("eurusd", "UTC")
    assert parsed.bars["volume"].null_count() == SHORT.height
    assert_same_prices(parsed, SHORT)


def _lean_line(minute: int, bid: float, ask: float) -> str:
    return ",".join(
        str(x)
        for x in (minute * 60_000, bid, bid + 2, bid - 2, bid, 0, ask, ask + 2, ask - 2, ask, 0)
    )


@pytest.mark.parametrize(("market", "hour"), [("fxcm", 5), ("oanda", 0)])
def test_lean_quotes(tmp_path: Path, market: str, hour: int) -> None:
    text = "\n".join(
        [
            _lean_line(0, 100, 101),
            _lean_line(1, 100, 99.5),
            *(_lean_line(k, 102, 102) for k in range(3, 9)),
        ]
    )
    folder = tmp_path / market / "minute" / "eurusd"
    path = write_zip(folder / "20140501_quote.zip", {"20140501_eurusd_minute_quote.csv": text})
    (parsed,) = parse_file(path, ReadOptions())
    assert (parsed.format, parsed.pair) == ("lean", "eurusd")
    assert parsed.reasons == {"ask_below_bid": 1}
    first, second = parsed.bars.head(2).rows(named=True)
    assert first["ts_utc"] == datetime(2014, 5, 1, hour, tzinfo=UTC)
    assert second["ts_utc"] == datetime(2014, 5, 1, hour, 3, tzinfo=UTC)
    assert [first[p] for p in PRICES] == [100.5, 102.5, 98.5, 100.5]
    assert [first[f"bid_{p}"] for p in PRICES] == [100, 102, 98, 100]
    assert [first[f"ask_{p}"] for p in PRICES] == [101, 103, 99, 101]
    assert first["volume"] is None


def test_lean_time_beyond_the_day_is_unreadable(tmp_path: Path) -> None:
    lines = [_lean_line(k, 100, 101) for k in (*range(10), 1440)]
    path = write_zip(
        tmp_path / "oanda" / "eurusd" / "20140501_quote.zip", {"a.csv": "\n".join(lines)}
    )
    assert one(path).reasons == {"unreadable": 1}


DUKA = {
    "Gmt time": "{:%d.%m.%Y %H:%M:%S.000}",
    "Local time": "{:%d.%m.%Y %H:%M:%S.000} GMT+0200",
    "Time (UTC)": "{:%Y.%m.%d %H:%M:%S}",
    "Time (EET)": "{:%Y.%m.%d %H:%M:%S}",
}


@pytest.mark.parametrize("clock", DUKA)
def test_dukascopy_candles(tmp_path: Path, clock: str) -> None:
    hours = {"Local time": 2, "Time (EET)": 2}.get(clock, 0)
    lines = [f"{clock},Open,High,Low,Close,Volume"] + [
        f"{DUKA[clock].format(wall(t, 'UTC', hours))},{o:.5f},{h:.5f},{low:.5f},{c:.5f},12.34"
        for t, o, h, low, c in rows_of(SHORT)
    ]
    parsed = one(write(tmp_path / "EURUSD_Candlestick_1_M_BID_05.03.2024-06.03.2024.csv", lines))
    assert parsed.format == "dukascopy"
    assert_same_prices(parsed, SHORT)
    assert parsed.bars["bid_close"].equals(parsed.bars["close"].alias("bid_close"))
    assert parsed.bars["ask_close"].null_count() == SHORT.height
    assert parsed.bars["volume"][0] == 12.34
    assert "open, high, low and close are bid prices" in parsed.notes


def test_dukascopy_fills_weekends_with_flat_bars_that_are_rejected(tmp_path: Path) -> None:
    start = datetime(2024, 3, 8, 21, 50)  # noqa: DTZ001
    lines = ["Gmt time,Open,High,Low,Close,Volume"] + [
        f"{start + timedelta(minutes=k):%d.%m.%Y %H:%M:%S.000},1.1,1.1,1.1,1.1,{int(k < 10)}"
        for k in range(100)
    ]
    parsed = one(write(tmp_path / "EURUSD.csv", lines))
    assert parsed.bars.height == 10
    assert parsed.reasons == {"outside_week": 90}


TICKS = [
    (0, 110_010, 110_000),
    (59_999, 110_050, 110_020),
    (60_000, 110_030, 110_010),
    (61_000, 110_000, 110_010),  # ask below bid
    (62_000, 0, 110_010),  # no ask
    (3_600_000, 110_010, 110_000),  # the next hour's
    *((120_000 + k, 110_010, 110_000) for k in range(10)),
]


def _bi5(ticks: list[tuple[int, int, int]]) -> bytes:
    records = b"".join(struct.pack(">IIIff", ms, ask, bid, 1.5, 0.75) for ms, ask, bid in ticks)
    return lzma.compress(records, lzma.FORMAT_ALONE)


@pytest.mark.parametrize(("pair", "scale"), [("EURUSD", 1e5), ("USDJPY", 1e3)])
def test_dukascopy_ticks_become_minutes(tmp_path: Path, pair: str, scale: float) -> None:
    path = tmp_path / pair / "2018" / "06" / "02" / "13h_ticks.bi5"
    path.parent.mkdir(parents=True)
    path.write_bytes(_bi5(TICKS))
    parsed = one(path)
    assert parsed.pair == pair.lower()
    first, second, third = parsed.bars.rows(named=True)
    assert first["ts_utc"] == datetime(2018, 7, 2, 13, 0, tzinfo=UTC)  # June is month 05
    assert second["ts_utc"] == datetime(2018, 7, 2, 13, 1, tzinfo=UTC)
    assert [bar["volume"] for bar in (first, second, third)] == [2, 1, 10]
    assert [first[f"ask_{p}"] for p in PRICES] == pytest.approx(
        [x / scale for x in (110_010, 110_050, 110_010, 110_050)]
    )
    assert [first[f"bid_{p}"] for p in PRICES] == pytest.approx(
        [x / scale for x in (110_000, 110_020, 110_000, 110_020)]
    )
    assert [first[p] for p in PRICES] == pytest.approx(
        [x / scale for x in (110_005, 110_035, 110_005, 110_035)]
    )
    assert parsed.quarantine.select("line", "reason").rows() == [
        (4, "ask_below_bid"),
        (5, "non_positive_price"),
        (6, "unreadable"),
    ]


def test_an_hour_without_ticks_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD_2018_06_02_13h_ticks.bi5"
    path.write_bytes(b"")
    parsed = one(path)
    assert parsed.bars.is_empty()
    assert parsed.tally.is_empty()
    assert parsed.notes == ("0 ticks were aggregated to 0 bars",)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_generic_text_with_any_delimiter(tmp_path: Path, separator: str) -> None:
    parsed = one(write(tmp_path / "my EUR_USD bars.csv", generic_lines(rows_of(SHORT), separator)))
    assert (parsed.format, parsed.pair, parsed.clock) == ("generic", "eurusd", "UTC")
    assert_same_prices(parsed, SHORT)


FORMS = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y/%m/%d %H:%M",
    "%Y%m%d %H%M%S",
    "%Y%m%d %H:%M:%S",
    "%Y.%m.%d %H:%M:%S",
]


@pytest.mark.parametrize("form", FORMS)
def test_generic_timestamps_of_a_named_zone(tmp_path: Path, form: str) -> None:
    lines = ["time,open,high,low,close,tick_volume"] + [
        f"{wall(t, 'Asia/Tokyo').strftime(form)},{o:.5f},{h:.5f},{low:.5f},{c:.5f},{k}"
        for k, (t, o, h, low, c) in enumerate(rows_of(SHORT))
    ]
    path = write(tmp_path / "EURUSD.csv", lines)
    parsed = one(path, ReadOptions(format="generic", timezone="Asia/Tokyo"))
    assert parsed.clock == "Asia/Tokyo"
    assert_same_prices(parsed, SHORT)
    assert parsed.bars["volume"].to_list() == list(range(SHORT.height))


def test_generic_offsets_are_converted_row_by_row(tmp_path: Path) -> None:
    zones = ("+00:00", "+02:00", "-0530")
    hours = (0, 2, -5.5)
    lines = ["timestamp,open,high,low,close"] + [
        f"{wall(t, 'UTC', hours[k % 3]):%Y-%m-%d %H:%M:%S}{zones[k % 3]},"
        f"{o:.5f},{h:.5f},{low:.5f},{c:.5f}"
        for k, (t, o, h, low, c) in enumerate(rows_of(SHORT))
    ]
    assert_same_prices(one(write(tmp_path / "EURUSD.csv", lines)), SHORT)


@pytest.mark.parametrize("factor", [1, 1000])
def test_generic_epoch_seconds_and_milliseconds(tmp_path: Path, factor: int) -> None:
    lines = ["timestamp,open,high,low,close"] + [
        f"{int(t.timestamp()) * factor},{o:.5f},{h:.5f},{low:.5f},{c:.5f}"
        for t, o, h, low, c in rows_of(SHORT)
    ]
    assert_same_prices(one(write(tmp_path / "EURUSD.csv", lines)), SHORT)


def test_generic_column_map_with_split_date_and_time(tmp_path: Path) -> None:
    lines = ["Kurs,Tag,Uhr,Auf,Hoch,Tief,Zu"] + [
        f"x,{t:%Y-%m-%d},{t:%H:%M},{o:.5f},{h:.5f},{low:.5f},{c:.5f}"
        for t, o, h, low, c in rows_of(SHORT)
    ]
    path = write(tmp_path / "EURUSD.csv", lines)
    columns = {"date": "Tag", "time": "Uhr", "open": "Auf", "high": "Hoch", "low": "Tief"}
    whole = ReadOptions(format="generic", timezone="UTC", columns=columns | {"close": "Zu"})
    assert_same_prices(one(path, whole), SHORT)
    with pytest.raises(InputFileError, match="no column for close"):
        parse_file(path, ReadOptions(format="generic", timezone="UTC", columns=columns))
    with pytest.raises(InputFileError, match="there is no column Ende"):
        parse_file(path, ReadOptions(format="generic", columns=columns | {"close": "Ende"}))
    with pytest.raises(InputFileError, match="the column map names ende"):
        parse_file(path, ReadOptions(format="generic", columns=columns | {"ende": "Zu"}))


def test_a_zone_beside_offsets_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "EURUSD.csv", generic_lines(rows_of(SHORT)))
    with pytest.raises(ClockError, match="carry their offset"):
        parse_file(path, ReadOptions(timezone="UTC"))


def test_a_wrong_zone_is_noted_when_weeks_begin_too_early(tmp_path: Path) -> None:
    lines = [line.replace("Z", "") for line in generic_lines(ROWS)]
    path = write(tmp_path / "EURUSD.csv", lines)
    parsed = one(path, ReadOptions(timezone="UTC+2"))
    assert any(note.startswith("is the time zone right?") for note in parsed.notes)
    assert one(path, ReadOptions(timezone="UTC")).notes == ()


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_parquet_in_any_unit_and_zone(tmp_path: Path, unit: str) -> None:
    times = pl.col("ts_utc").dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit(unit)  # type: ignore[arg-type]
    SHORT.select(times, *PRICES).write_parquet(tmp_path / "eurusd.parquet")
    assert_same_prices(one(tmp_path / "eurusd.parquet"), SHORT)


def test_parquet_with_a_map_keeps_bid_ask_and_volume(tmp_path: Path) -> None:
    full = SHORT.with_columns(
        volume=pl.lit(3.0),
        **{f"bid_{p}": pl.col(p) - 0.0001 for p in PRICES},
        **{f"ask_{p}": pl.col(p) + 0.0001 for p in PRICES},
    )
    full.rename({"close": "last price"}).write_parquet(tmp_path / "eurusd.parquet")
    parsed = one(tmp_path / "eurusd.parquet", ReadOptions(columns={"close": "last price"}))
    assert_frame_equal(parsed.bars, full.select(parsed.bars.columns))
