"""The column names that the core is promised to have, and what the registry makes of them."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

from bqx.errors import BqxError
from bqx.features.registry import Registry

NAMES = "names.csv"


def promised(path: Path | None = None) -> dict[str, list[str]]:
    """Column names by table.

    Args:
        path: A CSV file with the columns ``table`` and ``column``; the promised names when None.

    Raises:
        BqxError: If the file cannot be read as such.
    """
    source = files("bqx.features").joinpath(NAMES) if path is None else path
    try:
        with source.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["table"], []).append(row["column"])
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise BqxError(
            f"unreadable list of names {source}: {error!r}",
            expected="a CSV file with the columns table and column",
        ) from error
    return found


def compare(families: Registry, path: Path | None = None) -> dict[str, list[str]]:
    """Names that the registry lacks, and names that are in it alone, of the tables in the list.

    Raises:
        BqxError: If the list cannot be read.
    """
    wanted = {(t, c) for t, columns in promised(path).items() for c in columns}
    tables = {table for table, _ in wanted}
    known = {
        (table, column.name)
        for table in families.tables
        if table in tables
        for column in families.declared(table)
    }
    return {
        "missing": [f"{t}__{c}" for t, c in sorted(wanted - known)],
        "added": [f"{t}__{c}" for t, c in sorted(known - wanted)],
    }
