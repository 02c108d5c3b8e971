"""A copy has the same content and the same record, wherever the two stores are."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import bqx
from bqx.cli.app import app
from bqx.errors import IntegrityError, StoreError
from bqx.store.copying import copy_store
from bqx.store.partitions import Key
from bqx.store.verify import verify
from places import Places
from servers import Server
from stores import content, open_store, write_bars
from synthetic import random_walk_bars

TABLES = ("sources", "provenance", "baselines", "days")


@pytest.fixture(scope="module")
def source(shared_places: Places) -> Iterator[bqx.Store]:
    """A store of two pairs with a few tables and some rejected rows."""
    store = shared_places.open()
    for pair in ("eurusd", "usdjpy"):
        bars = random_walk_bars(pair, "2019-01-30", 4, seed=1)
        bad = pl.int_range(pl.len()).is_in([3, 4])
        bars = bars.with_columns(low=pl.when(bad).then(-1.0).otherwise("low"))
        store.ingest([write_bars(shared_places.folder / "vendor", pair, bars)])
    assert store.build(["reg_rate", "correlation_bqx"]).passed
    with store:
        yield store


@pytest.fixture(params=["embedded", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[bqx.Store]:
    """An empty store."""
    address = str(tmp_path / "target")
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("server")
        address = server.create_database()
    with open_store(address) as store:
        yield store


def records(store: bqx.Store) -> dict[str, list[str]]:
    """Everything that is known beside the partitions."""
    found = {t: sorted(map(repr, store.state.query(f"SELECT * FROM {t}"))) for t in TABLES}
    rejected = pl.DataFrame(store.parts.rejected()).sort("source", "line")
    return found | {"rejected": [repr(row) for row in rejected.rows()]}


def test_everything_is_copied(source: bqx.Store, target: bqx.Store) -> None:
    report = copy_store(source, target)
    assert (report.copied, report.current, report.sources) == (len(content(source)), 0, 2)
    assert content(target) == content(source)
    assert records(target) == records(source)
    assert verify(target).passed
    assert target.plan(["reg_rate", "correlation_bqx"]).partitions == 0
    assert target.read("reg_bqx", "eurusd").equals(source.read("reg_bqx", "eurusd"))
    for key in content(source):
        assert target.parts.read(key).schema.equals(source.parts.read(key).schema)
    again = copy_store(source, target)
    assert (again.copied, again.current, again.sources) == (0, report.copied, 0)


def test_a_selection(source: bqx.Store, target: bqx.Store) -> None:
    report = copy_store(source, target, tables="m1,regression", pairs="usdjpy", months="2019-02")
    assert set(content(target)) == {("m1", "usdjpy", "2019_02"), ("reg_rate", "usdjpy", "2019_02")}
    assert report.sources == 1
    assert target.state.baseline("eurusd") is None


def test_what_was_damaged_in_the_target_is_copied_again(
    source: bqx.Store, target: bqx.Store
) -> None:
    copy_store(source, target)
    key = ("reg_rate", "usdjpy", "2019_01")
    target.parts.drop(key)
    other = ("reg_rate", "eurusd", "2019_01")
    target.state.record([replace(target.state.partitions()[other], hash="x")])
    assert copy_store(source, target).copied == 2
    assert content(target) == content(source)
    assert verify(target).passed


def test_a_damaged_source_is_refused(source: bqx.Store, target: bqx.Store) -> None:
    key = ("reg_rate", "eurusd", "2019_01")
    record = source.state.partitions()[key]
    source.state.record([replace(record, hash="x")])
    with pytest.raises(IntegrityError, match="reg_rate eurusd 2019_01"):
        copy_store(source, target)
    assert key not in content(target)
    source.state.record([record])
    report = copy_store(source, target)
    assert report.current > 0  # it goes on where it stopped
    assert content(target) == content(source)


def test_an_interrupted_copy_goes_on(
    source: bqx.Store, target: bqx.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write: Callable[..., int] = target.parts.write
    written: list[Key] = []

    def failing(key: Key, table: object, **options: bool) -> int:
        if len(written) == 5:
            raise StoreError("the disk is full")
        written.append(key)
        return write(key, table, **options)

    monkeypatch.setattr(target.parts, "write", failing)
    with pytest.raises(StoreError, match="disk is full"):
        copy_store(source, target, workers=1)
    monkeypatch.undo()
    assert len(content(target)) == 5
    assert copy_store(source, target).current == 5
    assert content(target) == content(source)


KILLED_COPY = """
import sys, time
import bqx
from bqx.store.copying import copy_store

def stop(partition):
    print("now", flush=True)
    time.sleep(60)

with bqx.open(sys.argv[1]) as source, bqx.open(sys.argv[2], create=False) as target:
    copy_store(source, target, workers=2, progress=stop)
"""


def wait_for_the_end(store: bqx.Store) -> None:
    """A server ends the sessions of a killed client by itself, and frees their lock."""
    for _ in range(200):
        try:
            with store.writing():
                return
        except StoreError:
            time.sleep(0.05)
    pytest.fail("the killed process still holds the lock")


@pytest.mark.slow
def test_a_killed_copy_goes_on(source: bqx.Store, target: bqx.Store) -> None:
    command = [sys.executable, "-c", KILLED_COPY, source.address, target.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
    wait_for_the_end(target)
    wanted = content(source)
    kept = {key: digest for key, digest in content(target).items() if wanted[key] == digest}
    assert kept == content(target)
    assert 0 < len(kept) < len(wanted)
    report = copy_store(source, target)
    assert (report.current, report.copied) == (len(kept), len(wanted) - len(kept))
    assert content(target) == wanted
    assert records(target) == records(source)
    assert verify(target).passed


def test_other_settings_and_baselines_are_refused(source: bqx.Store, target: bqx.Store) -> None:
    with target.writing():
        other = replace(source.bars.baseline("eurusd"), rate=2.0)
        target.state.set_baseline("eurusd", other)
    with pytest.raises(StoreError, match="has the baseline"):
        copy_store(source, target)
    target.set("week", "Mon 00:00 - Fri 21:00 UTC")
    with pytest.raises(StoreError, match="has other settings"):
        copy_store(source, target)
    assert content(target) == {}


def test_sources_get_a_free_number(source: bqx.Store, target: bqx.Store, tmp_path: Path) -> None:
    bars = random_walk_bars("gbpusd", "2019-01-30", 1, seed=1)
    target.ingest([write_bars(tmp_path / "vendor", "gbpusd", bars)])
    assert copy_store(source, target).sources == 2
    rows = target.state.query("SELECT id, pair FROM sources ORDER BY id")
    assert [int(str(number)) for number, _ in rows] == [1, 2, 3]
    known = {str(pair): number for number, pair in rows}
    for pair in ("eurusd", "usdjpy"):
        found = target.state.query("SELECT source FROM provenance WHERE pair = ?", (pair,))
        assert {number for (number,) in found} == {known[pair]}
    assert set(pl.DataFrame(target.parts.rejected())["source"]) == {
        known["eurusd"],
        known["usdjpy"],
    }


def test_the_command(source: bqx.Store, server: Server, tmp_path: Path) -> None:
    address = server.create_database()
    done = CliRunner().invoke(
        app, ["copy", "--from", source.address, "--to", address, "--tables", "m1", "--json"]
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["copied"] == 4
    again = CliRunner().invoke(
        app, ["copy", "--from", address, "--to", str(tmp_path / "back"), "--pairs", "eurusd"]
    )
    assert again.exit_code == 0, again.output
    assert "2 partitions copied" in again.output
    shown = CliRunner().invoke(app, ["sql", "--store", address, "SELECT count(*) FROM m1_eurusd"])
    assert shown.exit_code == 0
    snapshot = CliRunner().invoke(app, ["snapshot", "create", "x", "--store", address])
    assert snapshot.exit_code == 2
    missing = CliRunner().invoke(app, ["copy", "--from", str(tmp_path / "no"), "--to", address])
    assert missing.exit_code == 2
