"""Small families that use what lies around a pair: peers, the past, the clock."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature

FITS: list[int] = []
"""Absolute rows for which `fit_mean` was called."""


class PeerGap(Family):
    """Distance of the series from the mean of its peers."""

    table = "gap_{domain}"

    gap = Feature(
        "gap", "Distance.", history=1, requires=("peers",), null_rule="no peer has a value"
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """Peers are taken in alphabetical order, so that sums have one order."""
        total, count = np.zeros(len(d)), np.zeros(len(d))
        for _, peer in sorted(d.peers.items()):
            known = peer.valid(1)
            total += np.where(known, peer.series, 0.0)
            count += known
        return {"gap": d.series - total / np.where(count > 0, count, np.nan)}


def fit_mean(past: Domain, earlier: FloatArray | None) -> FloatArray | None:
    """The mean of everything before, and how many fits came before it."""
    FITS.append(past.first + len(past))
    if len(past) < 5_000:
        return None
    return np.array([np.nanmean(past.series), 0.0 if earlier is None else earlier[1] + 1.0])


class FittedLevel(Family):
    """Series against its mean before the month."""

    table = "fitted_{domain}"
    domains = ("rate",)
    fits = True
    precision = "float64"

    level = Feature("level", "Distance.", history=1, null_rule="there is no month before")
    number = Feature(
        "number", "Fits before.", history=1, kind="count", null_rule="there is no month before"
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """The parameters of the month of each row."""
        out = np.full((2, len(d)), np.nan)
        rows = np.arange(d.first, d.first + len(d))
        starts = np.asarray(d.month_starts())
        for k, start in enumerate(starts):
            inside = rows >= start
            if k + 1 < len(starts):
                inside &= rows < starts[k + 1]
            found = d.fitted("mean", int(start), fit_mean) if inside.any() else None
            if found is not None:
                out[:, inside] = found[:, None]
        return {"level": d.series - out[0], "number": out[1]}


class Clock(Family):
    """Minute of the day, and how many pairs have a bar."""

    table = "clock"
    domains = ("rate",)
    single = True

    minute = Feature("minute", "Minute.", history=1, kind="count", low=0.0, high=1439.0)
    pairs = Feature(
        "pairs", "Pairs.", history=1, kind="count", requires=("peers",), null_rule="never"
    )
    depth = Feature(
        "depth", "Book depth.", history=1, requires=("depth",), null_rule="nobody has it"
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """Both columns that can be made."""
        seen = [pair.grid.observed for pair in d.everyone.values()]
        return {
            "minute": (d.grid.minutes % 1440).astype(np.float64),
            "pairs": np.sum(seen, axis=0, dtype=np.float64),
        }
