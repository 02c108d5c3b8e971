"""The index and BQX against each other: statsmodels, SciPy and slow references."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

import references_trend as slow
from bqx.families.dual_bollinger import DualBollinger
from bqx.families.dual_domain import DualRegression, DualStatistics
from references import Floats
from references_trend import assert_close, back
from references_windows import CONSTANT, LINEAR, QUADRATIC, R2, agree, bar_change, domain, fit

LEAD = 15
LAST = 30 + LEAD - 1


@cache
def columns() -> dict[str, Floats]:
    d = domain("bqx")
    found: dict[str, Floats] = {}
    for family in (DualRegression(), DualStatistics(), DualBollinger()):
        found |= family.compute_fixed(d)
    return found


def series() -> tuple[Floats, Floats, Floats]:
    """Index, its one-row log returns, and BQX."""
    return domain("rate").series, bar_change("rate"), domain("bqx").series


def sampled(first: int, step: int = 23) -> range:
    return range(first, len(domain("bqx")), step)


def squared(w: int) -> Floats:
    _, r, x = series()
    return slow.correlation(r, x, w) ** 2


def test_regressions_are_those_of_statsmodels() -> None:
    _, r, x = series()
    found, checked = columns(), 0
    for name, above, below in (("rate_bqx", x, r), ("bqx_rate", r, x)):
        for t in sampled(LAST):
            past = slice(t - 29, t + 1)
            if np.isnan(found[f"{name}_resid_z"][t]):
                continue
            line = sm.OLS(above[past], sm.add_constant(below[past])).fit()
            assert found[f"{name}_beta"][t] == pytest.approx(line.params[1], rel=1e-9)
            assert found[f"{name}_r2"][t] == pytest.approx(line.rsquared, abs=1e-10)
            score = line.resid[-1] / np.sqrt(line.mse_resid)
            assert found[f"{name}_resid_z"][t] == pytest.approx(score, abs=1e-10)
            checked += 1
    assert checked > 300


def test_coupling() -> None:
    found = columns()
    assert_close(found["coupling"], squared(15) - squared(60), 1e-10, 60 + LEAD - 1)


def test_decoupling_is_a_low_percentile_of_the_known_values() -> None:
    r2, flag = squared(30), columns()["decoupling"]
    seen = []
    for t in sampled(LAST + 1439, 7):
        past = r2[t - 1439 : t + 1]
        known = past[~np.isnan(past)]
        if np.isnan(r2[t]) or len(known) < 1296:
            assert np.isnan(flag[t])
            continue
        if np.count_nonzero(known == known[-1]) == 1:
            assert flag[t] == (r2[t] < np.quantile(known, 0.1))
            seen.append(flag[t])
    assert {0.0, 1.0} == set(seen)


@pytest.mark.parametrize(
    ("key", "row"), [("a2_diff", QUADRATIC), ("a1_diff", LINEAR), ("b_diff", CONSTANT)]
)
def test_differences_of_standardised_terms(key: str, row: int) -> None:
    scores = []
    for name in ("rate", "bqx"):
        term = fit(name, 60)[row]
        mean = slow.rolling(term, 240, lambda v: v.mean(axis=1))
        scores.append((term - mean) / slow.deviation(term, 240))
    assert_close(columns()[key], scores[0] - scores[1], 1e-10, 60 + LEAD + 238)


def test_difference_of_standardised_r2() -> None:
    found = columns()["r2_diff"]
    for t in sampled(60 + LEAD + 238):
        past = [fit(name, 60)[R2][t - 239 : t + 1] for name in ("rate", "bqx")]
        exact = 0.0
        for sign, values in zip((1, -1), past, strict=True):
            known = values[~np.isnan(values)]
            enough = len(known) >= 216 and not np.isnan(values[-1])
            exact += sign * (values[-1] - known.mean()) / known.std(ddof=1) if enough else np.nan
        assert found[t] == pytest.approx(exact, abs=1e-10, nan_ok=True)


def test_moments() -> None:
    p, r, x = series()
    found = columns()
    for w in (20, 60):
        below = slow.deviation(p, w) ** 2
        exact = slow.deviation(x, w) ** 2 / np.where(below < 1e-12, np.nan, below)
        agree(found[f"var_ratio_{w}"], exact, w + LEAD - 1, 1e-9)
    for t in sampled(20 + LEAD - 1):
        a, b = x[t - 19 : t + 1], r[t - 19 : t + 1]
        flat = np.ptp(a) == 0 or np.ptp(b) == 0
        for key, measure in (("skew_diff", stats.skew), ("kurt_diff", stats.kurtosis)):
            apart = np.nan if flat else measure(a) - measure(b)
            assert found[key][t] == pytest.approx(apart, abs=1e-10, nan_ok=True)


def test_cross_correlations() -> None:
    _, r, x = series()
    for lag in (0, 1, 5, 15):
        exact = slow.correlation(r, back(x, lag) if lag else x, 60)
        assert_close(columns()[f"xcorr_{lag}"], exact, 1e-10, 60 + lag + LEAD - 1)


def test_relative_volatility() -> None:
    _, r, x = series()
    relative = []
    for y in (x, r):
        size = slow.deviation(y, 30)
        relative.append(size / slow.rolling(size, 1440, lambda v: v.mean(axis=1)))
    begin = LAST + 1439
    assert_close(columns()["vol_diff"], relative[0] - relative[1], 1e-9, begin)
    below = np.where(relative[1] < 1e-12, np.nan, relative[1])
    agree(columns()["vol_ratio"], relative[0] / below, begin, 1e-10)


@cache
def bands(which: str) -> dict[str, Floats]:
    """%B, relative width, rank of the width, slope of the upper band and breach over 20 rows."""
    y = series()[0 if which == "rate" else 2]
    mean = y - slow.rolling(y, 20, lambda v: (v[:, -1:] - v).mean(axis=1))
    sd = slow.deviation(y, 20)
    half = 2 * np.sqrt(19 / 20) * sd
    outside = np.abs(y - mean) - half
    upper, width = mean + half, 2 * half
    return {
        "place": 0.5 + (y - mean) / np.where(width == 0, np.nan, width),
        "relative": width / slow.rolling(width, 240, lambda v: v.mean(axis=1)),
        "rank": slow.rank(width, 240),
        "slope": (upper - back(upper, 5)) / 5 / np.where(sd < 1e-12, np.nan, sd),
        "breach": np.where((np.abs(outside) < 1e-10) & (half > 0), np.nan, outside),
    }


def test_bands() -> None:
    x, p, found = bands("bqx"), bands("rate"), columns()
    begin = 20 + LEAD + 238
    assert_close(found["z_diff"], x["place"] - p["place"], 1e-10, 20 + LEAD - 1)
    ratio = x["relative"] / np.where(p["relative"] < 1e-12, np.nan, p["relative"])
    agree(found["bandwidth_ratio"], ratio, begin, 1e-10)
    agree(found["slope_diff"], x["slope"] - p["slope"], 20 + LEAD + 4, 1e-10)


def test_ranks_of_widths() -> None:
    x, p, found = bands("bqx")["rank"], bands("rate")["rank"], columns()
    begin = 20 + LEAD + 238
    # Rounding may order widths that are equal but for their last digits.
    close = np.abs(found["compression_diff"] - (x - p))[begin:] <= 2.5 / 239
    assert close.all()
    assert np.median(np.abs(found["compression_diff"] - (x - p))[begin:]) < 1e-12
    third = [np.digitize(v, (1 / 3, 2 / 3), right=True) for v in (x, p)]
    near = np.min([np.abs(v - e) for v in (x, p) for e in (1 / 3, 2 / 3)], axis=0) < 3 / 239
    mismatch = (third[0] != third[1]).astype(np.float64)
    same = (found["regime_mismatch"] == mismatch)[begin:]
    assert same[~near[begin:]].all()


def test_rows_since_a_breach() -> None:
    found, checked = columns()["breakout_divergence"], 0
    for t in sampled(260 + LEAD - 1, 5):
        since, sure = [], True
        for which in ("bqx", "rate"):
            last = bands(which)["breach"][t - 239 : t + 1][::-1]
            out = np.flatnonzero(last > 0)
            since.append(int(out[0]) if out.size else 240)
            # A value on the band may be on either side of it by rounding.
            sure &= not np.isnan(last[: since[-1]]).any()
        if sure:
            assert found[t] == since[0] - since[1]
            checked += 1
    assert checked > 600
