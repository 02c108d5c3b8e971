"""Files that are damaged, disguised, or not what they claim: each is refused or quarantined."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from barfiles import write, write_zip
from bqx.bars import source
from bqx.bars.parse import parse_file
from bqx.bars.parsed import ReadOptions
from bqx.errors import InputFileError
from hostile import BARS, LINES, NOW, REFUSED, TEXT, ZEROS


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_file_is_refused_with_a_telling_message(case: str, tmp_path: Path) -> None:
    build, error, piece = REFUSED[case]
    path = build(tmp_path)
    with pytest.raises(error, match=re.escape(piece)) as caught:
        parse_file(path, now=NOW)
    assert caught.type is error


def test_a_declared_size_over_the_limit_is_refused_before_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "EURUSD.zip", {"EURUSD.csv": TEXT})
    monkeypatch.setattr(source, "MAX_BYTES", len(TEXT) - 1)
    monkeypatch.setattr(source, "_drain", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(InputFileError, match=r"holds [\d,]+ bytes"):
        parse_file(path, now=NOW)


def test_members_that_are_too_large_together_are_refused_before_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "bars.zip", {"EURUSD.csv": TEXT, "GBPUSD.csv": TEXT})
    monkeypatch.setattr(source, "MAX_BYTES", 2 * len(TEXT) - 1)
    monkeypatch.setattr(source, "_drain", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(InputFileError, match=r"holds [\d,]+ bytes"):
        parse_file(path, now=NOW)


def test_a_bomb_beside_a_member_that_packs_badly_is_refused_before_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(1).bytes(100_000)
    path = write_zip(tmp_path / "bars.zip", {"EURUSD.csv": ZEROS, "GBPUSD.csv": noise})
    monkeypatch.setattr(source, "_drain", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(InputFileError, match="200 times"):
        parse_file(path, now=NOW)


QUARANTINED: dict[str, tuple[str, str, str]] = {
    "text in a number": ("1.1", "abc", "unreadable"),
    "empty price": ("1.1", "", "unreadable"),
    "NUL in a line": ("1.1", "1.\0", "unreadable"),
    "NaN": ("1.1", "NaN", "not_finite"),
    "infinity": ("1.1", "inf", "not_finite"),
    "zero price": ("1.1", "0", "non_positive_price"),
    "negative price": ("1.1", "-1.1", "non_positive_price"),
    "close above high": ("1.1", "1.2", "high_low"),
    "a field too many": ("1.1", "1.1,1.1", "unreadable"),
}


@pytest.mark.parametrize("case", QUARANTINED)
def test_one_bad_value_puts_its_line_into_quarantine(case: str, tmp_path: Path) -> None:
    old, new, reason = QUARANTINED[case]
    good = [f"2024-03-05T00:{k:02d}:00Z,{old},{old},{old},{old}" for k in range(20)]
    bad = good[7].rsplit(",", 1)[0] + "," + new
    lines = ["ts_utc,open,high,low,close", *good[:7], bad, *good[8:]]
    (parsed,) = parse_file(write(tmp_path / "EURUSD.csv", lines), now=NOW)
    assert parsed.reasons == {reason: 1}
    assert parsed.quarantine.select("line", "raw").rows() == [(9, bad)]
    assert parsed.bars.height == 19


TIMES: dict[str, tuple[str, str]] = {
    "unreadable time": ("yesterday", "unreadable"),
    "thirteenth month": ("2024-13-05T00:07:00Z", "unreadable"),
    "seconds": ("2024-03-05T00:07:30Z", "not_a_minute"),
    "Saturday": ("2024-03-09T00:07:00Z", "outside_week"),
    "future": ("2024-06-03T00:07:00Z", "future"),
    "repeated minute with other values": ("2024-03-05T00:06:00Z", "conflicting_duplicate"),
}


@pytest.mark.parametrize("case", TIMES)
def test_one_bad_time_puts_its_line_into_quarantine(case: str, tmp_path: Path) -> None:
    stamp, reason = TIMES[case]
    good = [f"2024-03-05T00:{k:02d}:00Z,1.1,1.1,1.1,1.1" for k in range(20)]
    lines = ["ts_utc,open,high,low,close", *good[:7], f"{stamp},1.1,1.2,1.1,1.1", *good[8:]]
    (parsed,) = parse_file(write(tmp_path / "EURUSD.csv", lines), now=NOW)
    assert set(parsed.reasons) == {reason}
    assert 9 in parsed.quarantine["line"].to_list()
    # Of two versions of a minute neither can be trusted.
    assert parsed.bars.height == (18 if reason == "conflicting_duplicate" else 19)


def test_more_than_a_fifth_of_bad_rows_refuses_the_file(tmp_path: Path) -> None:
    good = [f"2024-03-05T00:{k:02d}:00Z,1.1,1.1,1.1,1.1" for k in range(50)]
    head = "ts_utc,open,high,low,close"
    bad = [line.replace("1.1", "x", 1) for line in good]
    path = write(tmp_path / "EURUSD.csv", [head, *bad[:10], *good[10:]])
    assert parse_file(path, now=NOW)[0].reasons == {"unreadable": 10}
    path = write(tmp_path / "EURUSD.csv", [head, *bad[:11], *good[11:]])
    with pytest.raises(InputFileError, match="11 of 50 rows") as caught:
        parse_file(path, now=NOW)
    assert "line 2: unreadable (open is x, not a number)" in caught.value.message


def test_nulls_in_parquet_go_to_quarantine_as_json(tmp_path: Path) -> None:
    frame = BARS.select("ts_utc", "open", "high", "low", "close")
    hole = pl.when(pl.int_range(pl.len()) != 4).then("close")
    frame.with_columns(hole.alias("close")).write_parquet(tmp_path / "eurusd.parquet")
    (parsed,) = parse_file(tmp_path / "eurusd.parquet", now=NOW)
    ((line, reason, detail, raw),) = parsed.quarantine.select(
        "line", "reason", "detail", "raw"
    ).rows()
    assert (line, reason, detail) == (5, "unreadable", "close is NULL")
    assert '"close":null' in raw
    assert parsed.bars.height == BARS.height - 1


def test_utf16_text_with_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD.csv"
    path.write_bytes(TEXT.encode("utf-16"))
    assert parse_file(path, now=NOW)[0].bars.height == BARS.height


def test_a_wrong_pair_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "EURUSD.csv", LINES)
    with pytest.raises(InputFileError, match="the file is eurusd, but gbpusd was asked for"):
        parse_file(path, ReadOptions(pair="GBPUSD"), now=NOW)


def test_an_unknown_format_lists_the_formats(tmp_path: Path) -> None:
    path = write(tmp_path / "EURUSD.csv", LINES)
    with pytest.raises(InputFileError, match="unknown format 'excel'") as caught:
        parse_file(path, ReadOptions(format="excel"), now=NOW)
    for name in ("lean", "histdata", "metatrader", "dukascopy", "parquet", "generic"):
        assert name in caught.value.expected


def test_an_undetectable_format_says_how_to_name_one(tmp_path: Path) -> None:
    path = write(tmp_path / "EURUSD.csv", ["hello"])
    with pytest.raises(InputFileError, match="cannot be detected") as caught:
        parse_file(path, now=NOW)
    assert "histdata" in caught.value.expected
    assert "name the format" in caught.value.hint


def test_two_good_members_are_two_files(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bars.zip", {"EURUSD.csv": TEXT, "GBPUSD.csv": TEXT, "a.pdf": "x"})
    first, second = parse_file(path, now=NOW)
    assert (first.pair, second.pair) == ("eurusd", "gbpusd")
    assert (first.member, second.member) == ("EURUSD.csv", "GBPUSD.csv")
    assert first.notes[0] == "member a.pdf is no data and was not read"
