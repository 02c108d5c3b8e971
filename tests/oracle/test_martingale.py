"""What a random walk knows of a target: counts, spreads and closed forms against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bqx.dataset.labels import Labels, labels
from bqx.dataset.martingale import (
    closed_form_direction,
    closed_form_r2,
    ewma_vol,
    index_martingale_excess,
    spread_factor,
    touched_terms,
)
from bqx.dataset.target import KINDS, BQXTarget, Kind
from bqx.domains.domain import Domains
from gridwalks import FloatArray, domains_of, walk

SHAPES = ((60, 15), (60, 60), (15, 60), (75, 15), (45, 44), (1, 1), (90, 89))

TABLE = (
    (30, 15, 0.131, 61.7),
    (60, 15, 0.425, 72.4),
    (60, 30, 0.128, 61.7),
    (60, 60, 0.0, 50.0),
    (90, 15, 0.581, 77.6),
    (630, 15, 0.930, 91.4),
    (630, 60, 0.741, 83.2),
)
"""Published figures: window, horizon, R2, and percent of right signs, which were simulated."""


def backward(index: FloatArray, w: int) -> FloatArray:
    """``B_W`` at the last of each path's rows, by the definition."""
    now = index[..., -1:]
    return np.asarray(((index[..., -1 - w : -1] - now) / now).sum(axis=-1))


@pytest.mark.parametrize("shape", SHAPES)
def test_terms_that_a_return_touches_are_counted(shape: tuple[int, int]) -> None:
    w, h = shape
    # The term of row t + h - i holds the returns of the rows after it.
    counts = [sum(h - i < j for i in range(1, w + 1)) for j in range(1, h + 1)]
    assert touched_terms(w, h).tolist() == counts
    assert spread_factor(w, h) == pytest.approx(math.sqrt(sum(c * c for c in counts)), rel=1e-15)


@pytest.mark.parametrize("shape", [(60, 15), (60, 60), (15, 60), (75, 45)])
def test_the_spread_is_that_of_simulated_futures(shape: tuple[int, int]) -> None:
    w, h = shape
    rng, sd = np.random.default_rng([w, h]), 1e-4
    past = walk(rng, w + 1, sd)
    past /= past[-1]
    paths = np.empty((40_000, w + h + 1))
    paths[:, : w + 1] = past
    paths[:, w + 1 :] = walk(rng, (len(paths), h), sd)
    assert backward(paths, w).std() == pytest.approx(sd * spread_factor(w, h), rel=0.01)


@pytest.mark.parametrize("shape", [(60, 15), (60, 60), (15, 60)])
@pytest.mark.parametrize("sd", [1e-4, 1e-2])
def test_the_mean_is_exact_where_the_inverse_is_a_martingale(
    shape: tuple[int, int], sd: float
) -> None:
    error = surprises(shape, sd, drift=0.5)
    assert abs(error.mean()) < 3 * error.std() / math.sqrt(len(error))


def surprises(shape: tuple[int, int], sd: float, drift: float) -> FloatArray:
    """Levels less their means, of independent paths."""
    w, h = shape
    rng = np.random.default_rng([w, h, 7])
    paths = walk(rng, (40_000, w + h + 1), sd, drift)
    kept = backward(paths[:, : w + 1], w - h) if h < w else 0.0
    return backward(paths, w) - kept


@pytest.mark.parametrize(("drift", "share"), [(-0.5, 1.0), (0.0, 0.5)])
@pytest.mark.parametrize("shape", [(60, 15), (60, 60), (15, 60)])
def test_the_excess_where_the_index_itself_is_a_martingale(
    shape: tuple[int, int], drift: float, share: float
) -> None:
    error = surprises(shape, 1e-2, drift)
    excess = share * index_martingale_excess(*shape, 1e-2)
    standard = error.std() / math.sqrt(len(error))
    assert excess > 3 * standard  # it would be seen if it were not there
    assert abs(error.mean() - excess) < 3 * standard + 0.01 * excess


def test_the_excess_is_small_beside_what_is_unknown() -> None:
    excess, spread = index_martingale_excess(60, 15, 1.1e-4), 1.1e-4 * spread_factor(60, 15)
    assert excess == pytest.approx(9.6e-6, rel=0.01)
    assert excess == pytest.approx((15 * 46 + 15 * 14 / 2) * 1.1e-4**2, rel=1e-4)
    assert spread == pytest.approx(0.0227, rel=0.01)


@pytest.mark.parametrize(("window", "horizon", "r2", "percent"), TABLE)
def test_published_figures(window: int, horizon: int, r2: float, percent: float) -> None:
    assert closed_form_r2(window, horizon) == pytest.approx(r2, abs=6e-4)
    assert 100 * closed_form_direction(window, horizon) == pytest.approx(percent, abs=0.25)


def test_published_figures_of_the_longest_window() -> None:
    found = [closed_form_r2(75, h) for h in (15, 30, 45, 60, 75)]
    assert found == pytest.approx([0.515, 0.219, 0.066, 0.009, 0.0], abs=6e-4)
    assert closed_form_r2(75, 15, "change") == pytest.approx(0.17, abs=0.005)
    assert closed_form_direction(75, 15, "change") == pytest.approx(0.64, abs=0.005)


@pytest.mark.parametrize("shape", [(15, 15), (15, 60), (60, 75)])
def test_changes_beyond_the_window_are_half_known(shape: tuple[int, int]) -> None:
    changes: tuple[Kind, ...] = ("change", "vol_scaled", "direction")
    for kind in changes[:2]:
        assert closed_form_r2(*shape, kind) == pytest.approx(0.5, abs=1e-15)
    for kind in changes:
        assert closed_form_direction(*shape, kind) == pytest.approx(0.75, abs=1e-15)
    assert closed_form_r2(*shape, "direction") == pytest.approx(1 / 3, abs=1e-15)
    assert closed_form_r2(*shape, "level") == 0.0


@pytest.mark.parametrize("shape", SHAPES)
def test_shares_follow_from_the_weights_of_returns(shape: tuple[int, int]) -> None:
    w, h = shape
    level, change = np.zeros(w + h), np.zeros(w + h)
    for k in range(w):  # the return of age k enters w - k terms
        level[w + h - 1 - k] = w - k
        change[w + h - 1 - k] += w - k
        change[w - 1 - k] -= w - k
    kinds: dict[Kind, FloatArray] = {"level": level, "change": change}
    for kind, weights in kinds.items():
        share = float((weights[:w] ** 2).sum() / (weights**2).sum())
        assert closed_form_r2(w, h, kind) == pytest.approx(share, abs=1e-14)


@pytest.fixture(scope="module")
def long_walk() -> Domains:
    return domains_of(walk(np.random.default_rng(11), 300_000, 1e-4))


def in_blocks(values: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
    """Sums over blocks of 1,000 rows, which hardly depend on each other."""
    return np.asarray(np.bincount(rows // 1_000, values), np.float64)


def ratio(part: FloatArray, whole: FloatArray) -> tuple[float, float]:
    """A ratio of sums over blocks and its standard error (linearised)."""
    value = part.sum() / whole.sum()
    return float(value), float(np.sqrt(((part - value * whole) ** 2).sum()) / whole.sum())


def skill_of(found: Labels) -> tuple[float, float]:
    rows = np.flatnonzero(found.valid)
    error, label = (found.values - found.expected)[rows], found.values[rows]
    left, error_of_it = ratio(in_blocks(error**2, rows), in_blocks(label**2, rows))
    return 1.0 - left, error_of_it


def accuracy_of(found: Labels) -> tuple[float, float]:
    rows = np.flatnonzero(found.valid & (found.values != 0.0) & (found.expected != 0.0))
    right = np.sign(found.values[rows]) == np.sign(found.expected[rows])
    return ratio(in_blocks(right.astype(np.float64), rows), in_blocks(np.ones(len(rows)), rows))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(60, 15), (75, 15), (75, 45), (15, 30)])
def test_labels_of_a_random_walk_score_what_the_closed_forms_say(
    long_walk: Domains, shape: tuple[int, int], kind: Kind
) -> None:
    found = labels(BQXTarget(*shape, kind), long_walk)
    share, error = skill_of(found)
    # A volatility that is estimated costs a little; see `closed_form_r2`.
    slack = 0.02 if kind in {"vol_scaled", "direction"} else 0.0
    assert abs(share - closed_form_r2(*shape, kind)) <= 3 * error + slack
    if kind != "innovation" and found.expected[found.valid].any():
        right, error = accuracy_of(found)
        assert abs(right - closed_form_direction(*shape, kind)) < 3 * error
    unexplained = (found.values - found.expected)[found.valid] / found.scale[found.valid]
    assert unexplained.std() == pytest.approx(1.0, abs=0.05)


def test_volatility_is_that_of_the_walk(long_walk: Domains) -> None:
    vol = ewma_vol(long_walk["rate"].series)
    assert np.isnan(vol[:60]).all()
    assert np.sqrt(np.mean(vol[60:] ** 2)) == pytest.approx(1e-4, rel=0.01)
    assert len(ewma_vol(np.ones(60))) == 60
    assert (ewma_vol(np.full(200, 3.0))[60:] == 0.0).all()
