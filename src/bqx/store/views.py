"""The tables that a query names, as views of a DuckDB connection."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

import duckdb

from bqx.errors import UnknownNameError
from bqx.features.names import TableName
from bqx.store.barstore import M1
from bqx.store.current import current_partitions
from bqx.store.dataset import TableDataset, table_dataset
from bqx.store.embedded import EmbeddedStore
from bqx.store.schema import full_schema, plain_schema
from bqx.store.statetables import COMMENTS, state_table, state_tables

OLD_NAMES = {"reg": ("reg_rate", "bqx"), "reg_idx": ("reg_rate", "bqx")}
"""Names of the first version: the regression over the rate index, with the index beside it."""

INDEX = "rate_index"
_NOT_COMMENTS = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|--[^\n]*|/\*.*?\*/""", re.DOTALL)
_CATALOGUE = re.compile(r"information_schema|duckdb_\w+\s*\(|\bshow|\bpg_")


@dataclass
class Views:
    """Makes views in the current schema of a connection.

    Attributes:
        store: The store.
        connection: A connection that was not used for anything else.
        datasets: The tables behind the views.
    """

    store: EmbeddedStore
    connection: duckdb.DuckDBPyConnection
    datasets: list[TableDataset] = field(default_factory=list)

    def add_for(self, query: str) -> None:
        """Make the views that a query needs.

        A name counts wherever it stands, in string literals too: queries on
        ``information_schema`` name tables in literals. A query on the catalogue that names no
        table gets everything that is stored.

        Raises:
            UnknownNameError: If a table is named for a pair or month without bars.
            IntegrityError: If a partition is not the one that was recorded.
        """
        text = _NOT_COMMENTS.sub(lambda m: m[1] or " ", query).lower()
        words = dict.fromkeys(re.findall(r"\w+", text))
        names = [name for name in map(self._known, words) if name is not None]
        for name in names:
            self._add(name)
        records = [name for name in state_tables(self.store) if name in words]
        if not names and not records and _CATALOGUE.search(text):
            records = list(state_tables(self.store))
            self._add_everything(with_comments="comment" in text or "*" in text)
        for record in records:
            self.connection.from_arrow(state_table(self.store, record)).create_view(record)
            self._comment(record, COMMENTS.get(record, ""))

    @cached_property
    def _single(self) -> frozenset[str]:
        """Tables that are one for all pairs."""
        return frozenset(name for name, spec in self.store.tables.items() if spec.single)

    def _known(self, word: str) -> TableName | None:
        try:
            name = TableName.parse(word, self._single)
        except UnknownNameError:
            return None
        parts = self._parts(name.table)
        return name if all(part == M1 or part in self.store.tables for part in parts) else None

    def _parts(self, table: str) -> tuple[str, ...]:
        """The tables behind a name: itself, or what an old name stands for."""
        return (table,) if table in self.store.tables else OLD_NAMES.get(table, (table,))

    def _add(self, name: TableName) -> None:
        if len(self._parts(name.table)) > 1:
            self._add_old(name)
            return
        months = self._months(name)
        stored = current_partitions(self.store, name.table, name.pair, months)
        shown = {month: stored.get(month) for month in months}
        dataset = table_dataset(self.store, name.table, name.pair, shown)
        self.datasets.append(dataset)
        self.connection.from_arrow(dataset).create_view(str(name))
        self._comment(str(name), self._table_comment(name.table), self._column_comments(name.table))

    def _months(self, name: TableName) -> tuple[str, ...]:
        months = self.store.bars.months(name.pair)
        if not months:
            present = ", ".join(self.store.state.pairs())
            raise UnknownNameError(
                f"no table {name}: there are no bars of {name.pair}",
                expected=f"one of {present}" if present else "bars; the store is empty",
                hint="`bqx ingest FILES` first",
            )
        if name.month is None:
            return months
        if name.month not in months:
            raise UnknownNameError(
                f"no table {name}: there are no bars of {name.pair} in {name.month}",
                expected=f"a month with bars, {months[0]} to {months[-1]}",
                hint=f"{name.table}_{name.pair} has all months",
            )
        return (name.month,)

    def _add_old(self, name: TableName) -> None:
        regression, index = (
            TableName(table, name.pair, name.month) for table in OLD_NAMES[name.table]
        )
        for part in (regression, index):
            self._add(part)
        self.connection.execute(
            f"CREATE VIEW {name} AS SELECT r.ts_utc, i.{INDEX}, r.* EXCLUDE (ts_utc)"
            f" FROM {regression} r JOIN {index} i ON r.ts_utc = i.ts_utc"
        )
        comments = self._column_comments(index.table)
        columns = self._column_comments(regression.table) | {INDEX: comments[INDEX]}
        self._comment(str(name), self._table_comment(regression.table), columns)

    def _add_everything(self, *, with_comments: bool) -> None:
        """A view without rows for every stored partition and every pair: nothing reads them."""
        recorded = self.store.state.partitions()
        known = [key for key in recorded if key[0] == M1 or key[0] in self.store.tables]
        for table in dict.fromkeys(table for table, _, _ in known):
            template = self.connection.from_arrow(plain_schema(self.store, table).empty_table())
            months = [TableName(*key) for key in known if key[0] == table]
            whole = dict.fromkeys(TableName(table, name.pair) for name in months)
            for name in (*whole, *months):
                template.create_view(str(name))
            if with_comments:
                columns = self._column_comments(table)
                for name in (*whole, *months):
                    # Comments on the columns of every month would take minutes.
                    shown = columns if name.month is None else {}
                    self._comment(str(name), self._table_comment(table), shown)

    def _table_comment(self, table: str) -> str:
        return str(full_schema(self.store, table).metadata[b"comment"].decode())

    def _column_comments(self, table: str) -> dict[str, str]:
        fields = full_schema(self.store, table)
        return {f.name: f.metadata[b"comment"].decode() for f in fields}

    def _comment(self, view: str, comment: str, columns: dict[str, str] | None = None) -> None:
        statements = [f"COMMENT ON VIEW {view} IS {_literal(comment)}"]
        statements += [
            f'COMMENT ON COLUMN {view}."{column}" IS {_literal(text)}'
            for column, text in (columns or {}).items()
        ]
        self.connection.execute(";".join(statements))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
