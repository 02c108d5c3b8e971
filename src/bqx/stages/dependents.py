"""What depends on tables that are to be replaced: views and indexes go along, nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bqx.stages.indexes import indexes
from bqx.stages.stage import Condition
from bqx.stages.target import SCHEMA, PostgresTarget

_VIEWS = """
SELECT vn.nspname::text, v.relname::text, v.relkind::text, pg_get_viewdef(v.oid),
       coalesce(obj_description(v.oid, 'pg_class'), ''),
       array_agg(DISTINCT t.relname::text),
       coalesce(array_agg(DISTINCT t.relname || '.' || a.attname)
                FILTER (WHERE a.attname IS NOT NULL), '{}')
FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
     JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace vn ON vn.oid = v.relnamespace
     JOIN pg_class t ON t.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
     LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid AND a.attnum > 0
WHERE t.relnamespace = to_regnamespace(%s) AND t.relname = ANY(%s) AND v.oid <> t.oid
GROUP BY v.oid, vn.nspname, v.relname, v.relkind ORDER BY 1, 2
"""
_OTHERS = """
SELECT 'foreign key ' || k.conname || ' of ' || k.conrelid::regclass
  FROM pg_constraint k JOIN tables t ON k.confrelid = t.oid
 WHERE k.contype = 'f' AND k.conrelid <> t.oid
UNION ALL
SELECT 'trigger ' || g.tgname || ' of ' || g.tgrelid::regclass
  FROM pg_trigger g JOIN tables t ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
UNION ALL
SELECT 'constraint ' || k.conname || ' of ' || k.conrelid::regclass
  FROM pg_constraint k JOIN tables t ON k.conrelid = t.oid
 WHERE k.contype IN ('u', 'x', 'c') AND k.conparentid = 0 AND k.coninhcount = 0
UNION ALL
SELECT 'rule ' || r.rulename || ' of ' || r.ev_class::regclass
  FROM pg_rewrite r JOIN tables t ON r.ev_class = t.oid
"""
_GRANTS = """
SELECT c.relname::text, acl.privilege_type,
       CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
FROM pg_class c, aclexplode(c.relacl) acl
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = ANY(%s) AND acl.grantee <> c.relowner
ORDER BY 1, 2, 3
"""


@dataclass(frozen=True)
class View:
    """A view that reads tables which are to be replaced.

    Attributes:
        schema: Its schema.
        name: Its name.
        kind: PostgreSQL's letter: ``v`` for a view, ``m`` for a materialised one.
        definition: Its query, with all names in full.
        comment: Its comment, or nothing.
        reads: The tables.
        columns: What it reads of them, as ``table.column``.
    """

    schema: str
    name: str
    kind: str
    definition: str
    comment: str
    reads: tuple[str, ...]
    columns: tuple[str, ...]

    def fits(self, columns: Mapping[str, Collection[str]]) -> bool:
        """Whether it could be made again over tables with these columns."""
        here = [c.split(".", 1) for c in self.columns]
        known = all(column in columns.get(table, ()) for table, column in here)
        return self.kind == "v" and bool(here) and known

    @property
    def place(self) -> str:
        """Schema and name."""
        return f"{self.schema}.{self.name}"


def views(target: PostgresTarget, names: Sequence[str], schema: str = SCHEMA) -> list[View]:
    """Views that read relations."""
    rows = target.query_in_full(_VIEWS, (schema, list(names)))
    return [
        View(schema_of, name, kind, definition, comment, tuple(reads), tuple(columns))
        for schema_of, name, kind, definition, comment, reads, columns in rows
    ]


def grants(target: PostgresTarget, names: Sequence[str], schema: str = SCHEMA) -> list[str]:
    """Statements that give the same rights on relations of the same names."""
    rows = target.query(_GRANTS, (schema, list(names)))
    return [f'GRANT {right} ON {schema}."{name}" TO {who}' for name, right, who in rows]


def dependents_condition(
    target: PostgresTarget, names: Sequence[str], columns: Mapping[str, Collection[str]]
) -> Condition:
    """Whether everything that depends on relations can go along when they are replaced.

    Args:
        target: The database.
        names: The relations.
        columns: Columns that they will have.
    """
    found = views(target, names)
    nested = views(target, [v.name for v in found if v.schema == SCHEMA])
    others = target.query(
        "WITH tables AS (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
        f" AND relname = ANY(%s)) {_OTHERS}",
        (SCHEMA, list(names)),
    )
    bad = [f"view {v.place}" for v in found if not v.fits(columns)]
    bad += [f"view {v.place}, a view of a view" for v in nested]
    bad += [str(row[0]) for row in others]
    bad += [f"index {i.name} of {i.table}" for i in indexes(target, names) if not i.fits(columns)]
    return Condition(
        "what depends on the tables goes along",
        f"{bad[0]} and {len(bad) - 1} more do not" if len(bad) > 1 else "".join(bad) or "all",
        "views and indexes of columns that the new tables have too; nothing else",
        len(names) - len(bad),
        len(names),
        "undo the stage that made the views (`bqx stage rollback 2.13`), or drop them"
        if bad
        else "",
    )
