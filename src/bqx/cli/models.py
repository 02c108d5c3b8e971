"""Commands on registered models: register, list, show, compare, promote, rollback, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    JsonOption,
    PairsOption,
    StoreOption,
    console,
    open_store,
    print_json,
    reported,
)

if TYPE_CHECKING:
    from bqx.models.registry.gates import Gate
    from bqx.models.registry.records import Event, ModelRecord
    from bqx.models.registry.registry import ModelRegistry

app = typer.Typer(
    no_args_is_help=True,
    help="Registered models: register, list, show, compare, promote, rollback, export.",
)

NameArgument = Annotated[str, typer.Argument(help="Name of the model.")]
ModelArgument = Annotated[
    str, typer.Argument(help="NAME, NAME@champion, or NAME@VERSION.", metavar="MODEL")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stays in the history.")]


def _registry(store: str) -> ModelRegistry:
    from bqx.models.registry.registry import ModelRegistry

    return ModelRegistry(open_store(store))


def _shown(registry: ModelRegistry, text: str) -> tuple[ModelRecord, list[Event], tuple[Gate, ...]]:
    """A model, its history, and what its gates say; the newest version where none is champion."""
    name, _, version = text.partition("@")
    there = registry.models(name)
    newest = version or (None if registry.champion(name) or not there else there[-1].version)
    record = registry.find(name, newest)
    return record, registry.history(name), registry.gates(name, record.version)


@app.command()
def register(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    name: Annotated[str, typer.Option("--name", "-n", help="Name of the model.")],
    store: StoreOption = DEFAULT_STORE,
    controls: Annotated[
        list[Path] | None,
        typer.Option("--controls", help="Folder of a control run; once for each."),
    ] = None,
    pairs: PairsOption = None,
    targets: Annotated[
        str | None, typer.Option("--targets", help="Targets that it serves; all when absent.")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of the intervals.")] = 1000,
    samples: Annotated[int, typer.Option(help="Rows that the leak audit recomputes.")] = 24,
    json: JsonOption = False,
) -> None:
    """Score and audit a run, and keep it as the next version of a model."""
    with reported():
        from bqx.dataset.target import parse_targets
        from bqx.market import parse_pairs
        from bqx.models.registry.evidence import Submission
        from bqx.models.runs.run import Run

        submission = Submission.of(
            Run.open(run),
            [Run.open(folder) for folder in controls or ()],
            None if pairs is None else parse_pairs(pairs),
            None if targets is None else parse_targets(targets),
            resamples=resamples,
            samples=samples,
        )
        registry = _registry(store)
        record = registry.register(name, submission, lambda text: typer.echo(text, err=True))
        if json:
            print_json(record.to_json())
            return
        typer.echo(f"{record.label} registered; it is a candidate")
        for limit in record.card["limits"]:
            typer.echo(f"  {limit}")
        for gate in registry.gates(name, record.version):
            typer.echo(gate.to_text())


@app.command("list")
def list_all(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List the models and their versions."""
    with reported():
        from rich.table import Table

        found = _registry(store).models()
        if json:
            keys = ("name", "version", "stage", "created", "pairs", "targets", "synthetic")
            print_json([{k: r.to_json()[k] for k in keys} for r in found])
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in ("model", "stage", "registered", "pairs", "targets", "with skill", "data"):
            table.add_column(head)
        for r in found:
            rows = [m for m in r.card["metrics"] if m["target"] in r.targets]
            rows = [m for m in rows if m["pair"] in r.pairs]
            skilled = sum((m["low"] or 0.0) > 0.0 for m in rows)
            numbers = (str(len(r.pairs)), str(len(r.targets)), f"{skilled} of {len(rows)}")
            data = "SYNTHETIC" if r.synthetic else "real"
            table.add_row(r.label, r.stage, r.created, *numbers, data)
        console().print(table)


@app.command()
def show(
    model: ModelArgument,
    store: StoreOption = DEFAULT_STORE,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a self-contained page.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The card of a model: data, folds, scores beside the martingale's, gates, limits, history."""
    with reported():
        from bqx.models.registry.cards import card_html, card_text

        record, history, gates = _shown(_registry(store), model)
        if html is not None:
            html.write_text(card_html(record, history, gates), encoding="utf-8")
            typer.echo(f"page written to {html}", err=True)
        if json:
            parts = {"gates": [g.to_json() for g in gates]}
            print_json(record.to_json() | parts | {"history": [e.to_json() for e in history]})
        else:
            typer.echo(card_text(record, history, gates))


@app.command()
def compare(
    first: ModelArgument,
    second: ModelArgument,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Two models side by side on common rows, beside the martingale, with a paired test."""
    with reported():
        from bqx.models.registry.comparing import compare as run

        registry = _registry(store)
        found = run(registry, _shown(registry, first)[0], _shown(registry, second)[0])
        if json:
            print_json(found.to_json())
        else:
            typer.echo(found.to_text())


@app.command()
def promote(
    name: NameArgument,
    version: Annotated[int, typer.Argument(help="Its version.")],
    store: StoreOption = DEFAULT_STORE,
    reason: ReasonOption = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what the gates say.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make a version the champion; exit code 1 and the list of failures where a gate refuses."""
    with reported():
        from bqx.models.registry.promoting import promote as run

        registry = _registry(store)
        gates = registry.gates(name, version)
        if dry_run:
            _give_gates(gates, json=json)
            raise typer.Exit(0 if all(g.passed for g in gates) else 1)
        promotion = run(registry, name, version, reason)
        if json:
            print_json(promotion.to_json())
            return
        typer.echo(f"{promotion.record.label} is the champion")
        for gate in promotion.gates:
            typer.echo(gate.to_text())
        if promotion.comparison is not None:
            typer.echo(promotion.comparison.verdict)


def _give_gates(gates: tuple[Gate, ...], *, json: bool) -> None:
    if json:
        print_json([gate.to_json() for gate in gates])
        return
    for gate in gates:
        typer.echo(gate.to_text())


@app.command()
def rollback(
    name: NameArgument,
    store: StoreOption = DEFAULT_STORE,
    reason: ReasonOption = "",
    json: JsonOption = False,
) -> None:
    """Bring back the champion before this one; without one, nothing serves any more."""
    with reported():
        from bqx.models.registry.promoting import rollback as run

        found = run(_registry(store), name, reason)
        if json:
            print_json({"champion": None if found is None else found.label})
        else:
            told = "has no champion any more" if found is None else f"is {found.label} again"
            typer.echo(f"{name} {told}")


@app.command()
def export(
    model: ModelArgument,
    mlflow: Annotated[
        str, typer.Option("--mlflow", help="Folder, or address of a tracking store.")
    ],
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Write a model as a run of MLflow: parameters, metrics, tags, artefacts, card."""
    with reported():
        from bqx.models.registry.exporting import export_mlflow

        registry = _registry(store)
        record = _shown(registry, model)[0]
        identity = export_mlflow(registry, record, mlflow)
        if json:
            print_json({"model": record.label, "mlflow_run": identity})
        else:
            typer.echo(f"{record.label} exported as run {identity}")
