"""Rolling sample covariances and correlations by a two-sided scan."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border, lost_digits
from bqx.kernels.jit import jit
from bqx.kernels.products import (
    ROWS,
    SQUARE,
    Series,
    centre,
    count_lost,
    scan_fourth,
    scan_three,
    scatters,
)

TERM_PAIRS = ((0, 1, 8), (0, 3, 11), (0, 2, 9), (1, 3, 12), (1, 2, 10), (3, 2, 13))
"""First series, second series and scratch row of each output of ``term_covariances``."""
PAIRS = ((0, 1, 8), (2, 0, 9), (2, 1, 10))
"""The same for ``covariances_and_correlations``."""


@jit
def _covariance(product: Floats, w: int, out: Floats) -> None:
    per_freedom = 1.0 / (w - 1)
    for j in range(len(out)):
        out[j] = product[j] * per_freedom


@jit
def _correlation(product: Floats, first: Floats, second: Floats, out: Floats) -> None:
    """Correlations from the sums about the means; NaN where a series does not vary."""
    for j in range(len(out)):
        varies = (first[j] > 0.0) & (second[j] > 0.0)
        ratio = product[j] / (np.sqrt(first[j]) * np.sqrt(second[j]))
        out[j] = max(min(ratio, 1.0), -1.0) if varies else np.nan


@jit
def _centre_block(
    sums: Floats, block: Block, series: int, pairs: tuple[tuple[int, int, int], ...]
) -> int:
    """Centre all sums of a block's windows; returns how many sums of squares lost digits."""
    first, stop = block.first, block.stop
    for k in range(len(pairs)):
        a, b, product = pairs[k]
        centre(sums[a, first:stop], sums[b, first:stop], sums[product, first:stop], block.w)
    lost = 0
    for k in range(series):
        total, scatter = sums[k, first:stop], sums[SQUARE + k, first:stop]
        centre(total, total, scatter, block.w)
        lost += count_lost(total, scatter, block.w)
    return lost


@jit
def _any_lost(sums: Floats, j: int, series: int, w: int) -> bool:
    lost = False
    for k in range(series):
        lost |= lost_digits(sums[k, j], sums[SQUARE + k, j], w)
    return lost


@jit
def _again(
    series: Series, block: Block, sums: Floats, pairs: tuple[tuple[int, int, int], ...]
) -> None:
    """Take the sums of the windows that lost digits from their values."""
    for j in range(block.first, block.stop):
        if _any_lost(sums, j, len(series), block.w):
            end = block.border + j + 1
            start = end - block.w
            for k in range(len(pairs)):
                a, b, product = pairs[k]
                xy, xx, yy = scatters(series[a][start:end], series[b][start:end])
                sums[product, j] = xy
                sums[SQUARE + a, j] = xx
                sums[SQUARE + b, j] = yy


@jit
def term_covariances(  # noqa: PLR0917 - the four terms are four arrays
    q: Floats, lin: Floats, c: Floats, e: Floats, w: int, origin: int, out: Floats
) -> None:
    """Sample covariances of the regression terms over every trailing window.

    Method: two-sided scan (see ``borders``), each series relative to its own value at the border;
    windows in which a series' mean lies far from that value (see ``lost_digits``) are evaluated
    again from their values.

    Args:
        q: Shape (n,), quadratic term. NaN makes exactly the windows that contain it NaN.
        lin: Shape (n,), linear term.
        c: Shape (n,), constant term.
        e: Shape (n,), residual.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        out: Shape (6, n), filled with w - 1 degrees of freedom, in the unit of the terms squared:
            cov(q, lin), cov(q, c), cov(q, e), cov(lin, c), cov(lin, e), cov(c, e). Exactly 0 where
            one of the two has w equal values; NaN where t < w - 1.
    """
    series = (q, lin, e, c)
    sums = np.empty((ROWS, w))
    out[:, : w - 1] = np.nan
    for border in range(first_border(origin, w), len(q), w):
        block = block_at(border, w, len(q))
        sums[:] = 0.0
        for step in (-1, 1):
            scan_three(series, block, step, sums)
            scan_fourth(series, block, step, sums)
        if _centre_block(sums, block, 4, TERM_PAIRS):
            _again(series, block, sums, TERM_PAIRS)
        for k in range(len(TERM_PAIRS)):
            product = sums[TERM_PAIRS[k][2], block.first : block.stop]
            _covariance(product, w, out[k, border + block.first : border + block.stop])


@jit
def covariances_and_correlations(  # noqa: PLR0917 - the three terms are three arrays
    q: Floats, lin: Floats, e: Floats, w: int, origin: int, out: Floats
) -> None:
    """Sample covariances and Pearson correlations of three terms over every trailing window.

    Method: as ``term_covariances``.

    Args:
        q: Shape (n,), quadratic term. NaN makes exactly the windows that contain it NaN.
        lin: Shape (n,), linear term.
        e: Shape (n,), residual.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        out: Shape (6, n), filled: cov(q, lin), cov(e, q), cov(e, lin) as in ``term_covariances``,
            then corr(q, lin), corr(e, q), corr(e, lin) in [-1, 1]. A correlation is NaN where one
            of the two has w equal values (or a variance that vanishes in float64), and all are NaN
            where t < w - 1.
    """
    series = (q, lin, e)
    sums = np.empty((ROWS, w))
    out[:, : w - 1] = np.nan
    for border in range(first_border(origin, w), len(q), w):
        block = block_at(border, w, len(q))
        first, stop = block.first, block.stop
        sums[:] = 0.0
        scan_three(series, block, -1, sums)
        scan_three(series, block, 1, sums)
        if _centre_block(sums, block, 3, PAIRS):
            _again(series, block, sums, PAIRS)
        for k in range(len(PAIRS)):
            a, b, row = PAIRS[k]
            product = sums[row, first:stop]
            xx, yy = sums[SQUARE + a, first:stop], sums[SQUARE + b, first:stop]
            _covariance(product, w, out[k, border + first : border + stop])
            _correlation(product, xx, yy, out[3 + k, border + first : border + stop])
