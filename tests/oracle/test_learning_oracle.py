"""Learners beside brute force, scikit-learn and statsmodels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import ElasticNet, Ridge

from bqx.models.learning.boosting import LightGBMBench, Trees
from bqx.models.learning.estimator import Bench, Material
from bqx.models.learning.innerblocks import inner_blocks
from bqx.models.learning.learner import Learner
from bqx.models.learning.linear import RIDGE, LinearBench
from bqx.models.learning.samples import Floats, Inputs
from bqx.models.learning.shrinkage import Shrinkage
from bqx.models.learning.stack import Stack, StackBench

N = 600
RNG = np.random.default_rng(5)
MATRIX = (RNG.normal(size=(N, 4)) @ RNG.normal(size=(4, 4))).astype(np.float32)
Z = MATRIX[:, 0] * MATRIX[:, 1] + 0.5 * MATRIX[:, 2] + RNG.normal(size=N)
ROWS = np.arange(N) * 2


def material(matrix: Any = MATRIX, rows: Any = ROWS) -> Material:
    inputs = Inputs(matrix, np.zeros(len(matrix), np.int16), 1)
    return Material(inputs, rows, margin=30, seed=0, threads=1)


def expectation(node: dict[str, Any], x: Any, known: frozenset[int]) -> float:
    """Value of a tree where some features are known; the others follow the training rows."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    feature = node["split_feature"]
    sides = (node["left_child"], node["right_child"])
    if feature in known:
        return expectation(sides[0 if x[feature] <= node["threshold"] else 1], x, known)
    counts = [side.get("leaf_count", side.get("internal_count")) for side in sides]
    values = [expectation(side, x, known) for side in sides]
    return float(np.average(values, weights=counts))


def shapley(trees: list[dict[str, Any]], x: Any) -> list[float]:
    """Shapley values by their definition, over all subsets of features, and the base value."""
    m = len(x)

    def value(known: frozenset[int]) -> float:
        return sum(expectation(tree["tree_structure"], x, known) for tree in trees)

    found = []
    for j in range(m):
        others = [i for i in range(m) if i != j]
        subsets = (s for k in range(m) for s in itertools.combinations(others, k))
        total = 0.0
        for s in subsets:
            weight = math.factorial(len(s)) * math.factorial(m - len(s) - 1) / math.factorial(m)
            total += weight * (value(frozenset({*s, j})) - value(frozenset(s)))
        found.append(total)
    return [*found, value(frozenset())]


def test_contributions_of_trees_are_shapley_values() -> None:
    learner = Learner.parse("lightgbm:rounds=4,num_leaves=6,min_data_in_leaf=20,lambda_l2=1")
    trees = LightGBMBench(learner, material()).point(Z)
    assert isinstance(trees, Trees)
    told = trees._booster.dump_model()["tree_info"]
    some = Inputs(MATRIX[:8], np.zeros(8, np.int16), 1)
    expected = [shapley(told, x) for x in MATRIX[:8].astype(np.float64)]
    assert trees.contributions(some) == pytest.approx(np.array(expected), abs=1e-6)


def scaled(bench: LinearBench) -> Floats:
    x = bench._scaling.scaled(MATRIX)
    found: Floats = (x - x.mean(axis=0)) / x.std(axis=0)
    return found


@pytest.mark.parametrize("penalty", [0.02, 0.3])
def test_linear_fits_are_those_of_scikit_learn(penalty: float) -> None:
    for kind, peer in (
        ("ridge", Ridge(alpha=penalty * N)),
        ("elastic_net", ElasticNet(alpha=penalty, l1_ratio=0.5, tol=1e-12, max_iter=100_000)),
    ):
        bench = LinearBench(Learner.parse(f"{kind}:penalty={penalty}"), material())
        x = scaled(bench)
        expected = peer.fit(x, Z).predict(x)
        assert bench.point(Z).predict(material().inputs) == pytest.approx(expected, abs=1e-5)


def test_the_penalty_is_the_best_on_purged_blocks_by_refits() -> None:
    bench = LinearBench(Learner("ridge"), material())
    x, errors = bench._scaling.scaled(MATRIX), np.zeros(len(RIDGE))
    for block in inner_blocks(ROWS, 4, 30):
        centre, sd = x[block.trained].mean(axis=0), x[block.trained].std(axis=0)
        for i, penalty in enumerate(RIDGE):
            peer = Ridge(alpha=penalty * block.trained.sum())
            peer.fit((x[block.trained] - centre) / sd, Z[block.trained])
            missed = Z[block.tested] - peer.predict((x[block.tested] - centre) / sd)
            errors[i] += missed @ missed
    best = RIDGE[int(np.argmin(errors))]
    fixed = LinearBench(Learner.parse(f"ridge:penalty={best}"), material())
    chosen = bench.point(Z).predict(material().inputs)
    assert chosen == pytest.approx(fixed.point(Z).predict(material().inputs), abs=1e-9)


def test_the_slope_and_its_error_are_those_of_statsmodels() -> None:
    f = np.convolve(RNG.normal(size=N + 9), np.ones(10), "valid")
    z = 0.1 * f + np.convolve(RNG.normal(size=N + 9), np.ones(10), "valid")
    found = Shrinkage.measured(np.arange(N), z, f, 12)
    peer = sm.OLS(z, f).fit(cov_type="HAC", cov_kwds={"maxlags": 24, "use_correction": False})
    assert found.slope == pytest.approx(peer.params[0], rel=1e-10)
    assert found.t == pytest.approx(peer.tvalues[0], rel=1e-10)


def test_weights_of_a_stack_are_the_best_on_forecasts_that_are_not_in_sample() -> None:
    text = "stack:bases=ridge+lightgbm,ridge.penalty=1,lightgbm.min_data_in_leaf=30"
    learner = Learner.parse(text)
    stack = StackBench(learner, material()).point(Z)
    assert isinstance(stack, Stack)
    forecasts = np.zeros((N, 2))
    makers: tuple[Callable[[Learner, Material], Bench], ...] = (LinearBench, LightGBMBench)
    for block in inner_blocks(ROWS, 3, 30):
        part = material(MATRIX[block.trained], ROWS[block.trained])
        tested = Inputs(MATRIX[block.tested], np.zeros(block.tested.sum(), np.int16), 1)
        for j, (make, base) in enumerate(zip(makers, learner.bases(), strict=True)):
            fit = make(base, part).point(Z[block.trained])
            forecasts[block.tested, j] = fit.predict(tested)
    errors = {
        weights: float(np.sum((Z - forecasts @ np.array(weights)) ** 2))
        for weights in itertools.product(np.linspace(0.0, 3.0, 61).tolist(), repeat=2)
    }
    own = float(np.sum((Z - forecasts @ stack.weights) ** 2))
    assert np.all(stack.weights >= 0.0)
    assert own <= min(errors.values()) + 1e-9
    assert own == pytest.approx(min(errors.values()), rel=1e-3)
