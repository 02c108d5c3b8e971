"""Stationary block bootstrap of sums.

Politis and Romano (1994): blocks begin anywhere with equal chance, are geometrically long with a
given mean, and run on at the start of the sample when they reach its end. Only sums are needed, so
a resample is how often it holds each row, and its sums are weighted by that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError
from bqx.kernels.jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 4_000_000
"""Counts held at a time, of one or several resamples: 32 MB."""

_STRETCH = 512


def resampled_sums(values: Floats, block: float, resamples: int, seed: int) -> Floats:
    """Column sums of stationary-bootstrap resamples, each as long as the sample.

    Args:
        values: Shape (T, k), in the order of time.
        block: Mean block length, at least 1.
        resamples: Number of resamples, B.
        seed: Of the generator; equal seeds give equal resamples.

    Returns:
        Shape (B, k).

    Raises:
        ConfigError: If the block is shorter than 1, or there is nothing to resample.
    """
    n, k = values.shape
    if not (block >= 1.0 and resamples >= 1 and n >= 1):
        raise ConfigError(
            f"{resamples} resamples of {n} rows in blocks of {block:.6g}",
            expected="at least one resample, one row, and blocks of at least 1",
        )
    rng = np.random.default_rng(seed)
    # Sums of deviations stay small, so that what differs between resamples keeps its digits.
    mean = values.mean(axis=0)
    deviations = values - mean
    counts = np.empty((max(1, min(resamples, CHUNK // n)), n))
    sums = np.zeros((resamples, k))
    for first in range(0, resamples, len(counts)):
        part = counts[: resamples - first]
        for row in part:
            _count(*_blocks(rng, n, block), row)
        _weigh(part, deviations, sums[first : first + len(part)])
    return np.asarray(sums + n * mean)


def _blocks(rng: np.random.Generator, n: int, block: float) -> tuple[Ints, Ints]:
    """Starts and lengths of enough blocks for n rows; the last one is cut to fit."""
    lengths = np.empty(0, np.int64)
    while lengths.sum() < n:
        count = int(n / block + 4.0 * np.sqrt(n / block)) + 4
        lengths = np.concatenate((lengths, rng.geometric(1.0 / block, count)))
    ends = np.cumsum(lengths)
    used = int(np.searchsorted(ends, n)) + 1
    lengths = lengths[:used]
    lengths[-1] -= ends[used - 1] - n
    return rng.integers(0, n, used), lengths


@jit
def _count(starts: Ints, lengths: Ints, out: Floats) -> None:
    """How often the blocks hold each row, from where they begin and end."""
    n = len(out)
    out[:] = 0.0
    for i in range(len(starts)):
        end = starts[i] + lengths[i]
        out[starts[i]] += 1.0
        out[end % n] -= 1.0
        out[0] += end // n
    total = 0.0
    for t in range(n):
        total += out[t]
        out[t] = total


@jit
def _weigh(counts: Floats, deviations: Floats, out: Floats) -> None:
    """Add the weighted rows to the sums of each resample, a stretch of rows at a time.

    A stretch stays in the cache while all resamples use it. One thread, so the bits repeat.
    """
    n, k = deviations.shape
    for low in range(0, n, _STRETCH):
        for r in range(len(counts)):
            for t in range(low, min(low + _STRETCH, n)):
                weight = counts[r, t]
                if weight != 0.0:
                    for c in range(k):
                        out[r, c] += weight * deviations[t, c]
