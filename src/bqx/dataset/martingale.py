"""Labels from their parts, and what a random walk already knows of them: mean, spread, best score.

The inverse rate index J = 1/I is taken as a martingale. Then ``E[I[s]/I[t+h] | bars <= t]`` is
I[s]/I[t] for s <= t and 1 for s > t, so that the conditional mean of BQX is, exactly and row by
row, ``E[B_W(t+h) | bars <= t] = B_{W-h}(t)`` for h < W and 0 for h >= W.

Whichever of I, 1/I or log I is the martingale hardly matters: see `index_martingale_excess`.

The spread and the closed forms count window terms: the return of row t + j, 1 <= j <= h, enters
``W - h + j`` terms of B_W(t+h) (none where that is negative), to first order in the returns.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.target import VOL_SPAN, BQXTarget, Kind

FloatArray = NDArray[np.float64]


def touched_terms(window: int, horizon: int) -> NDArray[np.int64]:
    """How many terms of B_W(t+h) each unknown return enters.

    Args:
        window: W, in rows.
        horizon: h, in rows.

    Returns:
        Shape (h,): element j - 1 is the number for the return of row t + j,
        ``max(W - h + j, 0)``. A term of the window ends at the newest row and begins at its own; it
        contains the return if it begins before row t + j.
    """
    return np.maximum(np.arange(1, horizon + 1, dtype=np.int64) + window - horizon, 0)


def spread_factor(window: int, horizon: int) -> float:
    """Conditional sd of B_W(t+h), and of its change, in units of the sd of a one-row return.

    The root of the sum of the squares of `touched_terms`.
    """
    return math.sqrt(_squares(window) - _squares(window - horizon))


def ewma_vol(index: FloatArray) -> FloatArray:
    """Volatility of one-row log returns at each row, known at that row: ``ewma_vol_60``.

    The root of the weighted mean of the last 60 squared log returns (the mean return of a minute is
    taken as 0), with the weights of an exponential average of span 60, (59/61)^age, cut after 60
    and made to sum to 1. An average that never forgets would give a label a reach without end; this
    one is a function of 61 closes, with the same bits in every slice.

    Args:
        index: Shape (n,), positive. NaN makes exactly the rows that use it NaN.

    Returns:
        Shape (n,), in log return per row; NaN in the first 60 rows.
    """
    keep = (VOL_SPAN - 1) / (VOL_SPAN + 1)
    weights = keep ** np.arange(VOL_SPAN, dtype=np.float64)
    weights /= weights.sum()
    out = np.full(len(index), np.nan)
    count = len(index) - VOL_SPAN
    if count <= 0:
        return out
    squares = np.diff(np.log(index)) ** 2
    mean = np.zeros(count)
    # From the oldest return to the newest, whatever the slice: equal closes give equal bits.
    for age in range(VOL_SPAN - 1, -1, -1):
        begin = VOL_SPAN - 1 - age
        mean += weights[age] * squares[begin : begin + count]
    out[VOL_SPAN:] = np.sqrt(mean)
    return out


def label_values(
    target: BQXTarget, later: FloatArray, kept: FloatArray, now: FloatArray, vol: FloatArray
) -> FloatArray:
    """The labels, from their parts; arrays have one value per row t.

    Args:
        target: The target.
        later: ``B_W(t+h)``.
        kept: ``B_{W-h}(t)``; zeros for h >= W.
        now: ``B_W(t)``.
        vol: ``ewma_vol_60(t)``.

    Returns:
        See `BQXTarget`; NaN for a scaled change where the volatility is 0.
    """
    if target.kind == "level":
        return later
    if target.kind == "innovation":
        return later - kept
    change = later - now
    if target.kind == "change":
        return change
    return _quotient(change, vol) if target.kind == "vol_scaled" else np.sign(change)


def conditional_mean(
    target: BQXTarget, kept: FloatArray, now: FloatArray, vol: FloatArray
) -> FloatArray:
    """Mean of the label under a martingale, given the bars up to each row.

    Args:
        target: The target.
        kept: ``B_{W-h}(t)``; zeros for h >= W.
        now: ``B_W(t)``.
        vol: ``ewma_vol_60(t)``.

    Returns:
        The mean for each row: exact for levels and changes. For directions the mean of -1 and 1
        with normal returns of that volatility, ``2 P(rise) - 1``: its sign is the forecast of the
        direction, and ``(1 + mean) / 2`` the probability of a rise. NaN for a scaled change where
        the volatility is 0.
    """
    if target.kind == "level":
        return kept
    if target.kind == "innovation":
        return np.zeros_like(kept)
    change = kept - now
    if target.kind == "change":
        return change
    if target.kind == "vol_scaled":
        return _quotient(change, vol)
    return _mean_sign(change, vol * spread_factor(target.window, target.horizon))


def conditional_sd(target: BQXTarget, vol: FloatArray, mean: FloatArray) -> FloatArray:
    """Standard deviation of the label under a random walk, given the bars up to each row.

    Args:
        target: The target.
        vol: ``ewma_vol_60(t)``, taken as the sd of the returns to come.
        mean: The `conditional_mean`.

    Returns:
        For levels, changes and innovations ``vol`` times `spread_factor`; for scaled changes that
        factor; for directions ``sqrt(1 - mean^2)``.
    """
    if target.kind == "direction":
        return np.sqrt(1.0 - mean**2)
    spread = vol * spread_factor(target.window, target.horizon)
    return _quotient(spread, vol) if target.kind == "vol_scaled" else spread


def _quotient(values: FloatArray, by: FloatArray) -> FloatArray:
    """The quotient; NaN where the divisor is 0."""
    return np.divide(values, by, out=np.full_like(values, np.nan), where=by != 0.0)


def _mean_sign(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Mean of the sign of a normal variable; of a constant its own sign."""
    score = _quotient(mean, sd * math.sqrt(2.0))
    found = np.fromiter(map(math.erf, score.tolist()), np.float64, len(score))
    return np.where(sd == 0.0, np.sign(mean), found)


def index_martingale_excess(window: int, horizon: int, sd: float) -> float:
    """By how much the conditional mean of a level would be greater if I were the martingale.

    With lognormal returns of sd s a row, a martingale I makes each unknown factor of a term
    ``exp(k s^2)`` on average, k the unknown returns in it. The sum is near
    ``s^2 (h (W - h + 1) + h (h - 1) / 2)`` for h < W: of order W h s^2. For W = 60, h = 15 and
    s = 1.1e-4 it is 9.6e-6, beside a conditional sd of 0.0227. A martingale of log I makes half of
    it.

    Args:
        window: W, in rows.
        horizon: h, in rows.
        sd: Standard deviation of one-row log returns.

    Returns:
        The difference, the known part of the window lying level with the present.
    """
    unknown = np.minimum(np.arange(1, window + 1), horizon)
    return float(np.expm1(unknown * sd**2).sum())


def closed_form_r2(window: int, horizon: int, kind: Kind = "level") -> float:
    """Share of the target's variance that the martingale's mean explains, for a random walk.

    With S(n) = n (n + 1) (2n + 1) / 6 and m = max(W - h, 0): the level has S(m) / S(W). The change
    has K / (K + S(W) - S(m)), where K = h^2 m + S(h) for h < W and S(W) otherwise is what its
    return weights make known: it is 0.50 for every h >= W. The direction, with values of -1 and 1,
    has 2/pi arcsin of the change's share. The innovation has 0.

    Args:
        window: W, in rows.
        horizon: h, in rows.
        kind: The kind of target. A scaled change has the share of the change if the volatility is
            constant and known; one that is estimated, or varies, makes it smaller.
    """
    target = BQXTarget(window, horizon, kind)
    if target.kind == "innovation":
        return 0.0
    kept = _squares(window - horizon)
    unknown = _squares(window) - kept
    if target.kind == "level":
        return kept / (kept + unknown)
    near = min(window, horizon)
    known = near**2 * (window - near) + _squares(near)
    share = known / (known + unknown)
    return 2.0 / math.pi * math.asin(share) if target.kind == "direction" else share


def closed_form_direction(window: int, horizon: int, kind: Kind = "level") -> float:
    """Probability that the martingale's mean has the sign of the label, for a random walk.

    ``1 - arccos(sqrt(R2)) / pi``, with the R2 of the level for levels and of the change for
    changes, scaled changes and directions; 1/2 for innovations and for levels with h >= W.

    Args:
        window: W, in rows.
        horizon: h, in rows.
        kind: The kind of target.
    """
    share = closed_form_r2(window, horizon, "change" if kind == "direction" else kind)
    return 1.0 - math.acos(math.sqrt(share)) / math.pi


def _squares(n: int) -> int:
    """1 + 4 + … + n^2; 0 for n <= 0."""
    return n * (n + 1) * (2 * n + 1) // 6 if n > 0 else 0
