"""Opening a store for stages: a PostgreSQL database or a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bqx.postgres.connect import is_address
from bqx.stages.target import PostgresTarget


@contextmanager
def opened(store: str) -> Iterator[Any]:
    """The target of an address or a folder; closed in the end.

    Raises:
        StoreError: If there is none.
    """
    if is_address(store):
        with PostgresTarget(store) as target:
            yield target
        return
    from bqx.stages.embedded import EmbeddedTarget
    from bqx.store.embedded import EmbeddedStore

    with EmbeddedTarget(EmbeddedStore(store, create=False)) as target:
        yield target
