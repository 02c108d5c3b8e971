"""Files of registered models: copied as a whole or not at all, and compared with their hashes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from bqx.errors import IntegrityError, StoreError
from bqx.store.durable import sync
from bqx.store.hashing import file_hash


def copy_files(files: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """Copy files into a new folder and wait until they are on the disk.

    Args:
        files: Source of each file, by its path in the folder.
        folder: The folder.

    Returns:
        The hash of each file, of what was written.

    Raises:
        StoreError: If a source is missing.
    """
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError as error:
            raise StoreError(
                f"{source} is missing",
                expected="a finished run",
                hint="`bqx train` resumes one that was interrupted",
            ) from error
        sync(target)
    return {name: file_hash(folder / name) for name in files}


def link_files(files: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """The same with hard links where the file system has them: for files that are never changed."""
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            # Another file system, or one without links.
            copy_files({name: source}, folder)
    return {name: file_hash(folder / name) for name in files}


def damaged(folder: Path, hashes: Mapping[str, str], part: str = "") -> Iterator[str]:
    """What is wrong with the files whose path begins with ``part``: missing, or another content."""
    for name, expected in hashes.items():
        if not name.startswith(part):
            continue
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif file_hash(path) != expected:
            yield f"{name} has another content"


def require_intact(folder: Path, hashes: Mapping[str, str], part: str = "") -> None:
    """Check files against their hashes.

    Args:
        folder: Where they are.
        hashes: Hash of each file by its path.
        part: Beginning of the paths that are checked; all when empty.

    Raises:
        IntegrityError: If a file is missing or has another content.
    """
    found = list(damaged(folder, hashes, part))
    if found:
        raise IntegrityError(
            f"artefacts in {folder} are damaged: {'; '.join(found[:5])}",
            expected="the files that were registered",
            hint="`bqx models register` the run again; a new version takes its place",
        )
