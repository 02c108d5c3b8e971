"""Kernels of the panel against scipy, NumPy and slow twins."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import stats

import references
from bqx.kernels.comovement import Counting, Tail, co_movement, tail_correlation
from bqx.kernels.crosssection import (
    counted,
    deviations,
    fresh_mean,
    medians,
    order_scores,
    score_correlation,
)
from bqx.kernels.median_side import above_median
from bqx.kernels.panel_attributes import (
    ATTRIBUTES,
    MEDIANS,
    RANKED,
    RELATIONS,
    SCRATCH,
    SPREADS,
    CrossSection,
    Inputs,
    attributes,
    cross_section,
    relative_log,
    volatility,
)
from references import Floats

LEVEL = 100.0
SERIES = references.accuracy_series(3000)


def block(pairs: int, rows: int, seed: int) -> Floats:
    """Noise with absent pairs; rows with ties, rows of equal values, rows with nobody."""
    rng = np.random.default_rng(seed)
    x = 1e-4 * rng.normal(size=(pairs, rows))
    x[:, rows // 3 : rows // 2] = np.round(x[:, rows // 3 : rows // 2], 4)
    x[:, rows // 2 : rows // 2 + 5] = 0.0
    x[rng.random(x.shape) < 0.15] = np.nan
    x[:, -2:] = np.nan
    x[0, -1] = 3.0
    return x


def scores(x: Floats) -> NDArray[np.int64]:
    out = np.full(x.shape, 12345)
    order_scores(x, out)
    return out


def counts(x: Floats) -> NDArray[np.int64]:
    out = np.full(x.shape[1], 12345)
    counted(x, out)
    return out


@pytest.mark.parametrize("pairs", [1, 2, 5, 9, 28])
def test_scores_give_the_ranks_of_scipy(pairs: int) -> None:
    x = block(pairs, 200, 1)
    score, count = scores(x), counts(x)
    for t in range(200):
        there = ~np.isnan(x[:, t])
        assert count[t] == there.sum()
        assert (score[~there, t] == 0).all()
        rank = (count[t] + 1 - score[there, t]) / 2
        np.testing.assert_array_equal(rank, stats.rankdata(-x[there, t]))


@pytest.mark.parametrize("pairs", [1, 2, 5, 9, 28])
def test_middle_and_deviation_are_those_of_numpy(pairs: int) -> None:
    x = block(pairs, 200, 2)
    middle, spread = np.full((2, 200), 12345.678)
    medians(x, scores(x), counts(x), middle)
    deviations(x, counts(x), spread)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        np.testing.assert_allclose(middle, np.nanmedian(x, axis=0), rtol=1e-15, atol=0)
        truth = np.nanstd(x.astype(np.longdouble), axis=0, ddof=1).astype(np.float64)
        np.testing.assert_allclose(spread, truth, rtol=1e-14, atol=1e-22)
        assert (spread[100:105][counts(x)[100:105] > 1] == 0.0).all()


def test_rank_correlation_is_that_of_scipy() -> None:
    x, z = block(28, 200, 3), block(28, 200, 4)
    x[np.isnan(z)] = np.nan
    z[np.isnan(x)] = np.nan
    out = np.full(200, 12345.678)
    score_correlation(scores(x), scores(z), out)
    for t in range(200):
        there = ~np.isnan(x[:, t])
        if there.sum() < 2 or np.ptp(x[there, t]) == 0 or np.ptp(z[there, t]) == 0:
            assert np.isnan(out[t])
        else:
            truth = stats.spearmanr(x[there, t], z[there, t]).statistic
            assert out[t] == pytest.approx(truth, abs=1e-14)
    score_correlation(scores(x), scores(x), out)
    assert out[:100] == pytest.approx(1.0, abs=1e-15)
    assert np.nanmax(out) <= 1.0


def test_the_mean_of_fresh_pairs_and_of_all_where_none_is_fresh() -> None:
    x = np.array([[1.0, 1.0, 1.0, np.nan, np.nan], [4.0, 4.0, 4.0, 4.0, np.nan]])
    fresh = np.array([[True, False, False, True, True], [True, True, False, False, True]])
    out = np.empty(5)
    fresh_mean(x, fresh, out)
    np.testing.assert_array_equal(out, [2.5, 4.0, 2.5, 4.0, np.nan])


def side(y: Floats, w: int) -> Floats:
    out = np.full(len(y), 12345.678)
    above_median(y, w, out)
    return out


@pytest.mark.parametrize("w", [2, 60, 240])
@pytest.mark.parametrize("name", [*SERIES, "steps", "holes"])
def test_side_of_the_running_median(name: str, w: int) -> None:
    y = SERIES["quotes" if name in ("steps", "holes") else name][1].copy()
    if name == "steps":
        y = np.round(y, 1)
    if name == "holes":
        y[[5, 700, 701, 1500]] = np.nan
    found = side(y, w)
    windows = references.trailing(y, w)
    known = ~np.isnan(windows).any(axis=1)
    below = (windows < y[:, None]).sum(axis=1)
    np.testing.assert_array_equal(np.isnan(found), ~known)
    np.testing.assert_array_equal(found[known], below[known] >= w // 2)
    middle = np.median(windows[known], axis=1)
    # Where the two middle values are neighbours, their mean rounds to one of them.
    clear = np.abs(middle - y[known]) > 1e-13 * LEVEL
    np.testing.assert_array_equal(found[known][clear], (y[known] > middle)[clear])


def test_the_side_depends_on_the_window_alone() -> None:
    y = SERIES["quotes"][1]
    whole = side(y, 240)
    for a, b in ((17, 900), (400, 2461)):
        np.testing.assert_array_equal(side(y[a:b].copy(), 240)[239:], whole[a + 239 : b])


def logs_of(y: Floats) -> Floats:
    out = np.empty(len(y))
    relative_log(y, LEVEL, out)
    return out


def made(logs: Floats) -> Floats:
    out = np.full((ATTRIBUTES, len(logs)), 12345.678)
    attributes(logs, np.empty((SCRATCH, len(logs))), out)
    return out


@pytest.mark.parametrize("name", [n for n in SERIES if n != "BQX, level 1e-3"])
def test_attributes(name: str) -> None:
    y = SERIES[name][1]
    out = made(logs_of(y))
    exact = np.log(y.astype(np.longdouble))
    moves = np.diff(exact, prepend=np.nan)
    momentum, volatility = {}, {}
    for h in (15, 30, 45, 60):
        momentum[h] = np.concatenate([np.full(h, np.nan), exact[h:] - exact[:-h]])
        windows = sliding_window_view(moves, h).std(axis=1, ddof=1)
        volatility[h] = np.concatenate([np.full(h - 1, np.nan), windows])
    truth = [*momentum.values(), volatility[15], volatility[30], volatility[60]]
    for k, expected in enumerate(truth):
        assert (np.isnan(out[k]) == np.isnan(expected)).all()
        unit = 1e-15 + 1e-12 * np.abs(expected)
        assert float(np.nanmax(np.abs(out[k] - expected) / unit)) <= 1.0
    for k, of, lag in ((7, 1, 30), (8, 5, 30), (9, 4, 1)):
        np.testing.assert_array_equal(out[k, lag:], out[of, lag:] - out[of, :-lag])
        assert np.isnan(out[k, :lag]).all()


def test_volatility_alone_is_that_of_the_attributes_in_single_precision() -> None:
    logs = logs_of(SERIES["quotes"][1])
    logs[1500:1620] = logs[1500]
    logs[1540:] += 1e-4
    out = np.full(len(logs), 12345.678)
    volatility(logs, out)
    np.testing.assert_array_equal(out, made(logs)[6].astype(np.float32))
    # One move among 59 zeros: the same value wherever in the window it stands.
    assert len(set(out[1562:1598])) == 1


def test_attributes_of_a_still_market_are_exactly_zero() -> None:
    out = made(logs_of(np.full(200, 97.31)))
    assert (out[:, 100:] == 0.0).all()


def market(pairs: int, rows: int, seed: int = 5) -> Floats:
    """Logs of pairs that move together, with a late one, a still one and an outlier."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=rows)
    moves = 1e-4 * (0.7 * common + rng.normal(size=(pairs, rows)))
    moves[2, 800:1100] = 0.0
    moves[3, 600] = 0.05
    moves[4, 1:] += 5e-5 * common[:-1]
    logs: Floats = np.cumsum(moves, axis=1)
    logs[1, :300] = np.nan
    return logs


def crossed(logs: Floats, seed: int = 6) -> CrossSection:
    pairs, n = logs.shape
    rng = np.random.default_rng(seed)
    observed = rng.random((pairs, 4000))[:, -n:] > 0.1
    begun = ~np.isnan(logs)
    valid = np.array([np.roll(begun, h, axis=1) & begun for h in (15, 30, 45, 60)])
    for flags, h in zip(valid, (15, 30, 45, 60), strict=True):
        flags[:, :h] = False
    spread = np.round(rng.random((pairs, 4000)), 2)[:, -n:]
    out = CrossSection(
        np.full((RANKED, pairs, n), 99, np.int8),
        np.full((RANKED, n), 99, np.int8),
        np.full((SPREADS, n), 12345.678),
        np.full((MEDIANS, n), 12345.678),
        np.full((RELATIONS, n), 12345.678),
        np.full(n, 12345.678),
    )
    spread[~observed] = np.nan
    cross_section(Inputs(logs, spread, valid, observed), 5, out)
    return out


def test_a_cross_section_does_not_depend_on_the_slice() -> None:
    logs = market(9, 3000)
    whole = crossed(logs)
    for first in (7, 333, 1200):
        part = crossed(np.ascontiguousarray(logs[:, first:]))
        for name in CrossSection._fields:
            a, b = getattr(part, name)[..., 120:], getattr(whole, name)[..., first + 120 :]
            assert np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes(), name


def moves_of(logs: Floats) -> Floats:
    return np.diff(logs, axis=1, prepend=np.nan)


def pearson(x: Floats, y: Floats) -> float:
    return float(stats.pearsonr(x, y).statistic) if np.ptp(x) > 0 and np.ptp(y) > 0 else np.nan


def co_moved(logs: Floats, own: int, least: int = 3) -> Floats:
    out = np.full((2, logs.shape[1]), 12345.678)
    valid = ~np.isnan(logs)
    co_movement(logs, own, (valid, valid), least, out)
    return out


def test_co_movement() -> None:
    logs = market(6, 1500)
    r = moves_of(logs)
    for own in (0, 4):
        found = co_moved(logs, own)
        for t in (240, 241, 500, 540, 700, 1039, 1041, 1099, 1400):
            now, before = slice(t - 239, t + 1), slice(t - 240, t)
            both = [pearson(r[own, now], r[j, now]) for j in range(6) if j != own]
            lead = [
                pearson(r[own, before], r[j, now]) - pearson(r[j, before], r[own, now])
                for j in range(6)
                if j != own
            ]
            for k, terms in enumerate((np.abs(both), np.array(lead))):
                there = terms[~np.isnan(terms)]
                expected = there.mean() if len(there) >= 3 else np.nan
                assert found[k, t] == pytest.approx(expected, abs=1e-13, nan_ok=True)


def test_co_movement_depends_on_the_window_alone() -> None:
    logs = market(6, 2600)
    whole = co_moved(logs, 0)
    for first in (11, 450):
        part = co_moved(np.ascontiguousarray(logs[:, first:]), 0)
        assert part[:, 241:].tobytes() == whole[:, first + 241 :].tobytes()


def test_a_pair_that_stands_still_moves_with_nobody() -> None:
    logs = market(6, 1500)
    logs[0] = 0.25
    assert np.isnan(co_moved(logs, 0)).all()
    assert np.isfinite(co_moved(logs, 4, least=4)[:, 600:790]).all()
    assert np.isnan(co_moved(logs, 4, least=5)).all()


def in_tail(logs: Floats, own: int, size: Floats, threshold: Floats, least: int = 3) -> Floats:
    out = np.full(logs.shape[1], 12345.678)
    valid = np.ascontiguousarray(~np.isnan(logs).T)
    tail_correlation(logs, own, Tail(240, size, threshold), Counting(valid, least), out)
    return out


def test_correlation_in_the_tail() -> None:
    logs = market(6, 1500)
    r = moves_of(logs)
    size = np.abs(np.nan_to_num(r[0]))
    threshold = np.quantile(references.trailing(size, 240), 0.9, axis=1)
    found = in_tail(logs, 4, size, threshold)
    assert np.isnan(found[:240]).all()
    for t in (240, 400, 541, 620, 820, 900, 1099, 1400):
        rows = np.flatnonzero(size[t - 239 : t + 1] >= threshold[t]) + t - 239
        assert len(rows) >= 24
        terms = np.abs([pearson(r[4, rows], r[j, rows]) for j in range(6) if j != 4])
        there = terms[~np.isnan(terms)]
        assert found[t] == pytest.approx(there.mean(), abs=1e-12)
    part = in_tail(np.ascontiguousarray(logs[:, 77:]), 4, size[77:].copy(), threshold[77:].copy())
    assert part[240:].tobytes() == found[317:].tobytes()
    assert np.nanmax(found) <= 1.0


def test_a_tail_of_equal_sizes_is_the_whole_window() -> None:
    logs = market(6, 700)
    r = moves_of(logs)
    found = in_tail(logs, 0, np.zeros(700), np.zeros(700))
    terms = [pearson(r[0, 460:], r[j, 460:]) for j in range(1, 6)]
    assert found[-1] == pytest.approx(np.abs(terms).mean(), abs=1e-13)
