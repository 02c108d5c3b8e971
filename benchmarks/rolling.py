"""Rolling statistics against polars, bottleneck and numbagg."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.cases import Call, Case, Data, Floats
from benchmarks.indicators import average
from bqx.kernels.correlation import correlation
from bqx.kernels.covariance import covariances_and_correlations
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std
from bqx.kernels.order import percentile_rank, quantile
from bqx.kernels.shape import skew_kurt
from bqx.kernels.sums import moving_mean, moving_sum


def mean(d: Data, w: int) -> list[Floats]:
    """Mean of the close."""
    moving_mean(d.close, w, d.origin, d.out[0])
    return [d.out[0]]


def _sum(d: Data, w: int) -> list[Floats]:
    moving_sum(d.close, w, d.origin, d.out[0])
    return [d.out[0]]


def _mean_std(d: Data, w: int) -> list[Floats]:
    mean, deviation = d.out[:2]
    mean_std(d.close, w, d.origin, mean, deviation)
    return [mean, deviation]


def _shape(d: Data, w: int) -> list[Floats]:
    skew, kurt = d.out[:2]
    skew_kurt(d.returns[0], w, d.origin, skew, kurt)
    return [skew, kurt]


def _quantile(d: Data, w: int, q: float) -> list[Floats]:
    quantile(d.close, w, q, d.out[0])
    return [d.out[0]]


def _extrema(d: Data, w: int) -> list[Floats]:
    low, high = d.out[:2]
    minmax(d.close, w, d.origin, low, high)
    return [low, high]


def _rank(d: Data, w: int) -> list[Floats]:
    percentile_rank(d.close, w, d.out[0])
    return [d.out[0]]


def _correlation(d: Data, w: int) -> list[Floats]:
    one, two, _ = d.returns
    correlation(one, two, w, d.origin, d.out[0])
    return [d.out[0]]


def _three(d: Data, w: int) -> list[Floats]:
    covariances_and_correlations(*d.returns, w, d.origin, d.out[:6])
    return list(d.out[:6])


def from_polars(d: Data, w: int) -> Iterator[Case]:
    """Rolling expressions of polars."""
    import polars as pl

    y, one, two = (pl.Series(v) for v in (d.close, *d.returns[:2]))
    frame = pl.DataFrame({"one": one, "two": two})
    pair = pl.rolling_corr(pl.col("one"), pl.col("two"), window_size=w)

    def case(name: str, ours: Call, theirs: Call) -> Case:
        return Case(name, "polars", w, ours, theirs)

    yield case("mean", lambda: mean(d, w), lambda: [y.rolling_mean(w)])
    yield case(
        "mean, deviation", lambda: _mean_std(d, w), lambda: [y.rolling_mean(w), y.rolling_std(w)]
    )
    yield case(
        "skewness, kurtosis",
        lambda: _shape(d, w),
        lambda: [one.rolling_skew(w), one.rolling_kurtosis(w)],
    )
    yield case(
        "quantile 0.9",
        lambda: _quantile(d, w, 0.9),
        lambda: [y.rolling_quantile(0.9, "linear", window_size=w)],
    )
    yield case("median", lambda: _quantile(d, w, 0.5), lambda: [y.rolling_median(w)])
    yield case(
        "minimum, maximum", lambda: _extrema(d, w), lambda: [y.rolling_min(w), y.rolling_max(w)]
    )
    yield case("correlation", lambda: _correlation(d, w), lambda: [frame.select(pair).to_series()])
    ranks = case("rank", lambda: _rank(d, w), lambda: [y.rolling_rank(w)])
    yield ranks._replace(scale=lambda r: (r - 1.0) / (w - 1.0))


def from_bottleneck(d: Data, w: int) -> Iterator[Case]:
    """Moving windows of bottleneck."""
    import bottleneck as bn

    y = d.close

    def case(name: str, ours: Call, theirs: Call) -> Case:
        return Case(name, "bottleneck", w, ours, theirs)

    yield case("sum", lambda: _sum(d, w), lambda: [bn.move_sum(y, w)])
    yield case("mean", lambda: mean(d, w), lambda: [bn.move_mean(y, w)])
    yield case("deviation (+ mean)", lambda: _mean_std(d, w)[1:], lambda: [_deviation(bn, y, w)])
    yield case(
        "mean, deviation",
        lambda: _mean_std(d, w),
        lambda: [bn.move_mean(y, w), _deviation(bn, y, w)],
    )
    yield case("median", lambda: _quantile(d, w, 0.5), lambda: [bn.move_median(y, w)])
    yield case(
        "minimum, maximum", lambda: _extrema(d, w), lambda: [bn.move_min(y, w), bn.move_max(y, w)]
    )
    ranks = case("rank", lambda: _rank(d, w), lambda: [bn.move_rank(y, w)])
    yield ranks._replace(scale=lambda r: (r + 1.0) / 2.0)


def _deviation(library: Any, y: Floats, w: int) -> Floats:
    found: Floats = library.move_std(y, w, ddof=1)
    return found


def from_numbagg(d: Data, w: int) -> Iterator[Case]:
    """Moving windows of numbagg."""
    import numba
    import numbagg as nb

    # Idle threads of its pool would burn processor time that is nobody's.
    numba.set_num_threads(1)
    y, (one, two, both) = d.close, d.returns

    def case(name: str, ours: Call, theirs: Call) -> Case:
        return Case(name, "numbagg", w, ours, theirs)

    def three() -> list[Floats]:
        pairs = ((one, two), (both, one), (both, two))
        found = [nb.move_cov(a, b, window=w) for a, b in pairs]
        return found + [nb.move_corr(a, b, window=w) for a, b in pairs]

    yield case("mean", lambda: mean(d, w), lambda: [nb.move_mean(y, window=w)])
    yield case(
        "mean, deviation",
        lambda: _mean_std(d, w),
        lambda: [nb.move_mean(y, window=w), nb.move_std(y, window=w)],
    )
    yield case(
        "correlation", lambda: _correlation(d, w), lambda: [nb.move_corr(one, two, window=w)]
    )
    yield case("3 covariances, 3 correlations", lambda: _three(d, w), three)
    alpha = 2.0 / (w + 1.0)
    yield case("EMA", lambda: average(d, w), lambda: [nb.move_exp_nanmean(y, alpha=alpha)])
