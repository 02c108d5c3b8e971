"""Copy partitions and their record from one store into another, wherever they are.

Every partition is compared three times: what was read with the source's record, what the target
holds with what was sent, before it takes its place there. What the target has already is skipped,
so that a copy that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from bqx.errors import IntegrityError, StoreError
from bqx.features.table import ALL
from bqx.market import month_bounds, parse_pairs, select_months
from bqx.store.barstore import M1, MINUTES_A_DAY
from bqx.store.base import BaseStore
from bqx.store.copyrecord import copy_record
from bqx.store.hashing import content_hash
from bqx.store.partitions import Key
from bqx.store.state import Day, Partition, now

WORKERS = 2
Names = str | Sequence[str] | None


@dataclass(frozen=True)
class CopyReport:
    """The account of a copy.

    Attributes:
        source: Name of the store that was read.
        target: Name of the store that was written.
        copied: Partitions that were written, and compared.
        current: Partitions that the target had already.
        rows: Rows written.
        bytes: Bytes that they take in the target.
        sources: Ingested files whose account was copied.
        seconds: Wall time.
    """

    source: str
    target: str
    copied: int
    current: int
    rows: int
    bytes: int
    sources: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)

    def to_text(self) -> str:
        """The report in a line."""
        speed = f", {self.rows / self.seconds:,.0f} rows/s" if self.rows else ""
        return (
            f"{self.copied:,} partitions copied from {self.source} to {self.target} and compared,"
            f" {self.current:,} were there already; {self.rows:,} rows,"
            f" {self.bytes / 1e6:,.0f} MB in {self.seconds:,.1f} s{speed}"
        )


def copy_store(
    source: BaseStore,
    target: BaseStore,
    *,
    tables: Names = None,
    pairs: Names = None,
    months: Names = None,
    workers: int = WORKERS,
    progress: Callable[[Partition], None] | None = None,
) -> CopyReport:
    """Copy partitions, and what is known of them.

    Args:
        source: What is read.
        target: What is written; its settings must be the source's.
        tables: Tables or families, ``m1`` for the bars; all that are stored when None.
        pairs: Pairs; all when None.
        months: ``2019-01``, ``2019-01:2019-03`` or a list; all when None.
        workers: Partitions at a time.
        progress: Called with each partition that was copied.

    Raises:
        StoreError: If the settings differ, the target has another baseline of a pair, or another
            process is writing to it.
        IntegrityError: If a partition of the source is not the recorded one, or the target does
            not hold what was sent; what was copied before stays.
    """
    began, started = time.perf_counter(), now()
    _check_settings(source, target)
    chosen = _selected(source, tables, pairs, months)
    with target.writing():
        sources = copy_record(source, target, sorted({p.pair for p in chosen} - {ALL}))
        todo = _missing(target, chosen)
        done = list(_copied(source, target, todo, workers, progress))
        report = CopyReport(
            source=source.name,
            target=target.name,
            copied=len(done),
            current=len(chosen) - len(todo),
            rows=sum(p.rows for p in done),
            bytes=sum(p.bytes for p in done),
            sources=sources,
            seconds=time.perf_counter() - began,
        )
        target.state.log_run("copy", started, report.to_json())
    return report


def _check_settings(source: BaseStore, target: BaseStore) -> None:
    if source.settings != target.settings:
        raise StoreError(
            f"{target.name} has other settings: {target.settings.to_toml()}",
            expected=f"those of {source.name}: {source.settings.to_toml()}",
            hint="copy into a new store, or change one of them with `bqx config set`",
        )


def _key(partition: Partition) -> Key:
    return partition.tbl, partition.pair, partition.month


def _selected(source: BaseStore, tables: Names, pairs: Names, months: Names) -> list[Partition]:
    recorded = source.state.partitions().values()
    names = None if tables is None else _table_names(source, tables)
    wanted = None if pairs is None else {*source.select_pairs(parse_pairs(_listed(pairs))), ALL}
    present = sorted({p.month for p in recorded})
    chosen = set(select_months(months, present))
    return [
        p
        for p in recorded
        if (names is None or p.tbl in names)
        and (wanted is None or p.pair in wanted)
        and p.month in chosen
    ]


def _listed(names: str | Sequence[str]) -> list[str]:
    return names.split(",") if isinstance(names, str) else list(names)


def _table_names(source: BaseStore, tables: str | Sequence[str]) -> set[str]:
    names = _listed(tables)
    return {*source.registry.resolve([n for n in names if n != M1]), *({M1} & set(names))}


def _missing(target: BaseStore, chosen: Sequence[Partition]) -> list[Partition]:
    """Those that the target does not have as they are: the bars first, on which all others rest."""
    recorded = target.state.partitions()
    present = {_key(p) for p in chosen if _same(recorded.get(_key(p)), p)}
    lost = {key for key in present if not target.parts.exists(key)}
    todo = [p for p in chosen if _key(p) not in present - lost]
    return sorted(todo, key=lambda p: (p.tbl != M1, p.tbl, p.pair, p.month))


def _same(there: Partition | None, here: Partition) -> bool:
    return there is not None and replace(there, bytes=0) == replace(here, bytes=0)


def _copied(
    source: BaseStore,
    target: BaseStore,
    todo: Sequence[Partition],
    workers: int,
    progress: Callable[[Partition], None] | None,
) -> Iterator[Partition]:
    """Copy partitions a few at a time; each is recorded as soon as it is there."""
    waiting = list(todo)[::-1]
    recorded = target.state.partitions()
    running: dict[Future[Partition], Partition] = {}
    with ThreadPoolExecutor(workers) as pool, ExitStack() as stack:
        stack.callback(_cancel, running)
        while waiting or running:
            while waiting and len(running) <= workers:
                partition = waiting.pop()
                if _key(partition) in recorded:
                    target.state.forget([_key(partition)])
                running[pool.submit(_copy, source, target, partition)] = partition
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                partition = running.pop(future)
                done = future.result()
                target.state.record([done], _days(source, partition))
                if progress is not None:
                    progress(done)
                yield done


def _cancel(running: dict[Future[Partition], Partition]) -> None:
    for future in running:
        future.cancel()


def _copy(source: BaseStore, target: BaseStore, partition: Partition) -> Partition:
    """Copy one partition; its record with the bytes that it takes in the target."""
    key = _key(partition)
    table = source.parts.read(key)
    found = content_hash(table)
    if found != partition.hash:
        raise IntegrityError(
            f"{' '.join(key)} of {source.name} has the content hash {found}",
            expected=f"{partition.hash}, as it was written",
            hint="`bqx verify` lists what is damaged; nothing of it was copied",
        )
    return replace(partition, bytes=target.parts.write(key, table, check=True))


def _days(source: BaseStore, partition: Partition) -> list[Day]:
    """The days of a month of bars."""
    if partition.tbl != M1:
        return []
    low, high = (minute // MINUTES_A_DAY for minute in month_bounds(partition.month))
    rows = source.state.query(
        "SELECT pair, day, hash, rows FROM days WHERE pair = ? AND day >= ? AND day < ?",
        (partition.pair, low, high),
    )
    return [Day(str(p), int(str(d)), str(h), int(str(n))) for p, d, h, n in rows]
