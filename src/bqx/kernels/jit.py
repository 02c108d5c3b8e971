"""The one set of compile options of the kernels.

numba's cache key omits the options, so a function that needs others gets a decorator of its own
here, and never both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compile on first call, cached on disk, without the interpreter lock and without fast-math.

    Without fast-math the arithmetic is IEEE 754 in the written order, so the bits of a result do
    not depend on where in an array a value stands.
    """
    return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))
