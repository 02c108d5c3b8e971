"""bqx: leak-free dual-domain features for FX research.

From one-minute bars to the rate index and BQX, and from both to aligned feature tables.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bqx.api import FolderStore, ServerStore, Store, open  # noqa: A004
    from bqx.config import StoreSettings
    from bqx.dataset.dataset import Dataset
    from bqx.errors import BqxError
    from bqx.features.family import Family
    from bqx.features.feature import Feature
    from bqx.features.registry import Registry, registry
    from bqx.features.stateless import compute
    from bqx.models.predicting import predict

# Imported on first use: `import bqx` stays fast.
_HOMES = {
    "BqxError": "bqx.errors",
    "Dataset": "bqx.dataset.dataset",
    "Family": "bqx.features.family",
    "Feature": "bqx.features.feature",
    "FolderStore": "bqx.api",
    "Registry": "bqx.features.registry",
    "ServerStore": "bqx.api",
    "Store": "bqx.api",
    "StoreSettings": "bqx.config",
    "compute": "bqx.features.stateless",
    "open": "bqx.api",
    "predict": "bqx.models.predicting",
    "registry": "bqx.features.registry",
}

__all__ = [
    "BqxError",
    "Dataset",
    "Family",
    "Feature",
    "FolderStore",
    "Registry",
    "ServerStore",
    "Store",
    "StoreSettings",
    "compute",
    "open",
    "predict",
    "registry",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bqx' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
