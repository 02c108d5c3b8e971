"""Commands that say what the registry knows: features list, show, count, diff."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bqx.cli.common import JsonOption, console, print_json, reported

if TYPE_CHECKING:
    from bqx.features.counts import Counted
    from bqx.features.feature import Column

app = typer.Typer(no_args_is_help=True, help="Every feature: list, show, count, diff.")

ModuleOption = Annotated[
    list[str] | None, typer.Option("--module", help="A module with further families.")
]
TableOption = Annotated[
    str | None, typer.Option("--table", "-t", help="Families or tables, separated by commas.")
]


def _counted(modules: list[str] | None) -> tuple[Counted, ...]:
    from bqx.features.counts import count
    from bqx.features.registry import registry

    return count(registry(tuple(modules or ())))


def _plain(found: Counted, table: str, column: Column) -> dict[str, Any]:
    row = found.row
    return {
        "table": table,
        **asdict(column),
        "row": row.name,
        "absent": column.absent,
        "counted_in_1264": row.in_1264,
        "counted_in_1080": row.in_1080,
        "core_1388": row.in_core,
    }


def _chosen(counted: tuple[Counted, ...], names: str | None) -> list[dict[str, Any]]:
    """All columns, or those of some tables or families."""
    everything = [_plain(found, table, c) for found in counted for table, c in found.columns]
    if names is None:
        return everything
    from bqx.features.registry import registry

    wanted = names.split(",")
    tables = {t for n in wanted for t in registry().resolve([n])}
    families = {n for n in wanted if n in registry().families}
    return [
        f for f in everything if f["table"] in tables and (not families or f["family"] in families)
    ]


@app.command("list")
def list_features(
    table: TableOption = None, module: ModuleOption = None, json: JsonOption = False
) -> None:
    """List the columns: table, column, unit, range, history."""
    with reported():
        found = _chosen(_counted(module), table)
        if json:
            print_json(found)
            return
        for f in found:
            low, high = f["low"], f["high"]
            absent = "  (absent: nobody has the data)" if f["absent"] else ""
            typer.echo(
                f"{f['table']:<26} {f['name']:<36} {f['unit']:<10} "
                f"[{_bound(low)}, {_bound(high)}]  H {f['history']}{absent}"
            )


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A column, or table__column.")],
    module: ModuleOption = None,
    json: JsonOption = False,
) -> None:
    """Show all that is known of a column, in each table that has it."""
    with reported():
        found = _named(_counted(module), name)
        if json:
            print_json(found)
            return
        for feature in found:
            typer.echo(f"{feature['table']}__{feature['name']}")
            for key, value in feature.items():
                if key not in {"table", "name"} and value not in {None, "", ()}:
                    typer.echo(f"  {key}: {value}")


def _named(counted: tuple[Counted, ...], name: str) -> list[dict[str, Any]]:
    from difflib import get_close_matches

    from bqx.errors import UnknownNameError

    table, _, column = name.rpartition("__")
    found = [f for f in _chosen(counted, None) if f["name"] == column and table in {"", f["table"]}]
    if not found:
        known = {str(f["name"]) for f in _chosen(counted, None)}
        close = get_close_matches(column, known, n=1, cutoff=0.3)
        raise UnknownNameError(
            f"unknown feature {name!r}",
            expected="a column, or table__column",
            hint=f"did you mean {close[0]}?" if close else "`bqx features list`",
        )
    return found


@app.command("count")
def count_features(module: ModuleOption = None, json: JsonOption = False) -> None:
    """Count the columns by the rows of the programme, and explain 1,264, 1,080 and 1,388."""
    with reported():
        from bqx.features.counts import explanation, totals

        counted = _counted(module)
        if json:
            rows = [
                {
                    **asdict(c.row),
                    "columns": c.number,
                    "counted_in_1264": c.row.in_1264,
                    "counted_in_1080": c.row.in_1080,
                }
                for c in counted
            ]
            print_json({"rows": rows, "totals": totals(counted), "why": explanation(counted)})
            return
        _show_counts(counted)
        for line in explanation(counted):
            typer.echo(line)


def _show_counts(counted: tuple[Counted, ...]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("row", "domain", "columns", "1,264", "1,080", "1,388", "note"):
        table.add_column(name, justify="right" if name == "columns" else "left")
    for c in counted:
        marks = ("yes" if part else "" for part in (c.row.in_1264, c.row.in_1080, c.row.in_core))
        table.add_row(c.row.name, c.row.domain, str(c.number), *marks, c.row.note)
    console().print(table)


@app.command()
def diff(
    names: Annotated[
        Path | None, typer.Argument(help="CSV with the columns `table` and `column`.")
    ] = None,
    module: ModuleOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the registry with a list of names; exit code 1 where they differ.

    Without a file: with the names that the core is promised to have.
    """
    with reported():
        from bqx.features.promised import compare
        from bqx.features.registry import registry

        found = compare(registry(tuple(module or ())), names)
        if json:
            print_json(found)
        else:
            for kind, columns in found.items():
                for column in columns:
                    typer.echo(f"{kind}: {column}")
            typer.echo(", ".join(f"{len(columns)} {kind}" for kind, columns in found.items()))
        raise typer.Exit(1 if found["missing"] else 0)
