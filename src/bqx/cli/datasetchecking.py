"""The command that looks for leaks in a dataset: check dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from bqx.cli.checking import HtmlOption, give
from bqx.cli.common import JsonOption, PairsOption, open_store, reported
from bqx.cli.dataset import FolderArgument


def check_dataset(
    folder: FolderArgument,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", "-s", envvar="BQX_STORE", help="Folder of the store that it was made from."
        ),
    ] = None,
    pairs: PairsOption = None,
    samples: Annotated[int, typer.Option(help="Random rows to recompute.")] = 24,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Leaks of a dataset: later values, smoothed states, targets under another name.

    Without a store, only targets under another name are looked for.
    """
    with reported():
        from bqx.dataset.dataset import Dataset
        from bqx.dataset.leakcheck import check_dataset as run

        report = run(
            Dataset.open(folder),
            None if store is None else open_store(store),
            pairs=pairs.split(",") if pairs else None,
            samples=samples,
            seed=seed,
        )
        give(report, html, json=json)
