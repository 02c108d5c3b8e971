"""Taking the place of tables, and giving it back: renames and moves within one transaction.

The old relations move to a backup schema as they are, with partitions, keys, comments and rows.
Their names get a prefix there, so that queries of the information schema never find two of a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bqx.errors import PostConditionError, StoreError
from bqx.stages.build_beside import BUILD, BUILT, PREFIX
from bqx.stages.catalog import checked
from bqx.stages.dependents import View, grants, views
from bqx.stages.indexes import indexes
from bqx.stages.partition_scan import hashes
from bqx.stages.target import SCHEMA, PostgresTarget

KEPT = "kept_"
"""Stands before the names in a backup schema."""


def newest(target: PostgresTarget, code: str) -> tuple[int, Mapping[str, Any]]:
    """Number and manifest of the newest application of a stage, if it may be undone now.

    Raises:
        StoreError: If there is none, or another stage was applied after it.
    """
    found = target.undoable(code)
    later = target.undone_before(found[0])
    if later:
        raise StoreError(
            f"{later[0]} was applied after {code}",
            expected="rollbacks in reverse order",
            hint=f"`bqx stage rollback {later[0]}` first",
        )
    return found


def family(target: PostgresTarget, parents: Sequence[str], schema: str = SCHEMA) -> list[str]:
    """Tables and their partitions, each table before its own."""
    rows = target.query(
        "SELECT p.relname::text, c.relname::text FROM pg_class p"
        " JOIN pg_partition_tree(p.oid) tree ON true JOIN pg_class c ON c.oid = tree.relid"
        " WHERE p.relnamespace = to_regnamespace(%s) AND p.relname = ANY(%s)"
        " ORDER BY 1, tree.level, 2",
        (schema, list(parents)),
    )
    return [str(row[1]) for row in rows]


def free_backup(target: PostgresTarget) -> str:
    """Name of a backup schema that does not exist: the date and a number."""
    rows = target.query(
        "SELECT to_char(now(), 'YYYY_MM_DD'), array(SELECT nspname::text FROM pg_namespace)"
    )
    date, taken = rows[0]
    number = 1
    while f"{SCHEMA}_backup_{date}_{number}" in taken:
        number += 1
    return f"{SCHEMA}_backup_{date}_{number}"


def swap_in(
    target: PostgresTarget, parents: Sequence[str], before: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Put built tables in the place of those of the same names, within a transaction.

    The caller holds a lock on the old tables that keeps writers out.

    Args:
        target: The database.
        parents: The tables.
        before: Rows and hash of each partition of the old ones.

    Returns:
        What `swap_out` needs.

    Raises:
        PostConditionError: If the old tables did not arrive in the backup as they were.
    """
    old = family(target, parents)
    files = _files(target, old, SCHEMA)
    rights = grants(target, old)
    found, lost = views(target, old), indexes(target, old)
    backup = free_backup(target)
    target.execute(
        f"CREATE SCHEMA {backup};"
        f"COMMENT ON SCHEMA {backup} IS 'Tables that a stage replaced, kept for its rollback.'"
    )
    moved = [*old, *(v.name for v in found)]
    target.execute(_moves(old, SCHEMA, "", backup, KEPT))
    for view in found:
        target.execute(_move("VIEW", view.name, (view.schema, ""), (backup, KEPT)))
    _arrived(target, old, files, backup)
    new = move_in(target, parents)
    for statement in [*(index.statement for index in lost), *rights, *_remade(found)]:
        target.execute(statement)
    return {
        "backup": backup,
        "tables": list(parents),
        "old": old,
        "new": new,
        "moved": len(moved),
        "hashes": dict(before),
        "views": [asdict(view) for view in found],
    }


def move_in(target: PostgresTarget, parents: Sequence[str]) -> list[str]:
    """Give built tables and their partitions the places that they were built for; their names."""
    built = [PREFIX + checked(name) for name in parents]
    new = [name.removeprefix(PREFIX) for name in family(target, built, BUILD)]
    target.execute(_moves(new, BUILD, PREFIX, SCHEMA, ""))
    return new


def swap_out(target: PostgresTarget, manifest: Mapping[str, Any]) -> None:
    """Drop the built tables and put the old ones back, within a transaction.

    Raises:
        StoreError: If something was made since that depends on the built tables.
        PostConditionError: If the old tables are not what they were.
    """
    backup, tables = str(manifest["backup"]), list(manifest["tables"])
    old_views = [View(**view) for view in manifest["views"]]
    mine = {view.place for view in old_views}
    others = [v.place for v in views(target, manifest["new"]) if v.place not in mine]
    if others:
        raise StoreError(
            f"{others[0]} reads a table that would go",
            expected="no view that was made after the tables were replaced",
            hint="undo the stage that made it, or drop it",
        )
    for view in old_views:
        target.execute(f'DROP VIEW "{view.schema}"."{view.name}"')
    target.execute(f"DROP TABLE {', '.join(f'{SCHEMA}.{checked(name)}' for name in tables)}")
    target.execute(_moves(manifest["old"], backup, KEPT, SCHEMA, ""))
    for view in old_views:
        target.execute(_move("VIEW", view.name, (backup, KEPT), (view.schema, "")))
    require_hashes(target, tables, manifest["hashes"])
    target.execute(f"DROP SCHEMA {backup}")


def require_hashes(
    target: PostgresTarget, parents: Sequence[str], expected: Mapping[str, Sequence[Any]]
) -> None:
    """Compare tables, partition by partition, with what they were.

    Raises:
        PostConditionError: If one has other rows.
    """
    found = hashes(target, parents, SCHEMA)
    every = sorted({*expected, *found})
    wrong = [name for name in every if found.get(name) != list(expected.get(name, ()))]
    if wrong:
        raise PostConditionError(
            f"{len(wrong)} of {len(expected)} kept tables changed, the first {wrong[0]}",
            expected="the rows that were there when they were replaced",
            hint="somebody wrote to the backup schema",
        )


def forget_built(target: PostgresTarget, names: Sequence[str]) -> None:
    """Strike partitions off the list of what is built; the schema goes with the last one."""
    target.execute(f"DELETE FROM {BUILT} WHERE relation = ANY(%s)", (list(names),))
    if not target.query(f"SELECT 1 FROM {BUILT} LIMIT 1"):
        # What else is there was begun by a run that was killed, and never became whole.
        target.execute(f"DROP SCHEMA {BUILD} CASCADE")


def _files(target: PostgresTarget, names: Sequence[str], schema: str, prefix: str = "") -> Any:
    """Where the rows of relations are: a move leaves every file where and as it is."""
    return target.query(
        "SELECT relname::text, oid::bigint, relfilenode::bigint FROM pg_class"
        " WHERE relnamespace = to_regnamespace(%s) AND relname = ANY(%s) ORDER BY oid",
        (schema, [prefix + name for name in names]),
    )


def _arrived(target: PostgresTarget, names: Sequence[str], files: Any, backup: str) -> None:
    found = [(n.removeprefix(KEPT), *rest) for n, *rest in _files(target, names, backup, KEPT)]
    if found != [tuple(row) for row in files]:
        raise PostConditionError(
            f"{len(found)} of {len(files)} relations arrived in {backup}",
            expected="each with the files that it had",
        )


def _moves(names: Sequence[str], schema: str, prefix: str, to_schema: str, to_prefix: str) -> str:
    places = (schema, prefix), (to_schema, to_prefix)
    return ";".join(_move("TABLE", name, *places) for name in names)


def _move(kind: str, name: str, place: tuple[str, str], to: tuple[str, str]) -> str:
    old, new = (f"{prefix}{checked(name)}" for _, prefix in (place, to))
    return (
        f"ALTER {kind} {place[0]}.{old} RENAME TO {new};"
        f"ALTER {kind} {place[0]}.{new} SET SCHEMA {to[0]}"
    )


def _remade(found: Sequence[View]) -> list[str]:
    statements = []
    for view in found:
        name = f'"{view.schema}"."{view.name}"'
        statements.append(f"CREATE VIEW {name} AS {view.definition}")
        if view.comment:
            text = view.comment.replace("'", "''")
            statements.append(f"COMMENT ON VIEW {name} IS '{text}'")
    return statements
