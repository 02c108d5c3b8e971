from __future__ import annotations

import os
from pathlib import Path

import pytest

from bqx.store.filecache import FileCache


class Reader:
    """Reads a file and counts how often."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        return self.path.read_text()


def test_a_file_is_read_once_until_it_is_replaced(tmp_path: Path) -> None:
    path, cache = tmp_path / "a", FileCache[str](2)
    path.write_text("one")
    reader = Reader(path)
    assert [cache.get(path, reader) for _ in range(3)] == ["one"] * 3
    assert reader.times == 1
    (tmp_path / "b").write_text("two")
    os.utime(tmp_path / "b", ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    (tmp_path / "b").replace(path)  # same size and time: the inode tells
    assert cache.get(path, reader) == "two"
    assert reader.times == 2


def test_the_oldest_go_first(tmp_path: Path) -> None:
    cache = FileCache[str](2)
    readers = [Reader(tmp_path / name) for name in "abc"]
    for reader in readers:
        reader.path.write_text(reader.path.name)
    for reader in (readers[0], readers[1], readers[0], readers[2], readers[0], readers[1]):
        assert cache.get(reader.path, reader) == reader.path.name
    assert [r.times for r in readers] == [1, 2, 1]


def test_a_missing_file_is_the_readers_to_report(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        FileCache[str](2).get(reader.path, reader)
