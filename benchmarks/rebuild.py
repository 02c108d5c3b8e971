"""The rebuild of one pair-year against its floor: compute, and a raw binary COPY of the same rows.

Runs on real bars where ``../shared/data/bars_9pairs`` exists, otherwise on generated ones. The
stage and the floor run in turns on one server: the floor reads the bars, computes the months one
after the other, and sends them by binary COPY into tables of the same columns and keys. It checks
nothing, keeps nothing of the old tables, and cannot be undone.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.legacyserver import database
from bqx.legacy import Recipe
from bqx.market import Calendar
from bqx.postgres.rows import encoded
from bqx.stages.build_beside import Layout
from bqx.stages.legacy_bars import read_bars
from bqx.stages.legacy_tables import monthly_tables
from bqx.stages.pair_features import PairFeatures
from bqx.stages.rebuild import RebuildBqx
from bqx.stages.runner import quiet
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget

REAL = Path(__file__).parents[2] / "shared" / "data" / "bars_9pairs"
PAIR = "eurusd"
MONTHS = "2024_07:2025_06"
SHIFT_WEEKS = 312
FIRST_VERSION_ROWS = 10_313_378
FIRST_VERSION_HOURS = 7.4
BAR = 1.3
Pieces = Iterable[memoryview | bytes]


def _recipe() -> Recipe:
    if REAL.is_dir():
        files = (REAL / f"{PAIR}.parquet",)
        return Recipe(pairs=(PAIR,), months=MONTHS, real=files, shift_weeks=SHIFT_WEEKS)
    return Recipe(pairs=(PAIR,), months=MONTHS, full=PAIR)


def floor(target: PostgresTarget) -> dict[str, float]:
    """Seconds to read the bars and compute, and of a raw COPY: of the rows, and of ready bytes."""
    stage = RebuildBqx()
    table = monthly_tables(target, stage.table)[0]
    started = time.perf_counter()
    features = PairFeatures(read_bars(target.connection, PAIR, Calendar()))
    months, compute = [], time.perf_counter() - started
    for month in table.months:
        began = time.perf_counter()
        content = features.content(stage.spec, month, source=True)
        compute += time.perf_counter() - began
        months.append(content.table)
    layout = stage.layout(PAIR)
    ready = [[bytes(piece) for piece in encoded(table)] for table in months]
    return {
        "compute": compute,
        "copy": _copy(target, layout, [encoded(table) for table in months]),
        "ready": _copy(target, layout, ready),
    }


def _copy(target: PostgresTarget, layout: Layout, months: Sequence[Pieces]) -> float:
    columns = ", ".join(f"{name} double precision" for name in layout.columns)
    target.execute("CREATE SCHEMA raw")
    began = time.perf_counter()
    for number, pieces in enumerate(months):
        name = f"raw.part_{number}"
        with target.transaction():
            target.execute(f"CREATE TABLE {name} (ts_utc timestamptz PRIMARY KEY, {columns})")
            statement = f"COPY {name} FROM STDIN (FORMAT BINARY)".encode()
            with target.connection.cursor().copy(statement) as copy:
                for piece in pieces:
                    copy.write(piece)
    seconds = time.perf_counter() - began
    target.execute("DROP SCHEMA raw CASCADE")
    return seconds


def stage_seconds(target: PostgresTarget) -> dict[str, float]:
    """Seconds of the stage: to plan, to apply, to verify; then everything is put back."""
    stage = RebuildBqx()
    began = time.perf_counter()
    plan = stage.plan(target, Selection())
    planned = time.perf_counter()
    outcome = stage.apply(target, plan, quiet)
    applied = time.perf_counter()
    conditions = stage.verify(target, Selection())
    verified = time.perf_counter()
    if not all(condition.passed for condition in conditions):
        raise SystemExit(f"the stage failed: {conditions}")
    stage.rollback(target, quiet)
    undone = time.perf_counter()
    return {
        "plan": planned - began,
        "apply": applied - planned,
        "build": outcome["seconds"]["build"],
        "swap": outcome["seconds"]["swap"],
        "verify": verified - applied,
        "rollback": undone - verified,
        "rows": outcome["rows"],
    }


def measure(rounds: int) -> dict[str, Any]:
    """Both, in turns; medians, and the ratio within a round."""
    with database(_recipe()) as address, PostgresTarget(address) as target:
        target.prepare()
        stage_seconds(target)  # compiles the kernels and measures the server's rates
        found = [(stage_seconds(target), floor(target)) for _ in range(rounds)]
    ours = {name: statistics.median(o[name] for o, _ in found) for name in found[0][0]}
    theirs = {name: statistics.median(t[name] for _, t in found) for name in found[0][1]}
    ratio, bytes_ratio = (
        statistics.median(o["apply"] / (t["compute"] + t[name]) for o, t in found)
        for name in ("copy", "ready")
    )
    hours = ours["apply"] * FIRST_VERSION_ROWS / ours["rows"] / 3600
    ratios = {"ratio": ratio, "bytes_ratio": bytes_ratio, "bar": BAR}
    return {"stage": ours, "floor": theirs, **ratios, "hours": hours}


def main(arguments: list[str]) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m benchmarks rebuild")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options, _ = parser.parse_known_args(arguments)
    found = measure(options.rounds)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    ours, theirs = found["stage"], found["floor"]
    print(
        f"\nRebuild of reg_bqx_{PAIR}, {ours['rows']:,.0f} rows, median of {options.rounds} rounds"
    )
    print(f"floor: read bars and compute {theirs['compute']:.2f} s")
    print(f"       + raw binary COPY {theirs['copy']:.2f} s")
    print(f"       (of bytes that are encoded already {theirs['ready']:.2f} s)")
    print(f"stage: build {ours['build']:.2f} s + backup and swap {ours['swap']:.2f} s")
    print(
        f"       beside: plan {ours['plan']:.2f} s, verify {ours['verify']:.2f} s,"
        f" rollback {ours['rollback']:.2f} s"
    )
    verdict = "PASS" if found["ratio"] <= BAR else "FAIL"
    print(f"ratio {found['ratio']:.2f}, at most {BAR}: {verdict}")
    print(f"      {found['bytes_ratio']:.2f} where the floor's rows are encoded before")
    print(
        f"{FIRST_VERSION_ROWS:,} rows at that speed: {found['hours'] * 60:.1f} minutes;"
        f" the first version took {FIRST_VERSION_HOURS} hours"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
