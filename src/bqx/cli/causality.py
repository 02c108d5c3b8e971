"""Commands that ask which series lead which: causality granger, causality transfer-entropy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    JsonOption,
    PairsOption,
    StoreOption,
    print_json,
    reported,
)

if TYPE_CHECKING:
    from bqx.causality.results import Links

app = typer.Typer(no_args_is_help=True, help="Which series lead which: granger, transfer-entropy.")

StartOption = Annotated[
    str | None, typer.Option("--start", help="First time of the training rows, UTC.")
]
EndOption = Annotated[str | None, typer.Option("--end", help="Time after the training rows, UTC.")]
WithinOption = Annotated[
    bool, typer.Option("--within", help="Rate to BQX and BQX to rate, inside each pair.")
]
BetweenOption = Annotated[
    bool, typer.Option("--between", help="Every pair to every other one; the default.")
]
SeriesOption = Annotated[
    str, typer.Option("--series", help="Series between pairs: rate, bqx or bqx_change.")
]
ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", "-c", help="Columns or families, to --target; as in `dataset`."),
]
DatasetOption = Annotated[
    Path | None, typer.Option("--dataset", help="Features of a dataset, to --target.")
]
PairOption = Annotated[str | None, typer.Option("--pair", help="Pair of columns and target.")]
TargetOption = Annotated[str | None, typer.Option("--target", help="For example 60:15:level.")]
EveryOption = Annotated[
    int, typer.Option("--every", help="Every k-th row: 15 leaves BQX without overlap.")
]
ClosuresOption = Annotated[
    bool, typer.Option("--bridge/--no-bridge", help="Lags may reach over closures.")
]
FdrOption = Annotated[str, typer.Option("--fdr", help="P values adjusted by bh or by.")]
SvgOption = Annotated[Path | None, typer.Option("--svg", help="Write the graph as a picture.")]
CurrencyOption = Annotated[
    bool, typer.Option("--by-currency", help="The picture's nodes are currencies.")
]
TopOption = Annotated[int, typer.Option("--top", help="Links to print.")]
WorkersOption = Annotated[int, typer.Option("--workers", help="Threads.")]


@app.command("granger")
def granger(
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    start: StartOption = None,
    end: EndOption = None,
    within: WithinOption = False,
    between: BetweenOption = False,
    series: SeriesOption = "rate",
    columns: ColumnsOption = None,
    dataset: DatasetOption = None,
    pair: PairOption = None,
    target: TargetOption = None,
    lags: Annotated[str, typer.Option(help="A number, or auto for a criterion.")] = "auto",
    max_lag: Annotated[int, typer.Option(help="Greatest lag of auto.")] = 15,
    criterion: Annotated[str, typer.Option(help="aic, bic or hq.")] = "bic",
    robust: Annotated[
        str | None, typer.Option(help="none, hc or hac; hc for series, hac for columns.")
    ] = None,
    conditional: Annotated[
        bool, typer.Option("--conditional", help="Given the past of all other series.")
    ] = False,
    every: EveryOption = 1,
    bridge: ClosuresOption = True,
    fdr: FdrOption = "bh",
    workers: WorkersOption = 1,
    top: TopOption = 20,
    svg: SvgOption = None,
    by_currency: CurrencyOption = False,
    json: JsonOption = False,
) -> None:
    """Granger's test: does the past of one series improve the forecast of another?"""
    with reported():
        from bqx.cli.causalchoice import Asked, granger_run

        asked = Asked(
            store=store,
            pairs=pairs,
            period=(start, end),
            within=within,
            between=between,
            series=series,
            columns=columns,
            dataset=dataset,
            pair=pair,
            target=target,
            every=every,
            fdr=fdr,
            workers=workers,
        )
        run = granger_run(
            lags=lags,
            max_lag=max_lag,
            criterion=criterion,
            robust=robust,
            bridge=bridge,
            conditional=conditional,
        )
        _give(asked.run(run), svg, top, by_currency=by_currency, json=json)


@app.command("transfer-entropy")
def transfer_entropy(
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    start: StartOption = None,
    end: EndOption = None,
    within: WithinOption = False,
    between: BetweenOption = False,
    series: SeriesOption = "rate",
    columns: ColumnsOption = None,
    dataset: DatasetOption = None,
    pair: PairOption = None,
    target: TargetOption = None,
    estimator: Annotated[str, typer.Option(help="bins, or ksg: nearest neighbours.")] = "bins",
    bins: Annotated[int, typer.Option(help="Classes of a value.")] = 3,
    lags: Annotated[int, typer.Option(help="Rows of both pasts.")] = 1,
    points: Annotated[int, typer.Option(help="Rows that ksg uses at most.")] = 3000,
    surrogates: Annotated[int, typer.Option(help="Surrogates at most.")] = 999,
    scheme: Annotated[str, typer.Option(help="shift, or block: permuted blocks.")] = "shift",
    block: Annotated[int, typer.Option(help="Rows of a block, and of the least shift.")] = 1440,
    seed: Annotated[int, typer.Option(help="Seed of the surrogates.")] = 0,
    every: EveryOption = 1,
    bridge: ClosuresOption = True,
    fdr: FdrOption = "bh",
    workers: WorkersOption = 1,
    top: TopOption = 20,
    svg: SvgOption = None,
    by_currency: CurrencyOption = False,
    json: JsonOption = False,
) -> None:
    """Transfer entropy: what the past of one series tells of another, of whatever form."""
    with reported():
        from bqx.cli.causalchoice import Asked, entropy_run

        asked = Asked(
            store=store,
            pairs=pairs,
            period=(start, end),
            within=within,
            between=between,
            series=series,
            columns=columns,
            dataset=dataset,
            pair=pair,
            target=target,
            every=every,
            fdr=fdr,
            workers=workers,
        )
        run = entropy_run(
            estimator=estimator,
            bins=bins,
            lags=lags,
            points=points,
            surrogates=(surrogates, scheme, block, seed),
            bridge=bridge,
        )
        _give(asked.run(run), svg, top, by_currency=by_currency, json=json)


def _give(links: Links, svg: Path | None, top: int, *, by_currency: bool, json: bool) -> None:
    """Print links, and write their picture."""
    if svg is not None:
        from bqx.causality.graph import to_svg

        svg.write_text(to_svg(links, by_currency=by_currency), encoding="utf-8")
        typer.echo(f"picture written to {svg}", err=True)
    if json:
        print_json(links.to_json())
    else:
        typer.echo(links.to_text(top))
