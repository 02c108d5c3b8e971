"""Files that are damaged, disguised, or not what they claim, and what is said of each."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from barfiles import generic_lines, mt4_lines, quiet_bars, rows_of, write, write_zip
from bqx.errors import BqxError, ClockError, InputFileError, UnknownNameError

NOW = datetime(2024, 6, 1, tzinfo=UTC)
BARS = quiet_bars("2024-03-05T00:00", 0.1)
LINES = generic_lines(rows_of(BARS))
TEXT = "\n".join(LINES) + "\n"


def _text(name: str, text: str) -> Callable[[Path], Path]:
    return _bytes(name, text.encode())


def _bytes(name: str, data: bytes) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    return build


def _zip(name: str, members: dict[str, str | bytes]) -> Callable[[Path], Path]:
    return lambda folder: write_zip(folder / name, members)


def _zip_bytes(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def _encrypted() -> bytes:
    data = bytearray(_zip_bytes({"EURUSD.csv": TEXT}))
    data[6] |= 1  # flag bit 0 of the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and of the central directory
    return bytes(data)


def _broken_crc() -> bytes:
    data = bytearray(_zip_bytes({"EURUSD.csv": TEXT}))
    data[60] ^= 0xFF
    return bytes(data)


def _parquet(**columns: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def _frame(**changes: object) -> dict[str, object]:
    columns = {name: BARS[name].to_arrow() for name in ("ts_utc", "open", "high", "low", "close")}
    return columns | changes


def _duplicate_columns() -> bytes:
    buffer = io.BytesIO()
    arrays = [*_frame().values(), BARS["close"].to_arrow()]
    pq.write_table(
        pa.Table.from_arrays(arrays, ["ts_utc", "open", "high", "low", "close", "close"]), buffer
    )
    return buffer.getvalue()


def _many_rows() -> bytes:
    flat = pa.DictionaryArray.from_arrays(pa.array([0] * 3_000_000, pa.int32()), pa.array([1.0]))
    return _parquet(**{f"c{k}": flat for k in range(100)})


def _folder(folder: Path) -> Path:
    (folder / "EURUSD.csv").mkdir()
    return folder / "EURUSD.csv"


def _swap(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


ZEROS = b"\0" * (8 * 1024 * 1024)

REFUSED: dict[str, tuple[Callable[[Path], Path], type[BqxError], str]] = {
    "missing file": (lambda folder: folder / "EURUSD.csv", InputFileError, "no such file"),
    "folder": (_folder, InputFileError, "not a file"),
    "empty file": (_bytes("EURUSD.csv", b""), InputFileError, "is empty"),
    "blank lines only": (_text("EURUSD.csv", "\n \n\n"), InputFileError, "cannot be detected"),
    "header only": (_text("EURUSD.csv", LINES[0] + "\n"), InputFileError, "no rows"),
    "truncated zip": (
        _bytes("EURUSD.zip", _zip_bytes({"EURUSD.csv": TEXT})[:-40]),
        InputFileError,
        "damaged zip",
    ),
    "zip with a broken checksum": (
        _bytes("EURUSD.zip", _broken_crc()),
        InputFileError,
        "damaged zip",
    ),
    "truncated gzip": (
        _bytes("EURUSD.csv.gz", gzip.compress(TEXT.encode())[:-30]),
        InputFileError,
        "damaged gzip",
    ),
    "gzip of nothing": (_bytes("EURUSD.csv.gz", gzip.compress(b"")), InputFileError, "is empty"),
    "zip bomb": (_zip("EURUSD.zip", {"EURUSD.csv": ZEROS}), InputFileError, "200 times"),
    "gzip bomb": (_bytes("EURUSD.csv.gz", gzip.compress(ZEROS)), InputFileError, "200 times"),
    "LZMA bomb": (
        _bytes("EURUSD_2024_00_02_13h_ticks.bi5", lzma.compress(ZEROS, lzma.FORMAT_ALONE)),
        InputFileError,
        "200 times",
    ),
    "truncated LZMA": (
        _bytes(
            "EURUSD_2024_00_02_13h_ticks.bi5", lzma.compress(b"0123" * 999, lzma.FORMAT_ALONE)[:30]
        ),
        InputFileError,
        "damaged LZMA",
    ),
    "climbing member": (
        _zip("EURUSD.zip", {"../EURUSD.csv": TEXT}),
        InputFileError,
        "outside the archive",
    ),
    "absolute member": (
        _zip("EURUSD.zip", {"/etc/EURUSD.csv": TEXT}),
        InputFileError,
        "outside the archive",
    ),
    "member on a drive": (
        _zip("EURUSD.zip", {"C:\\EURUSD.csv": TEXT}),
        InputFileError,
        "outside the archive",
    ),
    "encrypted zip": (_bytes("EURUSD.zip", _encrypted()), InputFileError, "encrypted"),
    "zip without data": (
        _zip("EURUSD.zip", {"readme.pdf": "x"}),
        InputFileError,
        "no data member among",
    ),
    "several members without pair": (
        _zip("bars.zip", {"first.csv": TEXT, "second.csv": TEXT}),
        InputFileError,
        "pair cannot be told",
    ),
    "wrong delimiter": (
        _text("EURUSD.csv", LINES[0].replace(",", ";") + "\n" + TEXT.split("\n", 1)[1]),
        InputFileError,
        "no timestamp can be read",
    ),
    "no header": (_text("EURUSD.csv", "\n".join(LINES[1:])), InputFileError, "cannot be detected"),
    "swapped columns": (
        _text("EURUSD.csv", _swap(TEXT, "high,low", "low,high")),
        InputFileError,
        "high_low",
    ),
    "decimal comma": (
        _text("EURUSD.csv", TEXT.replace(",", ";").replace("1.", "1,")),
        InputFileError,
        "decimal comma",
    ),
    "time zone in some rows": (
        _text("EURUSD.csv", TEXT.replace("Z", "", 3)),
        ClockError,
        "3 have none",
    ),
    "time zone in no row": (
        _text("EURUSD.csv", TEXT.replace("Z", "")),
        ClockError,
        "no time zone was given",
    ),
    "NUL bytes": (
        _bytes("EURUSD.csv", LINES[0].encode() + b"\n" + ZEROS),
        InputFileError,
        "binary",
    ),
    "UTF-16 cut in half": (
        _bytes("EURUSD.csv", TEXT.encode("utf-16")[:-1]),
        InputFileError,
        "not utf-16",
    ),
    "a picture": (
        _bytes("EURUSD.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
        InputFileError,
        "cannot be detected",
    ),
    "unknown pair": (_text("XAUUSD.csv", TEXT), InputFileError, "pair cannot be told"),
    "inverted pair": (_text("USDEUR.csv", TEXT), UnknownNameError, "eurusd"),
    "two pairs": (_text("EURUSD_GBPUSD.csv", TEXT), InputFileError, "several pairs"),
    "CSV named Parquet": (
        _text("EURUSD.parquet", "PAR1" + TEXT),
        InputFileError,
        "damaged Parquet",
    ),
    "Parquet with text prices": (
        _bytes("EURUSD.parquet", _parquet(**_frame(close=["x"] * BARS.height))),
        InputFileError,
        "column close is String",
    ),
    "Parquet without close": (
        _bytes("EURUSD.parquet", _parquet(**{k: v for k, v in _frame().items() if k != "close"})),
        InputFileError,
        "no column for close",
    ),
    "Parquet with naive times": (
        _bytes(
            "EURUSD.parquet",
            _parquet(**_frame(ts_utc=BARS["ts_utc"].dt.replace_time_zone(None).to_arrow())),
        ),
        ClockError,
        "no time zone was given",
    ),
    "Parquet with repeated names": (
        _bytes("EURUSD.parquet", _duplicate_columns()),
        InputFileError,
        "column names repeat",
    ),
    "Parquet without rows": (
        _bytes("EURUSD.parquet", _parquet(**{k: v[:0] for k, v in _frame().items()})),  # type: ignore[index]
        InputFileError,
        "no rows",
    ),
    "Parquet bomb": (_bytes("EURUSD.parquet", _many_rows()), InputFileError, "3,000,000 rows"),
    "bi5 without an hour": (
        _bytes("EURUSD.bi5", lzma.compress(b"\0" * 20, lzma.FORMAT_ALONE)),
        InputFileError,
        "names no hour",
    ),
    "bi5 with a cut record": (
        _bytes(
            "EURUSD_2024_00_02_13h_ticks.bi5",
            lzma.compress(struct.pack(">IIIff", 1, 2, 1, 1, 1) + b"\0", lzma.FORMAT_ALONE),
        ),
        InputFileError,
        "21 bytes",
    ),
    "all bars in the future": (
        _text("EURUSD.csv", TEXT.replace("2024-", "2034-")),
        InputFileError,
        "future",
    ),
    "short MetaTrader file": (
        lambda folder: write(folder / "EURUSD1.csv", mt4_lines(rows_of(BARS), "UTC")),
        ClockError,
        "broker's clock cannot be told",
    ),
    "LEAN quotes of an unknown market": (
        _zip("20140501_quote.zip", {"20140501_eurusd_minute_quote.csv": "0" + ",1" * 10}),
        ClockError,
        "market is in no folder",
    ),
}
