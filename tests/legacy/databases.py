"""Databases of the first version for tests: made once per server, and cloned for each test.

Tests in other folders say ``from legacy.databases import legacy_template``.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Literal

import pytest
from psycopg.conninfo import conninfo_to_dict

from bqx.legacy import Recipe, create
from servers import Server

Kind = Literal["structure", "small", "real", "full"]

ROOT = Path(__file__).parents[2]
BARS = ROOT.parent / "shared" / "data" / "bars_9pairs"
REAL_PAIRS = ("eurgbp", "eurusd", "gbpusd")
REAL_MONTHS = "2024_07:2024_09"
SHIFT_WEEKS = 312
"""Moves 2018-07-02, where the bars begin, to 2024-06-24: a week of history before July."""

_FILES = tuple(BARS / f"{pair}.parquet" for pair in REAL_PAIRS)
RECIPES: dict[Kind, Recipe] = {
    "structure": Recipe(),
    "small": Recipe(pairs=("eurusd", "gbpusd"), months="2024_07:2024_08", full="eurusd"),
    "real": Recipe(pairs=REAL_PAIRS, months=REAL_MONTHS, real=_FILES, shift_weeks=SHIFT_WEEKS),
    "full": Recipe(real=_FILES, full_months=REAL_MONTHS, shift_weeks=SHIFT_WEEKS),
}
"""What each kind is made of.

- ``structure``: 28 pairs, 12 months, 3 rows per partition, nothing computed.
- ``small``: eurusd with all rows of generated bars from June 2024 on, gbpusd with 3 per partition;
  July and August 2024.
- ``real``: three real pairs, July to September 2024, with a week of bars before.
- ``full``: ``structure`` with the bars of ``real`` in its first three months.
"""
_made: set[tuple[Path, Kind]] = set()


def legacy_template(server: Server, kind: Kind) -> str:
    """Address of a new database that is a copy of the kind's template.

    Skips the test where the kind needs real bars and there are none.
    """
    return clone(server, template(server, kind))


def template(server: Server, kind: Kind) -> str:
    """Address of the kind's template itself: for tests that change nothing in it.

    It cannot be copied while somebody is connected to it.
    """
    if RECIPES[kind].real and not BARS.is_dir():
        pytest.skip("real bars are not here: ../shared/data is absent")
    address = server.address(f"legacy_{kind}")
    if (server.folder, kind) not in _made:
        server.psql(f"CREATE DATABASE legacy_{kind}")
        create(address, RECIPES[kind])
        _made.add((server.folder, kind))
    return address


def clone(server: Server, address: str) -> str:
    """Address of a copy of a database that nobody is connected to."""
    origin = conninfo_to_dict(address)["dbname"]
    name = f"{origin}_{uuid.uuid4().hex[:8]}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE {origin} STRATEGY FILE_COPY")
    return server.address(name)
