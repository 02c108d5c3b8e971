"""Reports as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from bqx.checks.report import CheckResult, Report, percent

HEAD = ("check", "verdict", "checked", "failed", "worst", "tolerance")
VERDICTS = {True: "passed", False: "FAILED", None: "nothing to check"}


def render_text(report: Report) -> str:
    """Verdict, facts, one line per check, notes and worst offenders."""
    verdict = "passed" if report.passed else "FAILED"
    parts = [
        f"{report.title}: {verdict}, {percent(report.score)}",
        "",
        *_facts(report),
        "",
        *_table([HEAD, *(_line(c) for c in report.checks)]),
    ]
    notes = [f"  {c.name}: {note}" for c in report.checks for note in c.notes]
    if notes:
        parts += ["", "Notes", *notes]
    for check in report.checks:
        if check.findings:
            parts += ["", *_findings(check)]
    return "\n".join(parts)


def _facts(report: Report) -> list[str]:
    width = max((len(k) for k in report.facts), default=0)
    return [f"{key:<{width}}  {show(value)}" for key, value in report.facts.items()]


def show(value: object) -> str:
    """A fact as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def deviation(value: float | None) -> str:
    """A deviation or tolerance; empty where a check has none."""
    return "" if value is None else f"{value:.3g}"


def _line(check: CheckResult) -> tuple[str, ...]:
    return (
        check.name,
        VERDICTS[check.passed],
        f"{check.units:,} {check.unit}",
        f"{check.failures:,}",
        deviation(check.worst),
        deviation(check.tolerance),
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(HEAD))]
    numeric = (False, False, True, True, True, True)
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "  ".join("-" * w for w in widths), *lines[1:]]


def _findings(check: CheckResult) -> list[str]:
    shown = len(check.findings)
    behind = sum(f.failures for f in check.findings)
    rest = check.failures - behind
    more = f", {rest:,} more failures not listed" if rest > 0 else ""
    lines = [f"{check.title} ({check.name}; findings: {shown}{more})"]
    for f in check.findings:
        lines += [f"  {f.place}", f"    found:    {f.found}", f"    expected: {f.expected}"]
    return lines
