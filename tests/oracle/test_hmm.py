"""The hidden Markov model against hmmlearn and slow twins, and its columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hmmlearn import hmm

import references_regimes as slow
from bqx.domains.domain import DomainName
from bqx.families.hmm_regime import REACH, SCALES, HmmRegime
from bqx.kernels.hmm import Model, baum_welch, filtered, stationary
from bqx.kernels.hmm_fit import PARAMETERS, fit_regimes, pack, unpack
from references import Floats


def planted() -> Model:
    """Calm, trend and shock, well apart."""
    transition = np.array([[0.97, 0.02, 0.01], [0.03, 0.95, 0.02], [0.02, 0.04, 0.94]])
    mean = np.array([[-10.0, 0.2], [-9.6, 0.6], [-8.5, 0.3]])
    covariance = np.array([[0.09, 0.004, 0.01], [0.06, -0.006, 0.012], [0.12, 0.0, 0.015]])
    return Model(stationary(transition), transition, mean, covariance)


def rough() -> Model:
    """A poor guess at the planted model."""
    model = planted()
    transition = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    covariance = np.tile([0.4, 0.0, 0.05], (3, 1))
    return Model(np.array([0.5, 0.3, 0.2]), transition, model.mean + 0.2, covariance)


def run(z: Floats, model: Model, cap: int) -> Floats:
    out = np.empty((7, z.shape[1]))
    filtered(np.ascontiguousarray(z), model, cap, out)
    return out


def twin(model: Model, prior: float = 0.0, steps: int = 0) -> Any:
    """The same model in hmmlearn."""
    made = hmm.GaussianHMM(
        3, "full", n_iter=steps, tol=-np.inf, init_params="", covars_prior=prior * np.eye(2)
    )
    made.startprob_, made.transmat_ = model.start, model.transition
    made.means_, made.covars_ = model.mean, slow.full(model.covariance)
    return made


def test_the_filter_is_the_last_row_of_what_hmmlearn_says_of_the_past() -> None:
    z, model = slow.simulated(planted(), 300, seed=1), planted()
    other = twin(model)
    causal = np.array([other.predict_proba(z[:, : t + 1].T)[-1] for t in range(300)])
    found = run(z, model, 50)
    assert float(np.abs(found[:3].T - causal).max()) <= 1e-12
    np.testing.assert_allclose(found[:3].sum(axis=0), 1.0, rtol=0, atol=1e-15)


def test_all_outputs_with_missing_observations() -> None:
    z, model = slow.simulated(planted(), 800, seed=2), planted()
    z[0, [0, 1, 90, 91, 92]] = np.nan
    z[1, 400:600] = np.nan
    p, _ = slow.filtered(z, model)
    found = run(z, model, 70)
    exact = slow.described(p, model.transition, 70)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-12)
    assert found[3].max() == 70
    # Without news the prediction goes to the stationary distribution, the start of it all.
    np.testing.assert_allclose(found[:3, 0], model.start, rtol=1e-14)
    np.testing.assert_allclose(found[:3, 599], model.start, rtol=1e-3)


def test_no_observation_is_impossible() -> None:
    z = np.array([[-9.0, 1e6, -9.0, -1e6, -9.0], [0.2, 0.2, -1e5, 1e5, 0.2]])
    found = run(z, planted(), 9)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:3].sum(axis=0), 1.0, rtol=0, atol=1e-15)


def test_stationary_distribution() -> None:
    for seed in range(20):
        a = np.random.default_rng(seed).random((3, 3)) ** 4 + 1e-9
        a /= a.sum(axis=1, keepdims=True)
        p = stationary(a)
        np.testing.assert_allclose(p @ a, p, rtol=1e-12)
        assert p.sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("prior", [0.0, 0.2])
def test_four_steps_are_those_of_hmmlearn(prior: float) -> None:
    z = slow.simulated(planted(), 3000, seed=3)
    model, reached = baum_welch(z, rough(), prior, 5, -np.inf)
    other = twin(rough(), prior, 5).fit(z.T)
    found = (model.start, model.transition, model.mean, slow.full(model.covariance))
    exact = (other.startprob_, other.transmat_, other.means_, other.covars_)
    for a, b in zip(found, exact, strict=True):
        assert float(np.abs(a - b).max()) <= 1e-9
    if not prior:
        np.testing.assert_allclose(reached, other.monitor_.history, rtol=1e-10)


@pytest.mark.parametrize("prior", [0.0, 0.5])
def test_the_likelihood_never_decreases(prior: float) -> None:
    z = slow.simulated(planted(), 2000, seed=4)
    z[0, 300:340] = np.nan
    _, reached = baum_welch(z, rough(), prior, 60, -np.inf)
    assert float(np.diff(reached).min()) >= -1e-9
    penalty = 0.5 * prior * np.trace(np.linalg.inv(slow.full(rough().covariance)).sum(axis=0))
    assert reached[0] == pytest.approx(slow.filtered(z, rough())[1] - penalty, rel=1e-12)


def test_a_fit_finds_the_planted_model_and_names_its_states() -> None:
    model = planted()
    z = slow.simulated(model, 12_000, seed=5)
    vector = fit_regimes(z, None)
    assert vector is not None
    assert vector.shape == (PARAMETERS,)
    found = unpack(vector)
    np.testing.assert_allclose(found.transition, model.transition, rtol=0, atol=0.015)
    np.testing.assert_allclose(found.mean, model.mean, rtol=0, atol=0.03)
    np.testing.assert_allclose(found.covariance, model.covariance, rtol=0, atol=0.01)
    again, later = fit_regimes(z, None), fit_regimes(z, vector)
    assert again is not None
    assert later is not None
    assert np.array_equal(vector, again)  # the seed is fixed
    np.testing.assert_allclose(later, vector, rtol=0, atol=0.002)
    assert np.array_equal(pack(unpack(vector)), vector)


def test_the_units_do_not_matter() -> None:
    z = slow.simulated(planted(), 3000, seed=6)
    one, other = fit_regimes(z, None), fit_regimes(z * 8.0, None)
    assert one is not None
    assert other is not None
    power = np.repeat([0, 1, 2], [9, 6, 9])
    np.testing.assert_allclose(other, one * 8.0**power, rtol=1e-9)


def test_repeated_observations_do_not_make_a_state_of_their_own() -> None:
    z = slow.simulated(planted(), 5000, seed=7)
    z[:, ::100] = np.array([[-9.0], [1.0]])
    vector = fit_regimes(z, None)
    assert vector is not None
    assert unpack(vector).covariance[:, [0, 2]].min() > 1e-4


def test_too_little_is_not_fitted() -> None:
    z = slow.simulated(planted(), 600, seed=8)
    assert fit_regimes(z[:, :499].copy(), None) is None
    z[1] = 0.5
    assert fit_regimes(z, None) is None


@pytest.mark.parametrize("name", ["rate", "bqx"])
@pytest.mark.parametrize("k", SCALES)
def test_columns(name: DomainName, k: int) -> None:
    d = slow.domain(name)
    found = HmmRegime().compute(d, k)
    pairs = slow.samples(d.grid.minutes, k)
    ends, known = [e for e, _ in pairs], [row for _, row in pairs]
    week = (d.first + len(d) - 1) // slow.WEEK * slow.WEEK - d.first
    begin = int(np.searchsorted(known, week - REACH[k] * k))
    values = d.series[ends[begin - 20 :]]
    steps = np.diff(np.log(values) if name == "rate" else values)
    z = slow.observations(np.append(np.nan, steps), 20)[:, 20:]
    month = [row for row in d.month_starts() if row <= d.first + week][-1]
    vector = d.fitted(f"hmm_{k}m", month, lambda _past, _earlier: None)
    assert vector is not None  # fitted by the family
    model = unpack(vector)
    exact = slow.described(slow.filtered(z, model)[0], model.transition, REACH[k])
    for column, sampled in zip(found.values(), exact, strict=True):
        rows = slow.on_rows(sampled, known[begin:], len(d))[week + k :]
        np.testing.assert_allclose(column[week + k :], rows, rtol=0, atol=1e-8)
    shock, trend, calm = model.mean[2], model.mean[1], model.mean[0]
    assert shock[0] >= max(trend[0], calm[0])
    assert trend[1] >= calm[1]


def test_nothing_is_shown_before_there_are_parameters() -> None:
    d = slow.domain("rate")
    calm = HmmRegime().compute(d, 15)["calm"]
    fitted = next(row for row in d.month_starts() if row - d.first >= 28_800)
    week = -(-fitted // slow.WEEK) * slow.WEEK - d.first
    assert np.isnan(calm[:week]).all()
    assert np.isfinite(calm[week + 15 :]).all()


def test_fits_leave_out_what_spans_a_weekend() -> None:
    d = slow.domain("rate")
    month = next(row for row in d.month_starts() if row - d.first >= 28_800)
    HmmRegime().compute(d, 5)
    vector = d.fitted("hmm_5m", month, lambda _past, _earlier: None)
    past = month - d.first
    ends = [e for e, row in slow.samples(d.grid.minutes[:past], 5) if row < past]
    steps = np.append(np.nan, np.diff(np.log(d.series[ends])))
    steps[1:][np.diff(d.grid.minutes[ends]) > 5] = np.nan
    expected = fit_regimes(slow.observations(steps, 20), None)
    assert vector is not None
    assert expected is not None
    np.testing.assert_allclose(vector, expected, rtol=1e-6, atol=1e-9)
