"""Families with a fault each, which the contract tests and the leakage check must catch."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature


class NextClose(Family):
    """Reads the series one row ahead."""

    table = "leaky_{domain}"

    ahead = Feature("ahead", "The next row's value.", history=1, memory=2)

    def compute_fixed(self, d: Domain) -> Columns:
        """The series, one row early; the last row repeats itself."""
        return {"ahead": np.append(d.series[1:], d.series[-1])}


class WholeMean(Family):
    """Subtracts the mean of everything that it is given, the future included."""

    table = "centred_{domain}"

    centred = Feature("centred", "Series minus its mean.", history=1, memory=2)

    def compute_fixed(self, d: Domain) -> Columns:
        """The series without its mean over the slice."""
        return {"centred": d.series - np.nanmean(d.series)}


class ColdStart(Family):
    """Restarts with every slice, as if each month were the first."""

    table = "restarted_{domain}"

    cumulated = Feature("cumulated", "Change since the slice began.", history=1, memory=60)

    def compute_fixed(self, d: Domain) -> Columns:
        """The change of the series since the first row of the slice."""
        begin = d.series[np.isfinite(d.series)][0]
        return {"cumulated": d.series - begin}


class ShortMemory(Family):
    """Declares less history than it needs."""

    table = "short_{domain}"
    windows = (30,)

    change = Feature("change_{w}", "Change over {w} rows.", history=10, memory=10)

    def compute(self, d: Domain, w: int) -> Columns:
        """The change over w rows."""
        out = np.full(len(d), np.nan)
        out[w:] = d.series[w:] - d.series[:-w]
        return {"change": out}


class RowNumber(Family):
    """Depends on where the slice begins, not on the time."""

    table = "counted_{domain}"

    number = Feature("number", "Row within the slice.", unit="rows", history=1, memory=30)

    def compute_fixed(self, d: Domain) -> Columns:
        """The row number."""
        return {"number": np.arange(len(d), dtype=np.float64)}


PLANTED: dict[str, tuple[type[Family], tuple[str, ...]]] = {
    "next_close": (NextClose, ("truncation", "shock", "incremental")),
    "whole_mean": (WholeMean, ("truncation", "shock", "look_back", "incremental")),
    "cold_start": (ColdStart, ("look_back", "incremental")),
    "short_memory": (ShortMemory, ("look_back", "incremental", "columns")),
    "row_number": (RowNumber, ("look_back", "incremental")),
}
"""Families by name, with the rules of the contract that each of them breaks."""
