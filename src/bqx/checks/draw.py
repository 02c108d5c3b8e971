"""Choose the week that the alignment page shows."""

from __future__ import annotations

from bqx.checks.example import Example
from bqx.checks.scan import Selection
from bqx.store.embedded import EmbeddedStore


def example_week(store: EmbeddedStore, selection: Selection) -> Example | None:
    """A week."""
    return None
