"""The account of an ingest: what became of every row of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bqx.bars.parsed import ParsedFile

Status = Literal["ingested", "unchanged", "refused"]


@dataclass(frozen=True)
class Tally:
    """Rows of one month, of a file, or of a whole ingest."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every row read is accepted, a duplicate, or in quarantine."""
        return self.read == self.accepted + self.duplicate + self.quarantined

    def __add__(self, other: Tally) -> Tally:
        """The sum, count by count."""
        return Tally(
            self.read + other.read,
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            self.quarantined + other.quarantined,
        )


def total(tallies: Sequence[Tally]) -> Tally:
    """The sum of tallies."""
    return sum(tallies, Tally())


@dataclass(frozen=True)
class FileReport:
    """What became of one file, or of one member of an archive.

    Attributes:
        path: The file, with ``!member`` behind it for a member of an archive.
        status: ``ingested``, ``unchanged`` (same bytes as before, nothing done) or ``refused``.
        error: The message of a refusal.
        months: Tally by month ``YYYY-MM``; the key is empty for rows without a readable time.
        reasons: Rows in quarantine by reason.
        notes: What the user should know about the file.
        week_proposal: A shorter trading week that fits the file, or None.
        seconds: Wall time that the file took.
    """

    path: str
    status: Status
    pair: str | None = None
    format: str | None = None
    clock: str | None = None
    sha256: str | None = None
    months: dict[str, Tally] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    week_proposal: str | None = None
    error: str | None = None
    seconds: float = 0.0

    @classmethod
    def of(
        cls, parsed: ParsedFile, *, status: Status = "ingested", seconds: float = 0.0
    ) -> FileReport:
        """The report of a file that was read."""
        rows = parsed.tally.iter_rows()
        return cls(
            path=str(parsed.path) + (f"!{parsed.member}" if parsed.member else ""),
            status=status,
            pair=parsed.pair,
            format=parsed.format,
            clock=parsed.clock,
            sha256=parsed.sha256,
            months={month or "": Tally(*counts) for month, *counts in rows},
            reasons=parsed.reasons,
            notes=parsed.notes,
            week_proposal=parsed.week_proposal,
            seconds=seconds,
        )

    @property
    def totals(self) -> Tally:
        """The tally of all months."""
        return total(list(self.months.values()))

    @property
    def balanced(self) -> bool:
        """Whether every month balances and the reasons account for the whole quarantine."""
        counted = sum(self.reasons.values()) == self.totals.quarantined
        return counted and all(tally.balanced for tally in self.months.values())


@dataclass(frozen=True)
class IngestReport:
    """What became of the files of one ingest."""

    files: tuple[FileReport, ...] = ()

    @property
    def totals(self) -> Tally:
        """The tally of all files."""
        return total([report.totals for report in self.files])

    @property
    def balanced(self) -> bool:
        """Whether the account of every file balances."""
        return all(report.balanced for report in self.files)

    @property
    def reasons(self) -> dict[str, int]:
        """Rows in quarantine by reason, over all files, most frequent first."""
        counts: Counter[str] = Counter()
        for report in self.files:
            counts.update(report.reasons)
        return dict(counts.most_common())

    def to_json(self) -> dict[str, Any]:
        """The report as plain dicts, lists, numbers and texts."""
        files = [
            {**asdict(report), "notes": list(report.notes), "totals": asdict(report.totals)}
            for report in self.files
        ]
        return {
            "balanced": self.balanced,
            "totals": asdict(self.totals),
            "reasons": self.reasons,
            "files": files,
        }
