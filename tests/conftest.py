"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import Server, running

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real vendor bars, which is not part of the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real bars are not here: ../shared/data is absent")
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server that the tests of a session share; each makes databases of its own."""
    with running() as found:
        yield found


@pytest.fixture
def database(server: Server) -> str:
    """Address of an empty PostgreSQL database."""
    return server.create_database()
