"""Rank features by what they tell of a label: fast for thousands, and a mapping for selection.

Each column is added alone to a regression of the label on what is known at its row anyway: the
martingale's mean and the label's own past. Labels overlap, so the covariance allows for
autocorrelation over at least two horizons (Newey and West 1987).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqx.causality.entropies import BinEstimate, EntropySettings, link_by
from bqx.causality.entropies import facts_of as facts_of_entropies
from bqx.causality.false_discovery import Adjustment
from bqx.causality.fit import fit, is_well, triangle_of
from bqx.causality.granger import GrangerTest, Settings, linear_test, link_of, of_fit
from bqx.causality.network import Progress, silent
from bqx.causality.results import Link, Links
from bqx.causality.robust import Design
from bqx.causality.series import Panel
from bqx.causality.study import CHUNK, Study, standard
from bqx.causality.transfer import classes
from bqx.errors import ConfigError
from bqx.kernels.jit import jit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ROUNDED = 1e6
"""Condition number beyond which only the rounding of float32 parts a column from what is known."""


def rank_features(
    matrix: NDArray[np.float32] | NDArray[np.float64], label: Floats, **options: Any
) -> dict[str, float]:
    """A score per feature, for selection: the F statistic of Granger's test (HAC).

    Args:
        matrix: Shape (n, features), NaN where NULL.
        label: Shape (n,), NaN where masked.
        options: As `bqx.causality.study.Study.of`: ``names``, ``ahead``, ``rows``, ``expected``,
            ``own_lags``, ``within``.

    Returns:
        Name -> score, the greater the more it tells; NaN where no test can be made, because a
        feature is constant or follows from what is known anyway.

    Raises:
        ConfigError: As `Study.of`.
    """
    return scores(feature_links(Study.of(matrix, label, **options)))


def scores(links: Links) -> dict[str, float]:
    """The statistic of each source of links to one target; NaN where there is none."""
    return {link.source: link.statistic for link in links.links}


def feature_links(
    study: Study,
    settings: Settings | None = None,
    *,
    fdr: Adjustment = "bh",
    workers: int = 1,
    progress: Progress = silent,
) -> Links:
    """Granger's test of every column of a study.

    Args:
        study: Columns and label.
        settings: Covariance and its lag; robust to autocorrelation over two horizons when None.
            A column is tested at its own row: its lags are columns of their own.
        fdr: How p values are adjusted for the number of columns.
        workers: Threads.
        progress: Called after every chunk of columns.
    """
    asked = settings or Settings(lags=1, robust="hac", hac_least=2 * study.ahead - 1)
    y = standard(study.label, study.usable)

    def test(name: str, column: Floats) -> Link:
        usable = study.usable & ~np.isnan(column)
        found = _test(y, study.known, standard(column, usable), usable, asked)
        at = np.flatnonzero(usable)
        span = (len(at), int(study.rows[at[0]]), int(study.rows[at[-1]])) if len(at) else None
        return link_of(found, (name, study.target), asked, span)

    links = _each(study, test, workers, progress)
    facts = {"kind": "granger", "target": study.target, "robust": asked.robust}
    return Links(links, fdr, study.synthetic, {**facts, "controls": study.known.shape[1]})


def feature_entropies(
    study: Study,
    settings: EntropySettings | None = None,
    *,
    fdr: Adjustment = "bh",
    workers: int = 1,
    progress: Progress = silent,
) -> Links:
    """Transfer entropy of every column of a study, by bins, given the newest label come true.

    Args:
        study: Columns and label.
        settings: Bins and surrogates.
        fdr: How p values are adjusted for the number of columns.
        workers: Threads.
        progress: Called after every chunk of columns.

    Raises:
        ConfigError: If another estimator or a longer past is asked for, or there are too few rows.
    """
    asked = settings or EntropySettings()
    bins = asked.bins
    if asked.estimator != "bins" or (bins.own, bins.past) != (1, 1):
        raise ConfigError("columns by another estimator or a longer past", expected="bins, past 1")
    now = classes(np.where(study.usable, study.label, np.nan), bins.bins)
    own = np.full(len(now), -1, np.int64)
    own[study.ahead :] = classes(study.label, bins.bins)[: max(len(now) - study.ahead, 0)]
    place = {name: k for k, name in enumerate(study.names)}

    def test(name: str, column: Floats) -> Link:
        source = classes(np.where(study.usable, column, np.nan), bins.bins)
        estimate = BinEstimate(now, own, source, bins)
        return link_by(estimate, (name, study.target), study.rows, asked, (place[name],))

    links = _each(study, test, workers, progress)
    none = Panel.of({study.target: study.label})
    facts = {**facts_of_entropies(asked, none), "target": study.target}
    return Links(links, fdr, study.synthetic, facts, asked.surrogates.count)


def _each(
    study: Study, test: Callable[[str, Floats], Link], workers: int, progress: Progress
) -> tuple[Link, ...]:
    found: list[Link] = []
    with ThreadPoolExecutor(workers) as pool:
        for begin in range(0, len(study.names), CHUNK):
            found += pool.map(test, study.names[begin : begin + CHUNK], study.chunk(begin))
            progress(len(found), len(study.names))
    return tuple(found)


def _test(
    y: Floats, known: Floats, column: Floats, usable: Flags, asked: Settings
) -> GrangerTest | None:
    design = Design(known, column[:, None], usable)
    size = known.shape[1] + 3
    products = np.zeros((size, size))
    _products(y, known, column, usable, products)
    triangle = triangle_of(products + np.tril(products, -1).T)
    found = None if triangle is None else fit(triangle)
    if found is not None and is_well(found):
        return of_fit(found, y, design, asked)
    tested = linear_test(y, design, asked) if column.any() else None
    return tested if tested is not None and tested.condition < ROUNDED else None


@jit
def _products(y: Floats, known: Floats, column: Floats, usable: Flags, out: Floats) -> None:
    """Add the products of 1, what is known, the column and the label: the lower triangle."""
    c = known.shape[1]
    row = np.ones(c + 3)
    for t in range(len(y)):
        if usable[t]:
            for j in range(c):
                row[1 + j] = known[t, j]
            row[c + 1], row[c + 2] = column[t], y[t]
            for i in range(c + 3):
                for j in range(i + 1):
                    out[i, j] += row[i] * row[j]
