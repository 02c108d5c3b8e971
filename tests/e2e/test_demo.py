"""The demonstration, as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from bqx.bars.parse import parse_file
from bqx.bars.synthetic import synthetic_bars
from bqx.cli.app import app

SMALL = ("--pairs", "eurusd,gbpusd,eurgbp", "--days", "5")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["demo", *map(str, arguments)], env={"COLUMNS": "120"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("demo") / "demo-store"
    return folder, run(folder, *SMALL)


@pytest.fixture
def store(made: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of the demo store that a test may damage."""
    return Path(shutil.copytree(made[0], tmp_path / "demo-store"))


def test_the_demo_passes_and_says_what_it_did(made: tuple[Path, Result]) -> None:
    folder, result = made
    assert result.exit_code == 0, result.output
    assert "3 files of generated bars: 5 days from 2024-07-01, seed 7." in result.output
    assert "synthetic_eurgbp.parquet  eurgbp  ingested" in result.output
    assert "The account balances" in result.output
    assert "21 of 21 partitions made" in result.output
    assert "Alignment of both domains: passed, 100 %" in result.output
    assert f"Open in a browser: {folder}-alignment.html" in result.output


def test_the_page_needs_nothing_else(made: tuple[Path, Result]) -> None:
    page = made[0].with_name("demo-store-alignment.html").read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!")
    assert "<svg" in page
    assert "src=" not in page
    assert 'href="http' not in page


def test_the_store_holds_nothing_but_what_it_recorded(made: tuple[Path, Result]) -> None:
    result = CliRunner().invoke(app, ["verify", "--store", str(made[0])])
    assert result.exit_code == 0, result.output


def test_the_bars_are_marked_as_synthetic(store: Path) -> None:
    result = run(store, *SMALL, "--json")
    found = json.loads(result.stdout)
    assert found["alignment"]["facts"]["synthetic pairs"] == ["eurgbp", "eurusd", "gbpusd"]


def test_running_again_changes_nothing(store: Path) -> None:
    result = run(store, *SMALL, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {f["status"] for f in found["ingest"]["files"]} == {"unchanged"}
    assert found["build"]["planned"] == 0
    assert found["build"]["current"] == 21
    assert found["alignment"]["score"] == 100
    assert set(found["seconds"]) == {"generate", "ingest", "build", "align"}


def test_a_wrong_value_in_the_store_fails_the_demo(store: Path) -> None:
    path = store / "reg_rate" / "eurusd" / "2024_07.parquet"
    table = pq.read_table(path)
    at = table.schema.get_field_index("w60_prediction")
    wrong = pc.add(table.column(at), pa.scalar(1e-3))
    pq.write_table(table.set_column(at, table.schema.field(at), wrong), path)
    result = run(store, *SMALL)
    assert result.exit_code == 1
    assert "FAILED" in result.output


def test_a_fresh_demo_replaces_an_earlier_one(store: Path) -> None:
    other = ("--pairs", "eurusd", "--days", "2", "--seed", "8")
    refused = run(store, *other)
    assert refused.exit_code == 2
    assert "is a demo store of something else" in refused.output
    assert "--fresh replaces it" in refused.output
    assert run(store, *other, "--fresh").exit_code == 0
    assert [p.name for p in (store / "m1").iterdir()] == ["eurusd"]


@pytest.mark.parametrize("fresh", [(), ("--fresh",)], ids=["plain", "fresh"])
def test_what_is_no_demo_store_is_left_alone(tmp_path: Path, fresh: tuple[str, ...]) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("years of work", encoding="utf-8")
    (folder / "bqx.toml").write_text("", encoding="utf-8")
    result = run(folder, *SMALL, *fresh)
    assert result.exit_code == 2
    assert "holds something else than a demo store" in result.output
    assert sorted(p.name for p in folder.iterdir()) == ["bqx.toml", "chapter.txt"]


def test_exported_parquet_holds_the_generated_bars(tmp_path: Path) -> None:
    result = run("--export-bars", tmp_path / "bars", "--pairs", "usdjpy", "--days", "8")
    (path,) = (tmp_path / "bars").iterdir()
    assert result.exit_code == 0
    assert result.stdout.split() == [str(path)]
    (parsed,) = parse_file(path)
    assert parsed.quarantine.is_empty()
    assert parsed.bars.equals(synthetic_bars("usdjpy", days=8)["usdjpy"])


@pytest.mark.parametrize("pair", ["eurusd", "usdjpy"])
def test_exported_metatrader_files_read_back_in_utc(tmp_path: Path, pair: str) -> None:
    arguments = ("--pairs", pair, "--days", "22", "--start", "2024-03-01")  # over both changes
    assert run("--export-bars", tmp_path, "--format", "metatrader", *arguments).exit_code == 0
    (path,) = tmp_path.iterdir()
    assert path.name.startswith(f"{pair.upper()}_M1_2024")
    (parsed,) = parse_file(path)
    expected = synthetic_bars(pair, "2024-03-01", 22)[pair].select(
        "ts_utc", "open", "high", "low", "close", "volume"
    )
    assert parsed.quarantine.is_empty()
    assert parsed.clock == "America/New_York +07:00"
    assert parsed.bars.select(expected.columns).equals(expected)


def test_real_files_are_found_and_refusals_shown(tmp_path: Path) -> None:
    bars = tmp_path / "vendor" / "2024"
    run("--export-bars", bars, "--format", "metatrader", "--pairs", "eurusd,usdjpy", "--days", "15")
    (tmp_path / "vendor" / "broken_gbpusd.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    (tmp_path / "vendor" / ".hidden.csv").write_text("", encoding="utf-8")
    (tmp_path / "vendor" / "readme.md").write_text("", encoding="utf-8")
    result = run(tmp_path / "store", "--data", tmp_path / "vendor", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    statuses = {Path(f["path"]).name[:6]: f["status"] for f in found["ingest"]["files"]}
    assert statuses == {"EURUSD": "ingested", "USDJPY": "ingested", "broken": "refused"}
    assert found["alignment"]["facts"]["synthetic pairs"] == []


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    result = run(tmp_path / "store", "--data", tmp_path)
    assert result.exit_code == 2
    assert "no vendor file under" in result.output
    (tmp_path / "broken_gbpusd.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    result = run(tmp_path / "store", "--data", tmp_path)
    assert result.exit_code == 2
    assert "all 1 files were refused" in result.output


def test_a_week_that_all_sources_agree_on_is_used(tmp_path: Path) -> None:
    for pair, frame in synthetic_bars("eurusd,usdchf", "2024-07-01", 40).items():
        stamp = pl.col("ts_utc").dt
        friday = (stamp.weekday() == 5) & (stamp.hour() >= 20)
        kept = frame.filter((stamp.weekday() <= 5) & ~friday)
        kept.write_parquet(tmp_path / f"{pair}.parquet")
    result = run(tmp_path / "store", "--data", tmp_path)
    assert result.exit_code == 0, result.output
    week = "Mon 00:00 - Fri 20:00 UTC"
    assert f"All sources agree on a shorter week; the store's week is now {week}." in result.output
    assert week in (tmp_path / "store" / "bqx.toml").read_text(encoding="utf-8")
    minutes = pq.read_table(tmp_path / "store/reg_rate/eurusd/2024_07.parquet", columns=["ts_utc"])
    hours = np.unique(minutes.column(0).to_numpy().astype("datetime64[h]").astype(int) % 168)
    assert len(hours) == 4 * 24 + 20


def test_unreadable_options_are_errors(tmp_path: Path) -> None:
    assert "unreadable day 'July'" in run(tmp_path / "s", "--start", "July").output
    wrong = run("--export-bars", tmp_path / "bars", "--format", "excel")
    assert wrong.exit_code == 2
    assert "unknown format 'excel'" in wrong.output


@pytest.mark.slow
def test_the_whole_demo_passes(tmp_path: Path) -> None:
    result = run(tmp_path / "demo-store", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["build"]["built"] == 28 * 7
