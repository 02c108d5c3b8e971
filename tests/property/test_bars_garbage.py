"""Whatever the bytes and whatever the format is said to be, only bqx's own errors come out."""

from __future__ import annotations

import gzip
import lzma
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from barfiles import generic_lines, histdata_lines, mt4_lines, quiet_bars, rows_of
from bqx.bars.parse import parse_file
from bqx.bars.parsed import ReadOptions
from bqx.bars.readers import READERS
from bqx.errors import BqxError

ROWS = rows_of(quiet_bars("2024-03-05T00:00", 0.02))
GOOD = [
    "\n".join(lines).encode()
    for lines in (
        generic_lines(ROWS),
        histdata_lines(ROWS, "Europe/London", -5),
        mt4_lines(ROWS, "UTC"),
    )
]
NAMES = [
    "EURUSD.csv",
    "EURUSD.zip",
    "eurusd.parquet",
    "20140501_quote.zip",
    "EURUSD_2024_02_05_13h_ticks.bi5",
]


def _survive(name: str, data: bytes, form: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        with suppress(BqxError):
            parsed = parse_file(path, ReadOptions(pair="eurusd", format=form, timezone="UTC"))
            assert all(file.tally["read"].sum() >= file.bars.height for file in parsed)


@pytest.mark.parametrize("form", [None, *READERS])
@settings(max_examples=30, deadline=None)
@given(st.sampled_from(NAMES), st.binary(max_size=200))
@example("EURUSD.csv", b"\xef\xbb\xbf")
@example("EURUSD.csv", b"\n")
@example("EURUSD.csv", b"\xff\xfe")
@example("EURUSD.csv", b"\r")
@example("EURUSD.csv", b"PK\x03\x04")
@example("EURUSD.csv", b"PAR1PAR1")
@example("EURUSD.csv", b"\x1f\x8b")
@example("EURUSD.csv", b"a,b\n")
@example("EURUSD.csv", b'ts_utc,open,high,low,close\n"')
@example("20140501_quote.zip", b"0,1,1,1,1,1,1,1,1,1,1\n")
@example("EURUSD_2024_02_05_13h_ticks.bi5", b"\x5d\0\0\x80\0")
def test_any_bytes_in_any_format(form: str | None, name: str, data: bytes) -> None:
    _survive(name, data, form)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(GOOD),
    st.sampled_from([None, *READERS]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8),
    st.integers(0, 10**6),
    st.sampled_from([bytes, gzip.compress]),
)
def test_good_files_with_changed_bytes_and_cut_ends(
    good: bytes, form: str | None, changes: list[tuple[int, int]], cut: int, pack: type[bytes]
) -> None:
    data = bytearray(good)
    for position, value in changes:
        data[position % len(data)] = value
    _survive("EURUSD.csv", pack(bytes(data[: cut % len(data)])), form)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400))
def test_any_ticks(data: bytes) -> None:
    packed = lzma.compress(data, lzma.FORMAT_ALONE)
    _survive("EURUSD_2024_02_05_13h_ticks.bi5", packed, None)
