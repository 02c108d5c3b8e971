"""The command line: exit codes, JSON on stdout, messages on stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from typer.testing import CliRunner

import bqx
from bqx.cli.app import app
from stores import write_bars
from synthetic import random_walk_bars

BARS = random_walk_bars("eurusd", "2019-01-28", 8, seed=1)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    file = write_bars(folder, "eurusd", BARS)
    assert run("ingest", file, "-s", folder / "store").exit_code == 0
    assert run("build", "-s", folder / "store").exit_code == 0
    return folder / "store"


class Outcome(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


def run(*arguments: object) -> Outcome:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


def output(*arguments: object) -> Any:
    result = run(*arguments)
    assert result.exit_code == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def test_ingest_accounts_for_every_row(tmp_path: Path) -> None:
    file = write_bars(tmp_path, "eurusd", BARS)
    result = run("ingest", file, "--store", tmp_path / "store")
    assert result.exit_code == 0
    assert f"{BARS.height:,}" in result.stdout
    assert "The account balances" in result.stdout
    again = output("ingest", file, "--store", tmp_path / "store", "--json")
    assert again["totals"]["duplicate"] == BARS.height
    assert again["balanced"] is True


def test_refused_files_have_an_exit_code_and_a_reason(tmp_path: Path) -> None:
    bad, good = tmp_path / "gbpusd.parquet", write_bars(tmp_path, "eurusd", BARS)
    bad.write_bytes(b"nothing")
    alone = run("ingest", bad, "-s", tmp_path / "store")
    assert alone.exit_code == 2
    assert "refused" in alone.stdout
    assert run("ingest", bad, good, "-s", tmp_path / "store").exit_code == 3


def test_plan_and_build(filled: Path) -> None:
    plan = output("plan", "-s", filled, "--json")
    assert (plan["partitions"], plan["current"]) == (0, 14)
    built = output("build", "-s", filled, "--force", "-f", "reg_rate", "-m", "2019-02", "--json")
    assert (built["built"], built["passed"]) == (1, True)


def test_read_prints_and_writes(filled: Path, tmp_path: Path) -> None:
    rows = output("read", "m1", "EUR/USD", "-s", filled, "--columns", "close", "--json")
    assert [r["close"] for r in rows[:3]] == BARS["close"][:3].to_list()
    for name in ("out.parquet", "out.csv"):
        result = run("read", "reg_rate", "eurusd", "-s", filled, "--out", tmp_path / name)
        assert result.exit_code == 0
    written = pl.read_parquet(tmp_path / "out.parquet")
    assert written.equals(bqx.open(filled).read("reg_rate", "eurusd"))
    assert run("read", "reg_rate", "eurusd", "-s", filled, "--out", "x.xlsx").exit_code == 2


def test_sql(filled: Path) -> None:
    rows = output("sql", "SELECT count(*) AS n FROM bqx.m1_eurusd", "-s", filled, "--json")
    assert rows == [{"n": BARS.height}]
    wrong = run("sql", "SELECT * FROM bqx.reg_rates_eurusd", "-s", filled)
    assert wrong.exit_code == 2
    assert "error:" in wrong.stderr


def test_align_and_checks(filled: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = run("align", "-s", filled, "--html", page)
    assert result.exit_code == 0, result.stdout
    assert "100" in result.stdout
    text = page.read_text(encoding="utf-8")
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert "http" not in text.replace("http://www.w3.org", "")
    for check in ("coverage", "identities"):
        assert run("check", check, "-s", filled).exit_code == 0
    leakage = output("check", "leakage", "-s", filled, "--samples", 20, "--json")
    assert leakage["passed"] is True


def test_align_fails_when_a_table_is_missing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    run("ingest", write_bars(tmp_path, "eurusd", BARS), "-s", store)
    assert run("align", "-s", store).exit_code == 1
    run("build", "-s", store, "-f", "reg_rate")
    assert run("align", "-s", store).exit_code == 1


def test_a_planted_leak_is_caught(tmp_path: Path) -> None:
    store = tmp_path / "store"
    run("ingest", write_bars(tmp_path, "eurusd", BARS), "-s", store)
    run("config", "set", "families", "planted", "-s", store)
    assert run("check", "leakage", "-s", store, "--samples", 20).exit_code == 1
    clean = run("check", "leakage", "-s", store, "--samples", 20, "--tables", "regression")
    assert clean.exit_code == 0, clean.stdout


def test_verify_finds_damage(filled: Path, tmp_path: Path) -> None:
    assert run("verify", "-s", filled).exit_code == 0
    store = tmp_path / "store"
    run("ingest", write_bars(tmp_path, "eurusd", BARS), "-s", store)
    run("build", "-s", store, "-f", "reg_rate")
    file = store / "reg_rate" / "eurusd" / "2019_02.parquet"
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    assert run("verify", "-s", store).exit_code == 5


def test_snapshots(filled: Path) -> None:
    assert run("snapshot", "create", "before", "-s", filled).exit_code == 0
    assert [s["name"] for s in output("snapshot", "list", "-s", filled, "--json")] == ["before"]
    assert run("snapshot", "restore", "before", "-s", filled).exit_code == 0
    assert run("snapshot", "delete", "before", "-s", filled).exit_code == 0
    assert run("snapshot", "restore", "before", "-s", filled).exit_code == 2


def test_doctor(filled: Path, tmp_path: Path) -> None:
    assert output("doctor", "-s", filled, "--json")["healthy"] is True
    assert "no store at" in run("doctor", "-s", tmp_path / "nothing").stdout


def test_settings(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert run("config", "set", "week", "Mon 00:00 - Fri 21:00 UTC", "-s", store).exit_code == 0
    assert output("config", "show", "-s", store, "--json")["week"].startswith("Mon")
    assert run("config", "set", "weak", "x", "-s", store).exit_code == 2
    assert run("config", "set", "week", "always", "-s", store).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["plan", "-s", "nowhere"], 2, "nowhere"),
        (["build", "-s", "{store}", "-p", "eurusd", "--all-pairs"], 2, "together"),
        (["build", "-s", "{store}", "-m", "soon"], 2, "unreadable month"),
        (["build", "-s", "{store}", "-f", "regresion"], 2, "did you mean regression"),
        (["build", "-s", "{store}", "--force", "--max-memory", "1MiB"], 4, "memory budget"),
        (["build", "-s", "{store}", "--windows", "sixty"], 2, "whole numbers"),
        (["read", "reg_rate", "usdeur", "-s", "{store}"], 2, "the other way round: eurusd"),
        (["ingest", "x.csv", "-s", "{store}", "--column", "close"], 2, "NAME=SOURCE"),
    ],
)
def test_usage_errors(filled: Path, arguments: list[str], code: int, message: str) -> None:
    result = run(*[a.format(store=filled) for a in arguments])
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""


def test_an_interrupted_build_says_how_to_go_on(tmp_path: Path) -> None:
    store = tmp_path / "store"
    bars = random_walk_bars("eurusd", "2018-01-02", 150, seed=1)
    run("ingest", write_bars(tmp_path, "eurusd", bars), "-s", store)
    command = [sys.executable, "-c", "from bqx.cli import main; main()", "build", "-s", str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (store / "covariance_rate").exists() and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    if process.returncode == 130:
        # Before or after the units themselves, only the short word is printed.
        assert "run the same command again" in out or "interrupted" in err
    assert run("build", "-s", store).exit_code == 0
