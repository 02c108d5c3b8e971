"""What the tests of the registry share."""

from __future__ import annotations

import os

import pytest

from registryruns import Kept, shared_kept


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A store with a registered model; each test uses a name of its own."""
    base = tmp_path_factory.getbasetemp()
    session = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return shared_kept(session, base / "kept-copy")
