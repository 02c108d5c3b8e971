"""Arrow schemas of stored tables, the bars among them."""

from __future__ import annotations

import pyarrow as pa

from bqx.features.arrow import schema_of
from bqx.store.barstore import M1, m1_schema
from bqx.store.base import BaseStore


def full_schema(store: BaseStore, table: str) -> pa.Schema:
    """Schema of a table, or of ``m1``; comments are metadata under ``comment``.

    Raises:
        UnknownNameError: If there is no such table.
    """
    return m1_schema() if table == M1 else schema_of(store.registry.table(table))


def plain_schema(store: BaseStore, table: str) -> pa.Schema:
    """The same without comments."""
    return pa.schema([field.remove_metadata() for field in full_schema(store, table)])
