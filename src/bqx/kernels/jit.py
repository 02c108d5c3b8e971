"""The one set of compile options of the kernels, and where compiled code is kept.

numba's cache key omits the options, so a function that needs others gets a decorator of its own
here, and never both. Nor does the key know of functions that are called: after a change of one file
the compiled code of its callers in other files would stay in use. So the code of each file is kept
in a folder that is named by the sources of all kernels which the file can reach.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config, njit

F = TypeVar("F", bound=Callable[..., object])

_FOLDER = Path(__file__).parent
_PACKAGE = "bqx.kernels."
_IMPORTED = re.compile(
    r"^from bqx\.kernels(?:\.(?P<file>\w+) import| import (?P<files>[\w, ]+))", re.MULTILINE
)
_SETTINGS = cast("Any", config)


def jit(function: F) -> F:
    """Compile on first call, cached on disk, without the interpreter lock and without fast-math.

    Without fast-math the arithmetic is IEEE 754 in the written order, so the bits of a result do
    not depend on where in an array a value stands.
    """
    before = _SETTINGS.CACHE_DIR
    if function.__module__.startswith(_PACKAGE):
        _SETTINGS.CACHE_DIR = cache_folder(function.__module__.removeprefix(_PACKAGE))
    try:
        return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))
    finally:
        _SETTINGS.CACHE_DIR = before


@lru_cache(maxsize=256)
def cache_folder(name: str) -> str:
    """Folder of the compiled code of a file of kernels, for exactly the sources it is made from."""
    digest = hashlib.sha256()
    for source in sorted(reached(name)):
        digest.update(f"{source}\n{_source(source)}\n".encode())
    return str(Path(_base()) / f"{name}-{digest.hexdigest()[:16]}")


def reached(name: str) -> set[str]:
    """The files of kernels that a file imports, itself and indirect ones too."""
    found, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            for match in _IMPORTED.finditer(_source(one)):
                names = match["file"] or match["files"]
                waiting += re.findall(r"\w+", names)
    return found


@lru_cache(maxsize=256)
def _source(name: str) -> str:
    path = _FOLDER / f"{name}.py"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@lru_cache(maxsize=1)
def _base() -> str:
    """``NUMBA_CACHE_DIR``, or a folder beside the code, or the user's where that is read-only."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        return os.environ["NUMBA_CACHE_DIR"]
    beside = _FOLDER / "__pycache__"
    try:
        beside.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=beside):
            return str(beside / "compiled")
    except OSError:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return str(Path(home) / "bqx" / "compiled")
