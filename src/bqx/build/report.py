"""What a build did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Failure:
    """A unit that failed: pair, month, and the reason."""

    pair: str
    month: str
    reason: str


@dataclass(frozen=True)
class BuildReport:
    """The account of a build.

    Attributes:
        planned: Partitions that were missing or outdated.
        current: Partitions that were up to date before.
        built: Partitions that were written and passed their post-conditions.
        rows: Rows written.
        values: Feature values written.
        bytes: Bytes written.
        seconds: Wall time.
        workers: Workers that the memory budget allowed.
        executor: ``threads``, ``processes`` or the name of the executor's class.
        failures: Units that failed; the others are not affected.
        interrupted: Whether the build was stopped; running it again goes on where it stopped.
    """

    planned: int
    current: int
    built: int
    rows: int
    values: int
    bytes: int
    seconds: float
    workers: int
    executor: str
    failures: tuple[Failure, ...] = ()
    interrupted: bool = False

    @property
    def passed(self) -> bool:
        """Whether every planned partition was built."""
        return self.built == self.planned and not self.failures and not self.interrupted

    @property
    def exit_code(self) -> int:
        """0, 3 when units failed, 130 when interrupted."""
        if self.interrupted:
            return 130
        return 0 if self.passed else 3

    @property
    def values_a_second(self) -> float | None:
        """Throughput; None when nothing was built."""
        return self.values / self.seconds if self.values and self.seconds else None

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            **asdict(self),
            "failures": [asdict(f) for f in self.failures],
            "passed": self.passed,
            "values_a_second": self.values_a_second,
        }
