"""Indexes beside the primary key of tables that are replaced: they are made again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bqx.stages.target import SCHEMA, PostgresTarget

# The index of a partition that belongs to one of its table is made with that. An index without a
# column of its own (of the whole row) depends on the relation alone.
_INDEXES = """
SELECT i.relname::text, t.relname::text, pg_get_indexdef(x.indexrelid),
       array(SELECT DISTINCT a.attname::text FROM pg_depend d
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = i.oid AND d.refobjid = t.oid
               AND d.refobjsubid > 0 ORDER BY 1)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
WHERE t.relnamespace = to_regnamespace(%s) AND t.relname = ANY(%s) AND NOT x.indisprimary
  AND NOT i.relispartition AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid)
ORDER BY 2, 1
"""


@dataclass(frozen=True)
class Index:
    """An index that somebody made.

    Attributes:
        name: Its name.
        table: The table, or the partition.
        definition: The statement that makes it, with all names in full.
        columns: Columns that it uses.
    """

    name: str
    table: str
    definition: str
    columns: tuple[str, ...]

    def fits(self, columns: Mapping[str, Collection[str]]) -> bool:
        """Whether it could be made on a table with these columns."""
        return set(self.columns) <= set(columns.get(self.table, ()))

    @property
    def statement(self) -> str:
        """What makes it, on all partitions of a table too."""
        return self.definition.replace(" ON ONLY ", " ON ", 1)


def indexes(target: PostgresTarget, names: Sequence[str], schema: str = SCHEMA) -> list[Index]:
    """Indexes of relations beside those of their keys and constraints."""
    rows = target.query_in_full(_INDEXES, (schema, list(names)))
    return [Index(name, table, text, tuple(columns)) for name, table, text, columns in rows]
