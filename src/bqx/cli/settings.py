"""Commands on a store's settings."""

from __future__ import annotations

from typing import Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    JsonOption,
    StoreOption,
    open_store,
    print_json,
    reported,
)

app = typer.Typer(help="Show and change the settings of a store.", no_args_is_help=True)


@app.command("show")
def show(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Print the settings."""
    with reported():
        settings = open_store(store).settings
        if json:
            print_json(settings.model_dump(mode="json"))
        else:
            typer.echo(settings.to_toml(), nl=False)


@app.command("set")
def set_value(
    name: Annotated[str, typer.Argument(help="week, holidays, families or baseline_start.")],
    value: Annotated[str, typer.Argument(help="The value; lists are separated by commas.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Change a setting; `bqx plan` then lists what must be made again. Creates a new store."""
    with reported():
        open_store(store, create=True).set(name, value)
