"""Rolling statistics of level, spread, shape and dependence, over both domains.

Level and spread are those of the domain's series u. Shape, entropy and dependence are those of r:
the one-minute log returns in the rate domain, whose levels would only show the window's drift, and
BQX itself in the BQX domain.
"""

from __future__ import annotations

import math

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.correlation import correlation
from bqx.kernels.entropy import MOST, histogram_entropy
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std
from bqx.kernels.order import median_abs_deviation, quantiles
from bqx.kernels.shape import jarque_bera, skew_kurt, standard_score
from bqx.kernels.sums import moving_sum

TABLE = "statistics_{domain}"
FLAT = "r has equal values over the window"
LONGEST = 120
SKEW_BOUND = (LONGEST - 2) / math.sqrt(LONGEST - 1)
SCORED = (5, 15)
SCORE_BOUND = (SCORED[-1] - 1) / math.sqrt(SCORED[-1])
SHARES = {
    15: (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0),
    30: (0.0, 0.25, 0.75, 1.0),
    60: (0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
}
"""Quantiles that the columns of each window are made from."""


def mean_and_deviation(d: Domain, w: int) -> FloatArray:
    """Mean and sample standard deviation of the series over ``w`` rows, once per slice.

    Returns:
        Array of shape (2, rows).
    """

    def make() -> FloatArray:
        out = d.block(2)
        mean_std(d.series, w, d.first, out[0], out[1])
        return out

    return d.memo(("mean_std", w), make)


def shaped(d: Domain) -> FloatArray:
    """The series r, whose shape is described: returns of the index, or BQX."""
    return d.change if d.traits.name == "rate" else d.series


def shape(d: Domain, w: int) -> FloatArray:
    """Skewness and excess kurtosis of r over ``w`` rows, once per slice.

    Returns:
        Array of shape (2, rows).
    """

    def make() -> FloatArray:
        out = d.block(2)
        skew_kurt(shaped(d), w, d.first, out[0], out[1])
        return out

    return d.memo(("skew_kurt", w), make)


def window_quantiles(d: Domain, w: int) -> dict[float, FloatArray]:
    """Quantiles of the series over ``w`` rows by share, once per slice."""

    def make() -> dict[float, FloatArray]:
        shares = SHARES[w]
        out = d.block(len(shares))
        quantiles(d.series, w, np.array(shares), out)
        return dict(zip(shares, out, strict=True))

    return d.memo(("quantiles", w), make)


def _and_before(w: int) -> int:
    """The window of r, and the row before it that its first return needs."""
    return w + 1


class SampleMoments(Family):
    """Mean, standard deviation, skewness and kurtosis."""

    table = TABLE
    windows = (5, 15, 30, 60, LONGEST)

    mean = Feature("mean_{w}min", "Mean of the series.", formula="mean(u, {w})")
    std = Feature(
        "std_{w}min",
        "Sample standard deviation of the series.",
        formula="sd(u, {w}), ddof 1",
        low=0.0,
    )
    skew = Feature(
        "skew_{w}min",
        "Population skewness of the returns (rate domain) or of BQX.",
        unit="ratio",
        formula="m3 / m2^1.5 of r over {w} rows",
        low=-SKEW_BOUND,
        high=SKEW_BOUND,
        history=_and_before,
        null_rule=FLAT,
        source="Joanes and Gill 1998",
    )
    kurt = Feature(
        "kurt_{w}min",
        "Excess population kurtosis of the returns (rate domain) or of BQX.",
        unit="ratio",
        formula="m4 / m2² - 3 of r over {w} rows",
        low=-2.0,
        history=_and_before,
        null_rule=FLAT,
        source="Joanes and Gill 1998",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All four moments of one window."""
        mean, std = mean_and_deviation(d, w)
        skew, kurt = shape(d, w)
        return {"mean": mean, "std": std, "skew": skew, "kurt": kurt}


class SampleSpread(Family):
    """Range, interquartile range and median absolute deviation."""

    table = TABLE
    windows = (15, 30, 60)

    value_range = Feature(
        "range_{w}min",
        "Greatest minus least value of the window.",
        formula="max(u, {w}) - min(u, {w})",
        low=0.0,
    )
    iqr = Feature(
        "iqr_{w}min",
        "Interquartile range.",
        formula="p75(u, {w}) - p25(u, {w})",
        low=0.0,
        source="Hyndman and Fan 1996, type 7",
    )
    mad = Feature(
        "mad_{w}min",
        "Median absolute deviation, not scaled.",
        formula="median(|u - median(u)|) over {w} rows",
        low=0.0,
        source="Hampel 1974",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All three measures of one window."""
        found = window_quantiles(d, w)
        value_range, iqr, mad = d.block(3)
        np.subtract(found[1.0], found[0.0], out=value_range)
        np.subtract(found[0.75], found[0.25], out=iqr)
        median_abs_deviation(d.series, w, mad)
        return {"value_range": value_range, "iqr": iqr, "mad": mad}


def _percentile(percent: int) -> Feature:
    return Feature(
        f"p{percent}_{{w}}min",
        f"Percentile {percent} of the window, linear between values.",
        formula=f"p{percent}(u, {{w}})",
        source="Hyndman and Fan 1996, type 7",
    )


class ShortPercentiles(Family):
    """Percentiles of the last quarter of an hour."""

    table = TABLE
    windows = (15,)

    p5 = _percentile(5)
    p10 = _percentile(10)
    p25 = _percentile(25)
    p50 = _percentile(50)
    p75 = _percentile(75)
    p90 = _percentile(90)
    p95 = _percentile(95)

    def compute(self, d: Domain, w: int) -> Columns:
        """All seven percentiles."""
        found = window_quantiles(d, w)
        return {key: found[int(key[1:]) / 100] for key in self.features}


class HourPercentiles(Family):
    """Percentiles of the last hour."""

    table = TABLE
    windows = (60,)

    p50 = _percentile(50)
    p75 = _percentile(75)
    p90 = _percentile(90)

    def compute(self, d: Domain, w: int) -> Columns:
        """All three percentiles."""
        found = window_quantiles(d, w)
        return {key: found[int(key[1:]) / 100] for key in self.features}


class IndexVariation(Family):
    """Coefficient of variation of the index."""

    table = TABLE
    domains = ("rate",)
    windows = (15, 30, 60)

    cv = Feature(
        "cv_{w}min",
        "Coefficient of variation.",
        unit="ratio",
        formula="sd(P, {w}) / mean(P, {w})",
        low=0.0,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The coefficient for one window."""
        mean, std = mean_and_deviation(d, w)
        return {"cv": np.divide(std, mean, out=d.block(1)[0])}


class BqxVariation(Family):
    """Coefficient of variation of BQX, relative to its mean size, for its mean is about 0."""

    table = TABLE
    domains = ("bqx",)
    windows = (15, 30, 60)

    cv = Feature(
        "cv_{w}min",
        "Standard deviation relative to the mean size.",
        unit="ratio",
        formula="sd(x, {w}) / mean(|x|, {w})",
        low=0.0,
        null_rule="BQX is 0 over the whole window",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The coefficient for one window."""
        size, cv = d.block(2)
        moving_sum(np.abs(d.series), w, d.first, size)
        size /= w
        cv[:] = np.nan
        np.divide(mean_and_deviation(d, w)[1], size, out=cv, where=size > 0.0)
        return {"cv": cv}


class WindowEntropy(Family):
    """Entropy of the values' distribution over the window's range."""

    table = TABLE
    windows = (15, 30, 60, 120)

    entropy = Feature(
        "entropy_{w}min",
        "Entropy of a histogram of the returns (rate domain) or of BQX.",
        unit="bits",
        formula="-sum of p log2 p over 10 equal bins from min(r, {w}) to max(r, {w})",
        low=0.0,
        high=MOST,
        history=_and_before,
        null_rule=FLAT,
        source="Shannon 1948",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The entropy for one window."""
        low, high, entropy = d.block(3)
        minmax(shaped(d), w, d.first, low, high)
        histogram_entropy(shaped(d), w, low, high, entropy)
        return {"entropy": entropy}


class Normality(Family):
    """Jarque-Bera statistic."""

    table = TABLE
    windows = (30, 60, 120)

    jb = Feature(
        "jb_stat_{w}min",
        "Jarque-Bera statistic of the returns (rate domain) or of BQX.",
        unit="ratio",
        formula="{w}/6 (skew² + kurt²/4)",
        low=0.0,
        history=_and_before,
        null_rule=FLAT,
        source="Jarque and Bera 1980",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The statistic for one window."""
        skew, kurt = shape(d, w)
        out = d.block(1)[0]
        jarque_bera(skew, kurt, w, out)
        return {"jb": out}


class StandardScore(Family):
    """Distance of the newest value from the mean in standard deviations."""

    table = TABLE
    windows = SCORED

    z_score = Feature(
        "z_score_{w}min",
        "Newest value minus mean, in standard deviations (ddof 1).",
        unit="ratio",
        formula="(u_t - mean(u, {w})) / sd(u, {w})",
        low=-SCORE_BOUND,
        high=SCORE_BOUND,
        null_rule="the series has equal values over the window",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The score for one window."""
        mean, std = mean_and_deviation(d, w)
        out = d.block(1)[0]
        standard_score(d.series, mean, std, w, out)
        return {"z_score": out}


def _lagged(lag: int, rows: int) -> Feature:
    return Feature(
        f"autocorr_lag{lag}",
        f"Autocorrelation at lag {lag} of the returns (rate domain) or of BQX, {rows} pairs.",
        unit="ratio",
        formula=f"corr(r_s, r_(s-{lag})), s = t-{rows - 1} … t",
        low=-1.0,
        high=1.0,
        history=rows + lag + 1,
        null_rule="r or its lagged copy has equal values over the window",
    )


class Autocorrelation(Family):
    """Autocorrelation; that of BQX at lags below 15 comes largely from overlapping windows."""

    table = TABLE

    lag1 = _lagged(1, 60)
    lag5 = _lagged(5, 60)
    lag15 = _lagged(15, 60)
    lag30 = _lagged(30, 240)
    lag60 = _lagged(60, 240)

    def compute_fixed(self, d: Domain) -> Columns:
        """All five lags."""
        r, past, found = shaped(d), d.block(1)[0], d.block(len(self.features))
        for out, key in zip(found, self.features, strict=True):
            lag = int(key[3:])
            past[:lag] = np.nan
            past[lag:] = r[: max(len(r) - lag, 0)]
            correlation(r, past, 60 if lag < 30 else 240, d.first, out)
        return dict(zip(self.features, found, strict=True))
