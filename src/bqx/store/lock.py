"""One writer at a time: an advisory lock that the system releases when the process ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bqx.errors import StoreError


class WriterLock:
    """A lock file; entering again in the same object is free.

    Args:
        path: The lock file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._depth = 0

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Hold the lock; yields whether it was taken anew.

        Raises:
            StoreError: If another process holds it.
        """
        if self._depth:
            self._depth += 1
            try:
                yield False
            finally:
                self._depth -= 1
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(
                    f"another process is writing to {self._path.parent}",
                    expected="one writer at a time",
                    hint="wait for it to end; readers need not wait",
                ) from error
            self._depth = 1
            yield True
        finally:
            self._depth = 0
            os.close(descriptor)
