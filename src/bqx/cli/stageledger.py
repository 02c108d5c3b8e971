"""Commands on the ledger of stages: history, board, push."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bqx.cli.common import DEFAULT_STORE, JsonOption, console, print_json, reported
from bqx.cli.stagecommon import DryRun, StageStore, chosen_stage, running

AIRTABLE_VARIABLE = "env:AIRTABLE_TOKEN"


class TrackerName(StrEnum):
    """Trackers that the board can be pushed to."""

    AIRTABLE = "airtable"


class BoardForm(StrEnum):
    """Formats of the board."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def history(
    code: Annotated[str | None, typer.Argument(help="Code of a stage; all when absent.")] = None,
    store: StageStore = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Show what was run: who, when, plan, counts, durations, outcome."""
    with running(store) as runner:
        from bqx.cli.stagetables import show_history

        runs = runner.history(chosen_stage(runner, code).code if code else None)
        if json:
            print_json([run.to_json() for run in runs])
        else:
            show_history(console(), runs)


def board(
    store: StageStore = DEFAULT_STORE,
    form: Annotated[BoardForm, typer.Option("--format", help="Of the output.")] = BoardForm.TEXT,
    out: Annotated[Path | None, typer.Option("--out", help="File; stdout when absent.")] = None,
) -> None:
    """Show all stages with the fields of a project tracker, looked up now."""
    with running(store) as runner:
        from bqx.cli.stagetables import show_board
        from bqx.stages.board import board_rows, export

        rows = board_rows(runner.target)
        if form is BoardForm.TEXT:
            show_board(console(), rows)
        elif out is None:
            typer.echo(export(rows, form.value), nl=False)
        else:
            out.write_text(export(rows, form.value), encoding="utf-8")
            typer.echo(f"board written to {out}", err=True)


def push(
    base: Annotated[str, typer.Option("--base", help="Id of the base: app….")],
    table: Annotated[str, typer.Option("--table", help="Name or id of the table.")],
    to: Annotated[TrackerName, typer.Option("--to", help="The tracker.")] = TrackerName.AIRTABLE,
    token: Annotated[
        str, typer.Option("--token", help="Reference to a token: env:NAME, file:/path, ….")
    ] = AIRTABLE_VARIABLE,
    store: StageStore = DEFAULT_STORE,
    dry_run: DryRun = False,
    allow_lower: Annotated[
        bool, typer.Option("--allow-lower", help="Also correct rows that claim more than is true.")
    ] = False,
    typecast: Annotated[
        bool, typer.Option("--typecast", help="Let the tracker convert values and add options.")
    ] = False,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Address of the API, where it is another.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Push the board to a tracker; exit code 1 if a row could not be made right."""
    with reported():
        from bqx.stages.airtable import ENDPOINT, AirTableOptions
        from bqx.stages.airtable import push as push_board
        from bqx.stages.opening import opened

        address = endpoint or ENDPOINT
        options = AirTableOptions(base, table, token, dry_run, allow_lower, typecast, address)
        options.check()
        with opened(store) as target:
            report = push_board(target, options)
        if json:
            print_json({"tracker": to.value, **report.to_json()})
        else:
            typer.echo(report.to_text())
        raise typer.Exit(0 if report.passed else 1)
