"""One writer at a time: a lock that is free again when the process ends, however it does."""

from __future__ import annotations

import fcntl
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bqx.errors import StoreError


class Lock(ABC):
    """A lock between processes; entering again in the same thread is free.

    Args:
        place: What is written to, for messages.
    """

    def __init__(self, place: str) -> None:
        self._place = place
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
                with self._taken():
                    self._depth = 1
                    yield True
        finally:
            self._thread.release()

    @contextmanager
    def _taken(self) -> Iterator[None]:
        with self._exclusive():
            try:
                yield
            finally:
                self._depth = 0

    @abstractmethod
    def _exclusive(self) -> AbstractContextManager[None]:
        """Take the lock and release it; raises `_busy` when another process has it."""

    def _busy(self, who: str) -> StoreError:
        return StoreError(
            f"another {who} is writing to {self._place}",
            expected="one writer at a time",
            hint="wait for it to end; readers need not wait",
        )


class WriterLock(Lock):
    """A lock file; the system releases it when the process ends.

    Args:
        path: The lock file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path.parent))
        self._path = path

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._lock_file(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock_file(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise self._busy("process") from error
