"""One file of a whole dataset, for whoever reads Parquet or Arrow; and the commands."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

import bqx
from bqx.cli.app import app
from bqx.dataset.export import export
from bqx.dataset.making import build_dataset
from bqx.errors import ConfigError, UnknownNameError
from datasetstores import make_store
from stores import FEW, bar_files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bqx.Dataset:
    root = tmp_path_factory.mktemp("export")
    with make_store(root) as store:
        return build_dataset(
            store,
            root / "set",
            columns="reg_rate__w60_*,clock",
            lags=(5,),
            lag_columns="clock",
            targets="60:15:level",
            pairs="eurusd,eurgbp",
        )


def whole(made: bqx.Dataset) -> pl.DataFrame:
    """All files, read by polars."""
    parts = [
        pl.read_parquet(made.folder / f.name).select(pl.lit(f.pair).alias("pair"), pl.all())
        for f in made.manifest.files
    ]
    return pl.concat(parts)


@pytest.mark.parametrize("name", ["set.parquet", "set.arrow", "set.feather"])
def test_an_export_holds_every_row_and_column(made: bqx.Dataset, tmp_path: Path, name: str) -> None:
    done = export(made, tmp_path / name)
    read = pl.read_parquet if done.format == "parquet" else pl.read_ipc
    found = read(done.path)
    assert found.equals(whole(made), null_equal=True)
    assert (done.rows, done.columns) == found.shape
    beside = json.loads(done.manifest.read_text())
    assert beside["identity"] == made.manifest.identity
    assert list(tmp_path.glob("*.tmp")) == []


def test_others_read_it_too(made: bqx.Dataset, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = export(made, tmp_path / "set.parquet").path
    expected = whole(made)
    counted = (
        duckdb.connect()
        .execute(
            f"SELECT count(*), count(target__bqx_w60_h15_level), sum(clock__minute_lag5) "
            f"FROM '{path}' WHERE pair = 'eurgbp'"
        )
        .fetchone()
    )
    ours = expected.filter(pl.col("pair") == "eurgbp")
    assert counted == (
        ours.height,
        ours["target__bqx_w60_h15_level"].count(),
        ours["clock__minute_lag5"].cast(pl.Float64).sum(),
    )
    frame = pandas.read_parquet(path)
    assert frame.shape == expected.shape
    assert str(frame["ts_utc"].dt.tz) == "UTC"


def test_a_part_can_be_exported(made: bqx.Dataset, tmp_path: Path) -> None:
    done = export(
        made,
        tmp_path / "part.parquet",
        pairs=["eurusd"],
        months="2019-01",
        features=["reg_rate__w60_r2"],
    )
    frame = pl.read_parquet(done.path)
    assert frame.columns[:3] == ["pair", "ts_utc", "reg_rate__w60_r2"]
    assert frame["ts_utc"].dt.month().unique().to_list() == [1]
    assert len(frame.columns) == 6


def test_exports_that_cannot_be(made: bqx.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot export"):
        export(made, tmp_path / "set.csv")
    with pytest.raises(UnknownNameError):
        export(made, tmp_path / "a.parquet", pairs=["usdjpy"])
    with pytest.raises(UnknownNameError):
        export(made, tmp_path / "b.parquet", features=["reg_rate__w61_r2"])
    with pytest.raises(ConfigError, match="nothing"):
        export(made, tmp_path / "c.parquet", months="2030-01")
    (tmp_path / "there.parquet").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="there already"):
        export(made, tmp_path / "there.parquet")
    export(made, tmp_path / "there.parquet", overwrite=True)


def run(*arguments: str | Path, code: int = 0) -> str:
    """Standard output of a command."""
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout


def test_the_commands_from_bars_to_an_export(tmp_path: Path) -> None:
    store, folder = tmp_path / "store", tmp_path / "set"
    with bqx.open(store) as opened:
        opened.ingest(bar_files(tmp_path / "vendor", ["eurusd"], "2018-12-26", 9))
    built = json.loads(
        run("dataset", "build", folder, "-s", store, "-c", "reg_rate,returns_rate", "--json")
    )
    assert built["counts"] == {"features": 42 + 28 + 4 * 42, "targets": 5}
    text = run("dataset", "inspect", folder)
    assert built["identity"] in text
    assert "synthetic  no" in text
    assert "passed" in run("dataset", "verify", folder)
    folds = json.loads(run("dataset", "split", folder, "--train", "3D", "--test", "1D", "--json"))
    assert folds["passed"] is True
    # The look-back of the widest window and the greatest lag; labels reach 75 rows ahead.
    assert folds["folds"][0]["purge"] == 629 + 30 + 75
    assert "audit: passed" in run("dataset", "split", folder, "--splitter", "kfold:2")
    run("dataset", "export", folder, tmp_path / "one.parquet", "--months", "2019-01")
    assert pl.read_parquet(tmp_path / "one.parquet").height == built["files"][1]["rows"]
    assert "unreadable lags" in _error("dataset", "columns", "--lags", "a")
    assert "no finished dataset" in _error("dataset", "inspect", tmp_path / "nothing")


def _error(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 2
    return done.stderr


def test_columns_are_listed_and_explained() -> None:
    names = run("dataset", "columns", "-c", "reg_rate", "--lags", "0").splitlines()
    assert names == [f"reg_rate__{c}" for c in FEW.tables["reg_rate"].column_names]
    explained = json.loads(run("dataset", "columns", "--explain", "--json"))
    assert explained["total"] >= 2640
    assert "2,640" in run("dataset", "columns", "--explain")
