"""Databases and folders of the first version, a new one for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bqx.api import FolderStore
from bqx.stages.runner import Runner
from bqx.stages.target import PostgresTarget
from damage import copy_store
from legacyfolder import legacy_store
from servers import Server
from stages.few import few


@pytest.fixture
def address(server: Server) -> str:
    """Address of a database with three pairs, two months and a few rows."""
    return few(server)


@pytest.fixture
def target(address: str) -> Iterator[PostgresTarget]:
    """That database as stages see it."""
    with PostgresTarget(address) as found:
        yield found


@pytest.fixture
def runner(target: PostgresTarget) -> Runner:
    """What runs stages there."""
    return Runner(target)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables of the first version, to be copied."""
    with legacy_store(tmp_path_factory.mktemp("legacy") / "store") as store:
        return store.root


@pytest.fixture
def store(original: Path, tmp_path: Path) -> FolderStore:
    """A copy of that folder."""
    return copy_store(original, tmp_path / "store")
