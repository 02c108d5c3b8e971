"""Builds as parts of stages: their progress, and nothing less than all of their units."""

from __future__ import annotations

from bqx.build.plan import Unit
from bqx.build.report import BuildReport
from bqx.build.unit import Receipt
from bqx.errors import PostConditionError
from bqx.stages.stage import Monitor


class Told:
    """Tells a monitor of the units of a build.

    Args:
        monitor: Whom to tell.
        total: Number of units.
    """

    def __init__(self, monitor: Monitor, total: int) -> None:
        self._monitor = monitor
        self._total = total
        self._done = 0

    def __call__(self, unit: Unit, receipt: Receipt | None) -> None:
        """A unit ended; without a receipt it failed."""
        self._done += 1
        failed = "" if receipt else " failed"
        self._monitor(self._done, self._total, f"{unit.pair} {unit.month}{failed}")


def require_whole(report: BuildReport, kept: str) -> None:
    """Refuse a build that lacks something.

    Args:
        report: Its account.
        kept: What becomes of the units that did not fail.

    Raises:
        PostConditionError: If units failed.
        KeyboardInterrupt: If the user stopped it.
    """
    if report.interrupted:
        raise KeyboardInterrupt
    if report.failures:
        first = report.failures[0]
        raise PostConditionError(
            f"{len(report.failures)} units failed, the first {first.pair} {first.month}: "
            f"{first.reason}",
            expected="every unit to pass its post-conditions",
            hint=kept,
        )
