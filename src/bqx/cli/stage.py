"""Commands on stages: list, plan, apply, verify, rollback; and those on the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli import stageledger
from bqx.cli.common import (
    DEFAULT_STORE,
    JsonOption,
    MonthsOption,
    PairsOption,
    console,
    print_json,
)
from bqx.cli.stagecommon import (
    Code,
    DryRun,
    Explain,
    MaxBytes,
    MaxMemory,
    MaxSeconds,
    MaxWal,
    OldNames,
    StageStore,
    Yes,
    chosen_stage,
    limited,
    needs_terminal,
    progress,
    running,
    selected,
)

if TYPE_CHECKING:
    from bqx.stages.registry import AnyStage
    from bqx.stages.reporting import StageReport
    from bqx.stages.runner import Result, Runner
    from bqx.stages.stage import Selection

app = typer.Typer(
    help="Schema stages: changes of a store that are planned, applied, verified and undone.",
    no_args_is_help=True,
)


@app.command("list")
def list_all(store: StageStore = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List all stages with their status, looked up now."""
    with running(store) as runner:
        from bqx.cli.stagetables import show_statuses
        from bqx.stages.status import statuses

        found = statuses(runner)
        if json:
            print_json([s.to_json() for s in found])
        else:
            show_statuses(console(), found)


@app.command("plan")
def plan(
    code: Code,
    store: StageStore = DEFAULT_STORE,
    pairs: PairsOption = None,
    months: MonthsOption = None,
    old_names: OldNames = False,
    explain: Explain = False,
    json: JsonOption = False,
) -> None:
    """Show what a stage would do and cost; exit code 1 if a precondition does not hold."""
    with running(store) as runner:
        stage = chosen_stage(runner, code, old_names=old_names)
        _show_plan(runner, stage, selected(pairs, months), explain=explain, json=json)


def _show_plan(
    runner: Runner, stage: AnyStage, selection: Selection, *, explain: bool, json: bool
) -> None:
    from bqx.cli.stagetables import show_plan

    made = runner.plan(stage, selection)
    if json:
        print_json(made.to_json())
    else:
        show_plan(console(), stage, made, explain=explain)
    raise typer.Exit(0 if made.ready else 1)


@app.command("apply")
def apply(
    code: Code,
    store: StageStore = DEFAULT_STORE,
    pairs: PairsOption = None,
    months: MonthsOption = None,
    old_names: OldNames = False,
    dry_run: DryRun = False,
    explain: Explain = False,
    yes: Yes = False,
    confirmed: Annotated[
        str | None, typer.Option("--plan", help="Hash of the plan that was reviewed.")
    ] = None,
    max_seconds: MaxSeconds = None,
    max_bytes: MaxBytes = None,
    max_wal: MaxWal = None,
    max_memory: MaxMemory = None,
    json: JsonOption = False,
) -> None:
    """Apply a stage: all of it or nothing, checked before it becomes visible."""
    with running(store) as runner:
        from bqx.cli.stagetables import show_plan

        stage = chosen_stage(runner, code, old_names=old_names)
        selection = selected(pairs, months)
        limits = limited(max_seconds, max_bytes, max_wal, max_memory)
        if dry_run or explain:
            _show_plan(runner, stage, selection, explain=explain, json=json)
        if not yes:
            needs_terminal()
            made = runner.plan(stage, selection)
            show_plan(console(), stage, made, explain=False)
            typer.confirm(f"Apply {stage.code} to {runner.target.name}?", abort=True, err=True)
            confirmed = confirmed or made.hash
        monitor = progress(quiet=json)
        result = runner.apply(stage, selection, confirmed=confirmed, limits=limits, monitor=monitor)
        _give_result(result, json=json)


def _give_result(result: Result, *, json: bool) -> None:
    from bqx.cli.stagetables import show_result

    if json:
        print_json(result.to_json())
    else:
        show_result(console(), result)


@app.command("verify")
def verify(
    code: Code,
    store: StageStore = DEFAULT_STORE,
    pairs: PairsOption = None,
    months: MonthsOption = None,
    html: Annotated[Path | None, typer.Option("--html", help="For 2.15: write a page.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="For 2.15: write a document.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Look up the post-conditions of a stage now; exit code 1 unless all hold."""
    with running(store) as runner:
        from bqx.stages.reporting import Reporting

        stage, selection = chosen_stage(runner, code), selected(pairs, months)
        if isinstance(stage, Reporting):
            report = stage.report(runner.target, selection)
            _give(report, {"html": html, "markdown": markdown}, json=json)
        if html or markdown:
            raise _formless(stage)
        _show_conditions(runner, stage, selection, json=json)


def _give(report: StageReport, files: dict[str, Path | None], *, json: bool) -> None:
    """Print a report, write its files, and exit with 1 unless it passed."""
    for form, file in files.items():
        if file is not None:
            text = report.to_html() if form == "html" else report.to_markdown()
            file.write_text(text, encoding="utf-8")
            typer.echo(f"{form} written to {file}", err=True)
    if json:
        print_json(report.to_json())
    else:
        typer.echo(report.to_text())
    raise typer.Exit(0 if report.passed else 1)


def _formless(stage: AnyStage) -> Exception:
    from bqx.errors import ConfigError

    return ConfigError(
        f"--html or --markdown with {stage.code}", expected="a stage that makes a report: BQX-2.15"
    )


def _show_conditions(runner: Runner, stage: AnyStage, selection: Selection, *, json: bool) -> None:
    from bqx.cli.stagetables import show_conditions
    from bqx.stages.runner import condition_json

    found = runner.verify(stage, selection)
    if json:
        print_json([condition_json(c) for c in found])
    else:
        show_conditions(console(), found)
    raise typer.Exit(0 if found and all(c.passed for c in found) else 1)


@app.command("rollback")
def rollback(
    code: Code,
    store: StageStore = DEFAULT_STORE,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: JsonOption = False,
) -> None:
    """Undo the newest application of a stage: catalogue and rows as they were."""
    with running(store) as runner:
        stage = chosen_stage(runner, code)
        applied = runner.undoable(stage)
        told = f"{stage.code} on {runner.target.name}, application {applied}"
        if dry_run:
            typer.echo(f"would undo {told}")
            return
        if not yes:
            needs_terminal()
            typer.confirm(f"Undo {told}?", abort=True, err=True)
        _give_result(runner.rollback(stage, monitor=progress(quiet=json)), json=json)


app.command("history")(stageledger.history)
app.command("board")(stageledger.board)
app.command("push")(stageledger.push)
