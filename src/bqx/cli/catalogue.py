"""The command that shows or writes the catalogue of features, and the reference of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bqx.cli.common import JsonOption, print_json, reported


def catalogue(
    name: Annotated[
        str | None, typer.Argument(help="Family or table to describe; an overview when absent.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write all pages into this folder.")
    ] = None,
    modules: Annotated[
        list[str] | None, typer.Option("--module", help="A module with further families.")
    ] = None,
    commands: Annotated[
        bool, typer.Option("--commands", help="Describe the commands instead of the features.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Describe every table and column: formula, unit, range, history, NULL rule, source."""
    with reported():
        if commands:
            _commands(out)
            return
        from bqx.features.catalogue import as_json, describe, write_pages
        from bqx.features.registry import registry

        families = registry(tuple(modules or ()))
        if out is not None:
            pages = write_pages(families, out)
            typer.echo(f"{len(pages)} pages written to {out}", err=True)
        elif json:
            print_json(as_json(families, name))
        else:
            typer.echo(describe(families, name), nl=False)


def _commands(out: Path | None) -> None:
    from bqx.cli.reference import command_page, write_command_page

    if out is None:
        typer.echo(command_page(), nl=False)
    else:
        typer.echo(f"page written to {write_command_page(out)}", err=True)
