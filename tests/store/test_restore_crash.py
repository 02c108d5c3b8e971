"""A snapshot or restore that is killed at any moment leaves a store that puts itself in order."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import bqx
from bqx.errors import IntegrityError
from bqx.store import durable, restore, snapshots
from bqx.store.hashing import content_hash
from bqx.store.parquet import read_file
from bqx.store.verify import verify
from killing import Killed, killed_at
from stores import content, filled_store, open_store, write_bars
from synthetic import random_walk_bars

# A process that is killed between two lines closes nothing; the simulation cannot either.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MODULES = (restore, durable, snapshots)
Key = tuple[str, str, str]


@pytest.fixture(scope="module")
def original(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[Key, str], dict[Key, str]]:
    """A store with a snapshot and changes since: root, content then, content now."""
    folder = tmp_path_factory.mktemp("crash")
    with filled_store(folder / "store", start="2019-01-30", days=4) as store:
        store.build(["reg_rate", "bqx"])
        kept = content(store)
        snapshots.create(store, "one")
        later = random_walk_bars("eurusd", "2019-02-01", 30, seed=8)
        bad = pl.int_range(pl.len()) < 5
        store.ingest([write_bars(folder, "eurusd", later, "_later")])
        store.ingest(
            [
                write_bars(
                    folder,
                    "usdjpy",
                    later.with_columns(close=pl.when(bad).then(-1.0).otherwise("close")),
                )
            ]
        )
        store.build("reg_rate")
        return store.root, kept, content(store)


def copied(root: Path, target: Path) -> Path:
    """A copy with the same hard links between the store and its snapshot."""
    subprocess.run(["cp", "-a", str(root), str(target)], check=True)  # noqa: S607
    return target


def lines_of(root: Path, act: Callable[[bqx.FolderStore], object]) -> int:
    with open_store(root) as store, killed_at(-1, MODULES) as count:
        act(store)
    return count[0]


def check_killed(
    original: tuple[Path, dict[Key, str], dict[Key, str]],
    tmp_path: Path,
    act: Callable[[bqx.FolderStore], object],
    step: int,
    allowed: Callable[[bqx.FolderStore], None],
) -> None:
    total = lines_of(copied(original[0], tmp_path / "counted"), act)
    assert total > 50
    for line in range(1, total + 1, step):
        root = copied(original[0], tmp_path / f"at_{line}")
        store = open_store(root)
        with killed_at(line, MODULES):
            act(store)
        store.close()
        with open_store(root) as reopened:
            allowed(reopened)
            with reopened.writing():
                pass
            result = verify(reopened)
            assert result.passed, result.to_text()
            assert not (root / "restore.journal").exists()
        shutil.rmtree(root)


@pytest.mark.slow
@pytest.mark.parametrize("step", [17, 5])
def test_restore(
    original: tuple[Path, dict[Key, str], dict[Key, str]], tmp_path: Path, step: int
) -> None:
    def old_or_new(store: bqx.FolderStore) -> None:
        assert content(store) in original[1:]

    check_killed(original, tmp_path, lambda s: snapshots.restore(s, "one"), step, old_or_new)


@pytest.mark.slow
@pytest.mark.parametrize("step", [17, 5])
def test_create(
    original: tuple[Path, dict[Key, str], dict[Key, str]], tmp_path: Path, step: int
) -> None:
    def whole_or_absent(store: bqx.FolderStore) -> None:
        assert content(store) == original[2]
        if "two" in [s.name for s in snapshots.list_snapshots(store)]:
            snapshots.delete(store, "two")
        snapshots.create(store, "two")
        snapshots.restore(store, "two")
        assert content(store) == original[2]

    check_killed(original, tmp_path, lambda s: snapshots.create(s, "two"), step, whole_or_absent)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_delete(
    original: tuple[Path, dict[Key, str], dict[Key, str]], tmp_path: Path, step: int
) -> None:
    def unharmed(store: bqx.FolderStore) -> None:
        assert content(store) == original[2]
        assert [s.name for s in snapshots.list_snapshots(store)] in ([], ["one"])

    total = lines_of(
        copied(original[0], tmp_path / "counted"), lambda s: snapshots.delete(s, "one")
    )
    for line in range(1, total + 1, step):
        root = copied(original[0], tmp_path / f"at_{line}")
        with open_store(root) as store, killed_at(line, MODULES):
            snapshots.delete(store, "one")
        with open_store(root) as store:
            unharmed(store)
        shutil.rmtree(root)


def test_no_record_is_wrong_while_a_restore_goes_on(
    original: tuple[Path, dict[Key, str], dict[Key, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> None:
        raise Killed

    store = open_store(copied(original[0], tmp_path / "store"))
    monkeypatch.setattr(restore, "_copy_state", die)
    with pytest.raises(Killed):
        snapshots.restore(store, "one")
    recorded = content(store)
    assert 0 < len(recorded) < len(original[2])
    for key, digest in recorded.items():
        assert content_hash(read_file(store.path(*key))) == digest
    store.close()


def test_a_lost_snapshot_is_reported(
    original: tuple[Path, dict[Key, str], dict[Key, str]], tmp_path: Path
) -> None:
    root = copied(original[0], tmp_path / "store")
    (root / "restore.journal").write_text("gone", encoding="utf-8")
    with pytest.raises(IntegrityError, match="gone"):
        open_store(root)


PROGRAM = """
import os, signal, sys
import bqx
from bqx.store import restore, snapshots
store = bqx.open(sys.argv[1])
put = restore.put_link
calls = iter(range(1, 99))
def put_and_die(*arguments):
    put(*arguments)
    if next(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
restore.put_link = put_and_die
snapshots.restore(store, "one")
"""


def test_a_process_that_is_killed(
    original: tuple[Path, dict[Key, str], dict[Key, str]], tmp_path: Path
) -> None:
    root = copied(original[0], tmp_path / "store")
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(root)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (root / "restore.journal").exists()
    with open_store(root) as store:
        assert content(store) == original[1]
        assert verify(store).findings == ()
        assert list((root / "quarantine").iterdir()) == []
