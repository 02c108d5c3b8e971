"""Block ends, held values, scores and observations against slow twins."""

from __future__ import annotations

import numpy as np
import pytest

import references_regimes as slow
from bqx.kernels.samples import block_ends, hold, scores, volatility_and_efficiency
from bqx.market import Calendar
from references import Floats, accuracy_series

SERIES = accuracy_series(2600)


def ends_of(minutes: np.typing.NDArray[np.int64], k: int) -> list[tuple[int, int]]:
    ends, known = np.empty_like(minutes), np.empty_like(minutes)
    count = block_ends(minutes, k, ends, known)
    return list(zip(ends[:count].tolist(), known[:count].tolist(), strict=True))


@pytest.mark.parametrize("k", [1, 5, 15])
def test_blocks_end_at_their_last_clock_minute(k: int) -> None:
    minutes = Calendar().minutes(7_100, 7_400)
    found = ends_of(minutes, k)
    assert found == slow.samples(minutes, k)
    assert all(end == known and minutes[end] % k == k - 1 for end, known in found)


def test_a_block_without_its_last_minute_is_known_one_row_later() -> None:
    minutes = np.array([10, 11, 12, 13, 14, 15, 16, 2880, 2881, 2883, 2885])
    assert ends_of(minutes, 5) == [(4, 4), (6, 7), (9, 10)]
    assert ends_of(minutes, 5) == slow.samples(minutes, 5)
    # Whether more follows cannot be told from the last row.
    assert ends_of(minutes[:7], 5) == [(4, 4)]


def test_a_value_stands_from_where_it_is_known_to_the_next() -> None:
    out = np.empty(8)
    hold(np.array([1.0, np.nan, 3.0]), np.array([2, 4, 5]), out)
    np.testing.assert_array_equal(out, [np.nan, np.nan, 1, 1, np.nan, 3, 3, 3])
    hold(np.empty(0), np.empty(0, np.int64), out)
    assert np.isnan(out).all()


def found_scores(y: Floats, w: int) -> Floats:
    out = np.full((2, len(y)), 12345.0)
    scores(y, w, out[0], out[1])
    return out


@pytest.mark.parametrize("name", SERIES)
def test_scores(name: str) -> None:
    for y in (SERIES[name][1], np.diff(SERIES[name][1])):
        found = found_scores(y, 240)
        for values, centred in zip(found, (False, True), strict=True):
            exact = slow.scores(y, 240, centred=centred)
            np.testing.assert_allclose(values, exact, rtol=1e-11, atol=1e-11)


def test_scores_do_not_depend_on_where_the_series_begins() -> None:
    y = SERIES["quotes"][1]
    whole = found_scores(y, 240)
    for start in (1, 7, 1030):
        part = found_scores(y[start:].copy(), 240)
        assert part[:, 239:].tobytes() == whole[:, start + 239 :].tobytes()


def test_flat_windows_and_missing_values_have_no_score() -> None:
    y = np.random.default_rng(1).normal(size=400)
    y[100:200] = 0.3
    y[300] = np.nan
    found = found_scores(y, 50)
    none = np.isnan(found[0])
    assert none[:49].all()
    assert none[149:200].all()
    assert none[300:350].all()
    assert np.count_nonzero(none) == 49 + 51 + 50
    assert (none == np.isnan(found[1])).all()


def test_volatility_and_efficiency() -> None:
    changes = np.random.default_rng(2).normal(size=500) * 1e-4
    changes[50:90] = 0.0
    changes[200] = np.nan
    changes[300:330] = 1e-4
    out = np.empty((2, 500))
    volatility_and_efficiency(changes, 20, out)
    np.testing.assert_allclose(out, slow.observations(changes, 20), rtol=1e-12, atol=0)
    assert (out[1, 319:330] == 1.0).all()
    assert np.isnan(out[:, 69:90]).all()
