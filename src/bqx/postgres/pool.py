"""Connections that threads borrow: each has its own for as long as it needs one."""

from __future__ import annotations

import select
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from bqx.postgres.connect import Connection


def is_alive(connection: Connection) -> bool:
    """Whether an idle connection is still there, as far as is known without asking the server."""
    # The server has nothing to say to an idle connection, except that it ends.
    return not connection.closed and not select.select([connection.fileno()], [], [], 0)[0]


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Close it."""


T = TypeVar("T", bound=Closable)


class Pool(Generic[T]):
    """Open connections of one kind; the garbage collector closes those that are idle.

    Args:
        make: Opens a connection.
        alive: Says whether an idle one can still be used.
    """

    def __init__(self, make: Callable[[], T], alive: Callable[[T], bool] = lambda _: True) -> None:
        self._make = make
        self._alive = alive
        self._idle: list[T] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def borrow(self) -> Iterator[T]:
        """A connection of one's own; after an error it is not used again."""
        connection = self._taken() or self._make()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)

    def _taken(self) -> T | None:
        """An idle connection that is alive; dead ones are closed."""
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is None or self._alive(found):
                return found
            found.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            _close_all(self._idle)


def _close_all(connections: list[T]) -> None:
    while connections:
        connections.pop().close()
