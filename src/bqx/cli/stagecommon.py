"""What the commands on stages share: options, the runner, what is selected."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import reported

if TYPE_CHECKING:
    from bqx.stages.estimate import Limits
    from bqx.stages.registry import AnyStage
    from bqx.stages.runner import Runner
    from bqx.stages.stage import Monitor, Selection

Code = Annotated[str, typer.Argument(help="Code of the stage: 2.12, BQX-2.12, 2.12-rate.")]
StageStore = Annotated[
    str,
    typer.Option("--store", "-s", envvar="BQX_STORE", help="PostgreSQL address, or a folder."),
]
Explain = Annotated[bool, typer.Option("--explain", help="Show every operation's statement.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
OldNames = Annotated[
    bool, typer.Option("--old-names", help="For 1.6.9: keep the old names readable by views.")
]
MaxSeconds = Annotated[
    float | None, typer.Option("--max-seconds", help="Refuse to start beyond this wall time.")
]
MaxBytes = Annotated[str | None, typer.Option("--max-bytes", help="… new tables: 10GiB.")]
MaxWal = Annotated[str | None, typer.Option("--max-wal", help="… write-ahead log: 20GiB.")]
MaxMemory = Annotated[str | None, typer.Option("--max-memory", help="… memory: 2GiB.")]

CALENDAR = (10_519_200, 68_374_080)
"""Epoch minutes in 1990 and 2100: months that a selection can name."""


@contextmanager
def running(store: str) -> Iterator[Runner]:
    """A runner for the store of a command; errors become messages and exit codes."""
    with reported():
        from bqx.stages.opening import opened
        from bqx.stages.runner import Runner

        with opened(store) as target:
            yield Runner(target)


def chosen_stage(runner: Runner, code: str, *, old_names: bool = False) -> AnyStage:
    """The stage with a code, for the runner's kind of store.

    Raises:
        BqxError: If there is none, or it knows no old names.
    """
    from bqx.errors import ConfigError
    from bqx.stages.registry import stage
    from bqx.stages.rename import Rename
    from bqx.stages.status import kind_of

    found = stage(code, kind_of(runner.target))
    if not old_names:
        return found
    if not isinstance(found, Rename):
        raise ConfigError(f"--old-names with {found.code}", expected=f"only with {Rename.code}")
    return Rename(old_names=True)


def selected(pairs: str | None, months: str | None) -> Selection:
    """The pairs and months of the options."""
    from bqx.market import months_between, parse_pairs, select_months
    from bqx.stages.stage import Selection

    chosen = select_months(months, months_between(*CALENDAR)) if months else None
    return Selection(parse_pairs(pairs) if pairs else None, chosen)


def limited(seconds: float | None, *sizes: str | None) -> Limits:
    """The limits of the options: seconds, bytes, log, memory."""
    from bqx.build.memory import parse_size
    from bqx.stages.estimate import Limits

    return Limits(seconds, *(parse_size(size) if size else None for size in sizes))


def progress(*, quiet: bool) -> Monitor:
    """Progress on stderr: one line, rewritten on a terminal."""
    from bqx.stages.runner import quiet as silent

    def told(done: int, total: int, what: str) -> None:
        line = f"{done:,}/{total:,} {what}"
        rewritten = sys.stderr.isatty() and done < total
        sys.stderr.write(f"{line:<79}\r" if rewritten else f"{line}\n")

    return silent if quiet else told


def needs_terminal() -> None:
    """Someone must be there to be asked.

    Raises:
        BqxError: If stdin is no terminal.
    """
    from bqx.errors import BqxError

    if not sys.stdin.isatty():
        raise BqxError(
            "nobody can be asked: stdin is no terminal",
            expected="--yes",
            hint="look at the plan with --dry-run first",
        )
