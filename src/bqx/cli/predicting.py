"""The command `predict`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import DEFAULT_STORE, JsonOption, StoreOption, console, open_store, reported

if TYPE_CHECKING:
    import polars as pl

SHOWN = ("pair", "ts_utc", "target", "point", "probability", "expected", "model", "stale")


def predict(
    model: Annotated[
        str, typer.Option("--model", "-m", help="NAME, NAME@champion, or NAME@VERSION.")
    ],
    store: StoreOption = DEFAULT_STORE,
    pair: Annotated[
        str | None, typer.Option("--pair", "-p", help="Pairs, with commas; all when absent.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="One minute, UTC; the newest when absent.")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="First of several minutes.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Where they end, excluded.")] = None,
    registry: Annotated[
        str | None, typer.Option("--registry", help="Store of the model, if it is another one.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.")] = False,
    json: JsonOption = False,
) -> None:
    """Forecasts of a registered model for the newest minute, or for given ones."""
    with reported():
        from bqx.errors import BqxError
        from bqx.models.predicting import predict as run

        if csv and json:
            raise BqxError("--csv and --json together", expected="one of them")
        kept = None if registry is None else open_store(registry)
        frame = run(open_store(store), model, pair, at=at, start=start, end=end, registry=kept)
        if json:
            sys.stdout.write(frame.write_json() + "\n")
        elif csv:
            sys.stdout.write(frame.write_csv())
        else:
            _show(frame)


def _show(frame: pl.DataFrame) -> None:
    """A table, below the warning that concerns all of it."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (*SHOWN, "refused"):
        table.add_column(name)
    for row in frame.select(*SHOWN, "refused").iter_rows():
        table.add_row(*("" if v is None else _text(v) for v in row))
    if frame["synthetic"].any():
        typer.echo("SYNTHETIC DATA: the model learned from generated bars.")
    console().print(table)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
