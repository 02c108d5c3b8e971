"""What each row contributes to the metrics, for the model and for the martingale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bqx.models.metrics import Who
from bqx.models.outcomes import Forecast, Outcomes

Floats = NDArray[np.float64]
Columns = dict[str, Floats]

PROBABILITY_FLOOR = 1e-6
"""Log losses are those of probabilities moved this far from 0 and 1, where they are infinite."""


def columns(outcomes: Outcomes, forecast: Forecast) -> Columns:
    """Per-row columns, each of shape (n,), from whose sums all metrics are computed."""
    y = outcomes.values
    found = {"n": np.ones(len(y)), "moved": (y != 0.0).astype(np.float64)}
    # A shift leaves variances and correlations alone, and keeps their digits.
    shifted = y - y[0]
    found |= {"y": shifted, "yy": shifted * shifted}
    for who, point in _both(forecast.point, outcomes.expected):
        found |= _named(who, _point(y, shifted, point))
    if forecast.quantiles:
        levels = forecast.levels
        for who, matrix in _both(forecast.quantile_matrix(), outcomes.martingale_quantiles(levels)):
            found |= _named(who, _quantile(y, matrix, levels))
    if forecast.probability is not None:
        found |= {"rises": (y > 0.0).astype(np.float64), "falls": (y < 0.0).astype(np.float64)}
        for who, p in _both(forecast.probability, outcomes.martingale_probability()):
            found |= _named(who, _probability(y, p))
    return found


def _both(model: Floats, martingale: Floats) -> Iterator[tuple[Who, Floats]]:
    yield "model", model
    yield "martingale", martingale


def _named(who: Who, found: Columns) -> Columns:
    return {f"{who}_{name}": values for name, values in found.items()}


def _point(y: Floats, shifted: Floats, point: Floats) -> Columns:
    error = y - point
    f = point - point[0]
    # The product is 1 for a right sign, -1 for a wrong one, 0 where there is no sign.
    hit = np.where(y == 0.0, 0.0, 0.5 + 0.5 * np.sign(y) * np.sign(point))
    return {
        "square": error * error,
        "absolute": np.abs(error),
        "hit": hit,
        "f": f,
        "ff": f * f,
        "fy": f * shifted,
    }


def pinball(y: Floats, quantiles: Floats, levels: tuple[float, ...]) -> Floats:
    """Pinball loss of each level and row (Koenker and Bassett 1978), shape (levels, n)."""
    error = y - quantiles
    level = np.array(levels)[:, None]
    return np.asarray(np.maximum(level * error, (level - 1.0) * error))


def cells(levels: tuple[float, ...]) -> Floats:
    """Share of (0, 1) that is nearest to each level: the weights of an integral over levels."""
    inner = np.convolve(np.array(levels), [0.5, 0.5], mode="valid")
    return np.diff(np.concatenate(([0.0], inner, [1.0])))


def _quantile(y: Floats, quantiles: Floats, levels: tuple[float, ...]) -> Columns:
    """The CRPS is twice the integral of the pinball loss over levels (Gneiting and Ranjan 2011)."""
    losses = pinball(y, quantiles, levels)
    return {"pinball": losses.mean(axis=0), "crps": 2.0 * cells(levels) @ losses}


def _probability(y: Floats, p: Floats) -> Columns:
    rise, moved = y > 0.0, y != 0.0
    bounded = np.clip(p, PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR)
    surprise = -np.log(np.where(rise, bounded, 1.0 - bounded))
    return {
        "log_loss": np.where(moved, surprise, 0.0),
        "brier": np.where(moved, (p - rise) ** 2, 0.0),
        **_placements(p, rise, moved & ~rise),
    }


def _placements(p: Floats, rise: NDArray[np.bool_], fall: NDArray[np.bool_]) -> Columns:
    """Placement values of DeLong et al. (1988): their means are the area under the ROC curve.

    ``above``: for a rise, the share of falls with a lower probability, ties one half; ``below``:
    for a fall, the share of rises with a higher one; ``area``: the area itself in every row.
    """
    above, below = np.zeros(len(p)), np.zeros(len(p))
    if not rise.any() or not fall.any():
        return {"above": above, "below": below, "area": np.full(len(p), np.nan)}
    above[rise] = _share_below(p[rise], p[fall])
    below[fall] = 1.0 - _share_below(p[fall], p[rise])
    return {"above": above, "below": below, "area": np.full(len(p), above[rise].mean())}


def _share_below(values: Floats, others: Floats) -> Floats:
    ordered = np.sort(others)
    low, high = (np.searchsorted(ordered, values, side=s) for s in ("left", "right"))
    return np.asarray((low + high) / (2.0 * len(ordered)), np.float64)
