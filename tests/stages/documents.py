"""The SQL of the programme's documents, cut out of them where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bqx.postgres.connect import run
from bqx.stages.target import PostgresTarget

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
_FENCE = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"--\s*Expected:\s*(.*)")


@dataclass(frozen=True)
class Query:
    """A query of a document.

    Attributes:
        text: The query, as it is printed.
        expected: What the comment behind it expects.
    """

    text: str
    expected: str

    def rows(self, target: PostgresTarget) -> list[dict[str, Any]]:
        """Its answer."""
        cursor = run(target.connection, self.text)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @property
    def limits(self) -> dict[str, float]:
        """Upper limits by column: ``error < 0.001``."""
        return {n: float(x) for n, x in re.findall(r"(\w+) < ([\d.]+)", self.expected)}


def document(mark: str) -> str:
    """The document that has a text; the test is skipped where there is none."""
    for path in sorted(SEEDS.glob("*.txt")) if SEEDS.is_dir() else ():
        text = path.read_text(encoding="utf-8")
        if mark in text:
            return text
    pytest.skip("the programme's documents are not here: ../shared/seeds is absent")


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    prose = _CODE.sub(lambda block: " " * len(block[0]), text)  # a comment there begins with # too
    found = re.search(rf"^(#+)[^\n]*{re.escape(heading)}[^\n]*$", prose, re.MULTILINE)
    assert found, f"no heading {heading!r}"
    end = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(prose, found.end())
    return text[found.end() : end.start() if end else None]


def after(text: str, label: str, end: str | None = None) -> str:
    """What stands behind a label in bold, up to another one: to the next where none is named."""
    found = re.search(rf"^\*\*{re.escape(label)}:?\*\*", text, re.MULTILINE)
    assert found, f"no label {label!r}"
    rest = text[found.end() :]
    stop = re.search(rf"^\*\*{re.escape(end) if end else '[^*]+'}:?\*\*", rest, re.MULTILINE)
    return rest[: stop.start()] if stop else rest


def queries(text: str) -> list[Query]:
    """The queries in the SQL blocks of a text, each with what is expected of it."""
    found = []
    for block in _FENCE.findall(text):
        parts = re.split(r"(?<=;)[ \t]*\n", block)
        for part, rest in zip(parts, [*parts[1:], ""], strict=True):
            if part.rstrip().endswith(";"):
                expected = _EXPECTED.match(rest.lstrip())
                found.append(Query(part.strip(), expected[1] if expected else ""))
    return found
