"""Renaming 1,456 relations against a bare loop of ALTER TABLE in one DO block.

Both run in turns on one server, on the same database of the first version with a few rows for each
partition. What the stage does besides renaming (locks, exact counts, checks, the commit) is timed
and told apart.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from benchmarks.legacyserver import database
from bqx.stages.rename import Rename
from bqx.stages.runner import Runner
from bqx.stages.target import PostgresTarget

FIRST_VERSION_SECONDS = 6.5
BAR = 1.5
_LOOP = """
DO $do$ DECLARE r record; BEGIN
  FOR r IN SELECT relname FROM pg_class WHERE relnamespace = 'bqx'::regnamespace
           AND relkind IN ('r', 'p') AND relname LIKE '%{old}%' LOOP
    EXECUTE format('ALTER TABLE bqx.%I RENAME TO %I', r.relname,
                   replace(r.relname, '{old}', '{new}'));
  END LOOP;
END $do$
"""


def bare(target: PostgresTarget) -> float:
    """Seconds of the loop; afterwards the old names are back."""
    began = time.perf_counter()
    target.execute(_loop("_features_", "_rate_"))
    seconds = time.perf_counter() - began
    target.execute(_loop("_rate_", "_features_"))
    return seconds


def _loop(old: str, new: str) -> str:
    return _LOOP.replace("{old}", old).replace("{new}", new)


def staged(runner: Runner) -> dict[str, float]:
    """Seconds of the parts of an application and of its undoing."""
    began = time.perf_counter()
    plan = runner.plan(Rename())
    seconds = {"plan": time.perf_counter() - began}
    result = runner.apply(Rename(), confirmed=plan.hash)
    seconds |= result.outcome["seconds"] | {"whole": result.seconds}
    undone = runner.rollback(Rename())
    return seconds | {"undo rename": undone.outcome["seconds"]["rename"], "undo": undone.seconds}


def run(repeats: int) -> dict[str, Any]:
    """Medians of all parts, and the ratio of the renaming itself to the bare loop."""
    with database() as address, PostgresTarget(address) as target:
        runner = Runner(target)
        bare(target)
        rounds = [(bare(target), staged(runner)) for _ in range(repeats)]
    loops = [seconds for seconds, _ in rounds]
    parts = {
        name: round(statistics.median(parts[name] for _, parts in rounds), 4)
        for name in rounds[0][1]
    }
    ratios = [parts["rename"] / seconds for seconds, parts in rounds]
    return {
        "bare loop": round(statistics.median(loops), 4),
        "stage": parts,
        "ratio": round(statistics.median(ratios), 3),
        "bar": BAR,
        "first version": FIRST_VERSION_SECONDS,
    }


def main(arguments: list[str]) -> None:
    """Run and print."""
    parser = ArgumentParser(prog="python -m benchmarks stages", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = run(options.repeats)
    text = json.dumps(found, indent=2)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
