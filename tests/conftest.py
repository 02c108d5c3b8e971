"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from places import KINDS, Places
from servers import Server, running

# A store or a number of workers that somebody works with is not the tests' business.
for _name in [name for name in os.environ if name.startswith("BQX_")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real vendor bars, which is not part of the repository."""
    folder = Path(__file__).parents[2] / "shared" / "data"
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


@pytest.fixture(params=KINDS)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """Places for stores, in a folder and on a server."""
    return places_of(request, tmp_path)


@pytest.fixture(scope="module", params=KINDS)
def shared_places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Places:
    """The same for stores that the tests of a module share."""
    return places_of(request, tmp_path_factory.mktemp("places"))


def places_of(request: pytest.FixtureRequest, folder: Path) -> Places:
    """Places of the kind that a fixture was asked for."""
    server = request.getfixturevalue("server") if request.param == "postgresql" else None
    return Places(request.param, folder, server)
