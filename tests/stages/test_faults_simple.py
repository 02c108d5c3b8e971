"""Locks, lost connections, killed clients and servers: the old state or the new one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from bqx.errors import StoreError
from bqx.stages import locks
from bqx.stages.constant_term import ConstantTerm
from bqx.stages.registry import AnyStage
from bqx.stages.rename import Rename
from bqx.stages.runner import Runner
from bqx.stages.semantic_views import SemanticViews
from bqx.stages.status import statuses
from bqx.stages.target import PostgresTarget
from killing import alone
from servers import Server, running
from stages.few import Content, content, few

STAGES: list[AnyStage] = [Rename(), ConstantTerm()]
KILLED: list[AnyStage] = [*STAGES, SemanticViews()]
TABLE = {"BQX-1.6.9": "statistics_features_eurusd_2024_07", "BQX-2.11": "reg_eurusd_2024_08"}
IN_THE_MIDDLE = 2
CLIENT = """
import sys, time
from bqx.stages.registry import stage
from bqx.stages.runner import Runner
from bqx.stages.target import PostgresTarget

address, code, moment = sys.argv[1:]

def stop(done, total, what):
    if done == (total if moment == "end" else 2):
        print("now", flush=True)
        time.sleep(60)

with PostgresTarget(address) as target:
    Runner(target).apply(stage(code), monitor=stop)
"""


@pytest.fixture(scope="module")
def fragile() -> Iterator[Server]:
    """A server that these tests may kill."""
    with running() as found:
        yield found


@contextmanager
def reading(address: str, table: str) -> Iterator[int]:
    """A session that reads a table and does not end; its number."""
    with psycopg.connect(address) as connection:
        connection.execute(f"SELECT * FROM bqx.{table}".encode()).fetchall()
        yield connection.info.backend_pid


def status(address: str, stage: AnyStage) -> str:
    with PostgresTarget(address) as target:
        return statuses(Runner(target), [stage])[0].text


def finish(server: Server, address: str, stage: AnyStage, before: Content) -> None:
    """After a fault the stage can be applied and undone as if nothing had been."""
    with PostgresTarget(address) as target:
        runner = Runner(target)
        runner.apply(stage)
        runner.rollback(stage)
    assert content(server, address) == before


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.code)
def test_a_long_reader_is_named_and_nothing_is_changed(
    stage: AnyStage, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "SECONDS", 0.2)
    address = few(server)
    before = content(server, address)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        with reading(address, TABLE[stage.code]) as pid:
            words = rf"another session holds a lock.*session {pid} of postgres, idle in trans.* s"
            with pytest.raises(StoreError, match=words) as caught:
                runner.apply(stage)
            assert "pg_terminate_backend" in caught.value.hint
        assert [run.status for run in runner.history()] == ["failed"]
    finish(server, address, stage, before)


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.code)
def test_a_lost_connection_leaves_the_old_state(stage: AnyStage, server: Server) -> None:
    address = few(server)
    before = content(server, address)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        pid = target.connection.info.backend_pid

        def cut(done: int, total: int, what: str) -> None:  # noqa: ARG001
            if done == IN_THE_MIDDLE:
                server.psql(f"SELECT pg_terminate_backend({pid}, 5000)")

        with pytest.raises(StoreError, match="terminating connection") as caught:
            runner.apply(stage, monitor=cut)
        assert any("ledger could not be written" in n for n in caught.value.__notes__)
    assert content(server, address) == before
    assert status(address, stage) == "failed last"
    finish(server, address, stage, before)


@pytest.mark.parametrize("moment", ["middle", "end"])
@pytest.mark.parametrize("stage", KILLED, ids=lambda s: s.code)
@pytest.mark.slow
def test_a_killed_client_leaves_the_old_state_or_the_new(
    stage: AnyStage, moment: str, server: Server
) -> None:
    address, twin = few(server), few(server)
    before = content(server, address)
    command = [sys.executable, "-c", CLIENT, address, stage.code, moment]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "now\n"
        client.send_signal(signal.SIGKILL)
    alone(address)
    if moment == "middle":
        assert content(server, address) == before
        assert status(address, stage) == "failed last"
        finish(server, address, stage, before)
    else:
        after_kill(server, address, twin, stage, before)


def after_kill(server: Server, address: str, twin: str, stage: AnyStage, before: Content) -> None:
    """Killed behind the commit: the state of an undisturbed application, and it can be undone."""
    with PostgresTarget(twin) as target:
        Runner(target).apply(stage)
    assert content(server, address) == content(server, twin)
    assert status(address, stage) == "done"
    with PostgresTarget(address) as target:
        runner = Runner(target)
        assert runner.history()[-1].status == "interrupted"
        runner.rollback(stage)
    assert content(server, address) == before


@pytest.mark.parametrize("moment", ["middle", "end"])
@pytest.mark.parametrize("stage", KILLED, ids=lambda s: s.code)
@pytest.mark.slow
def test_a_killed_server_leaves_the_old_state_or_the_new(
    stage: AnyStage, moment: str, fragile: Server
) -> None:
    address, twin = few(fragile), few(fragile)
    before = content(fragile, address)
    target = PostgresTarget(address)

    def kill(done: int, total: int, what: str) -> None:  # noqa: ARG001
        if done == (total if moment == "end" else IN_THE_MIDDLE):
            fragile.kill()

    with pytest.raises(StoreError):
        Runner(target).apply(stage, monitor=kill)
    target.close()
    fragile.restart()
    if moment == "middle":
        assert content(fragile, address) == before
        finish(fragile, address, stage, before)
    else:
        after_kill(fragile, address, twin, stage, before)


def test_a_killed_rollback_leaves_the_new_state(server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        runner.apply(SemanticViews())
        before = content(server, address)
        pid = target.connection.info.backend_pid
        target.execute("CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS"
                       " 'BEGIN PERFORM pg_sleep(60); END'")  # fmt: skip
        target.execute("CREATE EVENT TRIGGER slow ON sql_drop EXECUTE FUNCTION public.slow()")
        command = ["sleep 1; " + " ".join((
            str(server.programs / "psql"), f"'{server.address()}'", "-c",
            f"'SELECT pg_terminate_backend({pid})'",
        ))]  # fmt: skip
        with (
            subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL),  # noqa: S602
            pytest.raises(StoreError, match="terminating connection"),
        ):
            runner.rollback(SemanticViews())
    with PostgresTarget(address) as target:
        target.execute("DROP EVENT TRIGGER slow")
        target.execute("DROP FUNCTION public.slow()")
        assert content(server, address) == before
        Runner(target).rollback(SemanticViews())
