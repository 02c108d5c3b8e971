"""A store by its address: a folder, or a PostgreSQL server."""

from __future__ import annotations

from bqx.config import StoreSettings
from bqx.features.registry import Registry
from bqx.postgres.address import is_address
from bqx.store.base import BaseStore
from bqx.store.embedded import EmbeddedStore
from bqx.store.server import PostgresStore


def open_base(
    address: str,
    *,
    settings: StoreSettings | None = None,
    families: Registry | None = None,
    create: bool = True,
) -> BaseStore:
    """Open a store.

    Args:
        address: A folder, or what `bqx.postgres.address.is_address` takes for a server.
        settings: Settings of a new store. An existing store keeps its own.
        families: Feature families; those of the settings when None.
        create: Whether a store is made where there is none.

    Raises:
        StoreError: If there is something else, or nothing, or the server cannot be reached.
    """
    kind = PostgresStore if is_address(address) else EmbeddedStore
    return kind(address, settings=settings, families=families, create=create)
