"""Where the blocks of a two-sided scan stand.

Every window of w rows contains exactly one absolute row that is a multiple of w: its *border*. A
kernel sums backward and forward from each border, and joins the two halves of each window (van Herk
1992, Gil and Werman 1993). Borders belong to the grid and not to the slice, so the bits of a result
do not depend on where the slice begins or ends.
"""

from __future__ import annotations

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def first_border(origin: int, w: int) -> int:
    """Index of the first border in a slice whose element 0 is the absolute row ``origin``."""
    return -origin % w


@jit
def flat_rows(y: Floats, border: int, w: int) -> tuple[int, int]:
    """Which windows on a border hold w equal values.

    Returns:
        The windows that end ``first <= j < stop`` rows after the border (none if ``first >= stop``).
    """
    stop = 1
    while stop < w and border + stop < len(y) and y[border + stop] == y[border]:
        stop += 1
    back = 0
    while back < w - 1 and back < border and y[border - back - 1] == y[border]:
        back += 1
    return w - 1 - back, stop
