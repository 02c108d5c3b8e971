"""The building stages on a PostgreSQL store: complete or undone, to the last bit of the schema."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

import bqx
from bqx.api import Store
from bqx.errors import PostConditionError, StoreError
from bqx.stages.building_server import ServerBuilding, server_stages
from bqx.stages.registry import stages
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget
from damage import MONTHS, flat_walk
from legacy.databases import clone
from servers import Server, running
from stages.few import content
from synthetic import by_month

BY_CODE = {s.code: s for s in server_stages()}
OHLC, TIME = BY_CODE["BQX-1.8.3"], BY_CODE["BQX-1.8.1"]
PAIRS = ("eurusd", "gbpusd")


@pytest.fixture(scope="module")
def template(server: Server) -> str:
    """A store with bars of two pairs and nothing built."""
    address = server.create_database()
    with bqx.open(address) as store, store.writing():
        for pair in PAIRS:
            for month, bars in by_month(flat_walk(pair)).items():
                store.bars.replace(pair, month, bars)
    with PostgresTarget(address) as target:
        target.prepare()
        Runner(target).plan(OHLC)  # measures the server once
    return address


@pytest.fixture
def address(server: Server, template: str) -> str:
    return clone(server, template)


@pytest.fixture
def runner(address: str) -> Iterator[Runner]:
    with PostgresTarget(address) as target:
        yield Runner(target)


def opened(address: str) -> Store:
    return bqx.open(address)


def recorded(address: str) -> dict[tuple[str, str, str], str]:
    with opened(address) as store:
        return {key: p.hash for key, p in store.state.partitions().items()}


@pytest.mark.parametrize("stage", [TIME, OHLC], ids=lambda s: s.code)
def test_a_stage_builds_its_tables_and_is_undone(
    server: Server, address: str, runner: Runner, stage: ServerBuilding
) -> None:
    before = content(server, address)
    plan = runner.plan(stage)
    assert plan.ready
    assert plan.estimate.wal > plan.estimate.bytes > 0
    result = runner.apply(stage)
    assert result.outcome["rows"] == sum(op.rows for op in plan.operations)
    assert all(c.passed for c in runner.verify(stage))
    assert {t for t, _, _ in recorded(address)} == {"m1", *stage.tables}
    assert runner.rollback(stage).outcome == {
        "restored": 0,
        "dropped": result.outcome["partitions"],
    }
    assert content(server, address) == before


def test_the_list_has_the_whole_programme(runner: Runner) -> None:
    known = {s.code: s for s in stages("postgresql")}
    assert set(BY_CODE) <= set(known)
    assert not any(c.passed for c in runner.verify(known["BQX-1.6.10"], Selection())[:1])


def outdate(address: str) -> None:
    """Make a partition one of other code, with a column less and other values."""
    key = ("ohlc_rate", "eurusd", MONTHS[0])
    with opened(address) as store, store.writing():
        record = store.state.partitions()[key]
        store.state.record([replace(record, fingerprint="other")])
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "UPDATE bqx_meta.contents SET fingerprint = 'other'"
            " WHERE tbl = 'ohlc_rate' AND pair = 'eurusd' AND month = '2019_01'"
        )


def test_outdated_partitions_are_set_aside_and_put_back(
    server: Server, address: str, runner: Runner
) -> None:
    with opened(address) as store:
        store.build("ohlc_rate")
    whole = recorded(address)
    outdate(address)
    old = content(server, address), recorded(address)
    [first] = [c for c in runner.verify(OHLC) if not c.passed]
    assert first.found.startswith("0 missing, 1 outdated of 4")
    assert runner.apply(OHLC).outcome["kept"] == 1
    assert recorded(address) == whole
    assert runner.rollback(OHLC).outcome == {"restored": 1, "dropped": 0}
    assert (content(server, address), recorded(address)) == old
    assert not schemas(address)


def schemas(address: str) -> list[str]:
    """Schemas of what was set aside."""
    with psycopg.connect(address) as connection:
        rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^bqx_kept'")
        return [str(name) for (name,) in rows]


@pytest.mark.slow
def test_a_column_that_the_build_adds_goes_with_it(
    server: Server, address: str, runner: Runner
) -> None:
    with opened(address) as store:
        store.build("ohlc_rate", pairs="eurusd")
        name = store.tables["ohlc_rate"].column_names[-1]
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE bqx.ohlc_rate_eurusd DROP COLUMN {name}".encode())
        connection.execute("COMMENT ON TABLE bqx.ohlc_rate_eurusd IS 'an older text'")
        connection.execute("UPDATE bqx_meta.partitions SET fingerprint = 'other' WHERE tbl <> 'm1'")
    before = content(server, address)
    runner.apply(OHLC)
    runner.rollback(OHLC)
    assert content(server, address) == before


def test_a_database_without_a_store_is_told(server: Server) -> None:
    address = server.create_database()
    with PostgresTarget(address) as target, pytest.raises(StoreError, match="no store in"):
        Runner(target).plan(OHLC)


def test_a_selection_without_bars_is_blocked(runner: Runner) -> None:
    with pytest.raises(BlockedError, match="usdjpy"):
        runner.apply(OHLC, Selection(pairs=("usdjpy",)))


def test_a_failure_undoes_everything(
    server: Server, address: str, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bqx.build import unit as units

    write, before = units._write, content(server, address)

    def failing(*arguments: object) -> object:
        if arguments[1].pair == "gbpusd":  # type: ignore[attr-defined]
            raise PostConditionError("broken on purpose")
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(units, "_write", failing)
    with pytest.raises(PostConditionError, match="2 units failed, the first gbpusd"):
        runner.apply(OHLC)
    assert content(server, address) == before
    assert set(recorded(address)) == {("m1", p, m) for p in PAIRS for m in MONTHS}
    assert runner.history()[0].status == "failed"


_KILLED = """
import os, signal
from bqx.stages.building_server import server_stages
from bqx.stages.runner import Runner
from bqx.stages.target import PostgresTarget

def die(done, total, what):
    if done == {units}:
        os.kill(os.getpid(), signal.SIGKILL)
stage = next(s for s in server_stages() if s.code == {code!r})
Runner(PostgresTarget({address!r})).apply(stage, monitor=die)
"""


def kill(address: str, units: int) -> None:
    code = _KILLED.format(code=OHLC.code, address=address, units=units)
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


@pytest.mark.slow
def test_a_client_that_is_killed_leaves_something_to_go_on_with_or_to_undo(
    server: Server, address: str
) -> None:
    with opened(address) as store:
        store.build("ohlc_rate", months=MONTHS[0])
    outdate(address)
    before = content(server, address), recorded(address)
    kill(address, 2)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        [first, *_] = runner.verify(OHLC)
        assert 0 < first.done < first.total == 4
        assert runner.history()[0].status == "interrupted"
        runner.apply(OHLC)
        assert all(c.passed for c in runner.verify(OHLC))
        runner.rollback(OHLC)
        assert (content(server, address), recorded(address)) == before
    kill(address, 2)
    with PostgresTarget(address) as target:
        Runner(target).rollback(OHLC)
        assert (content(server, address), recorded(address)) == before
        assert not schemas(address)


@pytest.mark.slow
def test_a_server_that_is_killed_leaves_something_to_undo() -> None:
    with running() as server:
        address = server.create_database()
        with opened(address) as store, store.writing():
            for month, bars in by_month(flat_walk("eurusd")).items():
                store.bars.replace("eurusd", month, bars)
        before = recorded(address)
        with PostgresTarget(address) as target, pytest.raises(StoreError):
            Runner(target).apply(OHLC, monitor=lambda *_: server.kill())
        server.restart()
        with PostgresTarget(address) as target:
            runner = Runner(target)
            runner.rollback(OHLC)
            assert recorded(address) == before
            runner.apply(OHLC)
            assert all(c.passed for c in runner.verify(OHLC))
