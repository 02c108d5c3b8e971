"""Rebuilds that are damaged, blocked, starved or killed: the old state or the new one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from bqx.errors import BqxError, PostConditionError, StoreError
from bqx.legacy.defects import drop_partition, duplicate_timestamp, extra_column
from bqx.stages import locks
from bqx.stages.build_beside import BUILD, built
from bqx.stages.covariances import Covariances
from bqx.stages.rebuild import RebuildBqx, RebuildRate
from bqx.stages.registry import AnyStage
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.stage import Monitor
from bqx.stages.target import PostgresTarget
from killing import alone
from servers import Server, running
from stages.few import Content, content, few
from stages.remedied import remedied

STAGES: list[AnyStage] = [RebuildBqx(), RebuildRate(), Covariances()]
TABLE = {"BQX-2.12": "reg_bqx", "BQX-2.12-rate": "reg", "BQX-2.14": "correlation_bqx"}
UNITS = {"BQX-2.12": 6, "BQX-2.12-rate": 6, "BQX-2.14": 18}
CLIENT = """
import sys, time
from bqx.stages.registry import stage
from bqx.stages.runner import Runner
from bqx.stages.stage import Monitor
from bqx.stages.target import PostgresTarget

address, code, moment = sys.argv[1:]

def stop(done, total, what):
    if done == int(moment):
        print("now", flush=True)
        time.sleep(60)

with PostgresTarget(address) as target:
    Runner(target).apply(stage(code), monitor=stop)
"""
# One stage shows it quickly, the others in the slow run.
_OTHERS = [pytest.param(stage, marks=pytest.mark.slow) for stage in STAGES[1:]]
by_code = pytest.mark.parametrize("stage", [STAGES[0], *_OTHERS], ids=lambda s: s.code)


@pytest.fixture(scope="module")
def fragile() -> Iterator[Server]:
    """A server that these tests may kill."""
    with running() as found:
        yield found


def at(moment: int, act: Callable[[], object]) -> Monitor:
    """A monitor that does something after some units."""

    def monitor(done: int, total: int, what: str) -> None:  # noqa: ARG001
        if done == moment:
            act()

    return monitor


def finish(server: Server, address: str, stage: AnyStage, before: Content, *, kept: int) -> None:
    """The stage goes on where it was: some units are kept, and it can be applied and undone."""
    built_now: list[str] = []
    with PostgresTarget(address) as target:
        runner = Runner(target)
        runner.apply(stage, monitor=lambda _d, _t, what: built_now.append(what))
        assert len(built_now) - 1 == UNITS[stage.code] - kept
        assert all(c.passed for c in runner.verify(stage))
        runner.rollback(stage)
        assert target.query("SELECT to_regnamespace(%s)", (BUILD,)) == [(None,)]
    assert content(server, address) == before


@by_code
def test_a_lost_connection_leaves_the_old_state(stage: AnyStage, server: Server) -> None:
    address = few(server)
    before = content(server, address)
    with PostgresTarget(address) as target:
        pid = target.connection.info.backend_pid
        cut = at(2, lambda: server.psql(f"SELECT pg_terminate_backend({pid}, 5000)"))
        with pytest.raises(StoreError, match="connection"):
            Runner(target).apply(stage, monitor=cut)
    alone(address)
    assert content(server, address) == before
    with PostgresTarget(address) as target:
        kept = len(built(target))
    assert kept >= 2
    finish(server, address, stage, before, kept=kept)


@by_code
def test_a_long_reader_is_named_and_nothing_is_changed(
    stage: AnyStage, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "SECONDS", 0.2)
    address = few(server)
    before = content(server, address)
    with PostgresTarget(address) as target, psycopg.connect(address) as reader:
        name = f"bqx.{TABLE[stage.code]}_eurusd_2024_07"
        reader.execute(f"SELECT * FROM {name}".encode()).fetchall()
        pid = reader.info.backend_pid
        with pytest.raises(StoreError, match=rf"session {pid} of postgres, idle in trans.* s"):
            Runner(target).apply(stage)
    assert content(server, address) == before
    finish(server, address, stage, before, kept=UNITS[stage.code])


@by_code
def test_what_somebody_planted_is_found_and_built_again(stage: AnyStage, server: Server) -> None:
    address = remedied(server).legacy()
    before = content(server, address)
    with PostgresTarget(address) as target:
        runner, total = Runner(target), UNITS[stage.code]

        def plant() -> None:
            name = f"{BUILD}.next_{next(iter(built(target)))}"
            column = target.query(
                "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass"
                " AND attnum > 1 ORDER BY attnum LIMIT 1",
                (name,),
            )[0][0]
            target.execute(f"UPDATE {name} SET {column} = coalesce({column}, 0) + 1")

        with pytest.raises(PostConditionError, match="1 built partitions were changed by somebody"):
            runner.apply(stage, monitor=at(total, plant))
        assert content(server, address) == before
    finish(server, address, stage, before, kept=total - 1)


@pytest.mark.parametrize("stage", STAGES[:2], ids=lambda s: s.code)
def test_rows_that_arrive_while_it_builds_are_not_lost(stage: AnyStage, server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        late = "2024-07-20 12:00+00"
        name = f"bqx.{TABLE[stage.code]}_eurusd"

        def write() -> None:
            target.execute(f"INSERT INTO {name} (ts_utc) VALUES ('{late}')")

        runner, total = Runner(target), UNITS[stage.code]
        with pytest.raises(PostConditionError, match=r"1 times of .* are not in what was built"):
            runner.apply(stage, monitor=at(total, write))
        runner.apply(stage)
        found = target.query(f"SELECT count(*) FROM {name} WHERE ts_utc = %s", (late,))
        assert found == [(1,)]


@by_code
def test_other_bars_build_their_months_again(stage: AnyStage, server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        with pytest.raises(ZeroDivisionError):
            runner.apply(stage, monitor=at(UNITS[stage.code], lambda: 1 / 0))
        target.execute("UPDATE bqx.m1_eurusd_2024_08 SET low = low * 0.999")
    before = content(server, address)
    changed = UNITS[stage.code] // 6
    finish(server, address, stage, before, kept=UNITS[stage.code] - changed)


@pytest.mark.parametrize("table", ["reg_bqx_eurusd", "m1_eurusd"])
def test_a_missing_partition_is_refused(table: str, server: Server) -> None:
    address = few(server)
    drop_partition(address, table, "2024_07")
    before = content(server, address)
    with (
        PostgresTarget(address) as target,
        pytest.raises(BlockedError, match=f"{table}_2024_07"),
    ):
        Runner(target).apply(RebuildBqx())
    assert content(server, address) == before


@pytest.mark.parametrize("table", ["reg_bqx_eurusd", "m1_eurusd"])
def test_a_repeated_timestamp_is_refused(table: str, server: Server) -> None:
    address = few(server)
    duplicate_timestamp(address, table, "2024_07")
    before = content(server, address)
    words = rf"unique timestamps: {table}_2024_07 \(1 rows\)"
    with PostgresTarget(address) as target, pytest.raises(BlockedError, match=words):
        Runner(target).apply(RebuildBqx())
    assert content(server, address) == before


def test_an_extra_column_is_refused(server: Server) -> None:
    address = few(server)
    extra_column(address, "reg_bqx_eurusd", "2024_07")
    before = content(server, address)
    words = r"no unexpected columns: reg_bqx_eurusd\.note is not declared"
    with PostgresTarget(address) as target, pytest.raises(BlockedError, match=words):
        Runner(target).apply(RebuildBqx())
    assert content(server, address) == before


def test_another_baseline_is_refused(server: Server) -> None:
    with PostgresTarget(few(server)) as target:
        target.execute("UPDATE bqx.m1_eurusd_2024_08 SET rate_index = rate_index * 1.000001")
        with pytest.raises(BlockedError, match=r"m1_eurusd_2024_08 \(3 bars\): disagrees"):
            Runner(target).apply(RebuildRate())


def test_a_backup_that_was_written_to_is_not_put_back_silently(server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        backup = runner.apply(RebuildBqx()).outcome["backup"]
        after = content(server, address)
        target.execute(f"UPDATE {backup}.kept_reg_bqx_eurusd SET w15_r2 = 0.5")
        with pytest.raises(PostConditionError, match="kept tables changed, the first reg_bqx_eur"):
            runner.rollback(RebuildBqx())
    assert content(server, address) == after


@contextmanager
def small_disk(size: int) -> Iterator[Path]:
    """A folder on a file system in memory of that many mebibytes."""
    folder = Path(f"/tmp/bqx-disk-{os.getpid()}")  # noqa: S108 - a short path, for no one else
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and subprocess.run(
        command, capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    try:
        if not mounted:
            pytest.skip("no right to mount a small file system")
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607
        folder.rmdir()


@pytest.mark.slow
@by_code
def test_a_full_disk_leaves_the_old_state(stage: AnyStage, fragile: Server) -> None:
    with small_disk(100) as folder:
        place = folder / "tables"
        place.mkdir()
        owner = fragile.folder.stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        fragile.psql(f"CREATE TABLESPACE small LOCATION '{place}'")
        template = conninfo_to_dict(few(fragile))["dbname"]
        fragile.psql(f"CREATE DATABASE narrow TEMPLATE {template} TABLESPACE small")
        address = fragile.address("narrow")
        try:
            before = content(fragile, address)
            ballast = folder / "ballast"

            def fill() -> None:
                free = shutil.disk_usage(folder).free
                ballast.write_bytes(bytes(max(free - 8 * 4096, 0)))

            with PostgresTarget(address) as target:
                with pytest.raises(StoreError, match="No space left on device"):
                    Runner(target).apply(stage, monitor=at(2, fill))
                ballast.unlink()
                kept = len(built(target))
            assert content(fragile, address) == before
            finish(fragile, address, stage, before, kept=kept)
        finally:
            fragile.psql("DROP DATABASE narrow WITH (FORCE)")
            fragile.psql("DROP TABLESPACE small")


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["first unit", "swap"])
@by_code
def test_a_killed_client_leaves_the_old_state(stage: AnyStage, moment: str, server: Server) -> None:
    address = few(server)
    before = content(server, address)
    step = 1 if moment == "first unit" else UNITS[stage.code] + 1
    command = [sys.executable, "-c", CLIENT, address, stage.code, str(step)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "now\n"
        client.send_signal(signal.SIGKILL)
    alone(address)
    assert content(server, address) == before
    with PostgresTarget(address) as target:
        kept = len(built(target))
    assert kept >= min(step, UNITS[stage.code])
    finish(server, address, stage, before, kept=kept)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["first unit", "swap"])
@by_code
def test_a_killed_server_leaves_the_old_state(
    stage: AnyStage, moment: str, fragile: Server
) -> None:
    address = few(fragile)
    before = content(fragile, address)
    step = 1 if moment == "first unit" else UNITS[stage.code] + 1
    target = PostgresTarget(address)
    with pytest.raises(BqxError):
        Runner(target).apply(stage, monitor=at(step, fragile.kill))
    target.close()
    fragile.restart()
    assert content(fragile, address) == before
    with PostgresTarget(address) as again:
        kept = len(built(again))
    finish(fragile, address, stage, before, kept=kept)


@pytest.mark.slow
@by_code
def test_a_killed_rollback_leaves_the_new_state(stage: AnyStage, fragile: Server) -> None:
    address = few(fragile)
    before = content(fragile, address)
    target = PostgresTarget(address)
    runner = Runner(target)
    runner.apply(stage)
    after = content(fragile, address)
    with pytest.raises(BqxError):
        runner.rollback(stage, monitor=at(1, fragile.kill))
    target.close()
    fragile.restart()
    assert content(fragile, address) == after
    with PostgresTarget(address) as again:
        runner = Runner(again)
        assert all(c.passed for c in runner.verify(stage))
        runner.rollback(stage)
    assert content(fragile, address) == before
