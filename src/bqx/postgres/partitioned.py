"""Tables that are partitioned by time: made, extended, and one partition of them replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bqx.errors import IntegrityError, StoreError
from bqx.postgres.connect import Connection, run
from bqx.postgres.rowhash import hash_query, rows_hash
from bqx.postgres.rows import TYPES, encoded

PATIENCE = "60s"
"""How long a replacement waits for readers of the old partition before it gives up."""
_NEW = "__new"
_KINDS = {name: kind for kind, name in TYPES.items()}
_COLUMNS = """
SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  coalesce(col_description(coalesce(p.attrelid, a.attrelid), coalesce(p.attnum, a.attnum)), '')
FROM pg_attribute a
LEFT JOIN pg_inherits i ON i.inhrelid = a.attrelid
LEFT JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


@dataclass(frozen=True)
class Slot:
    """Place of a partition.

    Attributes:
        schema: Schema of the tables.
        parent: The whole table.
        name: The partition.
        key: Column of the time.
        bounds: First time, included, and last, excluded, in ISO 8601.
    """

    schema: str
    parent: str
    name: str
    key: str
    bounds: tuple[str, str]


def quoted(*names: str) -> str:
    """A name with its schema, as it stands in a statement."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A text as it stands in a statement."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'" if "\\" in text else f"'{escaped}'"


def describe(connection: Connection, schema: str, name: str) -> pa.Schema | None:
    """Columns of a relation with the comments of the whole table; None where there is none.

    A column of another type than those that are written here is given as a text.
    """
    rows = run(connection, _COLUMNS, (quoted(schema, name),)).fetchall()
    if not rows:
        return None
    fields = [
        pa.field(column, _KINDS.get(kind, pa.string()), nullable=not required, metadata=_note(note))
        for column, kind, required, note in rows
    ]
    comment = run(
        connection,
        "SELECT coalesce(obj_description(to_regclass(%s), 'pg_class'), '')",
        (quoted(schema, name),),
    ).fetchone()
    return pa.schema(fields, metadata=_note(comment[0]))


def _note(comment: str) -> dict[str, str] | None:
    return {"comment": comment} if comment else None


def ensure_parent(
    connection: Connection, slot: Slot, wanted: pa.Schema, owned: Callable[[], bool]
) -> None:
    """Make the whole table, or give it the columns and comments that it lacks.

    Args:
        connection: A connection, in a transaction.
        slot: A partition of it.
        wanted: Columns with their comments.
        owned: Says whether the store has made it.

    Raises:
        StoreError: If there is another table of that name.
    """
    run(connection, "SELECT pg_advisory_xact_lock(hashtext(%s))", (slot.parent,))
    found = describe(connection, slot.schema, slot.parent)
    if found is None:
        _create(connection, slot, wanted)
        found = pa.schema([field.remove_metadata() for field in wanted])
    elif not owned() and _has_partitions(connection, slot):
        raise _foreign(slot, "was not made by this store")
    _extend(connection, slot, found, wanted)


def _create(connection: Connection, slot: Slot, wanted: pa.Schema) -> None:
    columns = ", ".join(f"{quoted(field.name)} {_type(field)}" for field in wanted)
    table, key = quoted(slot.schema, slot.parent), quoted(slot.key)
    run(
        connection,
        f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({key})) PARTITION BY RANGE ({key})",
    )


def _type(field: pa.Field) -> str:
    return TYPES[field.type] + ("" if field.nullable else " NOT NULL")


def _has_partitions(connection: Connection, slot: Slot) -> bool:
    query = "SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass(%s)"
    rows = run(connection, query, (quoted(slot.schema, slot.parent),)).fetchone()
    return bool(rows[0])


def _foreign(slot: Slot, why: str) -> StoreError:
    return StoreError(
        f"table {slot.schema}.{slot.parent} {why}",
        expected="a free name, or a table of this store",
        hint="use another database, or move the table to another schema",
    )


def _extend(connection: Connection, slot: Slot, found: pa.Schema, wanted: pa.Schema) -> None:
    table = quoted(slot.schema, slot.parent)
    statements = []
    for field in wanted:
        at = found.get_field_index(field.name)
        if at < 0:
            statements.append(f"ALTER TABLE {table} ADD COLUMN {quoted(field.name)} {_type(field)}")
        elif found.field(at).type != field.type:
            raise _foreign(slot, f"has a column {field.name} of another type than {field.type}")
        if at < 0 or _comment(found.field(at).metadata) != _comment(field.metadata):
            place = quoted(slot.schema, slot.parent, field.name)
            statements.append(f"COMMENT ON COLUMN {place} IS {literal(_comment(field.metadata))}")
    if _comment(found.metadata) != _comment(wanted.metadata):
        statements.append(f"COMMENT ON TABLE {table} IS {literal(_comment(wanted.metadata))}")
    if statements:
        run(connection, ";".join(statements))


def _comment(metadata: Mapping[bytes, bytes] | None) -> str:
    return (metadata or {}).get(b"comment", b"").decode()


def replace_partition(connection: Connection, slot: Slot, table: pa.Table, *, check: bool) -> int:
    """Put rows in the place of a partition: built beside, then put in.

    Args:
        connection: A connection, in a transaction, which takes effect as a whole.
        slot: The place.
        table: The rows.
        check: Whether the values are compared with those that the server has.

    Returns:
        The bytes of the partition and its index.

    Raises:
        IntegrityError: If the server does not hold what was sent.
    """
    new = slot.name + _NEW
    run(connection, f"SET LOCAL lock_timeout = '{PATIENCE}'")
    _fill(connection, slot, new, table)
    _compare(connection, slot, new, table, check=check)
    _put_in(connection, slot, new, _comment(table.schema.metadata))
    size = run(connection, "SELECT pg_total_relation_size(%s)", (quoted(slot.schema, slot.name),))
    return int(size.fetchone()[0])


def _fill(connection: Connection, slot: Slot, new: str, table: pa.Table) -> None:
    place, key = quoted(slot.schema, new), quoted(slot.key)
    first, last = (literal(bound) for bound in slot.bounds)
    # Not with LIKE, which would lock the whole table against the replacement of other partitions.
    rows = run(connection, _COLUMNS, (quoted(slot.schema, slot.parent),)).fetchall()
    columns = [f"{quoted(name)} {kind}{' NOT NULL' * must}" for name, kind, must, _ in rows]
    run(connection, f"CREATE TABLE {place} ({', '.join(columns)})")
    copy_in(connection, place, table)
    # Proved here, so that attaching need not look at every row under its lock.
    run(
        connection,
        f"ALTER TABLE {place} ADD CONSTRAINT {quoted(f'{new}_pkey')} PRIMARY KEY ({key}),"
        f" ADD CONSTRAINT {quoted(f'{new}_bounds')} CHECK ({key} >= {first} AND {key} < {last})",
    )


def copy_in(connection: Connection, place: str, table: pa.Table, *, freeze: bool = True) -> None:
    """Copy rows into a relation, in binary.

    Args:
        connection: A connection.
        place: The relation, quoted.
        table: The rows; their columns are named in the copy.
        freeze: Whether the rows are visible to everyone at once; the relation must have been made
            in the same transaction then.
    """
    names = ", ".join(quoted(name) for name in table.column_names)
    form = "FORMAT binary, FREEZE" if freeze else "FORMAT binary"
    statement: Any = f"COPY {place} ({names}) FROM STDIN ({form})"
    with connection.cursor().copy(statement) as copy:
        for piece in encoded(table):
            copy.write(piece)


def _compare(connection: Connection, slot: Slot, new: str, table: pa.Table, *, check: bool) -> None:
    place = quoted(slot.schema, new)
    expected: tuple[int, int | None] = (table.num_rows, None)
    query = f"SELECT count(*), NULL FROM {place}"
    if check:
        query = hash_query(place, [quoted(name) for name in table.column_names])
        expected = (table.num_rows, rows_hash(table))
    found = run(connection, query).fetchone()
    if tuple(found) != expected:
        raise IntegrityError(
            f"{slot.schema}.{slot.name} would hold {found[0]} rows with the hash {found[1]}",
            expected=f"{expected[0]} rows with the hash {expected[1]}",
            hint="nothing was replaced; run the command again",
        )


def _put_in(connection: Connection, slot: Slot, new: str, comment: str) -> None:
    name, parent = quoted(slot.schema, slot.name), quoted(slot.schema, slot.parent)
    first, last = (literal(bound) for bound in slot.bounds)
    old_key, key = quoted(f"{new}_pkey"), quoted(f"{slot.name}_pkey")
    steps: Sequence[str] = (
        # One after the other: two that lock the whole table at once would wait for each other.
        f"SELECT pg_advisory_xact_lock(hashtext({literal(slot.parent)}))",
        f"DROP TABLE IF EXISTS {name}",
        f"ALTER TABLE {quoted(slot.schema, new)} RENAME TO {quoted(slot.name)}",
        f"ALTER TABLE {name} RENAME CONSTRAINT {old_key} TO {key}",
        f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({last})",
        f"ALTER TABLE {name} DROP CONSTRAINT {quoted(f'{new}_bounds')}",
        f"COMMENT ON TABLE {name} IS {literal(comment)}",
    )
    run(connection, ";".join(steps))
