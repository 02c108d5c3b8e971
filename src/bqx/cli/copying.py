"""The command that copies a store into another."""

from __future__ import annotations

from typing import Annotated

import typer

from bqx.cli.common import (
    JsonOption,
    MonthsOption,
    PairsOption,
    open_store,
    print_json,
    reported,
)

Address = "Folder of a store, or postgresql://…"


def copy(
    source: Annotated[str, typer.Option("--from", help=f"What is read. {Address}")],
    target: Annotated[str, typer.Option("--to", help=f"What is written. {Address}")],
    tables: Annotated[
        str | None,
        typer.Option("--tables", help="Tables or families, m1 for the bars; all when absent."),
    ] = None,
    pairs: PairsOption = None,
    months: MonthsOption = None,
    workers: Annotated[int, typer.Option("--workers", "-w", help="Partitions at a time.")] = 2,
    json: JsonOption = False,
) -> None:
    """Copy bars, tables and their record, compared after writing; running it again goes on.

    A new target gets the source's settings. Exit code 5 when something was not as recorded.
    """
    with reported():
        from bqx.api import open as open_address
        from bqx.store.copying import copy_store

        with open_store(source) as one, open_address(target, settings=one.settings) as other:
            report = copy_store(
                one, other, tables=tables, pairs=pairs, months=months, workers=workers
            )
        if json:
            print_json(report.to_json())
        else:
            typer.echo(report.to_text())
