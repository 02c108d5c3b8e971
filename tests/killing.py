"""A process that is killed at a line, as far as one process can show it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any


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
