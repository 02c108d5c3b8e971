"""A built store, once; each test damages a copy of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqx.api import FolderStore
from damage import copy_store, store_with_bars


@pytest.fixture(scope="session")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs over the end of a month, everything built."""
    root = tmp_path_factory.mktemp("checks") / "intact"
    with store_with_bars(root, "eurusd", "usdjpy") as store:
        assert store.build().passed
    return root


@pytest.fixture
def store(intact: Path, tmp_path: Path) -> FolderStore:
    """A copy to damage."""
    return copy_store(intact, tmp_path / "damaged")
