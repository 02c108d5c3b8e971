"""The last stage, whose client or server is killed: the comments of before, or all of the new."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bqx.errors import StoreError
from bqx.stages.runner import Runner
from bqx.stages.target import PostgresTarget
from bqx.stages.validation import Validation
from killing import alone
from servers import Server, running
from stages.few import content
from stages.remedied import remedied

MOMENTS = {"before the commit": 1, "after it": 2}
CLIENT = """
import sys, time
from bqx.stages.registry import stage
from bqx.stages.runner import Runner
from bqx.stages.target import PostgresTarget

def stop(done, total, what):
    if done == int(sys.argv[2]):
        print("now", flush=True)
        time.sleep(60)

with PostgresTarget(sys.argv[1]) as target:
    Runner(target).apply(stage("2.15"), monitor=stop)
"""


@pytest.fixture(scope="module")
def fragile() -> Iterator[Server]:
    """A server that these tests may kill."""
    with running() as found:
        yield found


def undocumented(server: Server) -> str:
    """Address of a remedied database whose comments are those of the first version."""
    address = remedied(server).aligned()
    with PostgresTarget(address) as target:
        Runner(target).rollback(Validation())
    return address


def judge(server: Server, address: str, moment: str, before: object) -> None:
    """Old or new; from either, the stage gets to its end and back."""
    with PostgresTarget(address) as target:
        runner = Runner(target)
        if moment == "before the commit":
            assert content(server, address) == before
            runner.apply(Validation())
        else:
            assert runner.plan(Validation()).operations == ()
        assert all(c.passed for c in runner.verify(Validation()))
        runner.rollback(Validation())
    assert content(server, address) == before


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_client(moment: str, server: Server) -> None:
    address = undocumented(server)
    before = content(server, address)
    command = [sys.executable, "-c", CLIENT, address, str(MOMENTS[moment])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "now\n"
        client.send_signal(signal.SIGKILL)
    alone(address)
    judge(server, address, moment, before)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_server(moment: str, fragile: Server) -> None:
    address = undocumented(fragile)
    before = content(fragile, address)

    def kill(done: int, total: int, what: str) -> None:  # noqa: ARG001
        if done == MOMENTS[moment]:
            fragile.kill()

    target = PostgresTarget(address)
    with pytest.raises(StoreError):
        Runner(target).apply(Validation(), monitor=kill)
    target.close()
    fragile.restart()
    judge(fragile, address, moment, before)
