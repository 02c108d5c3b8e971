"""The environment, the store's health, and what to do about each finding."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from bqx.build.memory import BASE, MIB
from bqx.build.plan import plan_update
from bqx.config import FILE
from bqx.errors import BqxError
from bqx.market import PAIRS, moment_of, month_of
from bqx.postgres.address import is_address
from bqx.redaction import redacted
from bqx.store.base import BaseStore
from bqx.store.opening import open_base

Level = Literal["ok", "note", "warning", "error"]
LIBRARIES = ("numpy", "numba", "polars", "pyarrow", "duckdb")
MIN_FREE_DISK = 2 * 2**30


@dataclass(frozen=True)
class Line:
    """One finding: its level, what was found, and what to do about it."""

    level: Level
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings."""

    lines: tuple[Line, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong; warnings and notes are allowed."""
        return all(line.level != "error" for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """The findings as plain values."""
        return {"healthy": self.healthy, "findings": [asdict(line) for line in self.lines]}

    def to_text(self) -> str:
        """A line per finding, with the advice below it."""
        lines = []
        for line in self.lines:
            lines.append(f"{line.level:8} {line.found}")
            if line.advice:
                lines.append(f"{'':8} -> {line.advice}")
        return "\n".join(lines)


def examine(address: str | Path) -> Diagnosis:
    """Examine the machine, and the store of that address if there is one."""
    server = is_address(str(address))
    root = Path() if server else Path(address)
    lines = [*_environment(root)]
    if not server and not (root / FILE).is_file():
        # What was meant for the address of a server may hold a password.
        found = redacted(f"no store at {root}")
        lines.append(Line("note", found, "`bqx ingest FILES` makes one"))
        return Diagnosis(tuple(lines))
    try:
        with open_base(str(address), create=False) as store:
            lines += [*_bars(store), *_partitions(store), *_tables(store)]
    except BqxError as error:
        lines.append(Line("error", error.found, error.hint or error.expected))
    return Diagnosis(tuple(lines))


def _environment(root: Path) -> Iterator[Line]:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES)
    yield Line("ok", f"Python {platform.python_version()}, {versions}")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    level: Level = "ok" if memory > 4 * BASE else "warning"
    advice = "" if level == "ok" else "build with --workers 1 and a small --max-memory"
    yield Line(level, f"{os.cpu_count()} cores, {memory // MIB:,} MiB of memory", advice)
    place = next(p for p in (root.resolve(), *root.resolve().parents) if p.exists())
    free = shutil.disk_usage(place).free
    level = "ok" if free > MIN_FREE_DISK else "warning"
    advice = "" if level == "ok" else "a year of all tables of one pair takes about 0.5 GB"
    yield Line(level, f"{free // MIB:,} MiB free at {place}", advice)
    kernels = Path(sys.modules["bqx.store.embedded"].__file__ or "").parents[1] / "kernels"
    if not os.access(kernels, os.W_OK) and "NUMBA_CACHE_DIR" not in os.environ:
        yield Line(
            "note",
            "compiled kernels cannot be kept beside the code",
            "set NUMBA_CACHE_DIR to a writable folder, or each start compiles anew",
        )


def _bars(store: BaseStore) -> Iterator[Line]:
    pairs = store.state.pairs()
    if not pairs:
        yield Line("warning", "the store holds no bars", "`bqx ingest FILES`")
        return
    missing = sorted(set(PAIRS) - set(pairs))
    names = f"; without {', '.join(missing)}" if missing else ""
    yield Line("ok", f"bars of {len(pairs)} of {len(PAIRS)} pairs{names}")
    for pair in pairs:
        yield from _baseline(store, pair)
    for week, count in _proposals(store):
        if week != store.settings.week:
            yield Line(
                "note",
                f"{count} sources have bars in a shorter week only: {week}",
                f"`bqx config set week '{week}'`",
            )
    if store.state.query("SELECT 1 FROM sources WHERE synthetic = 1 LIMIT 1"):
        yield Line("note", "some bars are synthetic", "no result on them says anything of a market")


def _baseline(store: BaseStore, pair: str) -> Iterator[Line]:
    months = store.bars.months(pair)
    try:
        baseline = store.bars.baseline(pair)
    except BqxError as error:
        yield Line("error", error.found, error.hint)
        return
    early = [m for m in months if m < month_of(baseline.minute)]
    if early:
        yield Line(
            "warning",
            f"{len(early)} months of {pair} lie before its baseline of"
            f" {moment_of(baseline.minute):%Y-%m-%d %H:%M} and have no rate index",
            "ingest the whole history into a new store, or set baseline_start there",
        )


def _proposals(store: BaseStore) -> list[tuple[str, int]]:
    reports = [json.loads(str(row[0])) for row in store.state.query("SELECT report FROM sources")]
    return Counter(w for r in reports if (w := r.get("week_proposal"))).most_common()


def _partitions(store: BaseStore) -> Iterator[Line]:
    recorded = store.state.partitions()
    lost = [key for key in recorded if not store.parts.exists(key)]
    if lost:
        first = "/".join(lost[0])
        found = f"{len(lost)} recorded partitions have no {store.parts.unit}, the first {first}"
        yield Line("error", found, "`bqx verify`; tables: `bqx build --force`; bars: ingest again")
    leftovers = sum(stray.kind == "leftover" for stray in store.parts.strays(recorded))
    if leftovers:
        found = f"{leftovers} temporary files of a build that was killed"
        yield Line("note", found, "the next build or ingest removes them")
    size = sum(p.bytes for p in recorded.values())
    yield Line("ok", f"{len(recorded):,} partitions, {size / 1e6:,.0f} MB")


def _tables(store: BaseStore) -> Iterator[Line]:
    unknown = sorted({t for t, _, _ in store.state.partitions()} - {*store.tables, "m1"})
    if unknown:
        found = f"tables of families that are not installed: {', '.join(unknown)}"
        yield Line("warning", found, "name their module in the setting `families`")
    plan = plan_update(store)
    if plan.partitions:
        yield Line(
            "warning", f"{plan.partitions:,} partitions are missing or outdated", "`bqx update`"
        )
    elif plan.current:
        yield Line("ok", "every table that is stored is current")
