"""Selection of features: filters, rankings, stability, quotas for the domains, stored masks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqx.selection.datasets import select_pair
    from bqx.selection.mask import Mask
    from bqx.selection.selector import QuotaSelector

# Imported on first use: a mask is read without scikit-learn and LightGBM.
_HOMES = {
    "Mask": "bqx.selection.mask",
    "QuotaSelector": "bqx.selection.selector",
    "select_pair": "bqx.selection.datasets",
}

__all__ = ["Mask", "QuotaSelector", "select_pair"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bqx.selection' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
