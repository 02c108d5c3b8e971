"""Vendor files written for tests, in the formats that the vendors publish."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from bqx.bars.schema import PRICES
from synthetic import random_walk_bars

Row = tuple[datetime, float, float, float, float]
"""UTC time, open, high, low, close."""


def rows_of(bars: pl.DataFrame) -> list[Row]:
    """The bars as tuples."""
    return [(t, o, h, low, c) for t, o, h, low, c in bars.select("ts_utc", *PRICES).iter_rows()]


def quiet_bars(start: str, days: float, *, pair: str = "eurusd", seed: int = 1) -> pl.DataFrame:
    """Bars of a random walk without gaps but the weekends."""
    return random_walk_bars(pair, start, days, seed, gaps=False)


def wall(moment: datetime, zone: str, hours: float = 0) -> datetime:
    """Wall time of a UTC moment by the clock of a zone, moved by some hours."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(hours=hours)


def histdata_lines(rows: Sequence[Row], zone: str, hours: float = 0) -> list[str]:
    """HistData's generic ASCII."""
    return [
        f"{wall(t, zone, hours):%Y%m%d %H%M%S};{o:.6f};{h:.6f};{low:.6f};{c:.6f};0"
        for t, o, h, low, c in rows
    ]


def mt4_lines(rows: Sequence[Row], zone: str, hours: float = 0, volume: int = 7) -> list[str]:
    """MetaTrader 4: comma separated, minutes, tick volume."""
    return [
        f"{wall(t, zone, hours):%Y.%m.%d,%H:%M},{o:.5f},{h:.5f},{low:.5f},{c:.5f},{volume}"
        for t, o, h, low, c in rows
    ]


def mt5_lines(rows: Sequence[Row], zone: str, hours: float = 0, volume: int = 7) -> list[str]:
    """MetaTrader 5: tab separated, seconds, tick volume, volume and spread, without header."""
    return [
        f"{wall(t, zone, hours):%Y.%m.%d\t%H:%M:%S}\t"
        f"{o:.5f}\t{h:.5f}\t{low:.5f}\t{c:.5f}\t{volume}\t0\t2"
        for t, o, h, low, c in rows
    ]


MT5_HEADER = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"


def generic_lines(rows: Sequence[Row], separator: str = ",") -> list[str]:
    """A header, and ISO timestamps in UTC."""
    head = separator.join(("ts_utc", *PRICES))
    body = [
        separator.join((f"{t:%Y-%m-%dT%H:%M:%SZ}", *(f"{x:.5f}" for x in prices)))
        for t, *prices in rows
    ]
    return [head, *body]


def write(path: Path, lines: Sequence[str], end: str = "\n") -> Path:
    """Write lines of text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines) + end).encode())
    return path


def write_zip(path: Path, members: dict[str, str | bytes]) -> Path:
    """Write a deflated zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
