"""Metrics as functions of sums over rows, for a model and for the martingale alike.

Every metric is written once, as a function of column sums. The same function then gives the value
on the sample, on thousands of resamples, and, differentiated, the influence of each row; so values,
intervals and tests cannot disagree about what the metric is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Array = NDArray[Any]
"""Real, or complex where a metric is differentiated."""

Sums = Mapping[str, Any]
"""Column name to its sum; see `bqx.models.columns`."""

Who = Literal["model", "martingale"]

_STEP = 1e-20


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: Short name, as in tables.
        title: What it is, in one sentence.
        perfect: Value of a perfect forecast: 0 for losses, 1 for what grows with accuracy.
        value: The metric of the model or of the martingale, from column sums.
        tested: Name of the metric whose difference is tested for it. The mean squared error stands
            in for everything that orders forecasts as it does.
    """

    name: str
    title: str
    perfect: float
    value: Callable[[Sums, Who], Array]
    tested: str

    def skill(self, sums: Sums) -> Array:
        """(value - martingale) / (perfect - martingale), the skill score of Murphy (1988).

        For a loss that is 1 - loss/loss of the martingale. NaN where the martingale is perfect.
        """
        model, reference = self.value(sums, "model"), self.value(sums, "martingale")
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (model - reference) / (self.perfect - reference)
        # Adding 0 turns -0 into 0.
        return np.where(np.isfinite(found), found + 0.0, np.nan)

    def gain(self, sums: Sums) -> Array:
        """How much better the model is, in the metric's unit; negative where it is worse."""
        difference = self.value(sums, "model") - self.value(sums, "martingale")
        return difference if self.perfect else -difference


def gradient(metric: Metric, sums: Sums) -> dict[str, float]:
    """Derivatives of the gain with respect to each sum, exact to rounding.

    By the complex step (Squire and Trapp 1998); the columns on which the gain does not depend are
    left out.
    """
    found: dict[str, float] = {}
    for name in sums:
        moved = {k: np.asarray(v + 1j * _STEP * (k == name)) for k, v in sums.items()}
        slope = float(np.imag(metric.gain(moved))) / _STEP
        if slope != 0.0:
            found[name] = slope
    return found


def _mean(column: str, count: str = "n") -> Callable[[Sums, Who], Array]:
    def value(sums: Sums, who: Who) -> Array:
        return _ratio(sums[f"{who}_{column}"], sums[count])

    return value


def _rmse(sums: Sums, who: Who) -> Array:
    return np.sqrt(_ratio(sums[f"{who}_square"], sums["n"]))


def _r2_mean(sums: Sums, who: Who) -> Array:
    total = sums["yy"] - _ratio(sums["y"] ** 2, sums["n"])
    return 1.0 - _ratio(sums[f"{who}_square"], total)


def _r2_martingale(sums: Sums, who: Who) -> Array:
    return 1.0 - _ratio(sums[f"{who}_square"], sums["martingale_square"])


def _correlation(sums: Sums, who: Who) -> Array:
    n, y, f = sums["n"], sums["y"], sums[f"{who}_f"]
    together = sums[f"{who}_fy"] - _ratio(f * y, n)
    spread = (sums["yy"] - _ratio(y * y, n)) * (sums[f"{who}_ff"] - _ratio(f * f, n))
    # Rounding can leave the spread of a nearly constant sample below 0.
    return _ratio(together, np.sqrt(np.where(np.real(spread) > 0.0, spread, np.nan)))


def _auc(sums: Sums, who: Who) -> Array:
    above = _ratio(sums[f"{who}_above"], sums["rises"])
    below = _ratio(sums[f"{who}_below"], sums["falls"])
    return above + below - _ratio(sums[f"{who}_area"], sums["n"])


def _ratio(a: Array, b: Array) -> Array:
    """A quotient, NaN where nothing is left to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.asarray(a / b)
    return np.where(b == 0.0, np.nan, found)


POINT = (
    Metric("mse", "mean squared error", 0.0, _mean("square"), "mse"),
    Metric("rmse", "root of the mean squared error", 0.0, _rmse, "mse"),
    Metric("mae", "mean absolute error", 0.0, _mean("absolute"), "mae"),
    Metric("r2_mean", "R² about the mean of the sample", 1.0, _r2_mean, "mse"),
    Metric(
        "r2_martingale", "R² about the martingale's conditional mean", 1.0, _r2_martingale, "mse"
    ),
    Metric(
        "direction",
        "share of right signs; targets of 0 are left out, a forecast of 0 counts one half",
        1.0,
        _mean("hit", "moved"),
        "direction",
    ),
    Metric("correlation", "Pearson correlation with the target", 1.0, _correlation, "correlation"),
)
"""Metrics of a point forecast."""

QUANTILE = (
    Metric("pinball", "mean pinball loss over the levels", 0.0, _mean("pinball"), "pinball"),
    Metric(
        "crps", "continuous ranked probability score, by the levels", 0.0, _mean("crps"), "crps"
    ),
)
"""Metrics of quantile forecasts."""

PROBABILITY = (
    Metric("log_loss", "log loss of the direction", 0.0, _mean("log_loss", "moved"), "log_loss"),
    Metric("brier", "Brier score of the direction", 0.0, _mean("brier", "moved"), "brier"),
    Metric("auc", "area under the ROC curve of the direction", 1.0, _auc, "auc"),
)
"""Metrics of direction probabilities."""

METRICS = {metric.name: metric for metric in (*POINT, *QUANTILE, *PROBABILITY)}
