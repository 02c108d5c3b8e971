"""Choose the week that the alignment page shows."""

from __future__ import annotations

import numpy as np

from bqx.checks.contract import DOMAINS
from bqx.checks.example import Curve, Example, Parabola
from bqx.checks.expected import Truth
from bqx.checks.scan import Selection
from bqx.checks.unit import Stored, Unit, load_truth, load_unit
from bqx.domains.grid import FloatArray, Int64Array
from bqx.store.embedded import EmbeddedStore

WINDOW = 240
FITS = 8
LABELS = {"rate": "rate index (baseline = 100)", "bqx": "BQX, w15 backward return"}


def example_week(store: EmbeddedStore, selection: Selection) -> Example | None:
    return None
