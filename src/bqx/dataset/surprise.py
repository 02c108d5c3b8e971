"""The surprise: what of a label the martingale does not know, in its own standard deviations."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bqx.dataset.target import BQXTarget
from bqx.domains.grid import FloatArray


class LabelColumns(Protocol):
    """What is read of labels, whether computed or stored; arrays have one value per row."""

    @property
    def target(self) -> BQXTarget:
        """The target."""

    @property
    def values(self) -> FloatArray:
        """Labels, NaN where masked."""

    @property
    def expected(self) -> FloatArray:
        """Conditional means under the martingale."""

    @property
    def scale(self) -> FloatArray:
        """Conditional standard deviations under a random walk."""


def surprise(label: LabelColumns) -> FloatArray:
    """``(value - expected) / scale``, NaN where there is no label, or nothing moved.

    All kinds of a window and horizon but directions have the same.
    """
    return in_deviations(label.values - label.expected, label.scale)


def in_deviations(values: FloatArray, scale: FloatArray) -> FloatArray:
    """Values in standard deviations; NaN where the deviation is 0 or not known."""
    return np.asarray(values / np.where(scale > 0.0, scale, np.nan), np.float64)
