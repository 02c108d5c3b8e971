"""Where the blocks of a two-sided scan stand.

Every window of w rows contains exactly one absolute row that comes before a multiple of w: its
*border*. A kernel sums backward and forward from each border, relative to the value there, and
joins the two halves of each window (van Herk 1992; Gil and Werman 1993). Weeks have 7,200 rows, so
for most w the first row of a week is a multiple; the gap of a weekend would stand on every border
of this kind, and the windows around it would lose digits. Borders belong to the grid and not to
the slice, so the bits of a result depend neither on where a slice begins nor on where it ends.

A value relative to the border's is exactly 0 where the two are equal, so every sum of a flat window
is exactly 0. And because the border lies inside the window, a sum of squares about its value is at
most w times the one about the window's mean: cancellation is bounded.
"""

from __future__ import annotations

from typing import NamedTuple

from bqx.kernels.jit import jit

CANCELLED = 64.0
"""See ``lost_digits``."""


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
    return -(origin + 1) % w


@jit
def block_at(border: int, w: int, rows: int) -> Block:
    """The windows on a border that fit into a slice of ``rows`` rows."""
    return Block(border, w, max(0, w - 1 - border), min(w, rows - border))


@jit
def lost_digits(total: float, scatter: float, w: int) -> bool:
    """Whether the mean lies more than eight standard deviations from the border's value.

    Then the sum of squares about the mean is what is left of one 64 times as large or larger, and
    the window is evaluated again from its values. Never in windows of up to 64 rows; in longer ones
    after an outlier that stands on a border. A scatter that rounding has made negative is lost.

    Args:
        total: Sum of the values relative to the border's.
        scatter: Sum of squares about the mean.
        w: Rows in the window.
    """
    return total * total > CANCELLED * w * scatter
