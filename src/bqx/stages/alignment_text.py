"""The alignment report as plain text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bqx.checks.report import percent
from bqx.checks.text import show
from bqx.stages.alignment_report import DEFECTS, AlignmentReport, Group, share
from bqx.stages.stage import Condition

TITLE = "Alignment of reg_* and reg_bqx_*"
SECTIONS = {
    "current": "State before the remediation, as the programme listed it",
    "queries": "The five validation queries, over all partitions",
    "checklist": "Alignment: ten items",
    "readiness": "Readiness for models: seven items",
    "preflight": "Before the start",
}
MOST_GROUPS = 30
MOST_NAMES = 4
VERDICTS = {
    "aligned": "aligned",
    "go": "not aligned; go: the remediation may start",
    "no-go": "not aligned; no-go: something must be settled before the remediation starts",
    "not aligned": "not aligned",
}


def sections(report: AlignmentReport) -> list[tuple[str, tuple[Condition, ...]]]:
    """Titles and conditions of the sections that were looked at, with how many hold."""
    found = []
    for name, title in SECTIONS.items():
        conditions = getattr(report, name)
        if conditions:
            good = sum(c.passed for c in conditions)
            found.append((f"{title}: {good} of {len(conditions)} hold", conditions))
    return found


def to_text(report: AlignmentReport) -> str:
    """Verdict, facts, cells, the lists, and the defects with their places."""
    width = max(len(key) for key in report.facts)
    lines = [
        f"{TITLE}: {percent(report.score)}, {VERDICTS[report.verdict]}",
        "",
        *(f"{key:<{width}}  {show(value)}" for key, value in report.facts.items()),
        "",
        f"Cells: {share(report.aligned, report.cells)} aligned",
        *(f"  features {name}: {share(*counts)}" for name, counts in report.layers.items()),
    ]
    for title, conditions in sections(report):
        lines += ["", title, *_lines(conditions)]
    if report.groups:
        lines += ["", "Defects", *(f"  {n:,}  {DEFECTS[kind]}" for kind, n in report.kinds.items())]
        lines += ["", "Where", *_places(report.groups)]
    return "\n".join(lines)


def _lines(conditions: Sequence[Condition]) -> Iterator[str]:
    width = max(len(condition.name) for condition in conditions)
    for c in conditions:
        yield f"  {'yes' if c.passed else 'NO ':<3}  {c.name:<{width}}  {c.found}"
        if not c.passed:
            yield f"  {'':<3}  {'':<{width}}  expected: {c.expected}"
            if c.hint:
                yield f"  {'':<3}  {'':<{width}}  hint: {c.hint}"


def _places(groups: Sequence[Group]) -> Iterator[str]:
    for group in groups[:MOST_GROUPS]:
        yield f"  {some(group.partitions)}: {some(group.cells)}"
        yield f"    found:    {group.found}"
        yield f"    expected: {group.expected}"
    if len(groups) > MOST_GROUPS:
        yield f"  and {len(groups) - MOST_GROUPS:,} more kinds of places, which --json lists"


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def to_markdown(report: AlignmentReport) -> str:
    """The same for a document."""
    lines = [
        f"# {TITLE}: {percent(report.score)}",
        "",
        f"**{VERDICTS[report.verdict]}.** {share(report.aligned, report.cells)} cells are aligned.",
        "",
        *_table(("Fact", "Value"), [(key, show(v)) for key, v in report.facts.items()]),
        "",
        *_table(("Features", "Count"), [(n, share(*c)) for n, c in report.layers.items()]),
    ]
    for title, conditions in sections(report):
        rows = [("yes" if c.passed else "**no**", c.name, c.found, c.expected) for c in conditions]
        lines += ["", f"## {title}", "", *_table(("Holds", "Item", "Found", "Expected"), rows)]
    if report.groups:
        groups = report.groups[:MOST_GROUPS]
        rows = [(some(g.partitions), some(g.cells), g.found, g.expected) for g in groups]
        head = ("Partitions", "Cells", "Found", "Expected")
        counts = [(DEFECTS[kind], f"{n:,}") for kind, n in report.kinds.items()]
        lines += ["", "## Defects", "", *_table(("Defect", "Cells"), counts), ""]
        lines += _table(head, rows)
    return "\n".join([*lines, ""])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    every = [head, ["---"] * len(head), *([x.replace("|", "\\|") for x in row] for row in rows)]
    return [f"| {' | '.join(row)} |" for row in every]
