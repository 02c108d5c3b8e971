"""Signals from the forecasts of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.dataset.folds import Fold
from bqx.dataset.target import BQXTarget
from bqx.errors import ConfigError
from bqx.models.backtest.peeking import require_walked_forward
from bqx.models.backtest.signals import PairSignals, Signals
from bqx.models.distributions import normal_cdf, normal_quantile

Floats = NDArray[np.float64]

_QUANTILE = re.compile(r"q(\d+(?:\.\d+)?)")


class ForecastRun(Protocol):
    """What is read of a run; see `bqx.models.runs.run.Run`."""

    @property
    def pairs(self) -> tuple[str, ...]:
        """Pairs."""

    @property
    def folds(self) -> tuple[Fold, ...]:
        """Folds."""

    @property
    def synthetic(self) -> bool:
        """Whether any bars behind it are generated."""

    def model(self, pair: str, fold: int) -> Any:
        """The model of a fold."""

    def forecasts(self, pair: str, target: BQXTarget | str) -> pl.DataFrame:
        """Forecasts of test rows."""


def signals_of_run(
    run: ForecastRun, target: BQXTarget | str, pairs: Sequence[str] | None = None
) -> Signals:
    """What a run says about the price, from its forecasts of BQX.

    The surprise ``z = (point - expected) / scale`` is what a forecast says beyond what the bars up
    to its row already fix. BQX rises as the price falls, so the expected move of the price is -z.
    The probability of a rise is that of z < 0: for an innovation as the run gives it, for other
    kinds between its quantiles, interpolated on the normal scale; without quantiles not known.

    Args:
        run: The run.
        target: A target of it; not a direction, whose forecast has no size.
        pairs: Pairs; all of the run when None.

    Raises:
        LeakError: If a forecast could not have been made at its time.
        ConfigError: If the target is a direction, or no row has a forecast.
        UnknownNameError: If the run has no such target or pair.
    """
    wanted = BQXTarget.parse(target) if isinstance(target, str) else target
    if wanted.kind == "direction":
        raise ConfigError(
            "signals from forecasts of a direction",
            expected="a target with a size: level, innovation, change or vol_scaled",
            hint=f"{wanted.window}:{wanted.horizon}:innovation",
        )
    found, still = {}, 0
    for pair in run.pairs if pairs is None else pairs:
        frame = run.forecasts(pair, wanted)
        require_walked_forward(run, pair, frame)
        usable = frame.filter(pl.col("scale") > 0.0, pl.col("point").is_finite())
        still += len(frame) - len(usable)
        found[pair] = _signals(usable, wanted)
    facts: dict[str, object] = {
        "target": str(wanted),
        "forecasts": sum(len(part) for part in found.values()),
        "forecasts without a scale": still,
        "folds": len(run.folds),
    }
    control = getattr(getattr(run, "spec", None), "control", None)
    if control is not None:
        facts["control"] = control
    return Signals(found, wanted.horizon, "run", facts)


def _signals(frame: pl.DataFrame, target: BQXTarget) -> PairSignals:
    point, expected, scale = (frame[c].to_numpy() for c in ("point", "expected", "scale"))
    surprise = (point - expected) / scale
    if target.kind == "innovation":
        rise = 1.0 - frame["probability"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    else:
        rise = _below_zero(_surprise_quantiles(frame, expected, scale), len(frame))
    # Adding 0 turns -0.0, a forecast without a surprise, into 0.0.
    return PairSignals.of(frame["row"].to_numpy(), 0.0 - surprise, np.clip(rise, 0.0, 1.0))


def _surprise_quantiles(
    frame: pl.DataFrame, expected: Floats, scale: Floats
) -> Mapping[float, Floats]:
    """Quantiles of the surprise by level, ascending; none where a run has none."""
    named = {name: match for name in frame.columns if (match := _QUANTILE.fullmatch(name))}
    levels = {float(match[1]) / 100.0: frame[name] for name, match in named.items()}
    return {
        level: (levels[level].to_numpy() - expected) / scale
        for level in sorted(levels)
        if not levels[level].null_count()
    }


def _below_zero(quantiles: Mapping[float, Floats], n: int) -> Floats:
    """Probability of a value below 0, straight lines through the quantiles on the normal scale."""
    if len(quantiles) < 2:
        return np.full(n, np.nan)
    scores = normal_quantile(np.array(list(quantiles)))
    values = np.sort(np.array(list(quantiles.values())), axis=0)
    k = np.clip((values[1:-1] < 0.0).sum(axis=0), 0, len(scores) - 2)
    at = np.arange(n)
    low, high = values[k, at], values[k + 1, at]
    width = high - low
    share = np.divide(-low, width, out=np.full(n, np.nan), where=width > 0.0)
    return normal_cdf(scores[k] + share * (scores[k + 1] - scores[k]))
