"""Commands that check: align, check, verify, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    JsonOption,
    MonthsOption,
    PairsOption,
    StoreOption,
    open_store,
    print_json,
    reported,
)

if TYPE_CHECKING:
    from bqx.checks.report import Report

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a self-contained page.")]
TablesOption = Annotated[
    str | None, typer.Option("--tables", help="Families or tables, separated by commas.")
]
check_app = typer.Typer(
    help="Check what is stored; exit code 1 on a finding.", no_args_is_help=True
)


def _give(report: Report, html: Path | None, *, json: bool) -> None:
    """Print a report, write its page, and exit with 1 unless it passed."""
    if html is not None:
        html.write_text(report.to_html(), encoding="utf-8")
        typer.echo(f"page written to {html}", err=True)
    if json:
        print_json(report.to_json())
    else:
        typer.echo(report.to_text())
    raise typer.Exit(0 if report.passed else 1)


def align(
    store: StoreOption = Path(DEFAULT_STORE),
    pairs: PairsOption = None,
    months: MonthsOption = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """The alignment report of the two domains; exit code 1 below 100 %."""
    with reported():
        _give(open_store(store).align(pairs=pairs, months=months), html, json=json)


@check_app.command("coverage")
def coverage(
    store: StoreOption = Path(DEFAULT_STORE),
    pairs: PairsOption = None,
    months: MonthsOption = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """NULLs of every column and partition against the expected ones."""
    with reported():
        from bqx.checks.coverage import coverage as run

        _give(run(open_store(store), pairs=pairs, months=months), html, json=json)


@check_app.command("identities")
def identities(
    store: StoreOption = Path(DEFAULT_STORE),
    pairs: PairsOption = None,
    months: MonthsOption = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Identities between columns: terms, residuals, ranges."""
    with reported():
        from bqx.checks.identities import identities as run

        _give(run(open_store(store), pairs=pairs, months=months), html, json=json)


@check_app.command("leakage")
def leakage(
    store: StoreOption = Path(DEFAULT_STORE),
    tables: TablesOption = None,
    pairs: PairsOption = None,
    samples: Annotated[int, typer.Option(help="Random rows to recompute.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
    json: JsonOption = False,
) -> None:
    """Recompute random rows without, and with another, future; restart months cold."""
    with reported():
        from bqx.checks.leakage import leakage as run

        opened = open_store(store)
        names = opened.registry.resolve(tables.split(",")) if tables else None
        report = run(opened, tables=names, pairs=pairs, samples=samples, seed=seed)
        _give(report, None, json=json)


def verify(
    store: StoreOption = Path(DEFAULT_STORE),
    shallow: Annotated[bool, typer.Option("--shallow", help="Do not recompute hashes.")] = False,
    json: JsonOption = False,
) -> None:
    """Compare every partition with its record: file, schema, rows, content hash."""
    with reported():
        from bqx.store.verify import verify as run

        result = run(open_store(store), deep=not shallow)
        if json:
            print_json(result.to_json())
        else:
            typer.echo(result.to_text())
        raise typer.Exit(0 if result.passed else 5)


def doctor(store: StoreOption = Path(DEFAULT_STORE), json: JsonOption = False) -> None:
    """The environment, the store's health, and what to do about each finding."""
    with reported():
        from bqx.checks.doctor import examine

        diagnosis = examine(store)
        if json:
            print_json(diagnosis.to_json())
        else:
            typer.echo(diagnosis.to_text())
        raise typer.Exit(0 if diagnosis.healthy else 1)
