"""Reliability of probabilities and coverage of quantiles, beside the martingale's."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.errors import ConfigError
from bqx.models.calibration import coverage, reliability
from bqx.models.outcomes import Forecast
from walks import walk_outcomes

OUTCOMES, _ = walk_outcomes(20_000, 60, 15, 11)


def test_the_martingales_own_probabilities_are_reliable_and_bolder_ones_are_not() -> None:
    p = OUTCOMES.martingale_probability()
    bold = np.clip(3.0 * (p - 0.5) + 0.5, 0.0, 1.0)
    found = reliability(
        OUTCOMES, Forecast(OUTCOMES.expected, probability=bold), horizon=15, bins=5, resamples=200
    )
    assert found.edges == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert found.zeros == 0
    for curve in (found.model, found.martingale):
        assert curve.counts.sum() == 20_000
        assert np.all((curve.low <= curve.observed) & (curve.observed <= curve.high))
    assert found.martingale.error < 0.05
    assert found.model.error > 2.0 * found.martingale.error
    first = p < 0.2
    assert found.martingale.forecast[0] == pytest.approx(p[first].mean())
    assert found.martingale.observed[0] == pytest.approx((OUTCOMES.values[first] > 0.0).mean())


def test_empty_bins_have_no_share() -> None:
    half = Forecast(OUTCOMES.expected, probability=np.full(20_000, 1.0))
    found = reliability(OUTCOMES, half, horizon=15, bins=4, resamples=20).model
    assert found.counts.tolist() == [0, 0, 0, 20_000]
    assert np.isnan(found.observed[:3]).all()
    assert np.isnan(found.low[:3]).all()
    assert 0.3 < found.error < 0.7


def test_quantiles_cover_what_they_say() -> None:
    assert OUTCOMES.scale is not None
    levels = (0.1, 0.5, 0.9)
    exact = dict(zip(levels, OUTCOMES.martingale_quantiles(levels), strict=True))
    exact[0.9] = exact[0.9] + OUTCOMES.scale
    found = coverage(OUTCOMES, Forecast(OUTCOMES.expected, exact), horizon=15, resamples=200)
    assert [c.level for c in found] == list(levels)
    for one in found:
        assert one.martingale == pytest.approx(one.level, abs=0.04)
        assert one.interval[0] <= one.model <= one.interval[1]
    assert found[0].model == found[0].martingale
    assert found[2].interval[0] > 0.95


def test_what_is_missing_is_refused() -> None:
    with pytest.raises(ConfigError, match="without probabilities"):
        reliability(OUTCOMES, Forecast(OUTCOMES.expected), horizon=15)
    with pytest.raises(ConfigError, match="without quantiles"):
        coverage(OUTCOMES, Forecast(OUTCOMES.expected), horizon=15)
