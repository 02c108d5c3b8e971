"""Where the blocks of a two-sided scan stand.

Every window of w rows contains exactly one absolute row that is a multiple of w: its *border*. A
kernel sums backward and forward from each border, relative to the value there, and joins the two
halves of each window (van Herk 1992; Gil and Werman 1993). Borders belong to the grid and not to
the slice, so the bits of a result depend neither on where a slice begins nor on where it ends.

A value relative to the border's is exactly 0 where the two are equal, so every sum of a flat window
is exactly 0. And because the border lies inside the window, a sum of squares about its value is at
most w times the one about the window's mean: cancellation is bounded.
"""

from __future__ import annotations

from typing import NamedTuple

from bqx.kernels.jit import jit

CANCELLED = 64.0
"""Sum of squares about the border's value, relative to the one about the mean, from which a window
is evaluated again from its values. At most w, so windows of up to 64 rows never are; above, it takes
a border that lies more than 8 standard deviations from the window's mean."""


class Block(NamedTuple):
    """The windows that contain one border; window j ends j rows after it.

    Attributes:
        border: Index of the border in the slice.
        w: Length of the windows.
        first: The first window that fits into the slice.
        stop: One more than the last window that fits; at most ``first`` when none does.
    """

    border: int
    w: int
    first: int
    stop: int


@jit
def first_border(origin: int, w: int) -> int:
    """Index of the first border in a slice whose element 0 is the absolute row ``origin``."""
    return -origin % w


@jit
def block_at(border: int, w: int, rows: int) -> Block:
    """The windows on a border that fit into a slice of ``rows`` rows."""
    return Block(border, w, max(0, w - 1 - border), min(w, rows - border))
