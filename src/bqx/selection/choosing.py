"""A selection from samples: filters, rankings, Borda, quotas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bqx.dataset.ranges import Ranges
from bqx.errors import BqxError
from bqx.extras import versions
from bqx.selection.borda import by_score, join, places
from bqx.selection.importance import Forest
from bqx.selection.mask import Chosen, Mask
from bqx.selection.ordering import Floats, Ints, Singles, order_columns
from bqx.selection.quotas import Domain, counts_by_domain, pick, require_quotas
from bqx.selection.rankings import Ranker, Scores
from bqx.selection.sampling import Sample
from bqx.selection.screening import CORRELATED, screen, uncorrelated
from bqx.selection.settings import Settings
from bqx.selection.stability import Stability


@dataclass(frozen=True)
class Task:
    """What to select from.

    Attributes:
        columns: Features, shape (f, n), each contiguous, NaN for NULL.
        targets: Shape (T, n), NaN where masked.
        sample: Rows and blocks of the n samples.
        names: Of the features.
        domains: Of the features.
        scores: Rankings made elsewhere: a score by feature, of each.
    """

    columns: Singles
    targets: Floats
    sample: Sample
    names: tuple[str, ...]
    domains: tuple[Domain, ...]
    scores: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Left:
    """What the filters leave.

    Attributes:
        kept: Positions of the features that are left.
        removed: The filter by the position of each other one.
        ranker: Of those that are left.
        scores: Their first rankings, and those made elsewhere.
    """

    kept: Ints
    removed: Mapping[int, str]
    ranker: Ranker
    scores: Scores


def choose(task: Task, settings: Settings, threads: int, *, rows_known: bool = True) -> Mask:
    """Select features.

    Args:
        task: What to select from.
        settings: What to select and how.
        threads: Pieces of work at a time; the result does not depend on it.
        rows_known: Whether the rows of the sample are grid rows, and not only positions.

    Raises:
        BqxError: If a name stands there twice, or a value is infinite.
        QuotaError: If too few features of a domain are left.
    """
    _check(task)
    left = _filtered(task, settings, threads)
    scores, steady = _ranked(task, left)
    return Mask(
        _chosen(left.ranker, scores),
        Ranges.from_rows(task.sample.rows) if rows_known else None,
        settings.to_json(),
        task.sample.to_json(),
        counts_by_domain(task.domains),
        dict(sorted(Counter(left.removed.values()).items())),
        steady,
        versions("lightgbm", "numpy"),
    )


def _filtered(task: Task, settings: Settings, threads: int) -> Left:
    """The filters: first those that look at one feature, then the correlations."""
    ordered = order_columns(task.columns, settings.bins, threads)
    targets = order_columns(task.targets.astype(np.float32), settings.bins, threads)
    whole = Ranker(ordered, targets, task.sample, task.names, task.domains, settings, threads)
    removed = screen(
        ordered,
        task.names,
        max_nulls=settings.max_nulls,
        max_share=settings.max_share,
        max_drift=settings.max_drift,
    )
    require_quotas(task.domains, removed, settings.k, settings.quotas)
    own = np.array([j for j in range(len(task.names)) if j not in removed], np.int64)
    ranker = whole.take(own)
    first, given = ranker.first(), ranker.given(task.scores)
    order = by_score(join(first | given), ranker.names)
    stays = uncorrelated(ranker.features.ranks, order, settings.max_correlation, threads)
    removed |= dict.fromkeys(own[~stays].tolist(), CORRELATED)
    require_quotas(task.domains, removed, settings.k, settings.quotas)
    asked = {name: s for name, s in first.items() if name in settings.methods} | given
    scores = {name: s[..., stays] for name, s in asked.items()}
    return Left(own[stays], removed, ranker.take(np.flatnonzero(stays)), scores)


def _ranked(task: Task, left: Left) -> tuple[Scores, Stability | None]:
    """All rankings of the features that are left, and the stability index."""
    ranker, settings = left.ranker, left.ranker.settings
    scores, methods = dict(left.scores), set(settings.methods)
    forest = None
    if methods & {"gain", "permutation"} or ("stability" in methods and settings.work.small):
        columns = task.columns[left.kept]
        forest = Forest(columns, task.targets, task.sample, settings)
        scores |= ranker.grown(forest)
    if "stability" not in methods:
        return scores, None
    scores["stability"], steady = ranker.stable(forest)
    return scores, steady


def _chosen(ranker: Ranker, scores: Scores) -> tuple[Chosen, ...]:
    """The best features within the quotas, in the order of the columns."""
    total, settings = join(scores), ranker.settings
    order = by_score(total, ranker.names)
    best = pick(order, ranker.domains, settings.k, settings.quotas)
    means = {name: places(np.atleast_2d(s)).mean(axis=0) for name, s in sorted(scores.items())}
    return tuple(
        Chosen(
            ranker.names[j],
            ranker.domains[j],
            float(total[j]),
            {name: float(mean[j]) for name, mean in means.items()},
        )
        for j in np.sort(best).tolist()
    )


def _check(task: Task) -> None:
    if len(set(task.names)) < len(task.names):
        twice = [name for name, count in Counter(task.names).items() if count > 1]
        raise BqxError(f"{', '.join(twice[:3])} stand there twice", expected="unique names")
    if np.isinf(task.targets).any():
        raise BqxError("targets with infinite values", expected="numbers, NaN where masked")
