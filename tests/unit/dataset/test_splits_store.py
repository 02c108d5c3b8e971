"""Folds over the rows of a store, from Python and from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bqx
from bqx.cli.app import app
from bqx.dataset.splits import PurgedWalkForward
from bqx.dataset.storefolds import check_store_folds, store_rows
from bqx.dataset.target import parse_targets
from bqx.errors import BqxError, LeakError, StoreError
from stores import filled_store, open_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bqx.FolderStore]:
    folder = tmp_path_factory.mktemp("folds") / "store"
    with filled_store(folder, ("eurusd", "gbpusd"), days=20) as opened:
        yield opened


def test_folds_of_a_store(store: bqx.FolderStore) -> None:
    targets = parse_targets("60:15,75:level")
    forward = PurgedWalkForward("5D", "2D")
    report = check_store_folds(store, forward, targets, tables=["reg_rate"], lags=[30])
    assert report.passed
    assert report.facts["reach behind"] == 45
    assert report.facts["purge"] == 75 + store.tables["reg_rate"].history - 1 + 30
    first, stop = store_rows(store)
    assert report.facts["rows"] == stop - first
    assert store_rows(store, months="2019-01")[0] > first
    with pytest.raises(LeakError, match="purge of 100 rows"):
        check_store_folds(store, PurgedWalkForward("5D", "2D", purge=100), targets)
    with pytest.raises(BqxError, match="no target"):
        check_store_folds(store, forward, [])


def test_a_store_without_bars(tmp_path: Path) -> None:
    with open_store(tmp_path / "empty") as empty, pytest.raises(StoreError, match="no bars"):
        store_rows(empty)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check", "folds", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command(store: bqx.FolderStore, tmp_path: Path) -> None:
    place = ("--store", str(store.address), "--tables", "reg_rate", "--targets", "60:15:level")
    code, out, _ = run(*place, "--train", "5D", "--test", "2D", "--json")
    assert code == 0
    value = json.loads(out)
    assert value["passed"] is True
    assert value["folds"][0]["purged"] == value["facts"]["purge"] == 15 + 629 + 30
    page = tmp_path / "folds.html"
    code, out, _ = run(*place, "--splitter", "combinatorial:4:2", "--html", str(page))
    assert code == 0
    assert "Folds: passed, 100 %" in out
    assert "Folds" in page.read_text(encoding="utf-8")
    code, _, err = run(*place, "--splitter", "kfold:3", "--purge", "10")
    assert code == 1
    assert "error: purge of 10 rows" in err
    assert run(*place, "--splitter", "kfold:3", "--lags", "1;5")[0] == 2
    assert run(*place)[0] == 2
