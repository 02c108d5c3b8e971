"""`bqx copy` into PostgreSQL against a raw binary COPY of the same rows in the same run.

Runs on real bars where ``../shared/data/bars_9pairs`` exists, otherwise on synthetic ones, with the
server that the tests use, which syncs here as it does by default. The raw COPY sends bytes that
were encoded before into tables of the same shape, with and without a primary key; what `bqx copy`
does beside (reading, hashing, encoding, comparing, swapping, recording) is the difference.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi

import bqx
from benchmarks.build import prepare
from bqx.postgres.connect import connect, conninfo, run
from bqx.postgres.partitioned import quoted
from bqx.postgres.rows import TYPES, encoded
from bqx.store.copying import WORKERS, copy_store
from bqx.store.partitions import Key

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from servers import NEWEST, running

UNIVERSE_ROWS = 10_300_000
TABLES = ("m1", "reg_rate", "reg_bqx", "correlation_bqx")
LOOKUPS = 300
WAYS = {
    "raw COPY, one stream": (1, False),
    "raw COPY, one stream, keyed": (1, True),
    "raw COPY, two streams": (WORKERS, False),
    "raw COPY, two streams, keyed": (WORKERS, True),
}
"""Streams of a raw COPY, and whether the tables get their primary key afterwards."""


def definition(table: pa.Table) -> str:
    """Columns of a table like this one."""
    kinds = (
        f"{quoted(f.name)} {TYPES[f.type]}{' NOT NULL' * (not f.nullable)}" for f in table.schema
    )
    return ", ".join(kinds)


def raw(address: str, tables: dict[Key, pa.Table], streams: int, *, key: bool) -> tuple[float, int]:
    """Wall seconds and bytes of copying encoded rows into bare tables, some at a time."""
    pieces = {place: [bytes(p) for p in encoded(t)] for place, t in tables.items()}

    def put(place: Key) -> None:
        name = quoted("raw", "_".join(place))
        with connect(address) as connection:
            run(connection, f"CREATE TABLE {name} ({definition(tables[place])})")
            statement: Any = f"COPY {name} FROM STDIN (FORMAT binary, FREEZE)"
            with connection.cursor().copy(statement) as copy:
                for piece in pieces[place]:
                    copy.write(piece)
            if key:
                run(connection, f"ALTER TABLE {name} ADD PRIMARY KEY (ts_utc)")

    with connect(address, autocommit=True) as connection:
        run(connection, "DROP SCHEMA IF EXISTS raw CASCADE; CREATE SCHEMA raw; CHECKPOINT")
    began = time.perf_counter()
    with ThreadPoolExecutor(streams) as pool:
        list(pool.map(put, tables))
    return time.perf_counter() - began, sum(len(p) for parts in pieces.values() for p in parts)


def copied(address: str, source: bqx.Store, families: bqx.Registry) -> float:
    """Wall seconds of `bqx copy` of the same partitions."""
    with connect(address, autocommit=True) as connection:
        run(connection, "DROP SCHEMA IF EXISTS bqx CASCADE; DROP SCHEMA IF EXISTS bqx_meta CASCADE")
        run(connection, "CHECKPOINT")
    with bqx.open(address, settings=source.settings, families=families) as target:
        began = time.perf_counter()
        copy_store(source, target, tables=TABLES)
        return time.perf_counter() - began


def adbc(address: str, table: pa.Table) -> float:
    """Rows a second that ADBC's own ingestion takes, into a bare table."""
    with dbapi.connect(conninfo(address).reveal()) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS adbc")
        cursor.execute(f"CREATE TABLE adbc ({definition(table)})")
        began = time.perf_counter()
        cursor.adbc_ingest("adbc", table, mode="append")
        connection.commit()
        seconds = time.perf_counter() - began
    return float(table.num_rows / seconds)


def indexes(address: str, tables: Iterable[pa.Table]) -> dict[str, dict[str, float]]:
    """B-tree against BRIN on the time: seconds to make, bytes, and seconds of lookups."""
    parts = list(tables)
    found = {}
    with connect(address, autocommit=True) as connection:
        for kind in ("btree", "brin"):
            run(
                connection,
                f"DROP TABLE IF EXISTS years; CREATE TABLE years ({definition(parts[0])})",
            )
            for part in parts:
                with connection.cursor().copy("COPY years FROM STDIN (FORMAT binary)") as copy:
                    for piece in encoded(part):
                        copy.write(piece)
            began = time.perf_counter()
            run(connection, f"CREATE INDEX moment ON years USING {kind} (ts_utc)")
            making = time.perf_counter() - began
            run(connection, "ANALYZE years")
            size = run(connection, "SELECT pg_relation_size('moment')").fetchone()[0]
            times = [part.column("ts_utc")[part.num_rows // 2] for part in parts]
            points = [t.as_py().isoformat() for t in times]
            found[kind] = {
                "make_seconds": making,
                "bytes": float(size),
                "point_ms": _lookup(connection, points, "ts_utc = %s"),
                "day_ms": _lookup(
                    connection,
                    points,
                    "ts_utc >= %s AND ts_utc < %s::timestamptz + interval '1 day'",
                ),
            }
    return found


def _lookup(connection: Any, points: list[str], condition: str) -> float:
    """Milliseconds of counting a column under a condition, the median."""
    times = []
    for number in range(LOOKUPS):
        point = points[number % len(points)]
        values = (point,) * condition.count("%s")
        began = time.perf_counter()
        run(connection, f"SELECT count(w60_r2) FROM years WHERE {condition}", values).fetchone()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def measure(rounds: int, months: int, pairs: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, _server() as server:
        address = server.create_database()
        with prepare(Path(folder) / "store", months) as source:
            chosen = source.state.pairs()[:pairs]
            source.build(["regression", "term_covariance"], pairs=chosen)
            keys = [k for k in source.state.partitions() if k[0] in TABLES and k[1] in chosen]
            for key in set(source.state.partitions()) - set(keys):
                source.parts.drop(key)
                source.state.forget([key])
            tables = {key: source.parts.read(key) for key in keys}
            rows = sum(t.num_rows for t in tables.values())
            times: dict[str, list[float]] = {name: [] for name in ("copy", *WAYS)}
            size = 0
            for _ in range(rounds):
                times["copy"].append(copied(address, source, source.registry))
                for name, (streams, keyed) in WAYS.items():
                    seconds, size = raw(address, tables, streams, key=keyed)
                    times[name].append(seconds)
            wide = [t for k, t in tables.items() if k[:2] == ("reg_rate", chosen[0])]
            library = statistics.median(adbc(address, wide[0]) for _ in range(3))
            return {
                "server": NEWEST,
                "partitions": len(keys),
                "rows": rows,
                "bytes": size,
                "seconds": {name: statistics.median(found) for name, found in times.items()},
                "shares": {name: _share(times[name], times["copy"]) for name in WAYS},
                "adbc_rows_a_second_of_reg_rate": library,
                "indexes": indexes(address, wide),
            }


def _share(raw_seconds: list[float], ours: list[float]) -> float:
    """The throughput of `bqx copy` as a share of the raw one's, the median of the rounds."""
    return statistics.median(r / o for r, o in zip(raw_seconds, ours, strict=True))


def _server() -> Any:
    return running(settings="max_wal_size = 4GB\n")


def show(found: dict[str, Any]) -> None:
    """Print the figures."""
    print(f"\nbqx copy into PostgreSQL {found['server']}, {WORKERS} workers")
    rows, size = found["rows"], found["bytes"]
    print(f"  {found['partitions']} partitions, {rows:,} rows, {size / 1e6:,.0f} MB of binary COPY")
    for name, seconds in found["seconds"].items():
        speed = f"{rows / seconds:12,.0f} rows/s {size / seconds / 1e6:8,.1f} MB/s"
        share = found["shares"].get(name)
        print(f"  {name:28} {seconds:8.2f} s {speed}" + (f"  ratio {share:.2f}" if share else ""))
    print(f"  ADBC's ingestion of reg_rate: {found['adbc_rows_a_second_of_reg_rate']:,.0f} rows/s")
    hours = UNIVERSE_ROWS * found["seconds"]["copy"] / rows / 60
    print(f"  10.3 million rows, extrapolated: {hours:.1f} minutes")
    print("\nIndex on ts_utc, a pair's year of reg_rate in one table")
    for kind, figures in found["indexes"].items():
        size, made = figures["bytes"] / 1024, figures["make_seconds"]
        looked = f"a row {figures['point_ms']:.2f} ms, a day {figures['day_ms']:.2f} ms"
        print(f"  {kind:6} made in {made:.2f} s, {size:,.0f} KiB, {looked}")


def main(args: list[str]) -> None:
    """Run and print."""
    parser = ArgumentParser(prog="benchmarks copy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--months", type=int, default=3, help="of synthetic bars")
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(args)
    found = measure(options.rounds, options.months, options.pairs)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main([])
