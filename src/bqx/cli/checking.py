"""Commands that check: align, check, verify, doctor."""

from __future__ import annotations

from enum import StrEnum
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
    from bqx.api import Store
    from bqx.checks.report import Report

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a self-contained page.")]


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
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    months: MonthsOption = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """The alignment report of the two domains; exit code 1 below 100 %."""
    with reported():
        _give(open_store(store).align(pairs=pairs, months=months), html, json=json)


class Check(StrEnum):
    """What can be checked."""

    COVERAGE = "coverage"
    IDENTITIES = "identities"
    LEAKAGE = "leakage"
    REDUNDANCY = "redundancy"


def check(
    what: Annotated[Check, typer.Argument(help="What to check.")],
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    months: Annotated[str | None, typer.Option("--months", "-m", help="Not for leakage.")] = None,
    tables: Annotated[
        str | None, typer.Option("--tables", help="For leakage and redundancy.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="For leakage: all tables, also those that are not stored.")
    ] = False,
    samples: Annotated[int, typer.Option(help="For leakage: random rows to recompute.")] = 200,
    seed: Annotated[int, typer.Option(help="For leakage: seed of the sample.")] = 0,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Check what is stored; exit code 1 on a finding.

    coverage: NULLs of every column and partition against the expected ones. identities: terms,
    residuals, relations. leakage: random rows recomputed without, and with another, future.
    redundancy: how much each feature repeats its twin in the other domain; only reported.
    """
    with reported():
        from bqx.checks.coverage import coverage
        from bqx.checks.identities import identities
        from bqx.checks.leakage import leakage

        opened = open_store(store)
        wanted = ["all"] if everything else tables.split(",") if tables else None
        if what is Check.REDUNDANCY:
            _give_redundancy(opened, pairs, wanted, json=json)
            return
        if what is Check.LEAKAGE:
            names = opened.registry.resolve(wanted) if wanted else None
            report = leakage(opened, tables=names, pairs=pairs, samples=samples, seed=seed)
        else:
            run = coverage if what is Check.COVERAGE else identities
            report = run(opened, pairs=pairs, months=months)
        _give(report, html, json=json)


def _give_redundancy(
    store: Store, pairs: str | None, tables: list[str] | None, *, json: bool
) -> None:
    from bqx.checks.redundancy import redundancy

    for pair in store.select_pairs(pairs):
        report = redundancy(store, pair, tables=tables)
        if json:
            print_json(report.to_json())
        else:
            typer.echo(report.to_text())


def verify(
    store: StoreOption = DEFAULT_STORE,
    shallow: Annotated[bool, typer.Option("--shallow", help="Do not recompute hashes.")] = False,
    json: JsonOption = False,
) -> None:
    """Compare every partition with its record: schema, rows, content hash."""
    with reported():
        from bqx.store.verify import verify as run

        result = run(open_store(store), deep=not shallow)
        if json:
            print_json(result.to_json())
        else:
            typer.echo(result.to_text())
        raise typer.Exit(0 if result.passed else 5)


def doctor(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """The environment, the store's health, and what to do about each finding."""
    with reported():
        from bqx.checks.doctor import examine

        diagnosis = examine(store)
        if json:
            print_json(diagnosis.to_json())
        else:
            typer.echo(diagnosis.to_text())
        raise typer.Exit(0 if diagnosis.healthy else 1)
