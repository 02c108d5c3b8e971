"""A small cache of what was read from files, valid as long as the file is the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class FileCache(Generic[T]):
    """The newest results of reading files; replaced files are read again.

    Args:
        size: Results to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: OrderedDict[tuple[str, int, int, int], T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path, read: Callable[[], T]) -> T:
        """The result of ``read`` for a file, made anew only when the file has changed."""
        try:
            stat = path.stat()
        except FileNotFoundError:
            return read()  # which says what is missing
        # Partitions are replaced by renaming, so a new content is a new inode or a new time.
        key = (str(path), stat.st_ino, stat.st_mtime_ns, stat.st_size)
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
