from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bqx.errors import StoreError
from bqx.store.lock import WriterLock


def test_entering_again_is_free(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock")
    with lock.hold() as outer, lock.hold() as inner:
        assert (outer, inner) == (True, False)
    with lock.hold() as again:
        assert again


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock")
    found: list[str] = []

    def enter() -> None:
        with pytest.raises(StoreError, match="another thread") as caught, lock.hold():
            pass
        found.append(caught.value.hint)

    with lock.hold():
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    assert found == ["wait for it to end; readers need not wait"]


def test_objects_and_processes_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, pathlib; from bqx.store.lock import WriterLock\n"
        "with WriterLock(pathlib.Path(sys.argv[1])).hold(): pass"
    )
    command = [sys.executable, "-c", code, str(path)]
    with WriterLock(path).hold():
        with pytest.raises(StoreError, match="another process"), WriterLock(path).hold():
            pass
        failed = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "another process is writing" in failed.stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_an_error_inside_releases_the_lock(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock")
    with pytest.raises(ValueError, match="inside"), lock.hold():
        raise ValueError("inside")
    with lock.hold() as again:
        assert again


def test_a_blocking_error_inside_is_not_mistaken(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), WriterLock(tmp_path / "lock").hold():
        raise BlockingIOError
