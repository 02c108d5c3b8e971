"""All commands."""

from __future__ import annotations

from typing import Annotated

import typer

from bqx.cli import (
    backtesting,
    building,
    catalogue,
    causality,
    checking,
    copying,
    data,
    dataset,
    datasetchecking,
    demo,
    evaluating,
    features,
    legacy,
    models,
    predicting,
    selecting,
    settings,
    snapshots,
    stage,
    training,
)

app = typer.Typer(
    name="bqx",
    help="Leak-free dual-domain features for FX research: from one-minute bars to aligned tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        from bqx import __version__

        typer.echo(f"bqx {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of bqx itself."""


app.command("ingest")(data.ingest)
app.command("update")(data.update)
app.command("plan", help=building.PLAN_HELP)(building.build)
app.command("build")(building.build)
app.command("read")(data.read)
app.command("sql")(data.sql)
app.command("copy")(copying.copy)
app.command("align")(checking.align)
checking.check_app.command("dataset")(datasetchecking.check_dataset)
checking.check_app.command("trades")(backtesting.check_trades)
app.add_typer(checking.check_app, name="check")
app.command("verify")(checking.verify)
app.command("doctor")(checking.doctor)
app.add_typer(snapshots.app, name="snapshot")
app.add_typer(settings.app, name="config")
app.add_typer(features.app, name="features")
app.add_typer(dataset.app, name="dataset")
app.add_typer(causality.app, name="causality")
app.command("select")(selecting.select)
app.add_typer(stage.app, name="stage")
app.add_typer(legacy.app, name="legacy")
app.command("train")(training.train)
app.command("evaluate")(evaluating.evaluate)
app.command("backtest")(backtesting.backtest)
app.add_typer(models.app, name="models")
app.command("predict")(predicting.predict)
app.command("catalogue")(catalogue.catalogue)
app.command("demo")(demo.demo)
