"""Trackers: places outside that show the ledger to people; the ledger stays the truth."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bqx.errors import BqxError, ConfigError
from bqx.stages.board import FIELDS

Row = Mapping[str, Any]

KEY = "stage_code"
STATUS = "status"
_FINISHED = ("done", "complete", "completed", "finished", "superseded")
_PART = re.compile(r"(\d[\d,]*)\s*(?:of|/)\s*(\d[\d,]*)")
_FEW = 8


class TrackerError(BqxError):
    """A tracker that cannot be reached, or that refuses."""

    http_status = 502


@dataclass(frozen=True)
class Change:
    """What a push makes of one row of the tracker.

    Attributes:
        code: Code of the stage.
        before: Cells that differ, as they are in the tracker; empty for a new row.
        after: The same cells, as the ledger has them.
    """

    code: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def lowers(self) -> bool:
        """Whether the tracker claims more than the ledger does."""
        if STATUS not in self.before:
            return False
        return progress(self.after[STATUS]) < progress(self.before[STATUS])


@dataclass(frozen=True)
class PushReport:
    """What a push did, or would do.

    Attributes:
        place: Where the rows went.
        dry_run: True when nothing was written.
        created: Rows that are new.
        updated: Other rows with cells that differ.
        lowered: Rows with a status that claims more than the ledger's.
        held: Whether the lowered rows were left as they are.
        unchanged: Codes of rows that were right already.
        duplicates: Codes that several rows of the tracker have, with the ids of these rows; no such
            row was touched.
        unknown: Codes in the tracker that the ledger does not have; not touched.
    """

    place: str
    dry_run: bool
    created: tuple[Change, ...]
    updated: tuple[Change, ...]
    lowered: tuple[Change, ...]
    held: bool
    unchanged: tuple[str, ...]
    duplicates: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every row of the ledger is in the tracker now, once."""
        return not self.duplicates and not (self.held and self.lowered)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {"passed": self.passed, **asdict(self)}

    def to_text(self) -> str:
        """A line for the counts, and one for each row that changed or could not."""
        would = "would be " if self.dry_run else ""
        updated = len(self.updated) + (0 if self.held else len(self.lowered))
        counts = f"{len(self.created)} {would}created, {updated} {would}updated"
        lines = [f"{self.place}: {counts}, {len(self.unchanged)} unchanged"]
        lines += [f"  new      {change.code}" for change in self.created]
        lines += [f"  changed  {_told(change)}" for change in self.updated]
        word = "held back" if self.held else "lowered"
        lines += [f"  {word:8} {_told(change)}" for change in self.lowered]
        for code, ids in self.duplicates.items():
            lines.append(f"  repeated {code}: {len(ids)} rows {', '.join(ids)}; keep one of them")
        if self.unknown:
            names = ", ".join(self.unknown[:_FEW]) + (", …" if len(self.unknown) > _FEW else "")
            lines.append(f"  unknown  {len(self.unknown)} rows that are no stages: {names}")
        if self.held and self.lowered:
            lines.append("  -> the tracker claims more than is true; --allow-lower corrects it")
        return "\n".join(lines)


def _told(change: Change) -> str:
    cells = [f"{name} {change.before[name]!r} -> {change.after[name]!r}" for name in change.before]
    return f"{change.code}: {'; '.join(cells)}"


def progress(status: Any) -> float:
    """How much of a stage a status claims: 1 for done, n / m for ``partial (n of m)``, else 0."""
    text = str(status or "").strip().lower()
    if text.startswith(_FINISHED):
        return 1.0
    part = _PART.search(text)
    if part is None:
        return 0.0
    done, total = (int(number.replace(",", "")) for number in part.groups())
    return min(done / total, 1.0) if total else 0.0


def cells(row: Row) -> dict[str, Any]:
    """A row of the ledger as cells of a tracker: text, numbers, booleans, or None for nothing.

    Raises:
        ConfigError: If a field is missing.
    """
    missing = [name for name in FIELDS if name not in row]
    if missing or not row[KEY]:
        raise ConfigError(
            f"a row of the board without {', '.join(missing) or KEY}",
            expected=f"the fields {', '.join(FIELDS)}",
        )
    return {name: _cell(row[name]) for name in FIELDS}


def _cell(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, list | tuple):
        return "\n".join(str(part) for part in value)
    return str(value)


def unique(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Cells of the rows by the code of their stage.

    Raises:
        ConfigError: If two rows have one code.
    """
    found = [cells(row) for row in rows]
    repeated = [code for code, n in Counter(row[KEY] for row in found).items() if n > 1]
    if repeated:
        raise ConfigError(
            f"the board has {', '.join(repeated)} more than once", expected="one row for each stage"
        )
    return {row[KEY]: row for row in found}


def differing(before: Row, after: Row) -> list[str]:
    """Names of the cells of ``after`` that ``before`` does not have in the same way."""
    return [name for name, value in after.items() if not _same(before.get(name), value)]


def _same(before: Any, after: Any) -> bool:
    """Whether two cells mean the same; a tracker may keep a number as text."""
    left, right = _meaning(before), _meaning(after)
    if isinstance(left, str) != isinstance(right, str) and None not in (left, right):
        return f"{left}" == f"{right}"
    return bool(left == right)


def _meaning(value: Any) -> Any:
    # Trackers leave out empty cells and boxes that are not ticked, and end long text with a line.
    if isinstance(value, str):
        return value.rstrip() or None
    return None if value is None or value is False else value
