"""The build against its floor: writing the same frames from memory.

Runs on real bars where ``../shared/data/bars_9pairs`` exists, otherwise on synthetic ones. The
build and the floor run in turns inside one process, each into a fresh folder, with the same writer,
the same settings, the same number of workers, and synced to disk.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

import bqx
from bqx.bars.synthetic import synthetic_bars
from bqx.store.parquet import read_file, write_file

REAL = Path(__file__).parents[2] / "shared" / "data" / "bars_9pairs"
WEEK = "Mon 00:00 - Fri 21:00 UTC"
UNIVERSE_ROWS = 28 * 12 * 31_000
FIRST_VERSION_HOURS = {"regression": 7.4, "covariances": 4.5}
FIRST_VERSION = "the first version's hours, on 8 cores"


def prepare(root: Path, months: int) -> bqx.FolderStore:
    """A store with bars and nothing built."""
    store = bqx.open(root, settings=bqx.StoreSettings(week=WEEK))
    if REAL.is_dir():
        store.ingest(sorted(REAL.glob("*.parquet")))
        return store
    folder = root.parent / "bars"
    folder.mkdir()
    for pair, frame in synthetic_bars(days=30 * months).items():
        frame.write_parquet(folder / f"{pair}.parquet")
    store.ingest(sorted(folder.glob("*.parquet")), synthetic=True)
    return store


def build(store: bqx.FolderStore, families: str = "base") -> tuple[float, int]:
    """Wall seconds and feature values of a build from nothing."""
    for table in store.tables:
        shutil.rmtree(store.root / table, ignore_errors=True)
    store.state.forget(key for key in store.state.partitions() if key[0] != "m1")
    began = time.perf_counter()
    report = store.build(families.split(","))
    if not report.passed:
        raise SystemExit(f"the build failed: {report.failures}")
    return time.perf_counter() - began, report.values


def peak_memory(root: Path) -> int:
    """Peak resident bytes of a process that builds the base tables and nothing else."""
    code = (
        "import sys, bqx; assert bqx.open(sys.argv[1]).build().passed\n"
        "print(*(x for x in open('/proc/self/status') if x.startswith('VmHWM')))"
    )
    command = [sys.executable, "-c", code, str(root)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[1]) * 1024


def write_floor(store: bqx.FolderStore, folder: Path) -> float:
    """Wall seconds of writing the same partitions from memory, two at a time.

    Frames are loaded outside the clock, as many at once as memory allows.
    """
    keys = [key for key in store.state.partitions() if key[0] != "m1"]
    seconds = 0.0
    for start in range(0, len(keys), 48):
        tables = [(key, read_file(store.path(*key))) for key in keys[start : start + 48]]
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(write_file, table, folder / "_".join(key) / "part.parquet")
                for key, table in tables
            ]
            for job in jobs:
                job.result()
        seconds += time.perf_counter() - began
    shutil.rmtree(folder, ignore_errors=True)
    return seconds


def median(run: Callable[[], object], rounds: int) -> float:
    """Median wall seconds of a call."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def reads(store: bqx.FolderStore, rounds: int) -> dict[str, float]:
    """Median seconds to get a pair-year of reg_rate in memory, in turns."""
    pair = store.state.pairs()[0]
    pattern = str(store.root / "reg_rate" / pair / "*.parquet")
    ways: dict[str, Callable[[], object]] = {
        "computed from bars": lambda: store.read("reg_rate", pair),
        "read from Parquet by bqx": lambda: store.read("reg_rate", pair, source="stored"),
        "read from Parquet by polars": lambda: pl.read_parquet(pattern),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            times[name].append(median(way, 1))
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def measure(rounds: int, months: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        root = Path(folder)
        store = prepare(root / "store", months)
        peak = peak_memory(store.root)
        builds, floors = [], []
        values = 0
        for _ in range(rounds):
            seconds, values = build(store)
            builds.append(seconds)
            floors.append(write_floor(store, root / "floor"))
        read_times = reads(store, 9)
        rows = sum(p.rows for p in store.state.partitions("reg_rate").values())
        regression = build(store, "regression")
        covariances = build(store, "term_covariance,rolling_covariance")
    return {
        "values": values,
        "build_seconds": statistics.median(builds),
        "values_a_second": values / statistics.median(builds),
        "write_floor_seconds": statistics.median(floors),
        "ratio": statistics.median(b / f for b, f in zip(builds, floors, strict=True)),
        "peak_bytes": peak,
        "read_seconds": read_times,
        "universe_seconds": {
            "regression": regression[0] * UNIVERSE_ROWS / rows,
            "covariances": covariances[0] * UNIVERSE_ROWS / rows,
        },
        "first_version_hours": FIRST_VERSION_HOURS,
    }


def show(found: dict[str, Any]) -> None:
    """Print the figures."""
    print("\nBuild of the base tables, two workers, synced to disk")
    for name in ("values", "build_seconds", "values_a_second", "write_floor_seconds", "ratio"):
        print(f"  {name:22} {found[name]:,.2f}")
    print(f"  {'peak memory, MiB':22} {found['peak_bytes'] / 2**20:,.0f}")
    print("\nA pair-year of reg_rate in memory, seconds")
    read_times = found["read_seconds"]
    for name, seconds in read_times.items():
        print(f"  {name:28} {seconds:.3f}")
    print(f"\n28 pairs x 12 months, extrapolated by rows, beside {FIRST_VERSION}")
    universe, hours = found["universe_seconds"], found["first_version_hours"]
    for name, seconds in universe.items():
        print(f"  {name:12} {seconds:6.1f} s   {hours[name]} h")


def main(args: list[str]) -> None:
    """Run and print."""
    parser = ArgumentParser(prog="benchmarks build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--months", type=int, default=3, help="of synthetic bars")
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(args)
    found = measure(options.rounds, options.months)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main([])
