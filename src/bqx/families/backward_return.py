"""The BQX base columns: backward cumulative returns and statistics of the windows behind them."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.backward import BQX_WINDOWS, backward_returns
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std

AGGREGATE = 75


def _past(w: int) -> int:
    """The window before the row, and the row itself."""
    return w + 1


def _aggregate(
    name: str, description: str, *, unit: str = "index", low: float | None = 0.0
) -> Feature:
    return Feature(f"agg_bqx_{name}", description, unit=unit, low=low, history=_past(AGGREGATE))


def _returns(d: Domain) -> FloatArray:
    def make() -> FloatArray:
        out = d.block(len(BQX_WINDOWS))
        backward_returns(d.index.close, out)
        return out

    return d.memo("backward_returns", make)


def _behind(values: FloatArray) -> FloatArray:
    """The values one row later: statistics of the window that ends before the row."""
    out = np.empty_like(values)
    out[0] = np.nan
    out[1:] = values[:-1]
    return out


def _past_window(d: Domain, w: int) -> dict[str, FloatArray]:
    """Maximum, minimum, mean and standard deviation of the w rows before each row."""

    def make() -> dict[str, FloatArray]:
        low, high, mean, std = d.block(4)
        minmax(d.index.close, w, d.first, low, high)
        mean_std(d.index.close, w, d.first, mean, std)
        named = {"max_index": high, "min_index": low, "avg_index": mean, "stdev_index": std}
        return {key: _behind(values) for key, values in named.items()}

    return d.memo(("past_window", w), make)


class BackwardReturn(Family):
    """BQX base columns: backward cumulative returns of the rate index, positive when it has fallen.

    With I the rate index and the window the w rows before t, t excluded.
    """

    table = "bqx"
    domains = ("bqx",)
    windows = BQX_WINDOWS
    from_closes = True
    precision = "float64"

    rate_index = Feature(
        "rate_index",
        "Close relative to the pair's baseline, times 100.",
        unit="index",
        formula="close_t / baseline 100",
        low=0.0,
        history=1,
    )
    bqx_return = Feature(
        "w{w}_bqx_return",
        "Backward cumulative return over {w} minutes.",
        unit="return",
        formula="sum over i = 1..{w} of (I_(t-i) - I_t) / I_t",
        history=_past,
    )
    max_index = Feature(
        "w{w}_bqx_max_index", "Greatest index of the window.", unit="index", low=0.0, history=_past
    )
    min_index = Feature(
        "w{w}_bqx_min_index", "Least index of the window.", unit="index", low=0.0, history=_past
    )
    avg_index = Feature(
        "w{w}_bqx_avg_index", "Mean index of the window.", unit="index", low=0.0, history=_past
    )
    stdev_index = Feature(
        "w{w}_bqx_stdev_index",
        "Standard deviation (ddof 1) of the window's index.",
        unit="index",
        low=0.0,
        history=_past,
    )
    endpoint = Feature(
        "w{w}_bqx_endpoint",
        "Relative difference of the window's first index.",
        unit="return",
        formula="(I_(t-{w}) - I_t) / I_t",
        low=-1.0,
        history=_past,
    )
    agg_return = _aggregate("return", "w75_bqx_return again.", unit="return", low=None)
    agg_max = _aggregate("max_index", "w75_bqx_max_index again.")
    agg_min = _aggregate("min_index", "w75_bqx_min_index again.")
    agg_avg = _aggregate("avg_index", "w75_bqx_avg_index again.")
    agg_stdev = _aggregate("stdev_index", "w75_bqx_stdev_index again.")
    agg_range = _aggregate("range", "Range of the 75-minute window over the index.", unit="ratio")
    agg_volatility = _aggregate(
        "volatility", "Standard deviation of the 75-minute window over the index.", unit="ratio"
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The six metrics of one window."""
        index = d.index.close
        endpoint = np.full(len(d), np.nan)
        endpoint[w:] = (index[:-w] - index[w:]) / index[w:]
        returns = _returns(d)[BQX_WINDOWS.index(w)]
        return {"bqx_return": returns, **_past_window(d, w), "endpoint": endpoint}

    def compute_fixed(self, d: Domain) -> Columns:
        """The index and the seven aggregates, which repeat the longest window."""
        index = d.index.close
        past = _past_window(d, AGGREGATE)
        return {
            "rate_index": index,
            "agg_return": _returns(d)[BQX_WINDOWS.index(AGGREGATE)],
            "agg_max": past["max_index"],
            "agg_min": past["min_index"],
            "agg_avg": past["avg_index"],
            "agg_stdev": past["stdev_index"],
            "agg_range": (past["max_index"] - past["min_index"]) / index,
            "agg_volatility": past["stdev_index"] / index,
        }
