"""The command that selects features: select."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bqx.cli.common import AllPairsOption, JsonOption, print_json, reported
from bqx.cli.foldoptions import (
    ExpandingOption,
    SplitterOption,
    StepOption,
    TestOption,
    TrainOption,
)

if TYPE_CHECKING:
    from bqx.dataset.dataset import Dataset
    from bqx.dataset.ranges import Ranges

DatasetOption = Annotated[Path, typer.Option("--dataset", "-d", help="Folder of the dataset.")]


def select(
    dataset: DatasetOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the masks.")],
    pair: Annotated[
        str | None, typer.Option("--pair", "--pairs", "-p", help="Pairs, separated by commas.")
    ] = None,
    all_pairs: AllPairsOption = False,
    targets: Annotated[
        str | None, typer.Option("--targets", help="WINDOW:HORIZON:KIND; all when absent.")
    ] = None,
    top: Annotated[int, typer.Option("--top", help="Features that are selected.")] = 250,
    min_rate: Annotated[int, typer.Option(help="Of them, at least so many of rate.")] = 100,
    min_bqx: Annotated[int, typer.Option(help="Of them, at least so many of BQX.")] = 100,
    methods: Annotated[
        str | None,
        typer.Option(help="gain, permutation, information, correlation, stability; all of them."),
    ] = None,
    effort: Annotated[str, typer.Option(help="fast, standard or thorough.")] = "standard",
    rank: Annotated[
        list[str] | None,
        typer.Option("--rank", help="NAME=FILE: scores by feature as JSON; may be repeated."),
    ] = None,
    start: Annotated[str | None, typer.Option(help="First moment that is looked at, UTC.")] = None,
    end: Annotated[str | None, typer.Option(help="Moment before which it ends, UTC.")] = None,
    fold: Annotated[
        int | None,
        typer.Option("--fold", help="What models of this fold are fitted on."),
    ] = None,
    splitter: SplitterOption = "walk-forward",
    train: TrainOption = None,
    test: TestOption = None,
    step: StepOption = None,
    expanding: ExpandingOption = False,
    max_nulls: Annotated[float, typer.Option(help="Greatest share of NULLs.")] = 0.1,
    max_drift: Annotated[
        float, typer.Option(help="Greatest share of variance between stretches of time.")
    ] = 0.4,
    max_correlation: Annotated[float, typer.Option(help="Greatest rank correlation.")] = 0.95,
    max_rows: Annotated[int, typer.Option(help="Most rows that are looked at.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of all random choices.")] = 0,
    threads: Annotated[int, typer.Option(help="Pieces of work at a time.")] = 2,
    json: JsonOption = False,
) -> None:
    """Select the best features of a pair, at least so many of each domain.

    Writes a mask per pair, OUT/PAIR.json, that training and serving share. Without --start, --end
    or --fold all rows are looked at, and the mask can be used in no fold.
    """
    with reported():
        from bqx.dataset.dataset import Dataset
        from bqx.dataset.splits import make_splitter
        from bqx.selection.settings import METHODS, Settings

        opened = Dataset.open(dataset)
        settings = Settings(
            k=top,
            min_rate=min_rate,
            min_bqx=min_bqx,
            methods=tuple(methods.split(",")) if methods else METHODS,
            effort=effort,
            max_nulls=max_nulls,
            max_drift=max_drift,
            max_correlation=max_correlation,
            max_rows=max_rows,
            seed=seed,
        )
        rows = _period(opened, start, end)
        if fold is not None:
            maker = make_splitter(splitter, train=train, test=test, step=step, expanding=expanding)
            rows = rows.intersect(_training(opened, maker, fold, targets))
        _run(
            opened,
            _pairs(opened, pair, everything=all_pairs),
            out,
            json=json,
            options={
                "settings": settings,
                "targets": targets,
                "rows": rows,
                "scores": _rankings(rank or []),
                "threads": threads,
            },
        )


def _run(
    dataset: Dataset, pairs: tuple[str, ...], out: Path, *, json: bool, options: dict[str, Any]
) -> None:
    """Select for one pair after the other, write the masks, show them."""
    import sys
    import time

    from bqx.selection.datasets import select_pair
    from bqx.selection.report import summary, to_text

    found = []
    for number, pair in enumerate(pairs, 1):
        began = time.perf_counter()
        mask = select_pair(dataset, pair, **options)
        mask.write(out / f"{pair}.json")
        seconds = time.perf_counter() - began
        sys.stderr.write(f"{number}/{len(pairs)} {pair} {seconds:,.1f} s\n")
        if json:
            found.append({**summary(mask), "file": str(out / f"{pair}.json"), "seconds": seconds})
        else:
            typer.echo(to_text(mask) + "\n")
    if json:
        print_json(found)


def _pairs(dataset: Dataset, pair: str | None, *, everything: bool) -> tuple[str, ...]:
    from bqx.errors import BqxError
    from bqx.market import parse_pairs

    if (pair is None) != everything:
        raise BqxError(
            "no pair" if pair is None else "--pair and --all-pairs together",
            expected="--pair or --all-pairs",
        )
    return dataset.pairs if pair is None else parse_pairs(pair)


def _period(dataset: Dataset, start: str | None, end: str | None) -> Ranges:
    """The rows between two moments."""
    from bqx.dataset.ranges import Ranges
    from bqx.market import epoch_minute, read_moment

    spans = [dataset.extent(p) for p in dataset.pairs]
    first, stop = min(low for low, _ in spans), max(high for _, high in spans)
    begin, until = dataset.calendar.row_range(
        *(0 if m is None else epoch_minute(read_moment(m)) for m in (start, end))
    )
    return Ranges.of((first if start is None else begin, stop if end is None else until))


def _training(dataset: Dataset, splitter: Any, number: int, targets: str | None) -> Ranges:
    """The training rows of a fold of the dataset, without those that would calibrate its models.

    Raises:
        BqxError: If there is no such fold.
    """
    from bqx.dataset.target import parse_targets
    from bqx.errors import BqxError
    from bqx.models.runs.scope import early_part
    from bqx.models.runs.spec import RunSpec

    reach = dataset.reach(None if targets is None else parse_targets(targets))
    spans = [dataset.extent(p) for p in dataset.pairs]
    first, stop = min(low for low, _ in spans), max(high for _, high in spans)
    folds = splitter.split(first, stop, reach, dataset.calendar)
    for fold in folds:
        if fold.number == number:
            early, _ = early_part(fold, RunSpec.calibration)
            return early.train
    raise BqxError(f"no fold {number}", expected=f"1 to {len(folds)}", hint="bqx dataset split")


def _rankings(texts: list[str]) -> dict[str, dict[str, float]]:
    """Rankings in files.

    Raises:
        BqxError: If one cannot be read.
    """
    import json

    from bqx.errors import BqxError, InputFileError

    found = {}
    for text in texts:
        name, _, file = text.partition("=")
        if not (name and file):
            raise BqxError(f"ranking {text!r}", expected="NAME=FILE")
        try:
            plain = json.loads(Path(file).read_bytes())
            found[name] = {str(k): float(v) for k, v in plain.items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputFileError(
                f"cannot read the ranking {file}: {error}",
                expected='{"table__column": score, …}',
            ) from error
    return found
