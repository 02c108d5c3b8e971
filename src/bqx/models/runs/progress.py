"""How far a run is, and how long it takes still."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bqx.models.runs.folder import FoldName


@dataclass(frozen=True)
class Step:
    """A unit that is done.

    Attributes:
        unit: The pair, or ``global``.
        fold: Its fold.
        done: Units that are done, this one included.
        total: Units in all.
        kept: Whether it was there already.
        note: What is worth to be known: rows, features, or why there is no model.
        left: Estimated seconds to go.
    """

    unit: str
    fold: FoldName
    done: int
    total: int
    kept: bool
    note: str
    left: float

    def __str__(self) -> str:
        """One line."""
        what = "kept" if self.kept else f"{self.note}, {self.left:,.0f} s to go"
        return f"{self.done}/{self.total} {self.unit} {self.fold} {what}"


Progress = Callable[[Step], None]
"""Called after every unit."""


def silent(_: Step) -> None:
    """Say nothing."""


@dataclass
class Pace:
    """Counts units; those that were kept take no time and tell nothing of the others.

    Attributes:
        total: Units in all.
        tell: Called after every unit.
    """

    total: int
    tell: Progress
    done: int = 0
    made: int = 0
    began: float = field(default_factory=time.perf_counter)

    def step(self, unit: str, fold: FoldName, note: str, *, kept: bool) -> None:
        """Say that a unit is done."""
        self.done += 1
        self.made += not kept
        taken = time.perf_counter() - self.began
        left = taken / max(self.made, 1) * (self.total - self.done)
        self.tell(Step(unit, fold, self.done, self.total, kept, note, left))


class Stopwatch:
    """Seconds by stage, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to a stage."""
        now = time.perf_counter()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self._last, 3)
        self._last = now
