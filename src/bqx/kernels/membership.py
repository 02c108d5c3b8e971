"""Which peers count at a row: those that a window has seen often enough together with the pair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEAST_PEERS = 3
"""A group needs as many peers."""

_COVERED, _OF = 9, 10


class Piece(NamedTuple):
    """Rows [start, stop), in some of which exactly the peers in the bits of ``members`` count."""

    start: int
    stop: int
    members: int


class Blend(NamedTuple):
    """What a composite series of a group is made of.

    Attributes:
        values: Shape (pairs, n), series of all pairs.
        row: Shape (peers,), row of each peer in ``values``.
        weight: Shape (peers,), factor of each.
        members: Shape (n,), the peers that count at each row, as bits.
    """

    values: Floats
    row: Rows
    weight: Floats
    members: Rows


@jit
def count_seen(own: Flags, other: Flags, seen: Rows) -> None:
    """Minutes in which both pairs have a bar: ``seen[t]`` of the rows before t."""
    seen[0] = 0
    for t in range(len(own)):
        seen[t + 1] = seen[t] + (own[t] & other[t])


@jit
def open_gate(seen: Rows, fresh: tuple[Flags, Flags], mean: Floats, w: int, gate: Floats) -> None:
    """Decide where a peer counts.

    Args:
        seen: Shape (n + 1,), see ``count_seen``; at least 90 % of a window must be seen.
        fresh: Of the pair and of the peer, shape (n,), whether the newest bar is recent enough.
        mean: Shape (n,), NaN where the peer has no value somewhere in the window.
        w: Rows in a window.
        gate: Shape (n,), filled: 0 where the peer counts, NaN where it does not.
    """
    gate[: w - 1] = np.nan
    later, earlier = seen[w:], seen[: len(seen) - w]
    to, known = gate[w - 1 :], mean[w - 1 :]
    own, its = fresh[0][w - 1 :], fresh[1][w - 1 :]
    for t in range(len(to)):
        covered = _OF * (later[t] - earlier[t]) >= _COVERED * w
        to[t] = 0.0 if covered & own[t] & its[t] & (not np.isnan(known[t])) else np.nan


@jit
def mark(gate: Floats, peer: int, members: Rows) -> None:
    """Set a peer's bit where its gate is open."""
    bit = 1 << peer
    for t in range(len(members)):
        members[t] |= bit if gate[t] == 0.0 else 0


@jit
def size(members: int) -> int:
    """Number of peers among the members."""
    count = 0
    while members:
        members &= members - 1
        count += 1
    return count


@jit
def pieces(members: Rows, chunk: int, origin: int) -> list[Piece]:
    """Pieces of equal membership of at least ``LEAST_PEERS``.

    Within a chunk of rows there is one piece per membership, from the first row that has it to the
    last, so that a peer that comes and goes costs little.

    Args:
        members: Shape (n,), the peers that count at each row, as bits.
        chunk: Rows of a chunk; chunks begin at multiples of it.
        origin: Absolute grid row of element 0.
    """
    found = [Piece(0, 0, 0)]
    begin = last = 1
    for t in range(len(members)):
        if (origin + t) % chunk == 0:
            begin = last = len(found)
        now = members[t]
        if last == len(found) or found[last].members != now:
            last = begin
            while last < len(found) and found[last].members != now:
                last += 1
            if last == len(found):
                found.append(Piece(t, t, now))
        found[last] = Piece(found[last].start, t + 1, now)
    return [piece for piece in found if size(piece.members) >= LEAST_PEERS]
