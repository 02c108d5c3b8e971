"""The error correction kernel against its slow twin, and on the series that break such sums."""

from __future__ import annotations

import numpy as np
import pytest

import references
import references_cointegration as slow
from bqx.kernels.cointegration import MEASURES, error_correction
from references import Floats

W, NEAR = 240, (20, 60)
ROWS = 6 * W
NONE, SUM = (0.0, 0.0), (1.0, 1.0)

System = tuple[Floats, Floats, Floats]


def run(series: System, weights: tuple[float, float], origin: int = 0) -> Floats:
    out = np.full((MEASURES, len(series[0])), 12345.678)
    error_correction(series, weights, (W, *NEAR), origin, out)
    return out


def quoted(log_price: Floats, level: float) -> Floats:
    """Log index of a price that is quoted in 5 digits."""
    price = np.round(level * np.exp(log_price), 5)
    return np.asarray(np.log(price / price[0] * 100.0))


def backward(log_index: Floats) -> Floats:
    """BQX without its first rows."""
    index = np.exp(log_index)
    return np.asarray(references.backward_return(index, 15)[15:], np.float64)


def walks(rows: int) -> tuple[Floats, Floats, Floats]:
    return (
        references.walk(rows, 7e-5, 1),
        references.walk(rows, 7e-5, 2),
        references.walk(rows, 5e-5, 3),
    )


def triangle(rows: int = ROWS) -> System:
    a, b, _ = walks(rows)
    return quoted(a + b, 0.77), quoted(a, 1.1), quoted(b, 0.7)


def cluster(rows: int = ROWS) -> System:
    a, b, c = walks(rows)
    return quoted(c + 0.5 * a + 0.3 * b, 1.3), quoted(a, 1.1), quoted(b, 0.7)


def spikes_on_borders() -> System:
    """Marks far off, for one row and for ten, where blocks are anchored."""
    y, x, v = cluster()
    y[W - 1] += 0.05
    x[2 * W - 1 : 2 * W + 9] += 0.3
    v[4 * W - 1 : 4 * W + 2] -= 0.01
    return y, x, v


def standing_still() -> System:
    row = np.arange(ROWS)
    last = row // 130 * 130
    y, x, v = cluster()
    flat = (row // 130) % 2 == 1
    return np.where(flat, y[last], y), np.where(flat, x[last], x), np.where(flat, v[last], v)


def nearly_alike() -> System:
    y, x, _ = cluster()
    return y, x, x + 1e-6 * np.random.default_rng(4).normal(size=ROWS)


def steps() -> System:
    y, x, v = cluster()
    jump = np.where((np.arange(ROWS) // 300) % 2, 0.05, 0.0)
    return y + jump, x - jump, v


def in_bqx(system: System) -> System:
    y, x, v = (backward(s) for s in system)
    return y, x, v


CASES: dict[str, tuple[System, tuple[float, float], float]] = {
    "triangle": (triangle(), SUM, 1e-12),
    "triangle without theory": (triangle(), NONE, 5e-12),
    "cluster": (cluster(), NONE, 1e-12),
    "steps of 5 %": (steps(), NONE, 1e-10),
    "spikes on borders": (spikes_on_borders(), NONE, 5e-11),
    "a market that stands still": (standing_still(), NONE, 1e-11),
    "regressors nearly alike": (nearly_alike(), NONE, 2e-11),
    "BQX triangle": (in_bqx(triangle()), SUM, 1e-12),
    "BQX cluster": (in_bqx(cluster()), NONE, 1e-12),
    "BQX spikes": (in_bqx(spikes_on_borders()), NONE, 5e-12),
}
"""Series, weights in theory, and the error allowed in natural units of each output."""


def rows_to_compare(rows: int) -> list[int]:
    """The first windows, those around borders, and random ones."""
    near = [b + k for b in range(W, rows, W) for k in (-2, -1, 0, 1, 2, W - 2)]
    chosen = np.random.default_rng(6).integers(W - 1, rows, 60).tolist()
    return sorted({t for t in (*near, *chosen, W, rows - 1) if W - 1 <= t < rows})


@pytest.mark.parametrize("name", CASES)
def test_every_measure_equals_its_slow_twin(name: str) -> None:
    system, weights, allowed = CASES[name]
    found = run(system, weights)
    for t in rows_to_compare(len(system[0])):
        y, x, v = (s[t - W + 1 : t + 1] for s in system)
        exact, unit = slow.window(y, x, v, NEAR)
        assert (np.isnan(found[:, t]) == np.isnan(exact)).all(), (name, t)
        error = np.abs(found[:, t] - exact) / unit
        assert float(np.nanmax(error)) <= allowed, (name, t, error)


def test_the_warm_up_is_nan_and_every_output_is_written() -> None:
    found = run(triangle(), SUM)
    assert np.isnan(found[:, : W - 1]).all()
    assert not (found == 12345.678).any()
    always = np.delete(found, 5, axis=0)
    assert np.isfinite(always[:, W - 1 :]).all()


@pytest.mark.parametrize("hole", [slice(0, 37), slice(2 * W, 2 * W + 1), slice(500, 520)])
def test_nan_spoils_the_windows_that_contain_it_and_no_other(hole: slice) -> None:
    clean = run(cluster(), NONE)
    for k in range(3):
        system = cluster()
        system[k][hole] = np.nan
        found = run(system, NONE)
        spoiled = np.zeros(ROWS, np.bool_)
        spoiled[: W - 1] = True
        spoiled[hole.start : hole.stop + W - 1] = True
        assert np.isnan(found[:, spoiled]).all()
        assert found[:, ~spoiled].tobytes() == clean[:, ~spoiled].tobytes()


@pytest.mark.parametrize(("origin", "cut"), [(0, 1), (17, 100), (10**8 + 3, 333), (5, W), (239, 7)])
def test_a_slice_gives_the_same_bits(origin: int, cut: int) -> None:
    system = spikes_on_borders()
    end = ROWS - cut // 2
    whole = run(system, NONE, origin)
    y, x, v = (np.ascontiguousarray(s[cut:end]) for s in system)
    part = run((y, x, v), NONE, origin + cut)
    assert part[:, W - 1 :].tobytes() == whole[:, cut + W - 1 : end].tobytes()


def test_the_future_changes_nothing() -> None:
    now = 3 * W + 71
    clean = run(cluster(), NONE, 50)
    system = cluster()
    for s in system:
        s[now:] = np.random.default_rng(now).normal(size=ROWS - now)
    assert run(system, NONE, 50)[:, :now].tobytes() == clean[:, :now].tobytes()


def test_an_exact_identity_leaves_rounding_and_no_dynamics() -> None:
    _, x, v = triangle()
    found = run((x + (v - v[0]), x, v), SUM)[:, W - 1 :]
    assert (found[12] < 1e-14).all()
    np.testing.assert_allclose(found[10:12], 1.0, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found[13], 1.0, rtol=0, atol=1e-15)
    assert np.isnan(found[[1, 2, 5, 6, 7, 8, 9]]).all()


def test_regressors_without_a_part_of_their_own_give_no_value() -> None:
    y, x, v = cluster()
    still = np.full(ROWS, 4.6)
    for first, second in ((x, x), (x, -2.0 * x), (x, still), (still, v), (still, still)):
        assert np.isnan(run((y, first, second), NONE)).all()


def test_a_pair_that_stands_still_has_no_r2_and_no_residual_to_follow() -> None:
    _, x, v = cluster()
    found = run((np.full(ROWS, 4.6), x, v), NONE)[:, W - 1 :]
    assert (found[[0, 3, 4, 10, 11, 12]] == 0.0).all()
    assert np.isnan(found[[1, 2, 5, 6, 7, 8, 9, 13]]).all()


def test_a_decay_of_one_half_in_ten_rows() -> None:
    rows = 40 * W
    rng, keep = np.random.default_rng(8), 0.5**0.1
    e = rng.normal(size=rows) * 1e-5
    for t in range(1, rows):
        e[t] += keep * e[t - 1]
    a, b, _ = walks(rows)
    found = np.empty((MEASURES, rows))
    error_correction((a + b + e, a, b), SUM, (6 * W, *NEAR), 0, found)
    assert float(np.nanmedian(found[5])) == pytest.approx(10.0, rel=0.15)
    assert float(np.nanmedian(found[7])) < -5.0
    np.testing.assert_allclose(np.nanmedian(found[10:12], axis=1), 1.0, rtol=0, atol=0.01)


def test_a_residual_that_only_its_last_row_makes_has_no_loading() -> None:
    x, v, y = np.zeros(W), np.zeros(W), np.zeros(W)
    x[:-4] = np.tile([1e-3, -1e-3], (W - 4) // 2)
    v[:-4] = np.tile([1e-3, 1e-3, -1e-3, -1e-3], (W - 4) // 4)
    y[-1] = 1e-3
    found = run((y, x, v), NONE)[:, -1]
    assert found[0] == pytest.approx(1e-3 * (1 - 1 / W), rel=1e-12)
    assert np.isnan(found[5:8]).all()
    assert np.isfinite(np.delete(found, [5, 6, 7])).all()
