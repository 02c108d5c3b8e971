from __future__ import annotations

import pytest

from bqx.store.partitioncache import PartitionCache


class Reader:
    """Gives a text and counts how often."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        return self.text


def test_a_partition_is_read_once_until_it_is_replaced() -> None:
    reader, cache = Reader("one"), PartitionCache[str](2)
    assert [cache.get("a", 1, reader) for _ in range(3)] == ["one"] * 3
    assert reader.times == 1
    reader.text = "two"
    assert cache.get("a", 2, reader) == "two"
    assert reader.times == 2


def test_the_oldest_go_first() -> None:
    cache = PartitionCache[str](2)
    readers = [Reader(name) for name in "abc"]
    for reader in (readers[0], readers[1], readers[0], readers[2], readers[0], readers[1]):
        assert cache.get(reader.text, 1, reader) == reader.text
    assert [r.times for r in readers] == [1, 2, 1]


def test_a_missing_partition_is_the_readers_to_report() -> None:
    def fail() -> str:
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        PartitionCache[str](2).get("none", None, fail)
