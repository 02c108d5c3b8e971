"""A small cache of what was read of partitions, valid as long as they are the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class PartitionCache(Generic[T]):
    """The newest results of reading partitions; replaced ones are read again.

    Args:
        size: Results to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: OrderedDict[tuple[Hashable, Hashable], T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Hashable, version: Hashable | None, read: Callable[[], T]) -> T:
        """The result of ``read``, made anew only when the version has changed.

        Args:
            name: What is read.
            version: Its version; None when it is missing, which ``read`` then reports.
            read: Reads it.
        """
        if version is None:
            return read()
        key = (name, version)
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        result = read()
        with self._lock:
            self._found[key] = result
            while len(self._found) > self._size:
                self._found.popitem(last=False)
        return result
