"""A dataset of one pair and year with its lags, beside a plain polars join of the same files.

Every way runs in a process of its own, under a hard limit of the system where it has a budget. Real
bars where ``../shared/data/bars_9pairs`` exists, otherwise synthetic ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import bqx
from benchmarks.build import REAL, prepare
from bqx.build.memory import parse_size
from bqx.dataset.columns import choose

BAR = 1.5

OURS = """
import json, resource, sys, time
import bqx
from bqx.dataset.making import build_dataset
store, out, pair, source, budget, limit = sys.argv[1:7]
resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
opened = bqx.open(store)
began, used = time.perf_counter(), time.process_time()
made = build_dataset(opened, out, pairs=pair, source=source, max_memory=budget)
found = {"rows": made.manifest.rows, "columns": len(made.features)}
found["bytes"] = sum(f.bytes for f in made.manifest.files)
"""

POLARS = """
import json, sys, time
from pathlib import Path
import polars as pl
store, out, pair, plan = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
began, used = time.perf_counter(), time.process_time()
joined = None
for table, (folder, columns) in plan["tables"].items():
    frame = pl.read_parquet(store / table / folder / "*.parquet", columns=["ts_utc", *columns])
    frame = frame.rename({c: f"{table}__{c}" for c in columns})
    joined = frame if joined is None else joined.join(frame, on="ts_utc", how="left")
lags = [
    pl.col(name).shift(k).alias(f"{name}_lag{k}") for name in plan["lagged"] for k in plan["lags"]
]
joined = joined.with_columns(lags).with_columns(pl.all().exclude("ts_utc").cast(pl.Float32))
out.mkdir()
joined.write_parquet(out / "joined.parquet", compression="lz4")
found = {"rows": joined.height, "columns": joined.width - 1}
found["bytes"] = (out / "joined.parquet").stat().st_size
"""

ACCOUNT = """
found["seconds"], found["cpu"] = time.perf_counter() - began, time.process_time() - used
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({**found, "peak": int(peak.split()[1]) * 1024}))
"""


def run(code: str, *arguments: str | Path) -> dict[str, Any]:
    """What a process of its own measured."""
    command = [sys.executable, "-c", code + ACCOUNT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def join_plan(store: bqx.FolderStore, pair: str) -> dict[str, Any]:
    """What polars joins: the tables' folders and columns, and which columns are lagged."""
    choice = choose(store.registry)
    tables: dict[str, tuple[str, list[str]]] = {}
    for feature in choice.features:
        if not feature.lag:
            single = store.tables[feature.table].single
            folder = "all" if single else pair
            tables.setdefault(feature.table, (folder, []))[1].append(feature.column)
    # A table of the pair first: its rows are the spine.
    order = sorted(tables, key=lambda t: store.tables[t].single)
    lagged = dict.fromkeys(f"{f.table}__{f.column}" for f in choice.features if f.lag)
    return {
        "tables": {t: tables[t] for t in order},
        "lagged": list(lagged),
        "lags": list(choice.lags),
    }


def measure(root: Path, pair: str, rounds: int, store: bqx.FolderStore) -> dict[str, Any]:
    """Seconds and peak memory of every way, in turns; the best of the rounds."""
    plan = join_plan(store, pair)
    store.build(list(plan["tables"]), pairs=pair)
    ways: dict[str, list[dict[str, Any]]] = {}
    for k in range(rounds):
        for budget, source in (("4GiB", "computed"), ("2GiB", "computed"), ("2GiB", "stored")):
            place = root / f"{source}{budget}{k}"
            limit = str(parse_size(budget))
            found = run(OURS, store.root, place, pair, source, budget, limit)
            ways.setdefault(f"{source}, at most {budget}", []).append(found)
        found = run(POLARS, store.root, root / f"polars{k}", pair, json.dumps(plan))
        ways.setdefault("plain polars join", []).append(found)
    differing = differences(root, pair)
    if differing:
        raise SystemExit(f"{differing} values differ from the plain join")
    return {name: min(found, key=lambda f: float(f["seconds"])) for name, found in ways.items()}


def differences(root: Path, pair: str) -> int:
    """Values of every hundredth column in which a dataset differs from the join of polars."""
    made = bqx.Dataset.open(root / "stored2GiB0")
    names = made.features[::100]
    joined = pl.read_parquet(root / "polars0" / "joined.parquet", columns=list(names))
    theirs = joined.select(pl.all().fill_null(float("nan"))).to_numpy()
    _, ours = made.matrix(pair, names)
    return int(np.sum(~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))))


def show(found: dict[str, Any]) -> None:
    """Print the figures, and whether the bar is met."""
    print(f"\n{'a pair of all its months':26} {'s':>8} {'CPU s':>8} {'MiB':>8} {'columns':>8} rows")
    for name, f in found.items():
        print(
            f"{name:26} {f['seconds']:8.1f} {f['cpu']:8.1f} {f['peak'] / 2**20:8,.0f} "
            f"{f['columns']:8,} {f['rows']:,}"
        )
    ours, theirs = found["stored, at most 2GiB"], found["plain polars join"]
    ratio, memory = ours["seconds"] / theirs["seconds"], ours["peak"] / theirs["peak"]
    verdict = "met" if ratio <= BAR else "MISSED"
    print(f"time against polars {ratio:.2f} (bar {BAR}: {verdict}), memory {memory:.2f}")


def main(args: list[str]) -> None:
    """Run and print."""
    parser = ArgumentParser(prog="benchmarks dataset")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--months", type=int, default=12, help="of synthetic bars")
    parser.add_argument("--pair", default="eurusd")
    parser.add_argument("--store", type=Path, help="a store with bars; a new one when absent")
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(args)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        root = Path(folder)
        store = (
            bqx.open(options.store) if options.store else prepare(root / "store", options.months)
        )
        found = measure(root, options.pair, options.rounds, store)
    print("real bars" if REAL.is_dir() else "synthetic bars")
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main([])
