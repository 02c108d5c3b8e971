"""Commands that move data: ingest, update, read, sql."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    JsonOption,
    PairsOption,
    StoreOption,
    console,
    open_store,
    print_json,
    reported,
)

if TYPE_CHECKING:
    import polars as pl

Files = Annotated[
    list[str],
    typer.Argument(help="Vendor files, or the address of a database with tables bqx.m1_PAIR."),
]
PairOption = Annotated[
    str | None, typer.Option("--pair", help="The pair, where the files do not say it.")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="The format, where it cannot be detected.")
]
TimezoneOption = Annotated[
    str | None,
    typer.Option("--timezone", help="The clock: an IANA name, UTC+3, or 'New York +7'."),
]
SyntheticOption = Annotated[bool, typer.Option("--synthetic", help="Mark bars as generated.")]
WorkersOption = Annotated[int, typer.Option("--workers", "-w", help="Work units at a time.")]


def ingest(
    files: Files,
    store: StoreOption = DEFAULT_STORE,
    pair: PairOption = None,
    format: FormatOption = None,
    timezone: TimezoneOption = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="NAME=SOURCE for generic files, e.g. close=Last."),
    ] = None,
    synthetic: SyntheticOption = False,
    pairs: PairsOption = None,
    json: JsonOption = False,
) -> None:
    """Read vendor files, validate every bar, and store what is good.

    Exit code 3 when some files were refused, 2 when all were.
    """
    with reported():
        opened = open_store(store, create=True)
        report = opened.ingest(
            files,
            pair=pair,
            format=format,
            timezone=timezone,
            columns=_column_map(column),
            synthetic=synthetic,
            pairs=pairs,
            on_refused="report",
        )
        outdated = opened.plan_update().partitions
        if json:
            print_json({**report.to_json(), "outdated_partitions": outdated})
        else:
            from bqx.cli.tables import show_ingest

            show_ingest(console(), report, opened.settings.week)
            if outdated:
                typer.echo(f"{outdated:,} partitions must be made again: `bqx update` does it.")
        refused = [f.status == "refused" for f in report.files]
        if any(refused):
            raise typer.Exit(2 if all(refused) else 3)


def _column_map(columns: list[str] | None) -> dict[str, str] | None:
    if not columns:
        return None
    from bqx.errors import BqxError

    pairs = [c.partition("=") for c in columns]
    if not all(name and source for name, _, source in pairs):
        raise BqxError(f"--column {columns}", expected="NAME=SOURCE", hint="--column close=Last")
    return {name: source for name, _, source in pairs}


def update(
    files: Annotated[list[str] | None, typer.Argument(help="Vendor files.")] = None,
    store: StoreOption = DEFAULT_STORE,
    pair: PairOption = None,
    format: FormatOption = None,
    timezone: TimezoneOption = None,
    workers: WorkersOption = 2,
    synthetic: SyntheticOption = False,
    json: JsonOption = False,
) -> None:
    """Ingest new bars and make again just what they touch, in the tables that exist."""
    with reported():
        opened = open_store(store)
        ingested, built = opened.update(
            list(files or []),
            workers=workers,
            synthetic=synthetic,
            pair=pair,
            format=format,
            timezone=timezone,
        )
        if json:
            print_json({"ingest": ingested.to_json(), "build": built.to_json()})
        else:
            from bqx.cli.tables import show_build, show_ingest

            show_ingest(console(), ingested, opened.settings.week)
            show_build(console(), built)
        raise typer.Exit(built.exit_code)


def read(
    table: Annotated[str, typer.Argument(help="Table, for example reg_rate or m1.")],
    pair: Annotated[
        str | None, typer.Argument(help="Pair, for example eurusd; none for a table of all pairs.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    start: Annotated[str | None, typer.Option(help="First time, included, UTC.")] = None,
    end: Annotated[str | None, typer.Option(help="Last time, excluded, UTC.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns, separated by commas.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write .parquet or .csv.")] = None,
    limit: Annotated[int, typer.Option(help="Rows to print.")] = 20,
    json: JsonOption = False,
) -> None:
    """Read a table of a pair; values that are not stored are computed from the bars."""
    with reported():
        names = columns.split(",") if columns else None
        frame = open_store(store).read(table, pair, start=start, end=end, columns=names)
        _give(frame, out, limit, json=json)


def sql(
    query: Annotated[str, typer.Argument(help="SQL; tables are bqx.{table}_{pair}[_{yyyy_mm}].")],
    store: StoreOption = DEFAULT_STORE,
    out: Annotated[Path | None, typer.Option(help="Write .parquet or .csv.")] = None,
    limit: Annotated[int, typer.Option(help="Rows to print.")] = 100,
    json: JsonOption = False,
) -> None:
    """Run a query over the store's tables: with DuckDB, or on the server."""
    with reported():
        _give(open_store(store).sql(query), out, limit, json=json)


def _give(frame: pl.DataFrame, out: Path | None, limit: int, *, json: bool) -> None:
    """Write a frame to a file, or print its first rows."""
    if out is not None:
        _write(frame, out)
    elif json:
        print_json(frame.to_dicts())
    else:
        import polars as pl

        with pl.Config(tbl_rows=limit, tbl_cols=12, tbl_width_chars=160, fmt_str_lengths=200):
            typer.echo(str(frame.head(limit)))
        if frame.height > limit:
            typer.echo(f"{limit} of {frame.height:,} rows; --limit shows more, --out writes all")


def _write(frame: pl.DataFrame, out: Path) -> None:
    from bqx.errors import BqxError

    if out.suffix == ".parquet":
        frame.write_parquet(out)
    elif out.suffix == ".csv":
        frame.write_csv(out)
    else:
        raise BqxError(f"cannot write {out.name}", expected="a name ending in .parquet or .csv")
    typer.echo(f"{frame.height:,} rows written to {out}", err=True)
