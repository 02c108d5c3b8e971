"""`bqx train`: plan, run, resume, other options; JSON on stdout, progress on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import bqx
from bqx.cli.app import app
from bqx.models.runs.run import Run
from bqx.models.runs.spec import SelectionSpec
from runsets import made_dataset

SPLIT = ("--pairs", "eurusd", "--train", "8D", "--test", "4D", "--targets", "60:15:level")
FEW = ("--learner", "lightgbm:rounds=5,num_leaves=4,min_data_in_leaf=50", "--threads", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bqx.Dataset:
    return made_dataset(tmp_path_factory.mktemp("train") / "made")


def call(made: bqx.Dataset, *options: str | Path) -> Result:
    return CliRunner().invoke(app, ["train", str(made.folder), *SPLIT, *FEW, *map(str, options)])


def test_a_dry_run_shows_what_would_be_done(made: bqx.Dataset) -> None:
    shown = call(made, "--no-selection", "--dry-run")
    assert shown.exit_code == 0, shown.output
    for part in ("audit: passed", "5 units of 1 shapes", "24 of 24 candidates", "synthetic"):
        assert part in shown.stdout
    assert not (made.folder / "runs").exists()
    plain = json.loads(call(made, "--no-selection", "--dry-run", "--json").stdout)
    assert plain["units"] == 5
    assert plain["audit"] is True


def test_a_run_resumes_and_refuses_another_in_its_place(made: bqx.Dataset, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "run", "--no-selection")
    first = call(made, *out)
    assert first.exit_code == 0, first.output
    assert "5/5 eurusd final" in first.stderr
    assert "s to go" in first.stderr
    assert "no result of it is real" in first.stdout
    again = call(made, *out, "--json")
    assert again.stderr.count("kept") == 5
    assert json.loads(again.stdout)["finished"] is True
    other = call(made, *out, "--seed", "1")
    assert other.exit_code == 2
    assert "with another seed" in other.stderr
    assert call(made, *out, "--seed", "1", "--replace").exit_code == 0


def test_a_selection_is_used_again_as_a_mask(made: bqx.Dataset, tmp_path: Path) -> None:
    chosen = ("--top", "8", "--min-rate", "3", "--min-bqx", "3", "--effort", "fast")
    done = call(made, "--out", tmp_path / "one", *chosen, "--levels", "0.25,0.75")
    assert done.exit_code == 0, done.output
    run = Run.open(tmp_path / "one")
    mask = run.mask("eurusd", 1)
    assert mask is not None
    assert run.spec.selection == SelectionSpec(8, 3, 3, effort="fast")
    mask.write(tmp_path / "masks" / "eurusd.json")
    done = call(made, "--out", tmp_path / "two", "--mask", tmp_path / "masks")
    assert done.exit_code == 0, done.output
    assert Run.open(tmp_path / "two").model("eurusd", 4).features == mask.features
    assert "q25" in run.forecasts("eurusd", "60:15").columns


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--no-selection", "--levels", "a"), "unreadable levels"),
        (("--no-selection", "--mask", "x"), "one of them"),
        (("--no-selection", "--tune-minutes", "1"), "number of trials"),
        (("--no-selection", "--control", "none"), "shuffled_labels"),
        (("--no-selection", "--splitter", "kfold:3"), "takes no lengths"),
        (("--no-selection", "--max-memory", "100M"), "memory budget"),
        (("--top", "20"), "quotas that fit"),
        (("--effort", "great"), "fast, standard, thorough"),
        (("--mask", "/nowhere"), "bqx select"),
    ],
)
def test_what_cannot_be_is_said(
    made: bqx.Dataset, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    found = call(made, "--out", tmp_path / "run", *options)
    assert found.exit_code in {2, 4}
    assert said in found.stderr
