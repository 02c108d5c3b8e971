"""Small databases of the first version, and what a database holds to the last bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bqx.legacy import Recipe, create
from bqx.stages import catalog
from bqx.stages.target import PostgresTarget
from legacy.databases import clone
from servers import Server

PAIRS = ("audusd", "eurusd", "gbpusd")
MONTHS = ("2024_07", "2024_08")
_made: set[Path] = set()


def few(server: Server) -> str:
    """Address of a new database with three pairs, two months and a few rows a partition."""
    if server.folder not in _made:
        server.psql("CREATE DATABASE few")
        create(server.address("few"), Recipe(pairs=PAIRS, months=":".join(MONTHS)))
        _made.add(server.folder)
    return clone(server, server.address("few"))


@dataclass(frozen=True)
class Content:
    """What a database holds: its schema as ``pg_dump`` says it, and hashes of all rows."""

    schema: str
    hashes: dict[str, str]


def content(server: Server, address: str) -> Content:
    """What the tables of a database are and hold."""
    with PostgresTarget(address) as target:
        names = [r.name for r in catalog.relations(target, ".*")]
        hashes = catalog.content_hashes(target, names)
    return Content(server.dump(address, "--schema-only", "--schema=bqx"), hashes)
