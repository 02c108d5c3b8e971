"""What a build in a database replaces: set aside with its record, and put back in one step."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from bqx.build.plan import Plan as BuildPlan
from bqx.features.names import TableName
from bqx.market import moment_of, month_bounds
from bqx.stages import catalog
from bqx.stages.locks import patient
from bqx.stages.target import META, SCHEMA, PostgresTarget
from bqx.store.base import BaseStore
from bqx.store.partitions import Key
from bqx.store.state import Partition

KEPT = "bqx_kept"
_PREFIX = "old_"
_CONTENTS = ("columns", "fingerprint", "inputs")


@dataclass(frozen=True)
class Manifest:
    """What undoing a build needs.

    Attributes:
        schema: Schema of what was set aside.
        made: Table, pair and month of what is built, with rows and hash once it is.
        kept: Records of what was set aside.
        contents: Their rows in ``bqx_meta.contents``, by the partition's name.
        parents: Tables that were there, by name: their comment, and their columns' comments.
    """

    schema: str
    made: tuple[tuple[Key, int, str], ...]
    kept: tuple[Partition, ...] = ()
    contents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parents: Mapping[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)

    @property
    def made_keys(self) -> set[Key]:
        """Table, pair and month of what is built."""
        return {key for key, _, _ in self.made}

    @property
    def kept_keys(self) -> set[Key]:
        """Table, pair and month of what was set aside."""
        return {(p.tbl, p.pair, p.month) for p in self.kept}

    @property
    def hashes(self) -> dict[Key, tuple[int, str]]:
        """Rows and hash of what was built, where the build came to its end."""
        return {key: (rows, content) for key, rows, content in self.made if content}

    def finished(self, recorded: Mapping[Key, Partition]) -> Manifest:
        """The same with the rows and hashes of what was built."""
        made = [(k, recorded[k].rows, recorded[k].hash) for k, _, _ in self.made if k in recorded]
        return replace(self, made=tuple(made))

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            schema=found["schema"],
            made=tuple(((k[0], k[1], k[2]), rows, content) for k, rows, content in found["made"]),
            kept=tuple(Partition(**record) for record in found["kept"]),
            contents=found["contents"],
            parents={name: (text, notes) for name, (text, notes) in found["parents"].items()},
        )


def set_aside(target: PostgresTarget, code: str, store: BaseStore, build: BuildPlan) -> Manifest:
    """Move what the build replaces out of the way, and write down what undoing needs.

    A build that was killed is gone on with: its manifest is continued.
    """
    keys = [key for unit in build.units for key in unit.keys]
    before = target.remembered(code)
    begun = None if before is None else Manifest.from_json(before[1])
    if begun is not None and begun.hashes:
        begun = None  # that application came to its end, and is undone on its own
    recorded = store.state.partitions()
    ours = begun.made_keys if begun else set()
    old = [recorded[key] for key in keys if key in recorded and key not in ours]
    manifest = _manifest(target, keys, old)
    if begun is not None:
        manifest = _merged(begun, manifest)
    with patient(target, [str(TableName(p.tbl, p.pair)) for p in old]):
        if before is not None and begun is not None:
            target.forget(before[0])
        for partition in old:
            _move_out(target, manifest.schema, partition)
        target.remember(code, manifest.to_json())
    return manifest


def _manifest(target: PostgresTarget, keys: Sequence[Key], old: Sequence[Partition]) -> Manifest:
    parents = sorted({str(TableName(table, pair)) for table, pair, _ in keys})
    there = [name for name in parents if catalog.columns(target, name)]
    texts = catalog.comments(target, there)
    return Manifest(
        schema=f"{KEPT}_{secrets.token_hex(4)}",
        made=tuple((key, 0, "") for key in keys),
        kept=tuple(old),
        contents={_name(p): _contents(target, p) for p in old},
        parents={
            name: (texts.get(name, ""), {c.name: c.comment for c in catalog.columns(target, name)})
            for name in there
        },
    )


def _merged(begun: Manifest, more: Manifest) -> Manifest:
    """A manifest of a build that was killed, with what its continuation adds."""
    known = begun.made_keys
    return Manifest(
        schema=begun.schema,
        made=(*begun.made, *(m for m in more.made if m[0] not in known)),
        kept=(*begun.kept, *more.kept),
        contents={**begun.contents, **more.contents},
        # What the killed build made was not there before it.
        parents={**_before(begun, more), **begun.parents},
    )


def _before(begun: Manifest, more: Manifest) -> dict[str, tuple[str, Mapping[str, str]]]:
    ours = {str(TableName(table, pair)) for table, pair, _ in begun.made_keys}
    return {name: found for name, found in more.parents.items() if name not in ours}


def _name(partition: Partition) -> str:
    return str(TableName(partition.tbl, partition.pair, partition.month))


def _contents(target: PostgresTarget, partition: Partition) -> tuple[str, ...]:
    rows = target.query(
        f"SELECT {', '.join(_CONTENTS)} FROM {META}.contents"
        " WHERE tbl = %s AND pair = %s AND month = %s",
        (partition.tbl, partition.pair, partition.month),
    )
    return tuple(str(value) for value in rows[0]) if rows else ("", "", "")


def _move_out(target: PostgresTarget, schema: str, partition: Partition) -> None:
    name = catalog.checked(_name(partition))
    parent = str(TableName(partition.tbl, partition.pair))
    target.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    target.execute(f"ALTER TABLE {SCHEMA}.{parent} DETACH PARTITION {SCHEMA}.{name}")
    target.execute(f"ALTER TABLE {SCHEMA}.{name} SET SCHEMA {schema}")
    target.execute(f"ALTER TABLE {schema}.{name} RENAME TO {_PREFIX}{name}")
    _forget(target, [(partition.tbl, partition.pair, partition.month)])


def _forget(target: PostgresTarget, keys: Iterable[Key]) -> None:
    for key in keys:
        for table in ("partitions", "contents"):
            target.execute(
                f"DELETE FROM {META}.{table} WHERE tbl = %s AND pair = %s AND month = %s", key
            )


def put_back(target: PostgresTarget, number: int, manifest: Manifest) -> int:
    """Undo a build in one transaction.

    Args:
        target: The database.
        number: Of the manifest.
        manifest: What to undo.

    Returns:
        Partitions that were dropped without an older one in their place.
    """
    keys = [key for key, _, _ in manifest.made]
    parents = sorted({str(TableName(table, pair)) for table, pair, _ in keys})
    there = [name for name in parents if catalog.columns(target, name)]
    with patient(target, there):
        dropped = [key for key in keys if _drop(target, key)]
        _forget(target, keys)
        for name in there:
            _restore_parent(target, name, manifest)
        for partition in manifest.kept:
            _move_in(target, manifest, partition)
        target.execute(f"DROP SCHEMA IF EXISTS {manifest.schema}")
        target.forget(number)
    return len(set(dropped) - manifest.kept_keys)


def _drop(target: PostgresTarget, key: Key) -> bool:
    name = catalog.checked(str(TableName(*key)))
    there = bool(catalog.columns(target, name))
    target.execute(f"DROP TABLE IF EXISTS {SCHEMA}.{name}")
    return there


def _restore_parent(target: PostgresTarget, name: str, manifest: Manifest) -> None:
    """Drop a table that was not there; take columns and comments from one that was."""
    if name not in manifest.parents:
        rows = target.query(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass(%s)",
            (f"{SCHEMA}.{name}",),
        )
        if not rows[0][0]:
            target.execute(f"DROP TABLE {SCHEMA}.{name}")
        return
    text, notes = manifest.parents[name]
    for column in catalog.columns(target, name):
        place = f'{SCHEMA}.{name}."{column.name}"'
        if column.name not in notes:
            target.execute(f'ALTER TABLE {SCHEMA}.{name} DROP COLUMN "{column.name}"')
        elif column.comment != notes[column.name]:
            target.execute(f"COMMENT ON COLUMN {place} IS {_literal(notes[column.name])}")
    if catalog.comment(target, name) != (text or None):
        target.execute(f"COMMENT ON TABLE {SCHEMA}.{name} IS {_literal(text)}")


def _literal(text: str) -> str:
    from psycopg.sql import Literal

    return Literal(text or None).as_string()


def _move_in(target: PostgresTarget, manifest: Manifest, partition: Partition) -> None:
    name, parent = _name(partition), str(TableName(partition.tbl, partition.pair))
    first, last = (f"'{moment_of(m).isoformat()}'" for m in month_bounds(partition.month))
    target.execute(f"ALTER TABLE {manifest.schema}.{_PREFIX}{name} RENAME TO {name}")
    target.execute(f"ALTER TABLE {manifest.schema}.{name} SET SCHEMA {SCHEMA}")
    target.execute(
        f"ALTER TABLE {SCHEMA}.{parent} ATTACH PARTITION {SCHEMA}.{name}"
        f" FOR VALUES FROM ({first}) TO ({last})"
    )
    values = asdict(partition)
    _insert(target, "partitions", values)
    keys = {"tbl": partition.tbl, "pair": partition.pair, "month": partition.month}
    _insert(target, "contents", keys | dict(zip(_CONTENTS, manifest.contents[name], strict=True)))


def _insert(target: PostgresTarget, table: str, values: Mapping[str, object]) -> None:
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    target.execute(f"INSERT INTO {META}.{table} ({names}) VALUES ({marks})", tuple(values.values()))
