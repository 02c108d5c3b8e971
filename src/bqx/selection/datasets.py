"""A selection from a dataset: the surprises of its targets, and only the rows that are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.picking import picked
from bqx.dataset.ranges import Ranges
from bqx.dataset.surprise import surprise
from bqx.dataset.target import BQXTarget, parse_targets
from bqx.errors import ConfigError
from bqx.features.registry import Registry, registry
from bqx.selection.choosing import Task, choose
from bqx.selection.mask import Mask
from bqx.selection.quotas import Domain, domain_of
from bqx.selection.sampling import Ints, draw_sample
from bqx.selection.settings import Settings

if TYPE_CHECKING:
    from bqx.dataset.dataset import Dataset

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


def select_pair(
    dataset: Dataset,
    pair: str,
    settings: Settings,
    *,
    targets: str | Sequence[str] | None = None,
    rows: Ranges | None = None,
    scores: Mapping[str, Mapping[str, float]] | None = None,
    families: Registry | None = None,
    threads: int = 2,
) -> Mask:
    """Select features of one pair of a dataset.

    What is to be known of a target is its surprise, its distance from the martingale mean in
    conditional standard deviations: what a random walk tells anyway counts for nothing. It is the
    same for all kinds of a window and horizon but directions, so each is looked at once.

    Args:
        dataset: The dataset; of its matrix only the rows that are looked at are kept in memory.
        pair: The pair.
        settings: What to select and how.
        targets: Targets of the dataset; all when None.
        rows: Rows that may be looked at, such as the training rows of a fold; all when None.
        scores: Further rankings: of each a score by name of the feature, greater is better.
        families: The registry that knows the domains of the tables; that of the dataset's
            store when None.
        threads: Pieces of work at a time.

    Returns:
        The mask, bound to the dataset, pair and targets.

    Raises:
        UnknownNameError: If the dataset does not have the pair or a target.
        ConfigError: If there is no target.
        BqxError: If there are too few rows with a label.
        QuotaError: If too few features of a domain are left by the filters.
    """
    chosen = dataset.targets if targets is None else parse_targets(targets)
    every = dataset.rows(pair)
    values = surprises(dataset, pair, chosen)
    usable = np.asarray(~np.isnan(values).all(axis=1))
    if rows is not None:
        usable &= rows.mask(every)
    sample = draw_sample(
        every, usable, max_rows=settings.max_rows, seed=settings.seed, block=settings.block
    )
    if families is None:
        families = registry(tuple(dataset.manifest.settings["families"]))
    task = Task(
        read_rows(dataset, pair, sample.rows),
        values[sample.lines].T.copy(),
        sample,
        dataset.features,
        domains_of(dataset.features, families),
        scores or {},
    )
    mask = choose(task, settings, threads)
    return mask.bound(dataset, pair, [t.name for t in chosen])


def surprises(dataset: Dataset, pair: str, targets: Sequence[BQXTarget]) -> Floats:
    """Surprises of the distinct targets, shape (rows of the pair, targets), NaN where masked.

    Raises:
        ConfigError: If there is no target.
    """
    distinct = {(t.window, t.horizon, t.kind == "direction"): t for t in targets}
    if not distinct:
        raise ConfigError("no targets to select for", hint="build the dataset with --targets")
    found = [surprise(dataset.labels(pair, target)) for target in distinct.values()]
    return np.stack(found, axis=1)


def read_rows(dataset: Dataset, pair: str, rows: Ints) -> Singles:
    """All features of some rows, shape (features, rows), each feature contiguous.

    A file is read a few columns at a time, so that no more than the wanted rows stay in memory.
    """
    out = np.empty((len(dataset.features), len(rows)), np.float32)
    for places, at, columns in picked(dataset, pair, dataset.features, rows):
        for k, column in enumerate(columns):
            out[at + k, places] = column
    return out


def domains_of(names: Sequence[str], families: Registry | None = None) -> tuple[Domain, ...]:
    """The domain of each feature, from the table that it is of.

    Args:
        names: Qualified names.
        families: The registry that knows the tables; the built-in one when None.
    """
    if not any("__" in name for name in names):
        return (None,) * len(names)
    known = families or registry()
    return tuple(domain_of(name, known) for name in names)
