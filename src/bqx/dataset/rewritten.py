"""Columns that no code of the registry made: shifted, standardised or smoothed afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.domains.grid import FloatArray

Float32Array = NDArray[np.float32]

SHIFTS = 240
"""Rows by which a column may be shifted to be recognised."""
SPAN = 4_000
"""Rows around a difference that are compared."""
LAGS = 30
"""Rows before and after a row whose truthful values explain it, or do not."""
SAME = 0.99
"""Share of equal rows that makes two columns one."""
NOISE = 1e-6
"""Share that float32 leaves unexplained."""
MOMENTS = 1e-3
"""By how much whole-sample moments may miss 0 and 1."""


@dataclass(frozen=True)
class Cause:
    """What is wrong with a column.

    Attributes:
        check: Name of the check that it fails.
        text: How.
    """

    check: str
    text: str


def explain(stored: Float32Array, truth: Float32Array, at: int) -> Cause:
    """Say what was done to a column whose code is causal.

    Args:
        stored: The column of the dataset, all rows of a pair.
        truth: What bars up to each row give, the same rows.
        at: A row in which they differ, counted from the first.
    """
    near = slice(max(at - SPAN // 2, 0), at + SPAN // 2)
    shift = _shift(stored, truth, near)
    if shift:
        sign = "+" if shift > 0 else "-"
        return Cause("future value", f"holds the value of row t {sign} {abs(shift)}")
    scaled = _affine(stored, truth)
    if scaled is not None:
        return Cause("scaled on everything", _scaling(stored, *scaled))
    gain = _two_sided(stored[near].astype(np.float64), truth[near].astype(np.float64))
    if gain is not None:
        before, both = gain
        text = (
            f"the column's own values up to the row explain {before:.2%} of it, those of "
            f"{LAGS} later rows make it {both:.2%}: a two-sided filter"
        )
        return Cause("smoothed state", text)
    return Cause("future value", "is not the value that bars up to the row give, nor a later one")


def _shift(stored: Float32Array, truth: Float32Array, near: slice) -> int:
    """By how many rows the truth lies ahead of the column (behind it: negative); 0 if it does not.

    The nearest shift is taken; a column without movement fits all of them and is none.
    """
    start, stop, _ = near.indices(len(stored))
    for k in sorted(range(-SHIFTS, SHIFTS + 1), key=abs):
        low, high = max(start, -k), min(stop, len(stored) - k)
        ours, theirs = stored[low:high], truth[low + k : high + k]
        both = ~np.isnan(ours) & ~np.isnan(theirs)
        if both.sum() < LAGS or not _moves(ours[both]):
            continue
        if np.mean(ours[both] == theirs[both]) > SAME:
            return k
    return 0


def _moves(values: Float32Array) -> bool:
    """Whether neighbours differ often enough for a shift to show."""
    return bool(np.mean(values[1:] != values[:-1]) > 1.0 - SAME)


def _affine(stored: Float32Array, truth: Float32Array) -> tuple[float, float] | None:
    """Constants a and b with column = a + b truth, to the precision of float32; None without."""
    both = ~np.isnan(stored) & ~np.isnan(truth)
    if both.sum() < LAGS:
        return None
    y, x = stored[both].astype(np.float64), truth[both].astype(np.float64)
    spread = x.std()
    if spread == 0.0:
        return None
    slope = float(np.mean((x - x.mean()) * (y - y.mean())) / spread**2)
    start = float(y.mean() - slope * x.mean())
    missed = np.abs(y - start - slope * x)
    fits = np.quantile(missed, SAME) <= 1e-4 * y.std() and slope != 0.0
    return (start, slope) if fits else None


def _scaling(stored: Float32Array, start: float, slope: float) -> str:
    """By which moments a column was scaled."""
    kept = stored[~np.isnan(stored)].astype(np.float64)
    text = f"is {start:.4g} + {slope:.4g} times the value that bars give"
    for what, low, width in (
        ("mean 0 and standard deviation 1", kept.mean(), kept.std()),
        ("median 0 and interquartile range 1", *_robust(kept)),
        ("values from 0 to 1", kept.min(), np.ptp(kept)),
    ):
        if abs(low) < MOMENTS and abs(width - 1.0) < MOMENTS:
            return f"{text}, with {what} over the whole sample: standardised on everything"
    moments = f"mean {kept.mean():.4g}, standard deviation {kept.std():.4g}"
    return f"{text}, by constants that come from elsewhere ({moments} over the whole sample)"


def _robust(values: FloatArray) -> tuple[float, float]:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float(high - low)


def _two_sided(stored: FloatArray, truth: FloatArray) -> tuple[float, float] | None:
    """Shares that earlier rows explain, and earlier and later ones; None if later ones add little.

    Later rows add something if they halve what earlier ones leave.
    """
    count = len(truth) - 2 * LAGS
    if count < 8 * LAGS:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(truth, 2 * LAGS + 1)
    y = stored[LAGS : LAGS + count]
    whole = np.isfinite(windows).all(axis=1) & np.isfinite(y)
    if whole.sum() < 8 * LAGS or y[whole].std() == 0.0:
        return None
    before, both = (_explained(windows[whole][:, :n], y[whole]) for n in (LAGS + 1, 2 * LAGS + 1))
    left = 1.0 - before
    return (before, both) if left > NOISE and 1.0 - both < 0.5 * left else None


def _explained(x: FloatArray, y: FloatArray) -> float:
    """R2 of a regression with a constant."""
    x, y = x - x.mean(axis=0), y - y.mean()
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    return float(1.0 - np.sum((y - x @ weights) ** 2) / np.sum(y**2))
