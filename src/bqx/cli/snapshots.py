"""Commands on snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    JsonOption,
    StoreOption,
    open_store,
    print_json,
    reported,
)

if TYPE_CHECKING:
    from bqx.store.embedded import EmbeddedStore

app = typer.Typer(help="Snapshots of a store, as hard links.", no_args_is_help=True)


def _folder(store: str) -> EmbeddedStore:
    """The store, where it is one in a folder.

    Raises:
        BqxError: If it is not.
    """
    from bqx.store.embedded import in_folder

    return in_folder(open_store(store), "snapshots")


Name = Annotated[str, typer.Argument(help="Name of the snapshot.")]


@app.command("create")
def create(name: Name, store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """Keep the present content of the store under a name."""
    with reported():
        from bqx.store import snapshots

        made = snapshots.create(_folder(store), name)
        if json:
            print_json(made.to_json())
        else:
            typer.echo(f"{made.name}: {made.partitions:,} partitions, {made.rows:,} rows kept")


@app.command("list")
def list_all(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List the snapshots."""
    with reported():
        from bqx.store import snapshots

        found = snapshots.list_snapshots(_folder(store))
        if json:
            print_json([s.to_json() for s in found])
            return
        for s in found:
            counts = f"{s.partitions:,} partitions  {s.rows:,} rows  {s.bytes / 1e6:,.0f} MB"
            typer.echo(f"{s.name}  {s.created}  {counts}")


@app.command("restore")
def restore(name: Name, store: StoreOption = DEFAULT_STORE) -> None:
    """Bring the store back to a snapshot."""
    with reported():
        from bqx.store import snapshots

        snapshots.restore(_folder(store), name)
        typer.echo(f"restored {name}")


@app.command("delete")
def delete(name: Name, store: StoreOption = DEFAULT_STORE) -> None:
    """Delete a snapshot; what the store holds is not touched."""
    with reported():
        from bqx.store import snapshots

        snapshots.delete(_folder(store), name)
        typer.echo(f"deleted {name}")
