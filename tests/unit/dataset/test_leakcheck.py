"""Planted leaks of datasets are caught by the check's name and the column's; honest ones pass."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import bqx
from bqx.checks.report import Report
from bqx.cli.app import app
from bqx.dataset.dataset import StoredLabels
from bqx.dataset.disguised import check_matrix
from bqx.dataset.leakcheck import check_dataset
from bqx.dataset.making import build_dataset
from bqx.errors import ConfigError, UnknownNameError
from planted_datasets import (
    CHANGED,
    FAMILIES,
    REWRITTEN,
    honest_dataset,
    planted_store,
    rewritten,
)

CHECKS = [
    "future value",
    "smoothed state",
    "scaled on everything",
    "spine",
    "target under another name",
]

QUICK = ("next_row", "scaled", "smoothed", "copied")


def found(report: Report, check: str) -> dict[str | None, str]:
    """What a check found, by column."""
    (result,) = (c for c in report.checks if c.name == check)
    return {f.column: f.found for f in result.findings}


def surprise(labels: StoredLabels) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Surprises in standard deviations; NaN where nothing moved."""
    scale = np.where(labels.scale > 0.0, labels.scale, np.nan)
    return np.asarray((labels.values - labels.expected) / scale)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    return planted_store(tmp_path_factory.mktemp("leaks"))


@pytest.fixture(scope="module")
def honest(store: bqx.FolderStore, tmp_path_factory: pytest.TempPathFactory) -> bqx.Dataset:
    return honest_dataset(store, tmp_path_factory.mktemp("honest") / "set")


@pytest.fixture
def copy(honest: bqx.Dataset, tmp_path: Path) -> bqx.Dataset:
    shutil.copytree(honest.folder, tmp_path / "copy")
    return bqx.Dataset.open(tmp_path / "copy")


def test_an_honest_dataset_passes(honest: bqx.Dataset, store: bqx.FolderStore) -> None:
    report = check_dataset(honest, store, samples=12)
    assert [c.name for c in report.checks] == CHECKS
    assert all(c.passed for c in report.checks), report.to_text()
    assert report.facts["bars since"] == "the same"
    assert report.facts["tables of other code"] == []


def test_without_a_store_only_targets_are_looked_for(honest: bqx.Dataset) -> None:
    report = check_dataset(honest)
    assert [c.name for c in report.checks] == CHECKS[-1:]
    assert report.passed


@pytest.mark.parametrize(
    "plant", [p if p in QUICK else pytest.param(p, marks=pytest.mark.slow) for p in REWRITTEN]
)
def test_a_rewritten_column_is_named(copy: bqx.Dataset, store: bqx.FolderStore, plant: str) -> None:
    planted = REWRITTEN[plant]
    changed = rewritten(copy, CHANGED, planted.change)
    assert changed.verify().passed
    report = check_dataset(changed, store, samples=4)
    assert not report.passed
    assert planted.said in found(report, planted.check)[CHANGED]
    assert {f.column for f in report.findings} == {CHANGED}


def test_another_target_is_named(copy: bqx.Dataset, store: bqx.FolderStore) -> None:
    changed = rewritten(copy, "target__bqx_w60_h45_level", lambda _, __, old: old * 1.001)
    report = check_dataset(changed, store, samples=1)
    assert list(found(report, "spine")) == ["target__bqx_w60_h45_level"]


@pytest.mark.slow
@pytest.mark.parametrize("column", FAMILIES)
def test_a_family_that_looks_ahead_is_named(column: str, tmp_path: Path) -> None:
    family, check = FAMILIES[column]
    store = planted_store(tmp_path, family)
    dataset = honest_dataset(store, tmp_path / "set", column)
    report = check_dataset(dataset, store, samples=8)
    assert column in found(report, check)
    assert {f.column for f in report.findings} == {column}, report.to_text()


def test_the_command_names_the_leak(store: bqx.FolderStore, tmp_path: Path) -> None:
    dataset = build_dataset(
        store, tmp_path / "set", columns="reg_rate__w60_r*", pairs="eurusd", targets="60:15"
    )
    place = ["check", "dataset", str(dataset.folder)]
    passed = CliRunner().invoke(app, place)
    assert passed.exit_code == 0, passed.output
    planted = REWRITTEN["copied"]
    rewritten(dataset, CHANGED, planted.change)
    failed = CliRunner().invoke(app, [*place, "--pairs", "eurusd"])
    assert failed.exit_code == 1
    assert f"eurusd {CHANGED}\n    found:    {planted.said}" in failed.stdout
    again = CliRunner().invoke(app, [*place, "--json"])
    assert again.exit_code == 1
    (check,) = json.loads(again.stdout)["checks"]
    assert check["findings"][0]["column"] == CHANGED


def test_a_matrix_of_any_origin(honest: bqx.Dataset) -> None:
    labels = honest.labels("eurusd", "60:15")
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(labels))
    secret = surprise(labels)
    names = ["noise", "hint", "known", "rise"]
    columns = [noise, noise + 2.0 * secret, secret, np.sign(secret)]
    report = check_matrix(labels.rows, np.column_stack(columns), names, [labels], pair="eurusd")
    texts = found(report, "target under another name")
    assert list(texts) == names[1:]
    assert "rank correlation 0.8" in texts["hint"]
    assert texts["known"] == "holds scaled surprise of 60:15:level"
    assert "sign of the surprise" in texts["rise"]


def test_a_little_knowledge_is_suspicious_and_no_failure(honest: bqx.Dataset) -> None:
    labels = honest.labels("eurusd", "60:15")
    secret = surprise(labels)
    column = secret + 3.0 * np.random.default_rng(0).normal(size=len(labels))
    report = check_matrix(labels.rows, column[:, None], ["hint"], [labels])
    assert report.passed
    assert "(suspicious): hint, rank correlation 0." in report.checks[0].notes[-1]


def test_wrong_arguments_are_refused(honest: bqx.Dataset) -> None:
    labels = honest.labels("eurusd", "60:15")
    with pytest.raises(ConfigError, match="at least one target"):
        check_matrix(labels.rows, np.empty((len(labels), 0)), [], [])
    with pytest.raises(ConfigError, match="at least one"):
        check_dataset(honest, samples=0)
    with pytest.raises(UnknownNameError, match="no pairs usdjpy"):
        check_dataset(honest, pairs=["usdjpy"])
