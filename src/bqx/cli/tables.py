"""Reports as tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from bqx.bars.report import FileReport, IngestReport, Tally
    from bqx.build.plan import Plan
    from bqx.build.report import BuildReport

_COUNTS = ("read", "accepted", "duplicate", "quarantined")


def _counts(tally: Tally) -> list[str]:
    return [f"{getattr(tally, name):,}" for name in _COUNTS]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < 3 else "right", overflow="fold")
    return table


def show_ingest(out: Console, report: IngestReport, week: str | None = None) -> None:
    """The account of an ingest: a line per file, then months, reasons, notes and refusals.

    ``week`` is the store's: a proposal of the same week is not news.
    """
    table = _table("file", "pair", "status", *_COUNTS)
    for file in report.files:
        table.add_row(_name(file), file.pair or "", file.status, *_counts(file.totals))
    if len(report.files) > 1:
        table.add_row("all files", "", "", *_counts(report.totals), style="bold")
    out.print(table)
    if len(report.files) == 1:
        _show_months(out, report.files[0])
    if report.reasons:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.reasons.items())
        out.print(f"quarantine: {reasons}  (SELECT * FROM bqx.quarantine)")
    _show_notes(out, report, week)
    for file in report.files:
        if file.error:
            out.print(f"refused: {file.path}: {file.error}", style="red", markup=False)
    verdict = "balances" if report.balanced else "DOES NOT BALANCE"
    out.print(f"The account {verdict}: read = accepted + duplicate + quarantined.")


def _name(file: FileReport) -> str:
    """The file's own name; of an archive, not of its member."""
    return file.path.split("!", 1)[0].rsplit("/", 1)[-1]


def _show_months(out: Console, file: FileReport) -> None:
    table = _table("month", "", "", *_COUNTS)
    for month, tally in sorted(file.months.items()):
        table.add_row(month or "no readable time", "", "", *_counts(tally))
    out.print(table)


def _show_notes(out: Console, report: IngestReport, week: str | None) -> None:
    """Every note once, with the files that it is about."""
    about: dict[str, list[str]] = {}
    for file in report.files:
        for note in file.notes:
            about.setdefault(note, []).append(_name(file))
        if file.week_proposal not in (None, week):
            declare = f"`bqx config set week '{file.week_proposal}'` declares it"
            note = f"bars in a shorter week only: {declare}"
            about.setdefault(note, []).append(_name(file))
    for note, names in about.items():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        out.print(f"note: {names[0]}{others}: {note}", markup=False)


def show_plan(out: Console, plan: Plan) -> None:
    """What a build would do."""
    tables: dict[str, list[int]] = {}
    for unit in plan.units:
        for task in unit.tasks:
            counts = tables.setdefault(task.table, [0, 0])
            counts[0] += 1
            counts[1] += unit.rows[1] - unit.rows[0]
    table = _table("table", "", "", "partitions", "rows")
    for name, (partitions, rows) in tables.items():
        table.add_row(name, "", "", f"{partitions:,}", f"{rows:,}")
    out.print(table)
    out.print(
        f"{plan.partitions:,} partitions to make, {plan.current:,} current;"
        f" {plan.values / 1e6:,.1f} M values, about {plan.bytes / 1e6:,.0f} MB"
        f" and {plan.seconds:,.1f} s"
    )


def show_build(out: Console, report: BuildReport) -> None:
    """What a build did."""
    for failure in report.failures:
        text = f"failed: {failure.pair} {failure.month}: {failure.reason}"
        out.print(text, style="red", markup=False)
    speed = report.values_a_second
    throughput = f", {speed / 1e6:,.1f} M values/s" if speed else ""
    out.print(
        f"{report.built:,} of {report.planned:,} partitions made, {report.current:,} were current;"
        f" {report.rows:,} rows, {report.values / 1e6:,.1f} M values,"
        f" {report.bytes / 1e6:,.0f} MB in {report.seconds:,.1f} s"
        f" with {report.workers} {report.executor}{throughput}"
    )
    if report.interrupted:
        out.print("interrupted: run the same command again to go on")
