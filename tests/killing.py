"""Processes that are killed: at a line, as far as one process can show it; and what is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

from bqx.stages.target import PostgresTarget


class Killed(BaseException):
    """Stands for the end of the process."""


@contextmanager
def killed_at(line: int, modules: Sequence[ModuleType]) -> Iterator[list[int]]:
    """Stop at the n-th executed line of some modules; yields the number of lines so far."""
    files = {str(module.__file__) for module in modules}
    count = [0]

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            count[0] += 1
            if count[0] == line:
                raise Killed
        return trace

    sys.settrace(trace)
    try:
        yield count
    except Killed:
        pass
    finally:
        sys.settrace(None)


def alone(address: str) -> None:
    """Wait until no other session is in the database: a killed client's ends by itself."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    with PostgresTarget(address) as target:
        while target.query(others)[0][0]:
            time.sleep(0.05)
