"""Stages whose verification is a report of its own."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from bqx.stages.stage import Selection


class StageReport(Protocol):
    """A report in four forms."""

    @property
    def passed(self) -> bool:
        """Whether everything holds."""

    def to_text(self) -> str:
        """For a terminal."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""

    def to_markdown(self) -> str:
        """For a document."""

    def to_html(self) -> str:
        """As one page that needs nothing else."""


@runtime_checkable
class Reporting(Protocol):
    """A stage that has more to show than its post-conditions."""

    def report(self, target: Any, selection: Selection) -> StageReport:
        """The report, looked up now; changes nothing."""
