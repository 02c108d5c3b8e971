"""Progress on stderr: a bar with throughput and a measured time to go."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bqx.build.plan import Plan, Unit
from bqx.build.run import Progress
from bqx.build.unit import Receipt

HEARTBEAT = 10.0
"""Seconds between lines where stderr is no terminal."""


@contextmanager
def shown(plan: Plan) -> Iterator[Progress]:
    """Show the progress of a plan: a bar on a terminal, otherwise a line every ten seconds."""
    if sys.stderr.isatty():
        with _bar(plan) as progress:
            yield progress
    else:
        yield _Lines(plan)


class _Meter:
    """Values done, throughput and time to go, from the units that have ended."""

    def __init__(self, plan: Plan) -> None:
        self._began = time.perf_counter()
        self._left = plan.values
        self.done = 0

    def count(self, unit: Unit) -> None:
        self.done += unit.values
        self._left -= unit.values

    def text(self) -> str:
        seconds = max(time.perf_counter() - self._began, 1e-9)
        speed = self.done / seconds
        eta = f"{self._left / speed:,.0f} s to go" if speed else "measuring"
        return f"{speed / 1e6:,.1f} M values/s, {eta}"


class _Lines:
    def __init__(self, plan: Plan) -> None:
        self._meter = _Meter(plan)
        self._units = (0, len(plan.units))
        self._spoken = time.perf_counter()

    def __call__(self, unit: Unit, receipt: Receipt | None) -> None:
        self._meter.count(unit)
        self._units = (self._units[0] + 1, self._units[1])
        failed = "" if receipt else f" FAILED {unit.pair} {unit.month}"
        if failed or time.perf_counter() - self._spoken > HEARTBEAT:
            self._spoken = time.perf_counter()
            done, total = self._units
            print(f"{done}/{total} units, {self._meter.text()}{failed}", file=sys.stderr)  # noqa: T201


@contextmanager
def _bar(plan: Plan) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    meter = _Meter(plan)
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("measuring", total=len(plan.units))

        def advance(unit: Unit, receipt: Receipt | None) -> None:
            meter.count(unit)
            if receipt is None:
                bar.console.print(f"[red]failed[/red] {unit.pair} {unit.month}")
            label = f"{unit.pair} {unit.month}  {meter.text()}"
            bar.update(task, advance=1, description=label)

        yield advance
