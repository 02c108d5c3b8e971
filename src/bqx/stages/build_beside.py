"""Partitions built beside the tables that they will replace, one transaction each.

What was built is noted in a table of the build schema, in the transaction that built it: a killed
run leaves whole partitions only, and the next one makes those that are missing or no longer right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from queue import SimpleQueue

from bqx.errors import PostConditionError
from bqx.features.table import KEY
from bqx.market import moment_of, month_bounds
from bqx.postgres.connect import Connection, connect, reported, run
from bqx.postgres.rowhash import rows_hash
from bqx.postgres.rows import encoded
from bqx.stages import catalog
from bqx.stages.catalog import checked
from bqx.stages.pair_features import Content
from bqx.stages.partition_scan import ROW_HASH, Scan, faults
from bqx.stages.stage import Monitor
from bqx.stages.target import PostgresTarget

BUILD = "bqx_next"
"""Schema in which tables are built."""
PREFIX = "next_"
"""Stands before the names there: queries of the information schema must not find two of a name."""
BUILT = f"{BUILD}.built"
_SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS {BUILD};
COMMENT ON SCHEMA {BUILD} IS 'Tables that a stage is building; safe to drop while none runs.';
CREATE TABLE IF NOT EXISTS {BUILT} (
  relation text PRIMARY KEY, inputs text NOT NULL, rows bigint NOT NULL, hash text NOT NULL,
  writer text NOT NULL)
"""


@dataclass(frozen=True)
class Layout:
    """Declaration of a table with monthly partitions.

    Attributes:
        parent: Name that it will have.
        columns: Columns behind the key, all of double precision, with their comments.
        comment: Comment of the table.
        lasting: Whether it becomes a table of its own; one that only carries values to another
            has no parent.
    """

    parent: str
    columns: dict[str, str]
    comment: str
    lasting: bool = True


@dataclass(frozen=True)
class Unit:
    """One partition to build.

    Attributes:
        layout: Its table.
        month: Its month.
        inputs: Hash of what its values depend on.
        make: Computes what it must hold.
        scan: What is looked at before it is kept.
    """

    layout: Layout
    month: str
    inputs: str
    make: Callable[[], Content]
    scan: Scan

    @property
    def name(self) -> str:
        """Name that the partition will have."""
        return f"{self.layout.parent}_{self.month}"


@dataclass(frozen=True)
class Built:
    """A partition that was built: its rows, their hash, and the transaction that wrote them."""

    relation: str
    inputs: str
    rows: int
    hash: str
    writer: str


def prepare(target: PostgresTarget) -> None:
    """Make the build schema where it is missing."""
    target.execute(_SCHEMA)


def built(target: PostgresTarget) -> dict[str, Built]:
    """What the build schema says was built, by the name that a partition will have."""
    if target.query("SELECT to_regclass(%s)", (BUILT,))[0][0] is None:
        return {}
    rows = target.query(f"SELECT relation, inputs, rows, hash, writer FROM {BUILT}")
    return {str(row[0]): Built(*row) for row in rows}


def create_parents(target: PostgresTarget, layouts: Iterable[Layout]) -> None:
    """Make the partitioned tables that are missing in the build schema, or are declared otherwise.

    A table with other columns is left from a run of other code.
    """
    for layout in layouts:
        own = PREFIX + checked(layout.parent)
        name = f"{BUILD}.{own}"
        found = [column.name for column in catalog.columns(target, own, BUILD)]
        if layout.lasting and found != [KEY, *layout.columns]:
            with target.transaction():
                target.execute(f"DROP TABLE IF EXISTS {name}")
                keyed = f"CONSTRAINT {layout.parent}_pkey PRIMARY KEY ({KEY})"
                body = f"{_columns(layout, layout.parent)}, {keyed}"
                target.execute(f"CREATE TABLE {name} ({body}) PARTITION BY RANGE ({KEY})")
                target.execute(";".join(comments(layout, name)))


def comments(layout: Layout, name: str) -> list[str]:
    """Statements that give a relation the comments of a layout."""
    columns = [
        f"COMMENT ON COLUMN {name}.{column} IS {_quoted(comment)}"
        for column, comment in layout.columns.items()
    ]
    return [f"COMMENT ON TABLE {name} IS {_quoted(layout.comment)}", *columns]


def missing(target: PostgresTarget, units: Sequence[Unit]) -> list[Unit]:
    """The units that are not there as they were recorded, or whose inputs are others now."""
    known = built(target)
    wanted = []
    for unit in units:
        record = known.get(unit.name)
        if record is None or record.inputs != unit.inputs or not _unharmed(target, record):
            wanted.append(unit)
    return wanted


def prune(target: PostgresTarget, layout: Layout, units: Sequence[Unit]) -> None:
    """Drop built partitions of a table that are not wanted any more."""
    wanted = {unit.name for unit in units}
    known = [name for name in built(target) if parent_of(name) == layout.parent]
    for name in known:
        if name not in wanted:
            with target.transaction():
                target.execute(f"DROP TABLE IF EXISTS {BUILD}.{PREFIX}{checked(name)}")
                target.execute(f"DELETE FROM {BUILT} WHERE relation = %s", (name,))


def parent_of(name: str) -> str:
    """Name of the table of a monthly partition."""
    return name[: -len("_yyyy_mm")]


def _unharmed(target: PostgresTarget, record: Built) -> bool:
    name = f"{BUILD}.{PREFIX}{checked(record.relation)}"
    if target.query("SELECT to_regclass(%s)", (name,))[0][0] is None:
        return False
    found = target.query(f"SELECT count(*), {ROW_HASH} FROM {name} t")[0]
    return (int(found[0]), str(found[1])) == (record.rows, record.hash)


def build(
    target: PostgresTarget, units: Sequence[Unit], monitor: Monitor, *, workers: int = 2
) -> None:
    """Build partitions, several at a time over connections of their own.

    Raises:
        PostConditionError: If one is not what it must be; it is not kept then.
        StoreError: If the server fails.
    """
    free: SimpleQueue[Connection] = SimpleQueue()
    connections = [
        connect(target.address, autocommit=True) for _ in range(min(workers, len(units)))
    ]
    for connection in connections:
        free.put(connection)
    done = 0
    try:
        with ThreadPoolExecutor(max(len(connections), 1)) as pool:
            futures = {pool.submit(_with_one, free, unit): unit for unit in units}
            try:
                for future in _as_done(futures):
                    done += 1
                    monitor(done, len(units), f"built {futures[future].name}")
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        for connection in connections:
            connection.close()


def _as_done(futures: Iterable[Future[None]]) -> Iterable[Future[None]]:
    """Futures as they end; the first error is raised at once."""
    left = set(futures)
    while left:
        ended, left = wait(left, return_when=FIRST_EXCEPTION, timeout=0.2)
        for future in ended:
            future.result()
            yield future


def _with_one(free: SimpleQueue[Connection], unit: Unit) -> None:
    connection = free.get()
    try:
        build_unit(connection, unit)
    finally:
        free.put(connection)


def build_unit(connection: Connection, unit: Unit) -> None:
    """Build one partition: checked, copied in, counted, keyed and noted in one transaction.

    Nobody waits until that is on the disk: the transaction that gives the tables their place waits
    for itself and for everything before it, and what a failing server loses is built again. The
    hash that is noted is that of what was sent; the server's own is compared with it where a run
    goes on with what another one built, and when the stage is verified.
    """
    content = unit.make()
    wrong = faults(content, unit.scan)
    if wrong:
        raise _not_kept(unit, wrong[0], "what the bars ask for")
    name = f"{BUILD}.{PREFIX}{checked(unit.name)}"
    rows, digest = content.table.num_rows, str(rows_hash(content.table))
    with reported(f"building {unit.name}"), connection.transaction():
        run(connection, "SET LOCAL synchronous_commit = off")
        run(connection, f"DROP TABLE IF EXISTS {name}")
        run(connection, f"CREATE TABLE {name} ({_columns(unit.layout, unit.name)})")
        arrived = _copy_in(connection, name, content)
        if arrived != rows:
            raise _not_kept(unit, f"{arrived:,} rows arrived", f"{rows:,}")
        run(connection, f"ALTER TABLE {name} ADD CONSTRAINT {unit.name}_pkey PRIMARY KEY ({KEY})")
        if unit.layout.lasting:
            first, end = (moment_of(minute).isoformat() for minute in month_bounds(unit.month))
            parent = f"{BUILD}.{PREFIX}{unit.layout.parent}"
            run(
                connection,
                f"ALTER TABLE {parent} ATTACH PARTITION {name}"
                f" FOR VALUES FROM ('{first}') TO ('{end}')",
            )
        _note(connection, unit, rows, digest)


def _copy_in(connection: Connection, name: str, content: Content) -> int:
    """Send the rows; how many the server counted."""
    # FREEZE: the table is this transaction's own, so that nobody need visit its rows again.
    statement = f"COPY {name} FROM STDIN (FORMAT BINARY, FREEZE)".encode()
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for piece in encoded(content.table):
                copy.write(piece)
        return int(cursor.rowcount)


def _not_kept(unit: Unit, found: str, expected: str) -> PostConditionError:
    return PostConditionError(
        f"{unit.name}: {found}",
        expected=expected,
        hint="nothing of it was kept; run the stage again",
    )


def _note(connection: Connection, unit: Unit, rows: int, digest: str) -> None:
    run(
        connection,
        f"INSERT INTO {BUILT} VALUES (%s, %s, %s, %s, pg_current_xact_id()::xid::text)"
        " ON CONFLICT (relation) DO UPDATE SET inputs = excluded.inputs, rows = excluded.rows,"
        " hash = excluded.hash, writer = excluded.writer",
        (unit.name, unit.inputs, rows, digest),
    )


def changed_since(target: PostgresTarget, names: Sequence[str]) -> list[str]:
    """Those of built partitions with rows that another transaction wrote, or without some."""
    known, wrong = built(target), []
    for name in names:
        record = known.get(name)
        if record is None:
            wrong.append(name)
            continue
        query = (
            "SELECT count(*), count(*) FILTER (WHERE xmin::text = %s)"
            f" FROM {BUILD}.{PREFIX}{checked(name)}"
        )
        if target.query(query, (record.writer,))[0] != (record.rows, record.rows):
            wrong.append(name)
    return wrong


def require_unchanged(target: PostgresTarget, names: Sequence[str]) -> None:
    """Let nothing pass that somebody else wrote to since it was built and checked.

    Raises:
        PostConditionError: If there is such a partition.
    """
    changed = changed_since(target, names)
    if changed:
        raise PostConditionError(
            f"{len(changed)} built partitions were changed by somebody, the first {changed[0]}",
            expected=f"what was built and checked in {BUILD}",
            hint="apply the stage again: these are built again",
        )


def shifted(monitor: Monitor, before: int, total: int, done: int, _: int, what: str) -> None:
    """Tell a monitor of a part of the work, of which some was done before."""
    monitor(before + done, total, what)


def _columns(layout: Layout, relation: str) -> str:
    # The name that PostgreSQL would give to the constraint in the end: it shows in dumps.
    key = f"{KEY} timestamptz CONSTRAINT {relation}_{KEY}_not_null NOT NULL"
    return ", ".join([key, *(f"{name} double precision" for name in layout.columns)])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
