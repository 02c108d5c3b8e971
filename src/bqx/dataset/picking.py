"""Features at some rows of a dataset, without its matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.dataset import Dataset
from bqx.domains.grid import Int64Array

Columns = list[NDArray[np.float32]]


def picked(
    dataset: Dataset, pair: str, names: Sequence[str], rows: Int64Array
) -> Iterator[tuple[Int64Array, int, Columns]]:
    """Read features at some rows, a few columns of a file at a time.

    Args:
        dataset: The dataset.
        pair: The pair.
        names: Qualified names.
        rows: Absolute rows, in any order, all of them the pair's.

    Yields:
        Places in ``rows``, the number of the first of some features, and the values of these
        features at the places, NaN where NULL; every place with every feature once.

    Raises:
        IntegrityError: If a file cannot be read.
    """
    for file in dataset.manifest.of(pair):
        places = np.flatnonzero((rows >= file.first) & (rows < file.stop))
        if len(places):
            wanted = rows[places] - file.first
            for at, table in dataset.batches(file, names):
                yield places, at, [column.to_numpy()[wanted] for column in table.columns]
