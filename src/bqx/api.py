"""The store as users meet it: everything that can be done with it, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from bqx.bars.parsed import ReadOptions
from bqx.bars.report import IngestReport
from bqx.build.plan import Plan, make_plan, plan_update
from bqx.build.report import BuildReport
from bqx.build.run import Progress, run
from bqx.config import StoreSettings
from bqx.features.registry import Registry
from bqx.postgres.address import is_address
from bqx.store.base import BaseStore
from bqx.store.embedded import EmbeddedStore
from bqx.store.ingest import Delivery, IngestError, ingest_deliveries, ingest_files
from bqx.store.reading import read_table
from bqx.store.server import PostgresStore

if TYPE_CHECKING:
    from bqx.checks.report import Report

Names = str | Sequence[str] | None


class Store(BaseStore):
    """A store of bars and features, wherever it is; see `open`."""

    def ingest(
        self,
        files: Sequence[str | Path],
        *,
        pair: str | None = None,
        format: str | None = None,  # noqa: A002 - the field's word
        timezone: str | None = None,
        columns: dict[str, str] | None = None,
        synthetic: bool = False,
        pairs: Names = None,
        on_refused: Literal["raise", "report"] = "raise",
    ) -> IngestReport:
        """Read vendor files, validate every bar, and store what is good.

        Args:
            files: Vendor files; the address of a PostgreSQL server stands for the tables
                ``bqx.m1_{pair}`` of its database.
            pair: The pair, where the files do not say it.
            format: The format, where it cannot be detected.
            timezone: The clock, where the format has no rule: an IANA name, ``UTC+3``, or
                ``New York +7``.
            columns: For generic files, schema name -> source column.
            synthetic: True marks the bars as generated.
            pairs: Pairs that are read from servers; all that they have when None.
            on_refused: Whether refused files raise after all files were tried, or are only
                reported.

        Returns:
            The account of every row of every file.

        Raises:
            IngestError: If files were refused; its ``report`` says what became of the others.
            StoreError: If another process is writing, or a server cannot be reached.
            UnknownNameError: If a server has no bars of a pair.
        """
        options = ReadOptions(pair=pair, format=format, timezone=timezone, columns=columns)
        servers = [str(file) for file in files if is_address(str(file))]
        paths = [file for file in files if not is_address(str(file))]
        deliveries = _tables(servers, pairs)
        report = ingest_files(self, paths, options, synthetic=synthetic)
        if deliveries:
            more = ingest_deliveries(self, deliveries, synthetic=synthetic)
            report = IngestReport((*report.files, *more.files))
        if on_refused == "raise" and any(f.status == "refused" for f in report.files):
            raise IngestError(report)
        return report

    def plan(
        self,
        families: Names = "base",
        *,
        pairs: Names = None,
        months: Names = None,
        windows: Sequence[int] | None = None,
        force: bool = False,
    ) -> Plan:
        """What `build` would do with the same arguments.

        Raises:
            UnknownNameError: If a family, table or pair is unknown.
            ConfigError: If months or windows cannot be read.
        """
        names = families.split(",") if isinstance(families, str) else families or ["base"]
        chosen = self.select_pairs(pairs)
        for pair in chosen:
            self.bars.fix_baseline(pair)
        tables = self.registry.resolve(names)
        return make_plan(self, tables, chosen, months, windows, force=force)

    def build(
        self,
        families: Names = "base",
        *,
        pairs: Names = None,
        months: Names = None,
        windows: Sequence[int] | None = None,
        workers: int = 2,
        executor: str | Executor = "threads",
        max_memory: str = "4GiB",
        force: bool = False,
        progress: Progress | None = None,
    ) -> BuildReport:
        """Make the partitions that are missing or outdated.

        Args:
            families: Names of families or tables; ``base`` for the tables that the alignment report
                asks for, ``all`` for every one.
            pairs: Pairs; all with bars when None.
            months: ``2019-01``, ``2019-01:2019-03`` or a list; all with bars when None.
            windows: Only the columns of these windows.
            workers: Work units at a time.
            executor: ``threads``, ``processes``, or a `concurrent.futures.Executor`.
            max_memory: Memory budget; fewer workers run when it asks for it.
            force: Whether current partitions are made again.
            progress: Called after every unit.

        Returns:
            The account of the build; a failed unit does not stop the others.

        Raises:
            UnknownNameError: If a family, table or pair is unknown.
            BudgetError: If not even one unit fits the budget.
            StoreError: If another process is writing.
        """
        plan = self.plan(families, pairs=pairs, months=months, windows=windows, force=force)
        shown = {} if progress is None else {"progress": progress}
        return run(self, plan, workers=workers, executor=executor, max_memory=max_memory, **shown)

    def update(
        self,
        files: Sequence[str | Path] = (),
        *,
        workers: int = 2,
        synthetic: bool = False,
        **reading: str | None,
    ) -> tuple[IngestReport, BuildReport]:
        """Ingest new bars and make again just what they touch, in the tables that exist.

        Args:
            files: Vendor files.
            workers: Work units at a time.
            synthetic: True marks the bars as generated.
            reading: As `ingest`: ``pair``, ``format``, ``timezone``.

        Raises:
            IngestError: If files were refused.
            StoreError: If another process is writing.
        """
        report = self.ingest(files, synthetic=synthetic, **reading)  # type: ignore[arg-type]
        return report, run(self, self.plan_update(), workers=workers)

    def plan_update(self) -> Plan:
        """What is outdated or missing in the tables that each pair already has."""
        return plan_update(self)

    read = read_table

    def align(self, *, pairs: Names = None, months: Names = None) -> Report:
        """The alignment report: 100 % or the list of what is not aligned."""
        from bqx.checks.alignment import alignment

        return alignment(self, pairs=pairs, months=months)


class FolderStore(Store, EmbeddedStore):
    """A store in a folder."""


class ServerStore(Store, PostgresStore):
    """A store in a PostgreSQL database."""


def _tables(servers: Sequence[str], pairs: Names) -> list[Delivery]:
    """The tables of bars that servers hold."""
    if not servers:
        return []
    from bqx.legacy.reading import tables_of_bars

    return [table for server in servers for table in tables_of_bars(server, pairs)]


@overload
def open(  # noqa: A001
    address: Path,
    *,
    settings: StoreSettings | None = None,
    families: Registry | None = None,
    create: bool = True,
) -> FolderStore: ...
@overload
def open(  # noqa: A001
    address: str,
    *,
    settings: StoreSettings | None = None,
    families: Registry | None = None,
    create: bool = True,
) -> Store: ...
def open(  # noqa: A001 - `bqx.open` reads well
    address: str | Path,
    *,
    settings: StoreSettings | None = None,
    families: Registry | None = None,
    create: bool = True,
) -> Store:
    """Open a store, or create one.

    Args:
        address: A folder; or a PostgreSQL database: ``postgresql://user@host/database``, libpq's
            ``key=value`` text, or a secret reference to one of them.
        settings: Settings of a new store; an existing one keeps its own.
        families: Feature families; the installed ones when None.
        create: Whether a store is made where there is none.

    Raises:
        StoreError: If there is something else, or nothing and ``create`` is false, or the server
            cannot be reached.
    """
    if isinstance(address, str) and is_address(address):
        return ServerStore(address, settings=settings, families=families, create=create)
    return FolderStore(address, settings=settings, families=families, create=create)
