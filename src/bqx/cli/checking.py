"""Commands that check: align, check …, verify, doctor."""

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
from bqx.cli.foldoptions import (
    ExpandingOption,
    SplitterOption,
    StepOption,
    TestOption,
    TrainOption,
    parse_lags,
)

if TYPE_CHECKING:
    from bqx.checks.report import Report

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a self-contained page.")]
TablesOption = Annotated[
    str | None,
    typer.Option("--tables", help="Tables or families, with commas; those stored when absent."),
]
AllTablesOption = Annotated[
    bool, typer.Option("--all", help="All tables, also those that are not stored.")
]

check_app = typer.Typer(
    help="Check a store and what is made from it; exit code 1 on a finding.", no_args_is_help=True
)


def give(report: Report, html: Path | None, *, json: bool) -> None:
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
        give(open_store(store).align(pairs=pairs, months=months), html, json=json)


@check_app.command("coverage")
def coverage(
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    months: MonthsOption = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """NULLs of every stored column and partition against the expected ones."""
    with reported():
        from bqx.checks.coverage import coverage as run

        give(run(open_store(store), pairs=pairs, months=months), html, json=json)


@check_app.command("identities")
def identities(
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    months: MonthsOption = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Relations between stored columns: terms, residuals, bounds."""
    with reported():
        from bqx.checks.identities import identities as run

        give(run(open_store(store), pairs=pairs, months=months), html, json=json)


@check_app.command("leakage")
def leakage(
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    tables: TablesOption = None,
    everything: AllTablesOption = False,
    samples: Annotated[int, typer.Option(help="Random rows to recompute.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Random rows computed again without, and with another, future."""
    with reported():
        from bqx.checks.leakage import leakage as run

        opened = open_store(store)
        wanted = _tables(tables, everything=everything)
        names = opened.registry.resolve(wanted) if wanted else None
        report = run(opened, tables=names, pairs=pairs, samples=samples, seed=seed)
        give(report, html, json=json)


@check_app.command("redundancy")
def redundancy(
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    tables: TablesOption = None,
    everything: AllTablesOption = False,
    json: JsonOption = False,
) -> None:
    """How much each feature repeats its twin in the other domain; only reported."""
    with reported():
        from bqx.checks.redundancy import redundancy as run

        opened = open_store(store)
        wanted = _tables(tables, everything=everything)
        for pair in opened.select_pairs(pairs):
            report = run(opened, pair, tables=wanted)
            if json:
                print_json(report.to_json())
            else:
                typer.echo(report.to_text())


@check_app.command("folds")
def folds(
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    months: MonthsOption = None,
    targets: Annotated[
        str, typer.Option("--targets", help="WINDOW:HORIZON:KIND, each with commas.")
    ] = "60:15,30,45,60,75:level",
    tables: TablesOption = None,
    everything: AllTablesOption = False,
    lags: Annotated[str, typer.Option(help="Lags of columns, in rows; 0 for none.")] = "1,5,15,30",
    splitter: SplitterOption = "walk-forward",
    train: TrainOption = None,
    test: TestOption = None,
    step: StepOption = None,
    expanding: ExpandingOption = False,
    purge: Annotated[int | None, typer.Option(help="Rows; not fewer than needed.")] = None,
    embargo: Annotated[int | None, typer.Option(help="Rows; not fewer than needed.")] = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Training and test rows of a split, audited interval by interval."""
    with reported():
        from bqx.dataset.splits import make_splitter
        from bqx.dataset.storefolds import check_store_folds
        from bqx.dataset.target import parse_targets

        maker = make_splitter(
            splitter,
            train=train,
            test=test,
            step=step,
            expanding=expanding,
            purge=purge,
            embargo=embargo,
        )
        report = check_store_folds(
            open_store(store),
            maker,
            parse_targets(targets),
            tables=_tables(tables, everything=everything),
            lags=parse_lags(lags),
            pairs=pairs,
            months=months,
        )
        give(report, html, json=json)


def _tables(tables: str | None, *, everything: bool) -> list[str] | None:
    """Names as the registry resolves them; None for the default."""
    if everything:
        return ["all"]
    return tables.split(",") if tables else None


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
