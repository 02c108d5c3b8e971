"""Round trips through three currencies at executable prices."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.currencies import triangle_at
from bqx.kernels.jit import jit


@jit
def _step(bid: float, ask: float, sign: float) -> float:
    """What one unit becomes: the base is sold at the bid (sign 1), or bought at the ask (-1)."""
    return bid if sign > 0.0 else 1.0 / ask


@jit
def round_trips(bids: Floats, asks: Floats, own: int, triangles: Ints, out: Floats) -> None:
    """Greatest gain of a round trip that begins with a pair, in both directions.

    Forward, the pair's base is sold for its quote currency, which is changed into the bridge
    currency and back into the base; backward, the same way round is gone in reverse.

    Args:
        bids: Shape (pairs, n), bids; NaN where there is none.
        asks: Shape (pairs, n), asks, likewise.
        own: Row of the pair.
        triangles: Shape (k, 4), see ``triangle_at``.
        out: Shape (2, n), filled with the greatest gain per unit over the triangles, forward and
            backward, negative where every trip loses; NaN where no triangle has all six prices.
    """
    for t in range(out.shape[1]):
        forward = backward = -np.inf
        for k in range(len(triangles)):
            i, i_sign, j, j_sign = triangle_at(triangles, k)
            there = _step(bids[own, t], asks[own, t], 1.0)
            there *= _step(bids[i, t], asks[i, t], i_sign) * _step(bids[j, t], asks[j, t], j_sign)
            back = _step(bids[own, t], asks[own, t], -1.0)
            back *= _step(bids[j, t], asks[j, t], -j_sign) * _step(bids[i, t], asks[i, t], -i_sign)
            if not np.isnan(there + back):
                forward, backward = max(forward, there), max(backward, back)
        found = forward > 0.0
        out[0, t] = forward - 1.0 if found else np.nan
        out[1, t] = backward - 1.0 if found else np.nan
