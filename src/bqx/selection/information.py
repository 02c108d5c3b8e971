"""Mutual information and rank correlation of features with targets, on blocks of time.

Literature: Miller (1955), "Note on the bias of information estimates", for the correction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bqx.kernels.jit import jit
from bqx.selection.ordering import MISSING, Codes, Floats, Ints, Ordered, Singles, each

CHUNK = 64
"""Columns that are worked on at a time."""

_NONE = MISSING


@dataclass(frozen=True)
class Resamples:
    """Resamples of blocks of time.

    Attributes:
        starts: First sample of every block, and the number of samples at the end.
        weights: How often each block counts, shape (B, blocks); one line per resample.
    """

    starts: Ints
    weights: Ints


def information(
    features: Ordered, targets: Ordered, blocks: Resamples, bins: int, threads: int = 1
) -> Floats:
    """Mutual information in nats of quantile bins, where both have a value.

    From each value the first-order bias ``(cells - rows - columns + 1) / 2n`` of the occupied
    cells, rows and columns is taken off, so that independent columns have 0 on average; with
    autocorrelated values the bias is greater, but about alike for all features.

    Args:
        features: f columns.
        targets: T columns.
        blocks: The resamples.
        bins: Number of bins.
        threads: Columns at a time.

    Returns:
        Shape (B, T, f); NaN where no sample has both values.
    """
    chunks = range(0, len(features.bins), CHUNK)

    def one(low: int) -> Floats:
        found = features.bins[low : low + CHUNK]
        out = np.empty((len(blocks.weights), len(targets.bins), len(found)))
        _information(found, targets.bins, blocks.starts, blocks.weights, bins, out)
        return out

    return np.concatenate(each(one, chunks, threads), axis=2)


def correlation(features: Ordered, targets: Ordered, blocks: Resamples, threads: int = 1) -> Floats:
    """Absolute rank correlation (Spearman) where both have a value.

    Ranks are those among all values of a column, and stay the same in resamples.

    Args:
        features: f columns.
        targets: T columns.
        blocks: The resamples.
        threads: Columns at a time.

    Returns:
        Shape (B, T, f); NaN where a column does not vary.
    """
    chunks = range(0, len(features.ranks), CHUNK)
    weights = blocks.weights.astype(np.float64)

    def one(low: int) -> Floats:
        found = features.ranks[low : low + CHUNK]
        sums = np.zeros((6, len(found), len(targets.ranks), len(blocks.starts) - 1))
        _block_sums(found, targets.ranks, blocks.starts, sums)
        return _coefficient(sums @ weights.T)

    return np.concatenate(each(one, chunks, threads), axis=2)


def _coefficient(sums: Floats) -> Floats:
    """From sums of shape (6, f, T, B)."""
    n, x, y, xx, yy, xy = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        across = xy - x * y / n
        own = (xx - x * x / n) * (yy - y * y / n)
        # What is left of a column that does not vary is rounding.
        found = np.where(own > 1e-12 * xx * yy, np.abs(across) / np.sqrt(own), np.nan)
    return np.asarray(found.transpose(2, 1, 0), np.float64)


@jit
def _block_sums(features: Singles, targets: Singles, starts: Ints, out: Floats) -> None:
    for j in range(len(features)):
        for t in range(len(targets)):
            for b in range(len(starts) - 1):
                n = sx = sy = sxx = syy = sxy = 0.0
                for i in range(starts[b], starts[b + 1]):
                    x, y = np.float64(features[j, i]), np.float64(targets[t, i])
                    if not (np.isnan(x) or np.isnan(y)):
                        n += 1.0
                        sx += x
                        sy += y
                        sxx += x * x
                        syy += y * y
                        sxy += x * y
                out[0, j, t, b], out[1, j, t, b], out[2, j, t, b] = n, sx, sy
                out[3, j, t, b], out[4, j, t, b], out[5, j, t, b] = sxx, syy, sxy


@jit
def _information(  # noqa: PLR0917 - compiled code takes arrays alone
    features: Codes, targets: Codes, starts: Ints, weights: Ints, bins: int, out: Floats
) -> None:
    counts = np.empty((bins, bins))
    for r in range(len(weights)):
        for t in range(len(targets)):
            for j in range(len(features)):
                counts[:] = 0.0
                for b in range(len(starts) - 1):
                    if weights[r, b] > 0:
                        for i in range(starts[b], starts[b + 1]):
                            x, y = features[j, i], targets[t, i]
                            if max(x, y) < _NONE:
                                counts[x, y] += weights[r, b]
                out[r, t, j] = _of_counts(counts)


@jit
def _of_counts(counts: Floats) -> float:
    bins = len(counts)
    across, down = np.zeros(bins), np.zeros(bins)
    n, cells = 0.0, 0
    for x in range(bins):
        for y in range(bins):
            across[x] += counts[x, y]
            down[y] += counts[x, y]
            n += counts[x, y]
            cells += counts[x, y] > 0.0
    if n == 0.0:
        return np.nan
    found = 0.0
    for x in range(bins):
        for y in range(bins):
            if counts[x, y] > 0.0:
                found += counts[x, y] * np.log(counts[x, y] * n / (across[x] * down[y]))
    occupied = (across > 0.0).sum() + (down > 0.0).sum()
    return float(found / n - (cells - occupied + 1) / (2.0 * n))
