"""A selection per pair: time, peak memory, quotas, and whether it repeats with other threads.

Of a dataset that is given, or of one that is made: the standard columns with their lags, 2,641, of
real bars where ``../shared/data/bars_9pairs`` exists, otherwise synthetic ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import bqx
from benchmarks.build import REAL, prepare
from bqx.dataset.making import build_dataset

TARGETS = "60:15,30,45,60,75:level"

OURS = """
import hashlib, json, sys, time
import bqx
from bqx.dataset.ranges import Ranges
from bqx.selection.datasets import select_pair
from bqx.selection.settings import Settings
folder, pair, effort, threads, share = sys.argv[1:6]
began, used = time.perf_counter(), time.process_time()
dataset = bqx.Dataset.open(folder)
first, stop = dataset.extent(pair)
rows = Ranges.of((first, first + int((stop - first) * float(share))))
mask = select_pair(dataset, pair, Settings(effort=effort), rows=rows, threads=int(threads))
text = json.dumps(mask.to_json(), sort_keys=True)
found = {"counts": mask.counts, "candidates": sum(mask.candidates.values())}
found["stability"] = [mask.stability.index, mask.stability.low, mask.stability.high]
found["given"], found["hash"] = mask.sample["given"], hashlib.sha256(text.encode()).hexdigest()
found["seconds"], found["cpu"] = time.perf_counter() - began, time.process_time() - used
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({**found, "peak": int(peak.split()[1]) * 1024}))
"""


def run(*arguments: object) -> dict[str, Any]:
    """What a process of its own measured; the start of Python and of libraries counts too."""
    command = [sys.executable, "-c", OURS, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(pair: str, effort: str, found: list[dict[str, Any]]) -> None:
    """Print the figures of one pair."""
    one, counts = found[0], found[0]["counts"]
    index, low, high = one["stability"]
    same = "identical" if len({f["hash"] for f in found}) == 1 else "DIFFERENT"
    enough = min(counts["rate"], counts["bqx"]) >= 100 and sum(counts.values()) == 250
    print(
        f"{pair} {effort:9} {one['seconds']:6.1f} s {one['cpu']:6.1f} CPU s "
        f"{one['peak'] / 2**20:7,.0f} MiB, {one['candidates']:,} columns, {one['given']:,} rows: "
        f"{counts['rate']} rate, {counts['bqx']} bqx, {counts['neither']} neither "
        f"({'met' if enough else 'MISSED'}), stability {index:.2f} [{low:.2f}, {high:.2f}], {same}"
    )


def main(args: list[str]) -> None:
    """Run and print."""
    parser = ArgumentParser(prog="benchmarks selection")
    parser.add_argument("--dataset", type=Path, help="a dataset; a new one when absent")
    parser.add_argument("--months", type=int, default=2, help="of synthetic bars")
    parser.add_argument("--pairs", default="eurusd")
    parser.add_argument("--share", type=float, default=0.5, help="of the rows, the first ones")
    parser.add_argument("--effort", default="fast,standard")
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(args)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        dataset = options.dataset or Path(folder) / "dataset"
        if not options.dataset:
            store: bqx.FolderStore = prepare(Path(folder) / "store", options.months)
            build_dataset(store, dataset, pairs=options.pairs, targets=TARGETS)
            print("real bars" if REAL.is_dir() else "synthetic bars")
        for pair in options.pairs.split(","):
            for effort in options.effort.split(","):
                found = [run(dataset, pair, effort, n, options.share) for n in (2, 1)]
                show(pair, effort, found)
                results[f"{pair} {effort}"] = found
    if options.json:
        options.json.write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main([])
