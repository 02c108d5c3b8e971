"""``bqx backtest``: a run on a store, its log on disk, and the log verified."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import bqx
from backtests import fake_run
from bqx.cli.app import app
from bqx.errors import InputFileError, UnknownNameError
from bqx.models.backtest.checking import verify_log
from bqx.models.backtest.market import load_market
from bqx.models.backtest.trades import SCHEMA, read_log
from bqx.models.runs.run import Run
from stores import filled_store, open_store

runner = CliRunner()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    return filled_store(tmp_path_factory.mktemp("backtest") / "store", days=5)


def backtest(store: bqx.FolderStore, out: Path, *words: str) -> list[str]:
    given = ["--store", str(store.root), "--trials", "3", "--out", str(out), "--draws", "9"]
    return ["backtest", "RUN", "--target", "60:15:innovation", *given, *words]


@pytest.fixture
def opened(store: bqx.FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that needs no training, whatever folder is asked for."""
    made = fake_run(load_market(store, ["eurusd"]), 0.0)
    monkeypatch.setattr(Run, "open", staticmethod(lambda _folder: made))


@pytest.mark.usefixtures("opened")
def test_a_run_is_traded_and_its_log_verified(store: bqx.FolderStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--cost", "eurusd=0.6pip", "--stop", "0.05%", "--take-profit", "0.001")
    done = runner.invoke(app, backtest(store, out, *words, "--size", "vol:0.1"))
    assert done.exit_code == 0, done.output
    for text in ("net profit", "drawdown", "buy and hold", "random entry", "0 disagree"):
        assert text in done.stdout
    frame, settings = read_log(out)
    assert frame.schema == SCHEMA
    assert settings["rules"]["stop"] == pytest.approx(0.0005)
    assert pl.read_csv(out / "trades.csv").height == frame.height > 5
    report = json.loads((out / "backtest.json").read_text())
    assert report["recomputed"]["passed"] is True
    assert report["measures"]["net"] == pytest.approx(frame["net"].sum())
    assert report["measures"]["sharpe"]["trials"] == 3
    assert report["synthetic"] is False

    for more in ([], ["--store", str(store.root)]):
        verified = runner.invoke(app, ["check", "trades", str(out), "--json", *more])
        assert verified.exit_code == 0, verified.output
        assert json.loads(verified.stdout)["with_bars"] is bool(more)
    changed = frame.with_columns(pl.col("net") + 0.01)
    log = out / "trades.parquet"
    changed.write_parquet(log, metadata=pl.read_parquet_metadata(log))
    verified = runner.invoke(app, ["check", "trades", str(log)])
    assert verified.exit_code == 1
    assert "worst relative deviation" in verified.stdout


@pytest.mark.usefixtures("opened")
def test_costs_and_trials_must_be_said(store: bqx.FolderStore, tmp_path: Path) -> None:
    refused = runner.invoke(app, backtest(store, tmp_path / "out"))
    assert refused.exit_code == 2
    assert "its cost is not known" in refused.output
    assert not (tmp_path / "out").exists()
    free = runner.invoke(app, backtest(store, tmp_path / "out", "--no-costs", "--json"))
    assert free.exit_code == 0, free.output
    assert json.loads(free.stdout)["measures"]["spread_cost"] == 0.0
    words = [w for w in backtest(store, tmp_path, "--no-costs") if w not in {"--trials", "3"}]
    assert runner.invoke(app, words).exit_code == 2
    odd = runner.invoke(app, backtest(store, tmp_path, "--no-costs", "--stop", "much"))
    assert "unreadable fraction" in odd.output


def test_logs_that_are_none_are_refused(store: bqx.FolderStore, tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no trade log"):
        verify_log(tmp_path)
    path = tmp_path / "trades.parquet"
    path.write_bytes(b"nothing")
    with pytest.raises(InputFileError, match="unreadable trade log"):
        verify_log(path)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(InputFileError, match="is no trade log"):
        verify_log(path)
    with pytest.raises(UnknownNameError):
        load_market(store, ["gbpusd"])


def test_generated_bars_are_marked(tmp_path: Path, store: bqx.FolderStore) -> None:
    file = tmp_path / "eurusd.parquet"
    store.read("m1", "eurusd").head(500).write_parquet(file)
    with open_store(tmp_path / "generated") as other:
        other.ingest([file], synthetic=True)
        assert load_market(other, ["eurusd"]).synthetic
    assert not load_market(store, ["eurusd"]).synthetic
