"""One writer at a time: an advisory lock that the system releases when the process ends."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bqx.errors import StoreError


class WriterLock:
    """A lock file; entering again in the same thread is free.

    Args:
        path: The lock file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = threading.RLock()
        self._depth = 0

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Hold the lock; yields whether it was taken anew.

        Raises:
            StoreError: If another process, or another thread of this one, holds it.
        """
        if not self._thread.acquire(blocking=False):
            raise self._busy("thread")
        try:
            if self._depth:
                yield False
            else:
                with self._locked_file():
                    self._depth = 1
                    yield True
        finally:
            self._thread.release()

    @contextmanager
    def _locked_file(self) -> Iterator[None]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._lock_file(descriptor)
            yield
        finally:
            self._depth = 0
            os.close(descriptor)

    def _lock_file(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise self._busy("process") from error

    def _busy(self, who: str) -> StoreError:
        return StoreError(
            f"another {who} is writing to {self._path.parent}",
            expected="one writer at a time",
            hint="wait for it to end; readers need not wait",
        )
