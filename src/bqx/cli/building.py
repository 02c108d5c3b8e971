"""Commands that make tables: plan, build."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    AllMonthsOption,
    AllPairsOption,
    JsonOption,
    MonthsOption,
    PairsOption,
    StoreOption,
    console,
    one_of,
    open_store,
    print_json,
    reported,
)

FamiliesOption = Annotated[
    str,
    typer.Option("--families", "-f", help="Families or tables, separated by commas."),
]
WindowsOption = Annotated[
    str | None, typer.Option("--windows", help="Only the columns of these windows, e.g. 60,90.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Make current partitions again.")]


def _windows(text: str | None) -> list[int] | None:
    from bqx.errors import ConfigError

    try:
        return None if text is None else [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--windows {text}", expected="whole numbers, e.g. 60,90") from error


def plan(
    store: StoreOption = Path(DEFAULT_STORE),
    families: FamiliesOption = "all",
    pairs: PairsOption = None,
    all_pairs: AllPairsOption = False,
    months: MonthsOption = None,
    all_months: AllMonthsOption = False,
    windows: WindowsOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Show what a build with the same options would do: counts, bytes, and an estimate."""
    with reported():
        found = open_store(store).plan(
            families,
            pairs=one_of(pairs, everything=all_pairs, option="pairs"),
            months=one_of(months, everything=all_months, option="months"),
            windows=_windows(windows),
            force=force,
        )
        if json:
            print_json(found.to_json())
        else:
            from bqx.cli.tables import show_plan

            show_plan(console(), found)


def build(
    store: StoreOption = Path(DEFAULT_STORE),
    families: FamiliesOption = "all",
    pairs: PairsOption = None,
    all_pairs: AllPairsOption = False,
    months: MonthsOption = None,
    all_months: AllMonthsOption = False,
    windows: WindowsOption = None,
    workers: Annotated[
        int, typer.Option("--workers", "-w", envvar="BQX_WORKERS", help="Work units at a time.")
    ] = 2,
    executor: Annotated[str, typer.Option(help="threads or processes.")] = "threads",
    max_memory: Annotated[
        str, typer.Option("--max-memory", envvar="BQX_MAX_MEMORY", help="Memory budget.")
    ] = "4GiB",
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Make the partitions that are missing or outdated; running it again resumes.

    Exit code 3 when units failed, 4 when the memory budget is too small, 130 when interrupted.
    """
    with reported():
        from bqx.build.progress import shown
        from bqx.build.run import run

        opened = open_store(store)
        todo = opened.plan(
            families,
            pairs=one_of(pairs, everything=all_pairs, option="pairs"),
            months=one_of(months, everything=all_months, option="months"),
            windows=_windows(windows),
            force=force,
        )
        with shown(todo) as progress:
            report = run(
                opened,
                todo,
                workers=workers,
                executor=executor,
                max_memory=max_memory,
                progress=progress,
            )
        if json:
            print_json(report.to_json())
        else:
            from bqx.cli.tables import show_build

            show_build(console(), report)
        raise typer.Exit(report.exit_code)
