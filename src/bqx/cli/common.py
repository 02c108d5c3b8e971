"""What the commands share: the store option, output, errors and exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from bqx.api import Store

DEFAULT_STORE = "bqx-store"

StoreOption = Annotated[
    str,
    typer.Option(
        "--store", "-s", envvar="BQX_STORE", help="Folder of the store, or postgresql://…"
    ),
]
PairsOption = Annotated[
    str | None, typer.Option("--pairs", "-p", help="Pairs, separated by commas; all when absent.")
]
AllPairsOption = Annotated[
    bool, typer.Option("--all-pairs", help="All pairs with bars; the same as no --pairs.")
]
MonthsOption = Annotated[
    str | None,
    typer.Option("--months", "-m", help="2019-01, 2019-01:2019-03 or a list; all when absent."),
]
AllMonthsOption = Annotated[
    bool, typer.Option("--all-months", help="All months with bars; the same as no --months.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def console() -> Console:
    """The console of stdout; plain where ``NO_COLOR`` is set or stdout is no terminal."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "120"))
    return Console(width=width, highlight=False)


def open_store(address: str, *, create: bool = False) -> Store:
    """Open the store of a command.

    Raises:
        StoreError: If there is none and ``create`` is false.
    """
    from bqx.api import open as open_address

    return open_address(address, create=create)


def one_of(first: str | None, *, everything: bool, option: str) -> str | None:
    """A selection, or None for everything.

    Raises:
        BqxError: If both are given.
    """
    if first is not None and everything:
        from bqx.errors import BqxError

        raise BqxError(f"--{option} and --all-{option} together", expected="one of them")
    return first


@contextmanager
def reported() -> Iterator[None]:
    """Turn errors into a message on stderr and an exit code."""
    from bqx.errors import BqxError

    try:
        yield
    except BqxError as error:
        sys.stderr.write(f"error: {error.message}\n")
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        sys.stderr.write("interrupted\n")
        raise typer.Exit(130) from error
