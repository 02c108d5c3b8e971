"""bqx causality on a small store: series between and within pairs, columns, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bqx.causality.sources import store_panel, store_study
from bqx.cli.app import app
from bqx.dataset.making import build_dataset
from bqx.dataset.ranges import Ranges
from bqx.dataset.storefolds import store_rows
from stores import filled_store


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("causality")
    store = filled_store(folder / "store", ["eurusd", "gbpusd"], days=6)
    build_dataset(
        store,
        folder / "set",
        pairs="eurusd",
        columns="reg_rate__w60_r2,reg_rate__w60_residual",
        lags=(1,),
        targets="60:15:level",
    )
    return folder


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["causality", *arguments, "--store", str(root / "store")])


def test_pairs_lead_each_other_or_not(root: Path) -> None:
    picture = root / "graph.svg"
    done = run(root, "granger", "--lags", "2", "--json", "--svg", str(picture))
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {(k["source"], k["target"]) for k in found["links"]} == {
        ("eurusd", "gbpusd"),
        ("gbpusd", "eurusd"),
    }
    assert found["synthetic"] is False
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    done = run(root, "granger", "--conditional", "--lags", "1", "--robust", "hac")
    assert "F, HAC" not in done.stdout
    assert "2 of 2 tests could be made" in done.stdout


def test_rates_lead_bqx_within_a_pair(root: Path) -> None:
    period = ("--start", "2018-12-24", "--end", "2018-12-28")
    done = run(root, "granger", "--within", "--lags", "2", "--json", *period)
    assert done.exit_code == 0, done.output
    links = {(k["source"], k["target"]): k for k in json.loads(done.stdout)["links"]}
    # BQX is made of past rates, and two of its own lags do not tell all of them.
    assert links["eurusd:rate", "eurusd:bqx"]["p_adjusted"] < 1e-6
    assert len(links) == 4
    done = run(root, "transfer-entropy", "--within", "--every", "15", "--block", "20", "--top", "2")
    assert done.exit_code == 0, done.output
    assert "below 1/1,000" in done.stdout


@pytest.mark.parametrize("command", ["granger", "transfer-entropy"])
def test_columns_to_a_target(root: Path, command: str) -> None:
    wanted = ("--pair", "eurusd", "--target", "60:15:level", "--json")
    few = ("--surrogates", "20", "--block", "200") if command != "granger" else ()
    columns = ("--columns", "reg_rate__w60_r2,reg_rate__w60_residual")
    of_store = run(root, command, *columns, *wanted, *few)
    of_set = run(root, command, "--dataset", str(root / "set"), *wanted, *few)
    assert of_store.exit_code == of_set.exit_code == 0, of_store.output + of_set.output
    stored, made = (
        {k["source"]: k for k in json.loads(r.stdout)["links"]} for r in (of_store, of_set)
    )
    assert set(made) - set(stored) == {"reg_rate__w60_r2_lag1", "reg_rate__w60_residual_lag1"}
    name = "reg_rate__w60_r2"
    assert stored[name]["statistic"] == pytest.approx(made[name]["statistic"], rel=1e-9)


def test_only_training_rows_are_read(root: Path) -> None:
    import bqx

    with bqx.open(root / "store") as store:
        first, _ = store_rows(store, ["eurusd"])
        train = Ranges.of((first + 500, first + 3000))
        panel = store_panel(store, ["eurusd"], ["rate", "bqx_change"], within=train)
        assert (panel.rows[0], panel.rows[-1]) == (first + 500, first + 2999)
        study = store_study(store, "eurusd", "reg_rate__w60_r2", "60:15:level", within=train)
        assert study.rows[-1] == first + 2999


@pytest.mark.parametrize(
    "wrong",
    [
        ("granger", "--within", "--between"),
        ("granger", "--columns", "reg_rate"),
        ("granger", "--lags", "x"),
        ("granger", "--start", "2030-01-01"),
        ("granger", "--end", "soon"),
        ("granger", "--series", "x"),
        ("granger", "--lags", "1", "--fdr", "x"),
        ("transfer-entropy", "--estimator", "x"),
    ],
)
def test_what_contradicts_itself_is_refused(root: Path, wrong: tuple[str, ...]) -> None:
    done = run(root, *wrong)
    assert done.exit_code == 2
    assert "error:" in done.stderr
