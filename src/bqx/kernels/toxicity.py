"""Imbalance of buying and selling in buckets of equal volume."""

from __future__ import annotations

import math

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

ROOT_TWO = math.sqrt(2.0)

BUCKETS = 50
"""Buckets in a window."""

EVERY = 15
"""Absolute rows that are multiples of it get a value, which stands until the next one."""


@jit
def bulk_imbalance(r: Floats, deviation: Floats, volume: Floats, out: Floats) -> None:
    """Bought less sold volume of each row by bulk classification.

    The share V Φ(r/s) of a row's volume counts as bought, s the deviation, and the rest as sold
    (Easley, López de Prado and O'Hara 2012).

    Args:
        r: Shape (n,), returns.
        deviation: Shape (n,), their standard deviation; where it is 0 both shares are a half.
        volume: Shape (n,), not negative.
        out: Shape (n,), filled; NaN where an input is.
    """
    for t in range(len(out)):
        z = r[t] / deviation[t] if deviation[t] != 0.0 else 0.0
        out[t] = volume[t] * math.erf(z / ROOT_TWO)


@jit
def _toxicity(volume: Floats, net: Floats) -> float:
    """Mean size of the imbalance of the buckets of one window, relative to their volume."""
    total = 0.0
    for i in range(len(volume)):
        total += volume[i]
    if not total > 0.0:
        return np.nan
    room = size = total / BUCKETS
    found = held = 0.0
    open_buckets = BUCKETS - 1
    for i in range(len(volume)):
        rest, share = volume[i], net[i]
        while open_buckets > 0 and rest > room:
            part = share * (room / rest)
            found += abs(held + part)
            rest, share = rest - room, share - part
            room, held = size, 0.0
            open_buckets -= 1
        room -= rest
        held += share
    return min((found + abs(held)) / total, 1.0)


@jit
def vpin(volume: Floats, net: Floats, w: int, origin: int, out: Floats) -> None:
    """Volume-synchronized probability of informed trading over trailing windows.

    The window's volume is cut into ``BUCKETS`` parts of equal volume, in the order of time; a row
    at a border is divided in proportion. It is the sum of the sizes of their imbalances over the
    volume.

    Args:
        volume: Shape (n,), not negative. NaN makes exactly the windows that contain it NaN.
        net: Shape (n,), bought less sold volume, at most the volume in size, likewise.
        w: Rows in a window.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled, in [0, 1]; NaN where the window has no volume. A value is made at
            each multiple of ``EVERY`` and stands until the next one.
    """
    out[:] = np.nan
    first = -origin % EVERY
    for t in range(first + -(-(w - 1 - first) // EVERY) * EVERY, len(out), EVERY):
        value = _toxicity(volume[t - w + 1 : t + 1], net[t - w + 1 : t + 1])
        for i in range(t, min(t + EVERY, len(out))):
            out[i] = value
