"""The command that says what a run is worth: evaluate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import JsonOption, print_json, reported

if TYPE_CHECKING:
    from bqx.models.runs.run import Run


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    controls: Annotated[
        list[Path] | None,
        typer.Option(
            "--controls", help="The same run trained with --control; repeat it for several."
        ),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", help="Folder of the dataset, if it was moved.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page that needs nothing else.")
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", help="Take a forecast of this pair apart instead of scoring."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Its minute in UTC, such as 2019-03-05T14:30.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Its target, such as 60:15:level.")
    ] = None,
    resamples: Annotated[
        int, typer.Option("--resamples", min=20, help="Bootstrap resamples.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Scores at a time.")] = 2,
    json: JsonOption = False,
) -> None:
    """Score a run beside the martingale and its controls, or explain one forecast.

    With --explain PAIR --at TS --target W:H:KIND: expected + base + contributions = forecast.
    """
    with reported():
        from bqx.models.runs.run import Run

        opened = Run.open(run)
        if explain is not None or at is not None or target is not None:
            _explain(opened, (explain, at, target), dataset, json=json)
            return
        from bqx.models.evaluation.evaluate import evaluate as evaluated

        found = evaluated(
            opened,
            controls=[Run.open(folder) for folder in controls or ()],
            resamples=resamples,
            seed=seed,
            threads=threads,
            dataset=opened.dataset(dataset),
            progress=_told,
        )
        if html is not None:
            html.write_text(found.to_html(), encoding="utf-8")
            sys.stderr.write(f"wrote {html}\n")
        if json:
            print_json(found.to_json())
        else:
            typer.echo(found.to_text())


def _told(done: int, total: int, what: str) -> None:
    sys.stderr.write(f"{done + 1}/{total} {what}\n")


def _explain(
    run: Run, parts: tuple[str | None, str | None, str | None], dataset: Path | None, *, json: bool
) -> None:
    from bqx.errors import ConfigError
    from bqx.models.evaluation.explaining import explain

    pair, at, target = parts
    if pair is None or at is None or target is None:
        raise ConfigError(
            "a forecast to explain is not fully named",
            expected="--explain PAIR --at TS --target W:H:KIND",
        )
    found = explain(run, pair, at, target, dataset=run.dataset(dataset))
    if json:
        print_json(found.to_json())
    else:
        typer.echo(found.to_text())
