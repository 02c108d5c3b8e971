"""Small datasets with a leak each, which the checks must catch by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import bqx
from bqx.dataset.making import build_dataset
from bqx.dataset.manifest import FILE, FileHash
from bqx.dataset.narrow import settled
from bqx.domains.domain import Domain
from bqx.families.backward_return import BackwardReturn
from bqx.families.regression import Regression
from bqx.features.arrow import minutes_of
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.features.table import KEY
from market_families import Clock, PeerGap
from planted import NextClose, WholeMean
from planted_leaks import SmoothedState, UnconfirmedFractal, WholeSampleTerciles
from stores import open_store, write_bars
from synthetic import random_walk_bars

Numbers = NDArray[np.float64]
TARGETS = "60:15,45:level"
HONEST = ["reg_rate__w60_r*", "bqx__w60_bqx_return", "gap_rate", "clock"]


class TwoSidedMean(Family):
    """The mean of five rows before and after each row."""

    table = "two_sided_{domain}"
    domains = ("rate",)

    mean = Feature("mean", "Centred mean.", history=20, memory=20)

    def compute_fixed(self, d: Domain) -> Columns:
        """Means over what the slice has of the eleven rows."""
        filled = np.where(np.isfinite(d.series), d.series, 0.0)
        weights = np.ones(11)
        counted = np.convolve(np.isfinite(d.series).astype(np.float64), weights, "same")
        return {"mean": np.convolve(filled, weights, "same") / np.maximum(counted, 1.0)}


class ComingReturn(Family):
    """The backward return of 60 rows as it will be in 15 rows: the target, under another name."""

    table = "momentum_{domain}"
    domains = ("rate",)

    strength = Feature("strength", "Strength.", history=61, memory=61, null_rule="it is not there")

    def compute_fixed(self, d: Domain) -> Columns:
        """B_60(t + 15)."""
        index = d.series
        sums = np.cumsum(np.where(np.isfinite(index), index, 0.0))
        back = np.full(len(index), np.nan)
        back[61:] = (sums[60:-1] - sums[:-61]) / index[61:] - 60.0
        return {"strength": np.append(back[15:], np.full(15, np.nan))}


FAMILIES: dict[str, tuple[type[Family], str]] = {
    "leaky_rate__ahead": (NextClose, "future value"),
    "early_fractal_rate__swing": (UnconfirmedFractal, "future value"),
    "smoothed_state_rate__calm": (SmoothedState, "smoothed state"),
    "two_sided_rate__mean": (TwoSidedMean, "smoothed state"),
    "centred_rate__centred": (WholeMean, "smoothed state"),
    "sample_terciles_rate__tercile": (WholeSampleTerciles, "smoothed state"),
    "momentum_rate__strength": (ComingReturn, "target under another name"),
}
"""Families by the column that leaks, with the check that catches it."""


def planted_store(root: Path, *families: type[Family], days: float = 9) -> bqx.FolderStore:
    """Two pairs of random walks, honest families and those that are given."""
    registry = bqx.Registry([BackwardReturn, Regression, PeerGap, Clock, *families])
    store = open_store(root / "store", families=registry)
    for pair, start, more in (("eurusd", "2018-12-26", days), ("eurgbp", "2018-12-28", days - 3)):
        bars = random_walk_bars(pair, start, more, 1)
        store.ingest([write_bars(root / "vendor", pair, bars)], synthetic=True)
    return store


def honest_dataset(store: bqx.FolderStore, out: Path, *more: str) -> bqx.Dataset:
    """Columns of one pair, of both, of the other and of the store, and lags."""
    return build_dataset(
        store,
        out,
        columns=[*HONEST, *more],
        lag_columns=HONEST[:2],
        lags=(1, 30),
        peers="eurgbp",
        peer_columns="reg_rate__w60_r2",
        targets=TARGETS,
    )


Change = Callable[[bqx.Dataset, str, Numbers], Numbers]


def rewritten(dataset: bqx.Dataset, column: str, change: Change) -> bqx.Dataset:
    """Change a column in the files of a dataset, with hashes and manifest to match.

    Args:
        dataset: The dataset; its folder is changed.
        column: The column: a feature, target or expected value.
        change: Makes the new values of a pair, all rows, from the dataset, the pair and the old.
    """
    new = {p: change(dataset, p, _read(dataset, p, column)) for p in dataset.pairs}
    files, done = [], dict.fromkeys(dataset.pairs, 0)
    for file in dataset.manifest.files:
        path = dataset.folder / file.name
        table = pq.read_table(path)
        at = table.schema.names.index(column)
        part = new[file.pair][done[file.pair] : done[file.pair] + file.rows]
        done[file.pair] += file.rows
        kind = table.schema.field(column).type
        values = pa.array(part.astype(kind.to_pandas_dtype()), kind, mask=np.isnan(part))
        table = table.set_column(at, table.schema.field(column), values)
        pq.write_table(table, path)
        files.append(replace(file, bytes=path.stat().st_size, hash=_hash(table)))
    replace(dataset.manifest, files=tuple(files)).write(dataset.folder)
    assert (dataset.folder / FILE).is_file()
    return bqx.Dataset.open(dataset.folder)


def _read(dataset: bqx.Dataset, pair: str, column: str) -> Numbers:
    parts = [
        table.column(column).to_numpy()
        for file in dataset.manifest.of(pair)
        for _, table in dataset.batches(file, [column])
    ]
    return np.concatenate(parts).astype(np.float64)


def _hash(table: pa.Table) -> str:
    digest = FileHash(tuple(table.schema.names))
    for name in table.schema.names:
        column = table.column(name)
        digest.add(name, pa.concat_arrays(column.chunks) if name == KEY else settled(column))
    assert len(minutes_of(table)) == table.num_rows
    return digest.hexdigest()


def later(rows: int) -> Change:
    """The value of some rows later."""
    return lambda _, __, old: np.append(old[rows:], np.full(rows, np.nan))


def standardised(_: bqx.Dataset, __: str, old: Numbers) -> Numbers:
    """Mean 0 and standard deviation 1 over everything."""
    return np.asarray((old - np.nanmean(old)) / np.nanstd(old))


def smoothed(_: bqx.Dataset, __: str, old: Numbers) -> Numbers:
    """Mean of ten rows before and after."""
    kernel = np.ones(21) / 21
    return np.convolve(old, kernel, "same")


def target(change: Callable[[Numbers], Numbers], rows: int = 0) -> Change:
    """A function of the target of 60:15, of some rows later."""

    def make(dataset: bqx.Dataset, pair: str, _: Numbers) -> Numbers:
        values = dataset.labels(pair, "60:15").values
        return change(later(rows)(dataset, pair, values) if rows else values)

    return make


@dataclass(frozen=True)
class Rewritten:
    """A column that is changed in the files.

    Attributes:
        change: How.
        check: Check that catches it.
        said: What the finding says.
    """

    change: Change
    check: str
    said: str


REWRITTEN: dict[str, Rewritten] = {
    "next_row": Rewritten(later(1), "future value", "holds the value of row t + 1"),
    "later_row": Rewritten(later(7), "future value", "holds the value of row t + 7"),
    "scaled": Rewritten(standardised, "scaled on everything", "mean 0 and standard deviation 1"),
    "smoothed": Rewritten(smoothed, "smoothed state", "a two-sided filter"),
    "copied": Rewritten(
        target(lambda y: y), "target under another name", "holds target__bqx_w60_h15_level"
    ),
    "affine": Rewritten(
        target(lambda y: 3.0 - 40.0 * y), "target under another name", "times target__bqx_w60_h15"
    ),
    "monotone": Rewritten(
        target(lambda y: np.tanh(20.0 * y)), "target under another name", "is a rising function of"
    ),
    "sign": Rewritten(
        target(np.sign), "target under another name", "direction of target__bqx_w60_h15_level"
    ),
    "shifted": Rewritten(
        target(lambda y: y, 4),
        "target under another name",
        "target__bqx_w60_h45_level of row t -26",
    ),
}
"""Changes of the column `CHANGED`."""
CHANGED = "reg_rate__w60_r2"
