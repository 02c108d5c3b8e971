"""Commands that make tables: plan, build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from bqx.api import Store
    from bqx.build.plan import Plan
    from bqx.build.report import BuildReport

FamiliesOption = Annotated[
    str | None,
    typer.Option(
        "--families", "-f", help="Families or tables, separated by commas; `base` when absent."
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="All tables of all families.")]
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


PLAN_HELP = "Show what a build with the same options would do: counts, bytes, an estimate."


def build(
    context: typer.Context,
    store: StoreOption = DEFAULT_STORE,
    families: FamiliesOption = None,
    everything: AllOption = False,
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

    Without --all or --families: the base tables, which the alignment report asks for.
    Exit code 3 when units failed, 4 when the memory budget is too small, 130 when interrupted.
    """
    with reported():
        from bqx.cli import tables
        from bqx.errors import ConfigError

        opened = open_store(store)
        if everything and families:
            raise ConfigError("--all together with --families", expected="one of them")
        todo = opened.plan(
            "all" if everything else families or "base",
            pairs=one_of(pairs, everything=all_pairs, option="pairs"),
            months=one_of(months, everything=all_months, option="months"),
            windows=_windows(windows),
            force=force,
        )
        if context.info_name == "plan":
            _give(todo, tables.show_plan, json=json)
            return
        report = _run(opened, todo, workers, executor, max_memory)
        _give(report, tables.show_build, json=json)
        raise typer.Exit(report.exit_code)


def _run(store: Store, todo: Plan, workers: int, executor: str, max_memory: str) -> BuildReport:
    from bqx.build.progress import shown
    from bqx.build.run import run

    with shown(todo) as progress:
        return run(
            store,
            todo,
            workers=workers,
            executor=executor,
            max_memory=max_memory,
            progress=progress,
        )


Result = TypeVar("Result", "Plan", "BuildReport")


def _give(result: Result, show: Callable[[Console, Result], None], *, json: bool) -> None:
    if json:
        print_json(result.to_json())
    else:
        show(console(), result)
