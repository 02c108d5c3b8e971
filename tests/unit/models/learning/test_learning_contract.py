"""What every kind of learner keeps, whatever its library."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bqx.dataset.fitscope import Fitted
from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError, IntegrityError, UnknownNameError
from bqx.models.learning import FittedModels, Samples, fit_models
from bqx.models.learning.learner import KINDS
from bqx.models.learning.saving import MANIFEST
from learningsamples import NOISE, SIGNAL, learner, samples

MARGIN = 20
every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def given() -> Samples:
    return samples()


@cache
def fitted(kind: str) -> FittedModels:
    return fit_models(given(), learner(kind), margin=MARGIN, seed=3)


@every_kind
def test_a_planted_signal_is_found_and_noise_is_not_believed(kind: str) -> None:
    models, s = fitted(kind), given()
    found = models.forecast(s.matrix, s.pairs, SIGNAL)
    truth = 0.5 * np.nan_to_num(s.matrix[:, 0]) + 0.3 * np.nan_to_num(s.matrix[:, 1])
    assert np.corrcoef(found.point, truth)[0, 1] > 0.8
    assert models.calibration(SIGNAL).shrinkage.factor > 0.7
    assert list(models.importances(SIGNAL))[:2] == ["feature_0", "feature_1"]
    noise = models.calibration(NOISE).shrinkage
    said = models.forecast(s.matrix, s.pairs, NOISE).point
    assert (noise.t <= noise.critical) == (not said.any())


@every_kind
def test_a_forecast_has_all_parts_in_order(kind: str) -> None:
    models, s = fitted(kind), given()
    assert isinstance(models, Fitted)
    assert models.rows.minus(Ranges.from_rows(s.rows)) == Ranges()
    for shape in models.shapes:
        found = models.forecast(s.matrix, s.pairs, shape)
        q = np.array([found.quantiles[a] for a in (0.1, 0.5, 0.9)])
        assert np.all(np.diff(q, axis=0) >= 0.0)
        p = found.cdf(0.3)
        assert p.shape == found.point.shape
        assert np.all((p > 0.0) & (p < 1.0))
        assert np.all(found.cdf(0.4) > p)


@every_kind
def test_contributions_add_up_to_the_forecast(kind: str) -> None:
    models, s = fitted(kind), given()
    assert models.columns == (*s.features, "pair")
    for shape in models.shapes:
        parts = models.contributions(s.matrix[:200], s.pairs[:200], shape)
        point = models.forecast(s.matrix[:200], s.pairs[:200], shape).point
        assert parts.shape == (200, len(models.columns) + 1)
        assert np.abs(parts.sum(axis=1) - point).max() < 1e-6
        assert set(models.importances(shape)) == set(models.columns)


@every_kind
def test_the_same_seed_gives_the_same_bits(kind: str) -> None:
    again = fit_models(given(), learner(kind), margin=MARGIN, seed=3)
    assert_same(fitted(kind), again)


@every_kind
def test_what_is_loaded_forecasts_the_same_bits(kind: str, tmp_path: Path) -> None:
    fitted(kind).save(tmp_path)
    loaded = FittedModels.load(tmp_path)
    assert_same(fitted(kind), loaded)
    for name in ("features", "pairs", "levels", "rows", "learner", "shapes", "columns"):
        assert getattr(loaded, name) == getattr(fitted(kind), name)
    assert loaded.importances(SIGNAL) == fitted(kind).importances(SIGNAL)
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        file.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
        with pytest.raises(IntegrityError, match="is not what was written"):
            FittedModels.load(tmp_path)
        file.write_bytes(content)
        if file.name != MANIFEST:
            file.unlink()
            with pytest.raises(IntegrityError, match="cannot be read"):
                FittedModels.load(tmp_path)
            file.write_bytes(content)


@every_kind
def test_one_row_is_forecast_as_among_others(kind: str) -> None:
    s = given()
    whole = fitted(kind).forecast(s.matrix, s.pairs, SIGNAL).point
    alone = fitted(kind).forecast(s.matrix[5:6], s.pairs[5:6], SIGNAL).point
    assert alone[0] == whole[5]


@every_kind
def test_later_labels_do_not_change_models_nor_do_those_of_the_margin(kind: str) -> None:
    s = given()
    distinct = np.unique(s.rows)
    border = distinct[int(0.8 * len(distinct))]
    near = (s.rows >= border - MARGIN) & (s.rows < border)
    assert near.any()
    assert not fitted(kind).rows.mask(s.rows[near]).any()
    rng = np.random.default_rng(9)
    moved = {k: np.where(near, 50.0 * rng.normal(size=len(z)), z) for k, z in s.surprises.items()}
    other = fit_models(
        dataclasses.replace(s, surprises=moved), learner(kind), margin=MARGIN, seed=3
    )
    assert_same(fitted(kind), other)
    doubled = {k: np.where(s.rows >= border, z * 2.0, z) for k, z in s.surprises.items()}
    later = fit_models(
        dataclasses.replace(s, surprises=doubled), learner(kind), margin=MARGIN, seed=3
    )
    assert later.importances(SIGNAL) == fitted(kind).importances(SIGNAL)


def assert_same(one: FittedModels, other: FittedModels) -> None:
    s = given()
    for shape in one.shapes:
        a, b = (m.forecast(s.matrix, s.pairs, shape) for m in (one, other))
        assert np.array_equal(a.point, b.point)
        assert all(np.array_equal(a.quantiles[q], b.quantiles[q]) for q in a.quantiles)
        assert np.array_equal(a.cdf(0.1), b.cdf(0.1))


def test_one_pair_needs_no_column_and_may_be_called_by_name() -> None:
    s = samples(pairs=1, n=600)
    models = fit_models(s, learner("lightgbm"), margin=MARGIN)
    assert models.columns == s.features
    by_name = models.forecast(s.matrix, "eurusd", SIGNAL).point
    assert np.array_equal(by_name, models.forecast(s.matrix, s.pairs, SIGNAL).point)
    assert models.contributions(s.matrix[:3], "eurusd", SIGNAL).shape == (3, 6)
    with pytest.raises(UnknownNameError, match="no model of pair 'audusd'"):
        models.forecast(s.matrix, "audusd", SIGNAL)
    with pytest.raises(UnknownNameError, match="no model of shape"):
        models.forecast(s.matrix, "eurusd", (60, 75))
    with pytest.raises(ConfigError, match="matrix of shape"):
        models.forecast(s.matrix[:, :2], "eurusd", SIGNAL)
    with pytest.raises(ConfigError, match="pair codes"):
        models.forecast(s.matrix, s.pairs + np.int16(1), SIGNAL)


def test_shapes_with_few_labels_in_common_are_fitted_on_rows_of_their_own() -> None:
    s = samples(n=1200, pairs=1)
    early = np.where(np.arange(1200) < 300, np.nan, s.surprises[NOISE])
    apart = dataclasses.replace(s, surprises={SIGNAL: s.surprises[SIGNAL], NOISE: early})
    alone = dataclasses.replace(s, surprises={NOISE: early})
    for kind in ("lightgbm", "ridge"):
        both, one = (fit_models(x, learner(kind), margin=MARGIN) for x in (apart, alone))
        assert both.models[SIGNAL].count > both.models[NOISE].count + 250
        assert both.importances(NOISE) == one.importances(NOISE)


def test_what_cannot_be_fitted_is_refused() -> None:
    s = samples(n=400, pairs=1)
    for options, message in (
        ({"margin": -1}, "margin of -1 rows"),
        ({"margin": 0, "levels": (0.5, 0.5)}, "quantile levels"),
        ({"margin": 0, "levels": ()}, "quantile levels"),
        ({"margin": 0, "calibration": 1.0}, "calibration share"),
        ({"margin": 0, "calibration": 0.001}, "distinct rows"),
        ({"margin": 10_000}, "0 rows with a label of 60:15 for fitting"),
        ({"margin": 0, "calibration": 0.05}, "rows with a label of 60:15 for calibrating"),
    ):
        with pytest.raises(ConfigError, match=message):
            fit_models(s, learner("ridge"), **options)
