"""A pair against one series made of its group: spreads, residuals, and who leads.

The members of a group are those that count at the row; the composite over the whole window is made
of them, so that a peer that comes or goes never makes a jump within a window.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.correlation import residual
from bqx.kernels.jit import jit
from bqx.kernels.membership import Blend, Piece, Rows, pieces, size
from bqx.kernels.moments import mean_std
from bqx.kernels.nested import (
    doubled_products,
    nested_moments,
    products_of_fifteen,
    products_of_three,
)
from bqx.kernels.present import standard_score
from bqx.kernels.principal import PERIOD

LAGS = 5
"""Greatest lag of ``lead_lag``."""
LEAD_WINDOW = 60

_CHUNK = 960


@jit
def _composite(blend: Blend, piece: Piece, low: int) -> Floats:
    """Mean of the members' weighted values, from row ``low`` to the end of the piece."""
    out = np.zeros(piece.stop - low)
    per_member = 1.0 / size(piece.members)
    for k in range(len(blend.row)):
        if piece.members >> k & 1:
            values, factor = blend.values[blend.row[k], low : piece.stop], blend.weight[k]
            for t in range(len(out)):
                out[t] += values[t] * factor
    for t in range(len(out)):
        out[t] *= per_member
    return out


@jit
def _take(part: Floats, piece: Piece, low: int, members: Rows, out: Floats) -> None:
    """Copy the values of the rows that have exactly the piece's members."""
    for t in range(piece.start, piece.stop):
        if members[t] == piece.members:
            out[t] = part[t - low]


@jit
def spread_score(own: Floats, blend: Blend, w: int, origin: int, out: Floats) -> None:
    """Standard score of the pair's series less its group's composite in every trailing window.

    Args:
        own: Shape (n,), the pair's series.
        blend: The group.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; NaN where the spread does not vary, where fewer than
            ``LEAST_PEERS`` peers count, and where t < w - 1.
    """
    out[:] = np.nan
    for piece in pieces(blend.members, _CHUNK, origin):
        low = max(piece.start - w + 1, 0)
        spread = own[low : piece.stop] - _composite(blend, piece, low)
        mean, std, score = np.empty_like(spread), np.empty_like(spread), np.empty_like(spread)
        mean_std(spread, w, origin + low, mean, std)
        standard_score(spread, mean, std, score)
        _take(score, piece, low, blend.members, out)


@jit
def group_residual(own: Floats, blend: Blend, w: int, origin: int, out: Floats) -> None:
    """Residual at the current row of the pair's series regressed on its group's composite.

    Args:
        own: Shape (n,), the pair's series.
        blend: The group.
        w: Rows of the regression, which has an intercept.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; NaN where the composite does not vary, where fewer than
            ``LEAST_PEERS`` peers count, and where t < w - 1.
    """
    out[:] = np.nan
    for piece in pieces(blend.members, _CHUNK, origin):
        low = max(piece.start - w + 1, 0)
        part = np.empty(piece.stop - low)
        residual(own[low : piece.stop], _composite(blend, piece, low), w, origin + low, part)
        _take(part, piece, low, blend.members, out)


@jit
def _lagged_products(
    leader: Floats, follower: Floats, means: tuple[Floats, Floats], lag: int, work: Floats
) -> Floats:
    """Sums of products about the means over 60 rows of a series and another ``lag`` rows before."""
    stop = len(leader) - lag
    earlier, now = leader[:stop], follower[lag:]
    before, after = means
    even, odd = work[0, lag:], work[1, lag:]
    products_of_three(earlier, now, even)
    products_of_fifteen(before[0, :stop], after[0, lag:], even, odd)
    doubled_products(before[1, :stop], after[1, lag:], odd, 15, even)
    doubled_products(before[2, :stop], after[2, lag:], even, 30, odd)
    return odd


@jit
def _greatest(product: Floats, first: Floats, second: Floats, best: Floats) -> None:
    """Raise the greatest correlation so far; NaN is taken and stays."""
    for t in range(LEAD_WINDOW - 1, len(best)):
        one = product[t] / (np.sqrt(first[t]) * np.sqrt(second[t]))
        one = max(min(one, 1.0), -1.0)
        best[t] = one if (one > best[t]) | np.isnan(one) else best[t]


@jit
def lead_lag(own: Floats, other: Floats, out: Floats) -> None:
    """How much better the other series' past correlates with the own one than the reverse.

    The greatest correlation at lags of 1 to ``LAGS`` rows, over ``LEAD_WINDOW`` rows of the
    follower, of the other series leading less that of the own one leading. Method: see ``nested``.

    Args:
        own: Shape (n,).
        other: Shape (n,).
        out: Shape (n,), filled, in [-2, 2]. NaN where a series does not vary in one of the windows,
            and in the first ``LEAD_WINDOW + LAGS - 1`` rows.
    """
    n = len(own)
    out[:] = np.nan
    if n < LEAD_WINDOW + LAGS:
        return
    mine, its = np.empty((4, n)), np.empty((4, n))
    own_squares, squares, work = np.empty((4, n)), np.empty((4, n)), np.empty((2, n))
    nested_moments(own, mine, own_squares)
    nested_moments(other, its, squares)
    best = np.full((2, n), -1.0)
    for lag in range(1, LAGS + 1):
        product = _lagged_products(other, own, (its, mine), lag, work)
        _greatest(product, squares[3, : n - lag], own_squares[3, lag:], best[0, lag:])
        product = _lagged_products(own, other, (mine, its), lag, work)
        _greatest(product, own_squares[3, : n - lag], squares[3, lag:], best[1, lag:])
    for t in range(LEAD_WINDOW + LAGS - 1, n):
        out[t] = best[0, t] - best[1, t]


@jit
def group_lead_lag(own: Floats, blend: Blend, origin: int, out: Floats) -> None:
    """``lead_lag`` of a pair and its group's composite.

    Args:
        own: Shape (n,), the pair's series.
        blend: The group.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; NaN as in ``lead_lag``, and where fewer than ``LEAST_PEERS`` peers
            count.
    """
    out[:] = np.nan
    for piece in pieces(blend.members, _CHUNK, origin):
        low = max(piece.start - LEAD_WINDOW - LAGS + 1, 0)
        part = np.empty(piece.stop - low)
        lead_lag(own[low : piece.stop], _composite(blend, piece, low), part)
        _take(part, piece, low, blend.members, out)


@jit
def component_lead_lag(
    own: Floats, blend: Blend, loadings: Floats, origin: int, out: Floats
) -> None:
    """``lead_lag`` of a pair and its group's principal component in use.

    Args:
        own: Shape (n,), the pair's series.
        blend: The group, with the peers of the component that count; its weights are not used.
        loadings: See ``principal.loadings``.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; NaN as in ``group_lead_lag``.
    """
    out[:] = np.nan
    first = -origin % PERIOD
    for piece in pieces(blend.members, PERIOD, origin):
        low = max(piece.start - LEAD_WINDOW - LAGS + 1, 0)
        weight = loadings[(piece.start - first) // PERIOD]
        used = Blend(blend.values, blend.row, weight, blend.members)
        part = np.empty(piece.stop - low)
        lead_lag(own[low : piece.stop], _composite(used, piece, low), part)
        _take(part, piece, low, blend.members, out)
