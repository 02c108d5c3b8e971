"""Measures of the Hann-windowed, detrended periodogram of every trailing window of 256 rows."""

from __future__ import annotations

import math

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit
from bqx.kernels.sliding_fourier import HALF, POINTS, ROWS, empty_levels, transform

MEASURES = 11
"""Outputs of ``spectral_measures``."""

LOW = math.ceil(POINTS / 60) - 1
"""The highest frequency, in steps of 1/256, whose period is longer than 60 rows."""
HIGH = POINTS // 5 + 1
"""The lowest frequency whose period is shorter than 5 rows."""
LOBE = 2
"""A peak reaches this many frequencies to either side: half of the main lobe of Hann's window."""
EDGE = 0.95
"""Share of the power below the spectral edge."""
MOST = np.iinfo(np.int64).max
ROUNDING = 1e-24
"""A share of the power below this is the rounding of values that cancel."""


def _ramp() -> Floats:
    """Coefficients of the ramp 0, 1 … 255 less its mean, windowed like the data."""
    k = np.arange(1, HALF + 1)
    plain = np.zeros(HALF + 2, np.complex128)
    plain[1:-1] = 0.5 * POINTS * (1j / np.tan(np.pi * k / POINTS) - 1.0)
    plain[-1] = np.conj(plain[-3])
    windowed = 0.5 * plain[1:-1] - 0.25 * (plain[:-2] + plain[2:])
    return np.array([windowed.real, windowed.imag])


RAMP = _ramp()
"""Real and imaginary parts at the frequencies 1 … 128."""


@jit
def _energy(found: Floats, out: Floats) -> None:
    """Sum of the squares of all coefficients."""
    out[:] = 0.0
    for k in range(HALF + 1):
        re, im = found[0, k], found[1, k]
        for j in range(len(out)):
            out[j] += re[j] * re[j] + im[j] * im[j]


@jit
def _window(three: Floats, slope: Floats, ramp: tuple[float, float], out: Floats) -> None:
    """Power of one frequency, for both of its signs, from the coefficients around it.

    Hann's window is three frequencies wide: a half of the frequency itself, less a quarter of each
    neighbour.
    """
    b_re, h_re, a_re = three[0, 0], three[0, 1], three[0, 2]
    b_im, h_im, a_im = three[1, 0], three[1, 1], three[1, 2]
    r_re, r_im = ramp
    for j in range(len(out)):
        re = 0.5 * h_re[j] - 0.25 * (b_re[j] + a_re[j]) - r_re * slope[j]
        im = 0.5 * h_im[j] - 0.25 * (b_im[j] + a_im[j]) - r_im * slope[j]
        out[j] = 2.0 * (re * re + im * im)


@jit
def _window_last(two: Floats, slope: Floats, ramp: float, out: Floats) -> None:
    """Power of the highest frequency, a real one; its neighbours mirror each other."""
    for j in range(len(out)):
        re = 0.5 * (two[1, j] - two[0, j]) - ramp * slope[j]
        out[j] = re * re


@jit
def _periodogram(found: Floats, slope: Floats, power: Floats) -> None:
    """Power at the frequencies 1 … 128.

    The mean, and with it coefficient 0, and the line through the window are taken off first.
    """
    found[:, 0] = 0.0
    for k in range(1, HALF):
        ramp = (RAMP[0, k - 1], RAMP[1, k - 1])
        _window(found[:, k - 1 : k + 2], slope, ramp, power[k])
    _window_last(found[0, HALF - 1 :], slope, RAMP[0, HALF - 1], power[HALF])


@jit
def _sum(power: Floats, out: Floats) -> None:
    """Sum over frequencies, from the lowest."""
    out[:] = 0.0
    for k in range(len(power)):
        line = power[k]
        for j in range(len(out)):
            out[j] += line[j]


@jit
def _peak(power: Floats, taken: Floats, best: Floats, place: Floats) -> None:
    """The highest power, the first of equal ones, and its frequency, outside of a peak's lobe.

    Args:
        power: Shape (129, rows).
        taken: Frequency of the peak whose lobe is left out.
        best: Filled.
        place: Filled; 0 where no frequency has power.
    """
    best[:] = 0.0
    place[:] = 0.0
    for k in range(1, HALF + 1):
        line, here = power[k], float(k)
        for j in range(len(best)):
            value = line[j] if abs(here - taken[j]) > LOBE else 0.0
            better = value > best[j]
            best[j] = value if better else best[j]
            place[j] = here if better else place[j]


@jit
def _edge(power: Floats, total: Floats, out: Floats) -> None:
    """The lowest frequency up to which at least ``EDGE`` of the power lies."""
    out[:] = 1.0
    below = np.zeros(len(out))
    for k in range(1, HALF + 1):
        line = power[k]
        for j in range(len(out)):
            below[j] += line[j]
            out[j] += 1.0 if below[j] < EDGE * total[j] else 0.0


@jit
def _entropy(power: Floats, total: Floats, out: Floats) -> None:
    """Shannon entropy of the shares of the frequencies, relative to that of equal shares."""
    out[:] = 0.0
    for k in range(1, HALF + 1):
        line = power[k]
        for j in range(len(out)):
            value = line[j]
            out[j] += value * np.log(value) if value > 0.0 else 0.0
    most = np.log(float(HALF))
    for j in range(len(out)):
        entropy = np.log(total[j]) - out[j] / total[j]
        out[j] = min(max(entropy / most, 0.0), 1.0)


@jit
def _around(values: Ints, pivot: int) -> tuple[int, int, int]:
    """How many values lie below the pivot, the greatest of them, and the least of the others."""
    below, under, over = 0, -1, MOST
    for k in range(len(values)):
        value = values[k]
        less = value < pivot
        below += less
        under = max(under, value if less else -1)
        over = min(over, MOST if less else value)
    return below, under, over


@jit
def _middle(values: Ints, pivot: int) -> tuple[int, int]:
    """The two middle ones of an even number of values, neither of them negative.

    The search walks from value to value, so it is short when the pivot is near.
    """
    half = len(values) // 2
    below, under, over = _around(values, pivot)
    while below > half:
        pivot = under
        below, under, over = _around(values, pivot)
        if below < half:
            return pivot, pivot
    while below < half:
        pivot = over
        below, under, over = _around(values, pivot + 1)
        if below > half:
            return pivot, pivot
    return under, over


@jit
def _median(power: Floats, total: Floats, out: Floats) -> None:
    """Median power of the frequencies 1 … 128.

    Positive numbers are in the order of their bits, which compare faster. The search begins at the
    median of the row before; where it ends does not depend on that.
    """
    values, pair = np.empty(HALF), np.empty(2)
    bits, ends = values.view(np.int64), pair.view(np.int64)
    for j in range(len(out)):
        out[j] = np.nan
        if total[j] > 0.0:
            for k in range(HALF):
                values[k] = power[k + 1, j]
            if j == 0 or not total[j - 1] > 0.0:
                pair[0] = total[j] / HALF
            ends[0], ends[1] = _middle(bits, ends[0])
            out[j] = 0.5 * (pair[0] + pair[1])


@jit
def _harmonics(power: Floats, place: Floats, best: Floats, out: Floats) -> None:
    """Power at two and three times the peak's frequency relative to the peak."""
    for j in range(len(out)):
        two, three = 2 * int(place[j]), 3 * int(place[j])
        above = power[two, j] if two <= HALF else np.nan
        above += power[three, j] if three <= HALF else 0.0
        out[j] = above / best[j]


@jit
def _ratio(part: Floats, whole: Floats, total: Floats, out: Floats) -> None:
    """Quotient of powers; NaN where the denominator is but the rounding of the total."""
    for j in range(len(out)):
        out[j] = part[j] / whole[j] if whole[j] > ROUNDING * total[j] else np.nan


@jit
def _measure(power: Floats, total: Floats, out: Floats) -> None:
    """All measures of a tile; see ``spectral_measures`` for their order."""
    place, best, second, sums = out[0], out[1], out[2], np.empty((3, out.shape[1]))
    place[:] = -HALF
    _peak(power, place.copy(), best, place)
    _peak(power, place, sums[0], second)
    _harmonics(power, place, best, out[3])
    _sum(power[1 : LOW + 1], sums[0])
    _sum(power[HIGH:], sums[1])
    _median(power, total, sums[2])
    _entropy(power, total, out[6])
    _edge(power, total, out[7])
    _ratio(sums[1], sums[0], total, out[8])
    _ratio(best, sums[2], total, out[9])
    out[10] = total
    for j in range(out.shape[1]):
        out[1, j] = min(best[j] / total[j], 1.0)
        out[4, j] = min(sums[0, j] / total[j], 1.0)
        out[5, j] = min(sums[1, j] / total[j], 1.0)
        second[j] = second[j] if second[j] > 0.0 else np.nan


@jit
def _in_cycles(out: Floats) -> None:
    """Frequencies per row in place of their numbers."""
    for i in (0, 2, 7):
        line = out[i]
        for j in range(len(line)):
            line[j] /= POINTS


@jit
def _blank(energy: Floats, total: Floats, out: Floats) -> None:
    """NaN where nothing but rounding is left of the values."""
    for j in range(len(total)):
        if not total[j] > ROUNDING * energy[j]:
            out[:, j] = np.nan


@jit
def spectral_measures(y: Floats, slope: Floats, out: Floats) -> None:
    """Measures of the periodogram of every trailing window of 256 rows, the current row included.

    The straight line fitted to the window is taken off, Hann's window put on, and the power of the
    frequencies 1/256, 2/256 … 1/2 per row counted for both signs (Welch 1967). Every row's result
    comes from its window alone (see ``sliding_fourier``).

    Args:
        y: Shape (n,), a series of changes: rounding grows with the distance of its level from 0.
            NaN makes exactly the windows that contain it NaN.
        slope: Shape (n,), slope of the line fitted to each window, in units of y per row.
        out: Shape (11, n), filled: frequency of the highest power, its share of the total,
            frequency of the second peak (the highest power more than two frequencies away), power
            at two and three times the first peak's frequency relative to it (NaN where twice the
            frequency is above the highest), share of the frequencies below 1/60, share of those
            above 1/5, entropy in [0, 1], frequency up to which 95 % of the power lie, quotient of
            the two shares, quotient of highest and median power, and total power: 96 times the sum
            of a power density. Frequencies are per row. All are NaN in a window that a line fits
            up to rounding and where t < 255; quotients also where the denominator is rounding.
    """
    levels = empty_levels()
    power, work = np.zeros((HALF + 1, ROWS)), np.empty((2, ROWS))
    for start in range(0, len(y), ROWS):
        rows = min(ROWS, len(y) - start)
        tile, part = power[:, :rows], out[:, start : start + rows]
        energy, total = work[0, :rows], work[1, :rows]
        found = transform(y[start : start + rows], levels)
        _energy(found, energy)
        _periodogram(found, slope[start : start + rows], tile)
        _sum(tile[1:], total)
        _measure(tile, total, part)
        _in_cycles(part)
        _blank(energy, total, part)
