"""Commands that make and read datasets: dataset build, inspect, columns, split, export, verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import (
    DEFAULT_STORE,
    AllMonthsOption,
    AllPairsOption,
    JsonOption,
    MonthsOption,
    PairsOption,
    StoreOption,
    one_of,
    open_store,
    print_json,
    reported,
)
from bqx.cli.foldoptions import (
    ExpandingOption,
    SplitterOption,
    StepOption,
    TestOption,
    TrainOption,
    parse_lags,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bqx.dataset.making import Step

app = typer.Typer(
    no_args_is_help=True, help="Datasets: build, inspect, columns, split, export, verify."
)

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the dataset.")]
ColumnsOption = Annotated[
    str,
    typer.Option(
        "--columns",
        "-c",
        help="Sets (standard, core, programme, lagged, all), tables, families, domain:rate, "
        "patterns such as *__w60_*, or table__column; separated by commas.",
    ),
]
LagsOption = Annotated[str, typer.Option("--lags", help="Rows of delay; 0 for none.")]
LagColumnsOption = Annotated[
    str | None,
    typer.Option("--lag-columns", help="Which of the columns are lagged; see `columns`."),
]
PeersOption = Annotated[
    str | None, typer.Option("--peers", help="Other pairs whose columns stand beside.")
]
PeerColumnsOption = Annotated[
    str | None, typer.Option("--peer-columns", help="Their columns; the chosen ones when absent.")
]


def _lags(text: str) -> tuple[int, ...]:
    """The lags of an option; none when it says 0."""
    found = parse_lags(text)
    return () if found == (0,) else found


@app.command()
def build(
    out: FolderArgument,
    store: StoreOption = DEFAULT_STORE,
    pairs: PairsOption = None,
    all_pairs: AllPairsOption = False,
    months: MonthsOption = None,
    all_months: AllMonthsOption = False,
    columns: ColumnsOption = "standard",
    lags: LagsOption = "1,5,15,30",
    lag_columns: LagColumnsOption = None,
    peers: PeersOption = None,
    peer_columns: PeerColumnsOption = None,
    targets: Annotated[
        str, typer.Option("--targets", help="WINDOW:HORIZON:KIND with commas; none when empty.")
    ] = "60:15,30,45,60,75:level",
    stored: Annotated[
        bool, typer.Option("--stored", help="Read stored partitions instead of computing.")
    ] = False,
    max_memory: Annotated[
        str, typer.Option("--max-memory", envvar="BQX_MAX_MEMORY", help="Memory budget.")
    ] = "4GiB",
    workers: Annotated[
        int, typer.Option("--workers", "-w", envvar="BQX_WORKERS", help="Files at a time.")
    ] = 2,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a dataset of other columns.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write features, lags and targets into a folder; running it again resumes.

    One Parquet file per pair and month with a row for every grid minute, and manifest.json.
    """
    with reported():
        from bqx.dataset.making import build_dataset

        made = build_dataset(
            open_store(store),
            out,
            pairs=one_of(pairs, everything=all_pairs, option="pairs"),
            months=one_of(months, everything=all_months, option="months"),
            columns=columns,
            lags=_lags(lags),
            lag_columns=lag_columns,
            peers=peers or (),
            peer_columns=peer_columns,
            targets=targets,
            source="stored" if stored else "computed",
            max_memory=max_memory,
            workers=workers,
            replace=replace,
            progress=_told(),
        )
        _show(made.folder, json=json)


def _told() -> Callable[[Step], None]:
    """A line on stderr for every file, with the time to go."""
    import sys
    import time

    began = time.perf_counter()
    made = 0

    def tell(step: Step) -> None:
        nonlocal made
        made += not step.kept
        file = step.file
        left = (time.perf_counter() - began) / max(made, 1) * (step.total - step.done)
        what = "kept" if step.kept else f"made, {left:,.0f} s to go"
        sys.stderr.write(f"{step.done}/{step.total} {file.pair} {file.month} {what}\n")

    return tell


@app.command()
def inspect(folder: FolderArgument, json: JsonOption = False) -> None:
    """What a dataset holds: pairs, months, rows, features, targets, identity."""
    with reported():
        _show(folder, json=json)


def _show(folder: Path, *, json: bool) -> None:
    from bqx.cli.datasettables import show_dataset
    from bqx.dataset.dataset import Dataset

    dataset = Dataset.open(folder)
    if json:
        print_json(dataset.manifest.to_json())
    else:
        show_dataset(dataset)


@app.command()
def columns(
    store: StoreOption = DEFAULT_STORE,
    columns: ColumnsOption = "standard",
    lags: LagsOption = "1,5,15,30",
    lag_columns: LagColumnsOption = None,
    peers: PeersOption = None,
    peer_columns: PeerColumnsOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="How many columns each part gives, and why.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """The qualified names that a selection gives; no store is needed."""
    with reported():
        from bqx.cli.datasettables import counts_json, show_counts
        from bqx.dataset.columns import choose
        from bqx.features.registry import registry

        # The store's own families count where there is a store.
        exists = (Path(store) / "bqx.toml").exists() or "://" in store
        families = open_store(store).registry if exists else registry()
        choice = choose(
            families,
            columns,
            lags=_lags(lags),
            lag_columns=lag_columns,
            peers=peers or (),
            peer_columns=peer_columns,
        )
        if json:
            print_json(counts_json(choice, families) if explain else list(choice.names))
        elif explain:
            show_counts(choice, families)
        else:
            typer.echo("\n".join(choice.names))


@app.command()
def split(
    folder: FolderArgument,
    splitter: SplitterOption = "walk-forward",
    train: TrainOption = None,
    test: TestOption = None,
    step: StepOption = None,
    expanding: ExpandingOption = False,
    targets: Annotated[
        str | None, typer.Option("--targets", help="Targets of the dataset; all when absent.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The folds of a dataset's rows; purge and embargo follow from its targets and features.

    Exit code 1 if the audit of the folds finds a label that reaches into a test.
    """
    with reported():
        from bqx.cli.datasettables import show_folds
        from bqx.dataset.dataset import Dataset
        from bqx.dataset.foldcheck import check_folds
        from bqx.dataset.splits import make_splitter
        from bqx.dataset.target import parse_targets

        dataset = Dataset.open(folder)
        reach = dataset.reach(None if targets is None else parse_targets(targets))
        maker = make_splitter(splitter, train=train, test=test, step=step, expanding=expanding)
        spans = [dataset.extent(pair) for pair in dataset.pairs]
        first, stop = min(low for low, _ in spans), max(high for _, high in spans)
        folds = maker.split(first, stop, reach, dataset.calendar)
        audit = check_folds(folds, reach)
        if json:
            print_json({"folds": [f.to_json() for f in folds], "passed": audit.passed})
        else:
            show_folds(dataset, folds, passed=audit.passed)
        raise typer.Exit(0 if audit.passed else 1)


@app.command()
def export(
    folder: FolderArgument,
    file: Annotated[Path, typer.Argument(help="New file: .parquet, .arrow or .feather.")],
    pairs: PairsOption = None,
    months: MonthsOption = None,
    features: Annotated[
        str | None, typer.Option("--features", help="Qualified names; all when absent.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a dataset as one Parquet or Arrow file, with its manifest beside it."""
    with reported():
        from bqx.dataset.dataset import Dataset
        from bqx.dataset.export import export as run

        done = run(
            Dataset.open(folder),
            file,
            pairs=pairs.split(",") if pairs else None,
            months=months,
            features=features.split(",") if features else None,
            overwrite=overwrite,
        )
        if json:
            print_json(done.to_json())
        else:
            size = done.bytes / 2**20
            typer.echo(
                f"{done.path}: {done.rows:,} rows, {done.columns:,} columns, {size:,.1f} MiB"
            )


@app.command()
def verify(folder: FolderArgument, json: JsonOption = False) -> None:
    """Read every file and compare columns, rows and content with the manifest."""
    with reported():
        from bqx.dataset.dataset import Dataset

        report = Dataset.open(folder).verify()
        if json:
            print_json(report.to_json())
        else:
            typer.echo(report.to_text())
        raise typer.Exit(0 if report.passed else 5)
