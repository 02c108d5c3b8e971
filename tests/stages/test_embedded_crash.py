"""A stage on a folder that is killed at any moment leaves the old state or the new one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bqx.api import FolderStore
from bqx.stages import embedded_beside, embedded_stage
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.embedded_rebuild import FolderRebuildRate
from bqx.stages.embedded_rename import FolderRename
from bqx.stages.runner import Runner
from bqx.stages.stage import Stage
from bqx.store import change, durable
from bqx.store.embedded import CHANGE
from bqx.store.verify import verify
from damage import copy_store
from killing import killed_at
from stores import content, open_store

# A process that is killed between two lines closes nothing; the simulation cannot either.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MODULES = (change, durable, embedded_stage, embedded_beside)
RENAME, REBUILD = FolderRename(), FolderRebuildRate()
Act = Callable[[Runner], object]


def killed(root: Path, act: Act, line: int) -> int:
    """Act on a store until the n-th line; the number of lines."""
    with open_store(root) as store:
        runner = Runner(EmbeddedTarget(store))
        with killed_at(line, MODULES) as count:
            act(runner)
    return count[0]


def check(original: Path, tmp_path: Path, stage: Stage[EmbeddedTarget], kills: int) -> None:
    """Kill an application at some moments, and look at what the next process finds."""
    with open_store(original) as store:
        before = content(store)
    whole = copy_store(original, tmp_path / "whole").root
    lines = killed(whole, lambda runner: runner.apply(stage), -1)
    with open_store(whole) as store:
        after = content(store)
    assert lines > 3 * kills
    seen = set()
    for number in range(kills):
        root = copy_store(original, tmp_path / str(number)).root
        killed(root, lambda runner: runner.apply(stage), 2 + (lines - 3) * number // (kills - 1))
        with open_store(root) as store:
            found = content(store)
            assert found in (before, after)
            seen.add(found == after)
            assert verify(store).passed
            finish(store, stage)
            assert content(store) == after
            assert verify(store).passed
    assert seen == {False, True}


def finish(store: FolderStore, stage: Stage[EmbeddedTarget]) -> None:
    runner = Runner(EmbeddedTarget(store))
    runner.apply(stage)
    assert all(c.passed for c in runner.verify(stage))
    assert not (store.root / CHANGE).exists()


def test_a_rename_that_is_killed(original: Path, tmp_path: Path) -> None:
    check(original, tmp_path, RENAME, 8)


@pytest.mark.slow
def test_a_rebuild_that_is_killed(original: Path, tmp_path: Path) -> None:
    check(original, tmp_path, REBUILD, 6)


@pytest.mark.slow
def test_a_rollback_that_is_killed(original: Path, tmp_path: Path) -> None:
    with copy_store(original, tmp_path / "applied") as store:
        before = content(store)
        Runner(EmbeddedTarget(store)).apply(RENAME)
        after = content(store)
        applied = store.root
    lines = killed(copy_applied(applied, tmp_path / "whole"), lambda r: r.rollback(RENAME), -1)
    seen = set()
    for number in range(8):
        root = copy_applied(applied, tmp_path / str(number))
        killed(root, lambda r: r.rollback(RENAME), 2 + (lines - 3) * number // 7)
        with open_store(root) as store:
            found = content(store)
            assert found in (before, after)
            assert verify(store).passed
            seen.add(found == before)
            runner = Runner(EmbeddedTarget(store))
            assert (runner.target.remembered(RENAME.code) is None) == (found == before)
            if found == after:
                runner.rollback(RENAME)
            assert content(store) == before
    assert seen == {False, True}


def copy_applied(source: Path, target: Path) -> Path:
    with copy_store(source, target) as store:
        return store.root


_KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.runner import Runner
from bqx.store import change
from bqx.stages.{module} import {stage} as Stage
from stores import open_store

left = [{steps}]
def counted(act):
    def step(*arguments):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*arguments)
    return step
change.{what} = counted(change.{what})
Runner(EmbeddedTarget(open_store({root!r}))).apply(Stage())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "step", "new"),
    [
        (RENAME, ("put_bytes", 0), False),
        (RENAME, ("put_link", 24), True),
        (REBUILD, ("put_link", 6), True),
    ],
)
def test_a_process_that_is_really_killed(
    original: Path, tmp_path: Path, stage: Stage[EmbeddedTarget], step: tuple[str, int], new: bool
) -> None:
    root = copy_applied(original, tmp_path / "store")
    with open_store(root) as store:
        before = content(store)
    code = _KILLED.format(
        tests=str(Path(__file__).parents[1]),
        module=type(stage).__module__.rpartition(".")[2],
        stage=type(stage).__name__,
        root=str(root),
        what=step[0],
        steps=step[1],
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    with open_store(root) as store:
        assert (content(store) != before) == new
        assert verify(store).passed
        runs = Runner(EmbeddedTarget(store)).history()
        assert runs[0].status == "interrupted"
        finish(store, stage)
