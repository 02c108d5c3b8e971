"""Commands that trade on paper, and compute a log of trades again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    JsonOption,
    PairsOption,
    StoreOption,
    open_store,
    print_json,
    reported,
)


def backtest(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a walk-forward run.")],
    trials: Annotated[
        int,
        typer.Option(help="Strategies tried, this one included: the deflated Sharpe ratio."),
    ],
    target: Annotated[str, typer.Option("--target", help="A target of the run: 60:15:level.")],
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    threshold: Annotated[
        float, typer.Option(help="Least expected move, in standard deviations.")
    ] = 0.0,
    probability: Annotated[
        float | None, typer.Option(help="Least probability of the direction.")
    ] = None,
    size: Annotated[
        str, typer.Option(help="fixed:FRACTION, vol:ANNUAL or kelly:FRACTION of the capital.")
    ] = "fixed:0.1",
    max_size: Annotated[float, typer.Option(help="Greatest size, in capitals.")] = 5.0,
    take_profit: Annotated[
        str | None, typer.Option(help="Gain at which a position ends, such as 1%.")
    ] = None,
    stop: Annotated[
        str | None, typer.Option(help="Loss at which a position ends, such as 0.5%.")
    ] = None,
    hold: Annotated[int | None, typer.Option(help="Rows; the target's horizon if absent.")] = None,
    renew: Annotated[
        bool, typer.Option(help="Whether later signals of a direction extend the position.")
    ] = True,
    before_close: Annotated[
        int, typer.Option(help="Rows before a closure in which nothing is held; 0: held through.")
    ] = 0,
    max_positions: Annotated[
        int | None, typer.Option(help="Positions at a time over all pairs.")
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(help="Spread where bars have no quotes: eurusd=0.6pip,default=1pip or 0.5bp."),
    ] = None,
    slippage: Annotated[str | None, typer.Option(help="Lost on each fill: 0.1pip.")] = None,
    commission: Annotated[
        float, typer.Option(help="Basis points of the traded value on each fill.")
    ] = 0.0,
    no_costs: Annotated[bool, typer.Option("--no-costs", help="Charge nothing at all.")] = False,
    capital: Annotated[float, typer.Option(help="Starting capital.")] = 100_000.0,
    draws: Annotated[int, typer.Option(help="Draws of random entries.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for trades.parquet, .csv, backtest.json.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Trade the forecasts of a run: decisions at t fill at the open of t+1 or later."""
    with reported():
        from bqx.market import parse_pairs
        from bqx.models.backtest.costs import Costs
        from bqx.models.backtest.rules import Rules
        from bqx.models.backtest.running import Account, backtest_run
        from bqx.models.backtest.sizing import Sizing
        from bqx.models.runs.run import Run

        rules = Rules(
            threshold=threshold,
            probability=probability,
            take_profit=_fraction(take_profit),
            stop=_fraction(stop),
            hold=hold,
            renew=renew,
            before_close=before_close,
            max_positions=max_positions,
        )
        account = Account(
            trials=trials,
            rules=rules,
            sizing=Sizing.parse(size, max_size),
            costs=Costs.parse(cost, slippage=slippage, commission=commission, free=no_costs),
            capital=capital,
            draws=draws,
            seed=seed,
        )
        chosen = None if pairs is None else parse_pairs(pairs)
        opened = open_store(store)
        found = backtest_run(Run.open(folder), opened, target, account, pairs=chosen)
        if out is not None:
            found.write(out)
            typer.echo(f"log and report written to {out}", err=True)
        if json:
            print_json(found.to_json())
        else:
            typer.echo(found.to_text())


def check_trades(
    log: Annotated[Path, typer.Argument(help="trades.parquet, or the folder that holds it.")],
    store: Annotated[
        str | None,
        typer.Option("--store", "-s", help="Store with the bars; without it the money alone."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compute every trade of a log again; exit code 1 where it does not agree."""
    with reported():
        from bqx.models.backtest.checking import verify_log

        found = verify_log(log, None if store is None else open_store(store))
        if json:
            print_json(found.to_json())
        else:
            typer.echo(found.to_text())
        raise typer.Exit(0 if found.passed else 1)


def _fraction(text: str | None) -> float | None:
    """A fraction from ``1%`` or ``0.01``.

    Raises:
        ConfigError: If the text is neither.
    """
    if text is None:
        return None
    plain = text.strip()
    try:
        return float(plain[:-1]) / 100.0 if plain.endswith("%") else float(plain)
    except ValueError as error:
        from bqx.errors import ConfigError

        raise ConfigError(f"unreadable fraction {text!r}", expected="1% or 0.01") from error
