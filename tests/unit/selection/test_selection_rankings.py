"""Rankings against scikit-learn, scipy, LightGBM itself and formulas written out."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import mutual_info_score

from bqx.errors import ConfigError
from bqx.selection.borda import by_score, join, places
from bqx.selection.importance import PARAMETERS
from bqx.selection.information import Resamples, correlation, information
from bqx.selection.ordering import MISSING, Ordered, order_columns
from bqx.selection.stability import draw_blocks, stability
from bqx.selection.trees import Trees

STARTS = np.array([0, 70, 150, 220, 300])


def columns() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4, 300)).astype(np.float32)
    targets = rng.normal(size=(2, 300)).astype(np.float32)
    targets[0] += features[1]
    targets[1] += features[2] ** 2
    features[3] = np.round(features[3])
    features[2, 5:40] = np.nan
    targets[1, 280:] = np.nan
    return features, targets


def test_mutual_information_is_that_of_scikit_learn_less_the_bias() -> None:
    features, targets = (order_columns(c, 8) for c in columns())
    blocks = Resamples(STARTS, np.ones((1, 4), np.int64))
    found = information(features, targets, blocks, 8)
    for t, y in enumerate(targets.bins):
        for j, x in enumerate(features.bins):
            both = (x != MISSING) & (y != MISSING)
            pairs = {*zip(x[both].tolist(), y[both].tolist(), strict=True)}
            own = len(np.unique(x[both])) + len(np.unique(y[both]))
            bias = (len(pairs) - own + 1) / (2.0 * both.sum())
            expected = mutual_info_score(x[both], y[both]) - bias
            assert found[0, t, j] == pytest.approx(expected, abs=1e-12)
    assert found[0].argmax(axis=1).tolist() == [1, 2]


def test_correlation_is_spearmans() -> None:
    features, targets = columns()
    blocks = Resamples(STARTS, np.ones((1, 4), np.int64))
    found = correlation(order_columns(features, 8), order_columns(targets, 8), blocks)
    for j in (0, 1, 3):
        expected = abs(spearmanr(features[j], targets[0]).statistic)
        assert found[0, 0, j] == pytest.approx(expected, abs=1e-6)
    flat = order_columns(np.ones((1, 300), np.float32), 8)
    assert np.isnan(correlation(flat, order_columns(targets, 8), blocks)).all()


def test_a_resample_is_the_same_as_its_rows_written_out() -> None:
    features, targets = (order_columns(c, 8) for c in columns())
    weights = np.array([[2, 0, 1, 1]])
    lines = np.concatenate([np.arange(0, 70), np.arange(0, 70), np.arange(150, 300)])
    once = Resamples(np.array([0, len(lines)]), np.ones((1, 1), np.int64))
    drawn = Resamples(STARTS, weights)
    x, y = (
        Ordered(o.ranks[:, lines], o.bins[:, lines], o.valid, o.longest, o.hashes)
        for o in (features, targets)
    )
    np.testing.assert_allclose(
        correlation(features, targets, drawn), correlation(x, y, once), rtol=1e-9
    )
    np.testing.assert_allclose(
        information(features, targets, drawn, 8), information(x, y, once, 8), atol=1e-12
    )
    assert (draw_blocks(9, 5, 0).sum(axis=1) == 9).all()


def test_places_count_the_others_that_are_worse() -> None:
    scores = np.array([0.3, np.nan, 0.1, 0.3, -2.0])
    expected = (rankdata(np.nan_to_num(scores, nan=-9.0)) - 1.0) / 4.0
    np.testing.assert_allclose(places(scores), expected)
    assert places(np.array([np.nan])).tolist() == [1.0]
    two = np.stack([scores, -scores])
    joined = join({"a": two, "b": scores})
    np.testing.assert_allclose(joined, (places(two).mean(axis=0) + expected) / 2)
    order = by_score(np.array([1.0, 2.0, 1.0]), ("z", "m", "a"))
    assert order.tolist() == [1, 2, 0]


def test_stability_index_is_the_published_formula() -> None:
    rng = np.random.default_rng(1)
    z = rng.random((12, 30)) < np.linspace(0.05, 0.95, 30)
    m, d = z.shape
    share = [sum(int(z[i, f]) for i in range(m)) / m for f in range(d)]
    mean = sum(int(v) for v in z.ravel()) / m
    base = mean / d * (1 - mean / d)
    index = 1 - sum(m / (m - 1) * p * (1 - p) for p in share) / d / base
    own = []
    for i in range(m):
        k = int(z[i].sum())
        agreed = sum(int(z[i, f]) * share[f] for f in range(d)) / d
        half = index / 2 * (2 * k * mean / d**2 - k / d - mean / d + 1)
        own.append((agreed - k * mean / d**2 + half) / base)
    spread = np.sqrt(4 / m**2 * sum((o - np.mean(own)) ** 2 for o in own))
    found = stability(z)
    assert found.index == pytest.approx(index, abs=1e-12)
    assert found.high - found.index == pytest.approx(1.959963984540054 * spread, abs=1e-12)
    same = np.tile(np.arange(10) < 4, (5, 1))
    assert stability(same).index == pytest.approx(1.0)
    assert np.isnan(stability(np.ones((3, 4), np.bool_)).index)
    with pytest.raises(ConfigError):
        stability(same[:1])


def test_trees_say_what_lightgbm_says_and_permute_as_written_out() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(6, 800)).astype(np.float32)
    features[0, rng.random(800) < 0.2] = np.nan
    features[1, rng.random(800) < 0.5] = 0.0
    target = np.nan_to_num(features[0], nan=2.0) + features[1] * features[2]
    data = lightgbm.Dataset(features.T, label=target, params=PARAMETERS)
    model = lightgbm.train({**PARAMETERS, "feature_fraction": 1.0}, data, 12)
    trees = Trees.of(model.model_to_string())
    holes = features.copy()
    holes[2, ::3] = np.nan
    every = np.arange(800)
    for matrix in (features, holes):
        said = trees.predict(matrix, every).sum(axis=0)
        np.testing.assert_allclose(said, model.predict(matrix.T), atol=1e-12)

    orders = np.stack([rng.permutation(800) for _ in range(2)])
    found = trees.permuted(features, every, target.astype(np.float64), orders)
    before = np.mean((target - model.predict(features.T)) ** 2)
    for j in np.flatnonzero(model.feature_importance("split")):
        moved = features.copy()
        errors = []
        for order in orders:
            moved[j] = features[j, order]
            errors.append(np.mean((target - model.predict(moved.T)) ** 2))
        assert found[int(j)] == pytest.approx(np.mean(errors) - before, abs=1e-9)
    assert max(found, key=lambda j: found[j]) in {0, 1, 2}


def test_a_model_without_a_split_is_a_constant() -> None:
    data = lightgbm.Dataset(np.zeros((100, 2)), label=np.full(100, 3.0), params=PARAMETERS)
    model = lightgbm.train(PARAMETERS, data, 1)
    trees = Trees.of(model.model_to_string())
    assert trees.predict(np.zeros((2, 4), np.float32), np.arange(4)).sum(axis=0).tolist() == [3] * 4
