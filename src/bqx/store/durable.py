"""Small steps on files that either happen or do not, whatever interrupts them."""

from __future__ import annotations

import os
from pathlib import Path

from bqx.errors import IntegrityError, StoreError

TEMPORARY = ".tmp"
"""Ending of files that are not finished."""


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_bytes(content: bytes, target: Path) -> None:
    """Write a small file in place of what stands there, if anything."""
    temporary = _beside(target)
    temporary.write_bytes(content)
    sync(temporary)
    temporary.replace(target)
    sync(target.parent)


def put_link(source: Path, target: Path) -> None:
    """Make ``target`` another name of the file ``source``, in place of what stands there.

    Raises:
        StoreError: If the file system has no hard links.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError as error:
        raise StoreError(
            f"cannot link {source} to {target}: {error.strerror}",
            expected="a file system with hard links, and a file that exists",
            hint="keep the store on a local disk",
        ) from error
    temporary.replace(target)


def check_size(path: Path, expected: int, hint: str) -> None:
    """Check that a file is there and as long as it was written.

    Raises:
        IntegrityError: If it is not; the hint says what to do.
    """
    size = path.stat().st_size if path.is_file() else None
    if size != expected:
        raise IntegrityError(
            f"{path} is missing" if size is None else f"{path} has {size} bytes",
            expected=f"the {expected} bytes that were written",
            hint=hint,
        )


def same_file(first: Path, second: Path) -> bool:
    """Whether both are names of one file."""
    return first.exists() and second.exists() and first.samefile(second)


def _beside(target: Path) -> Path:
    return target.with_name(f"{target.name}.{os.getpid()}{TEMPORARY}")
