"""What every kernel keeps for every series: slices, warm-up, NaN, scale and shift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelcases import GARBAGE, KERNELS, Kernel
from references import Floats

FEW = settings(max_examples=30, deadline=None)
STEP = 2.0**-20
"""Series lie on multiples of this below 2**10, so that shifting and doubling them is exact."""

EACH_KERNEL = pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)


@st.composite
def series(draw: st.DrawFn) -> Floats:
    """Positive values: pieces of noise, walks, ramps and constants, with jumps between them."""
    pieces = []
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(("flat", "walk", "noise", "ramp", "jump")))
        rows = 1 if kind == "jump" else draw(st.integers(1, 90))
        level = draw(st.floats(50.0, 150.0))
        size = draw(st.sampled_from((1e-4, 1e-2, 1.0)))
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        shape = {
            "walk": np.cumsum(rng.normal(size=rows)),
            "noise": rng.normal(size=rows),
            "ramp": np.arange(rows) - 0.3 * rows,
        }.get(kind, np.zeros(rows))
        pieces.append(np.abs(level + size * shape))
    return np.round(np.concatenate(pieces) / STEP) * STEP


windows = st.integers(3, 80)
origins = st.integers(0, 10**8)


def bits(values: Floats) -> bytes:
    return np.ascontiguousarray(values).tobytes()


@EACH_KERNEL
@FEW
@given(y=series(), w=windows, origin=origins, data=st.data())
def test_a_slice_gives_the_same_bits(
    kernel: Kernel, y: Floats, w: int, origin: int, data: Any
) -> None:
    a = data.draw(st.integers(0, len(y) - 1))
    b = data.draw(st.integers(a + 1, len(y)))
    whole = kernel.run(y, w, origin)[:, a:b]
    part = kernel.run(y[a:b], w, origin + a)
    warm = kernel.reach(w) - 1
    assert bits(part[:, warm:]) == bits(whole[:, warm:])


@EACH_KERNEL
@FEW
@given(y=series(), w=windows, origin=origins, data=st.data())
def test_the_future_changes_nothing(
    kernel: Kernel, y: Floats, w: int, origin: int, data: Any
) -> None:
    now = data.draw(st.integers(1, len(y)))
    other = y.copy()
    other[now:] = np.random.default_rng(now).normal(size=len(y) - now)
    assert bits(kernel.run(other, w, origin)[:, :now]) == bits(kernel.run(y, w, origin)[:, :now])


@EACH_KERNEL
@FEW
@given(y=series(), w=windows, origin=origins, data=st.data())
def test_leading_nan_spoils_the_windows_that_contain_it_and_no_other(
    kernel: Kernel, y: Floats, w: int, origin: int, data: Any
) -> None:
    spoiled = data.draw(st.integers(0, len(y)))
    holed = y.copy()
    holed[:spoiled] = np.nan
    found, clean = kernel.run(holed, w, origin), kernel.run(y, w, origin)
    good = spoiled + kernel.reach(w) - 1
    assert np.isnan(found[:, :good]).all()
    assert bits(found[:, good:]) == bits(clean[:, good:])


@EACH_KERNEL
@FEW
@given(y=series(), w=windows, origin=origins)
def test_every_output_is_written_and_the_warm_up_is_nan(
    kernel: Kernel, y: Floats, w: int, origin: int
) -> None:
    found = kernel.run(y, w, origin)
    warm = kernel.reach(w) - 1
    assert np.isnan(found[:, :warm]).all()
    assert np.isfinite(found[:1, warm:]).all()
    assert not np.isin(found, GARBAGE).any()


POWER = {
    "quadratic_fit": np.array([1, 1, 1, 1, 0, 1, 1]),
    "mean_std": np.array([1, 1]),
    "minmax": np.array([1, 1]),
    "backward_return": np.array([0]),
    "backward_returns": np.array([0]),
}
"""Exponent with which each output grows with the series."""


@pytest.mark.parametrize("kernel", [k for k in KERNELS if k.name in POWER], ids=lambda k: k.name)
@FEW
@given(y=series(), w=windows, origin=origins, power=st.integers(1, 30))
def test_a_doubled_series_gives_doubled_bits(
    kernel: Kernel, y: Floats, w: int, origin: int, power: int
) -> None:
    once, more = kernel.run(y, w, origin), kernel.run(y * 2.0**power, w, origin)
    expected = once * (2.0**power) ** POWER[kernel.name][:, None]
    defined = ~np.isnan(expected)
    # A window with SST < 1e-18 has no r2; enlarged, it has one.
    assert bits(more[defined]) == bits(expected[defined])


SHIFTED = {"quadratic_fit": [2, 6], "mean_std": [0], "minmax": [0, 1]}
"""The outputs that move with the series; the others stay as they are."""


@pytest.mark.parametrize("kernel", [k for k in KERNELS if k.name in SHIFTED], ids=lambda k: k.name)
@FEW
@given(y=series(), w=windows, origin=origins, shift=st.integers(1, 800))
def test_a_shifted_series_moves_the_level_alone(
    kernel: Kernel, y: Floats, w: int, origin: int, shift: int
) -> None:
    found, moved = kernel.run(y, w, origin), kernel.run(y + shift, w, origin)
    level = SHIFTED[kernel.name]
    others = [k for k in range(len(found)) if k not in level]
    assert bits(moved[others]) == bits(found[others])
    np.testing.assert_allclose(moved[level], found[level] + shift, rtol=0, atol=1e-12)
