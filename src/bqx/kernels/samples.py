"""Samples at the ends of clock-aligned blocks, and scores of a sample among the latest ones."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit

TILE = 1024
"""Samples summed at a time: the tile's values and sums stay in the first-level cache."""


@jit
def block_ends(minutes: Ints, k: int, ends: Ints, known: Ints) -> int:
    """The last row of each complete block of ``k`` clock minutes.

    A block is complete at its last clock minute. Where the grid lacks that minute, because trading
    ends earlier, the block is known to be complete at the first row of the next one.

    Args:
        minutes: Shape (n,), epoch minute of each row, increasing.
        k: Clock minutes in a block.
        ends: Shape (n,), filled with the last row of each complete block, increasing.
        known: Shape (n,), filled with the row from which the block is known to be complete.

    Returns:
        Number of complete blocks.
    """
    count = 0
    for t in range(len(minutes)):
        whole = (minutes[t] + 1) % k == 0
        if whole or (t + 1 < len(minutes) and minutes[t] // k != minutes[t + 1] // k):
            ends[count] = t
            known[count] = t if whole else t + 1
            count += 1
    return count


@jit
def hold(values: Floats, known: Ints, out: Floats) -> None:
    """Lay samples on rows: each from the row where it is known until the next one is.

    Args:
        values: Shape (m,), one value per sample.
        known: Shape (m,), row of each sample, not decreasing.
        out: Shape (n,), filled; NaN before the first sample.
    """
    if len(known) == 0:
        out[:] = np.nan
        return
    out[: known[0]] = np.nan
    for i in range(len(known)):
        stop = known[i + 1] if i + 1 < len(known) else len(out)
        for t in range(known[i], stop):
            out[t] = values[i]


@jit
def _add_lag(past: Floats, now: Floats, total: Floats, squares: Floats) -> None:
    for j in range(len(now)):
        d = past[j] - now[j]
        total[j] += d
        squares[j] += d * d


@jit
def _write_scores(
    now: Floats, sums: tuple[Floats, Floats], w: int, scaled: Floats, centred: Floats
) -> None:
    total, squares = sums
    per_row, per_freedom = 1.0 / w, 1.0 / (w - 1)
    for j in range(len(now)):
        mean = total[j] * per_row
        variance = (squares[j] - total[j] * mean) * per_freedom
        unit = np.sqrt(variance) if variance > 0.0 else np.nan
        scaled[j] = now[j] / unit
        centred[j] = -mean / unit


@jit
def scores(y: Floats, w: int, scaled: Floats, centred: Floats) -> None:
    """Each value in units of the standard deviation of the latest ``w`` values, its own included.

    The sums run from the newest value to the oldest, relative to the newest: of a window's sum of
    squares about any of its own values at least one part in w is scatter about the mean, so at
    most three digits cancel, and a flat window's deviation is exactly 0.

    Args:
        y: Shape (n,). NaN makes exactly the windows that contain it NaN.
        w: Values in a window, 2 to 1,000; the deviation has w - 1 degrees of freedom.
        scaled: Shape (n,), filled with value / deviation.
        centred: Shape (n,), filled with (value - mean) / deviation, less than sqrt(w) in size. Both
            are NaN where i < w - 1 and where the window is flat.
    """
    total, squares = np.empty(TILE), np.empty(TILE)
    scaled[: w - 1] = np.nan
    centred[: w - 1] = np.nan
    for start in range(w - 1, len(y), TILE):
        stop = min(start + TILE, len(y))
        now, t, s = y[start:stop], total[: stop - start], squares[: stop - start]
        t[:] = 0.0
        s[:] = 0.0
        for lag in range(1, w):
            _add_lag(y[start - lag : stop - lag], now, t, s)
        _write_scores(now, (t, s), w, scaled[start:stop], centred[start:stop])


@jit
def volatility_and_efficiency(changes: Floats, w: int, out: Floats) -> None:
    """Log realised volatility and efficiency ratio of the latest ``w`` changes.

    Args:
        changes: Shape (n,). NaN makes exactly the windows that contain it NaN.
        w: Changes in a window.
        out: Shape (2, n), filled: ln sqrt(mean of squares), and abs(sum) / sum of abs (Kaufman
            1995) in [0, 1]. Both are NaN where i < w - 1 and where all changes are 0.
    """
    volatility, efficiency = out[0], out[1]
    out[:, : w - 1] = np.nan
    for i in range(w - 1, len(changes)):
        net = path = squares = 0.0
        for j in range(i - w + 1, i + 1):
            net += changes[j]
            path += abs(changes[j])
            squares += changes[j] * changes[j]
        moving = squares > 0.0
        volatility[i] = 0.5 * np.log(squares / w) if moving else np.nan
        # Rounding of the two sums may carry the ratio past 1.
        efficiency[i] = min(abs(net) / path, 1.0) if moving else np.nan
