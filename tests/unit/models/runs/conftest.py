"""One dataset and one trained run for all tests of runs that do not change them."""

from __future__ import annotations

from pathlib import Path

import pytest

import bqx
from bqx.models.runs.run import Run
from bqx.models.runs.training import train
from runsets import made_dataset, small_selection, small_spec


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> bqx.Dataset:
    return made_dataset(tmp_path_factory.mktemp("runs") / "made")


@pytest.fixture(scope="session")
def trained(made: bqx.Dataset) -> Run:
    spec = small_spec(selection=small_selection(), refresh=2)
    return train(made, made.folder / "runs" / "first", spec, threads=1)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "run"
