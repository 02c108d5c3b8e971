"""Vendor files into a store: parsed whole, merged by month, accounted for row by row."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol

import polars as pl

from bqx.bars.merge import merge
from bqx.bars.parse import parse_file
from bqx.bars.parsed import ParsedFile, ReadOptions
from bqx.bars.report import FileReport, IngestReport, Tally
from bqx.bars.schema import QUARANTINE_SCHEMA, Reason
from bqx.bars.source import label_of
from bqx.errors import BqxError, InputFileError
from bqx.store.base import BaseStore
from bqx.store.state import now


class IngestError(InputFileError):
    """Some files were refused; the others were ingested.

    Attributes:
        report: The account of all files.
    """

    def __init__(self, report: IngestReport) -> None:
        self.report = report
        refused = [f for f in report.files if f.status == "refused"]
        super().__init__(
            f"{len(refused)} of {len(report.files)} files refused:\n"
            + "\n".join(_refusal(f) for f in refused),
            hint="nothing of these files was stored",
        )


def _refusal(file: FileReport) -> str:
    """The message of a refusal, with the file's name in front unless it begins with it."""
    error = file.error or ""
    named = error.startswith((file.path, Path(file.path).name))
    return error if named else f"{file.path}: {error}"


def ingest_files(
    store: BaseStore,
    files: Sequence[str | Path],
    options: ReadOptions | None = None,
    *,
    synthetic: bool = False,
) -> IngestReport:
    """Ingest files one after the other; a refused one leaves the store as it was.

    Args:
        store: Where the bars go.
        files: Vendor files.
        options: What the files do not say of themselves.
        synthetic: True marks the bars as generated; the mark travels with everything made of them.

    Raises:
        StoreError: If another process is writing.
    """
    reports: list[FileReport] = []
    with store.writing():
        for file in files:
            reports += _ingest(store, Path(file), options or ReadOptions(), synthetic=synthetic)
    return IngestReport(tuple(reports))


def _ingest(
    store: BaseStore, path: Path, options: ReadOptions, *, synthetic: bool
) -> list[FileReport]:
    began = time.perf_counter()
    try:
        known = _known(store, path, options)
        if known:
            return known
        members = parse_file(path, options)
        return [_store(store, m, options, began, synthetic=synthetic) for m in members]
    except BqxError as error:
        seconds = time.perf_counter() - began
        return [FileReport(str(path), "refused", error=error.message, seconds=seconds)]


class Delivery(Protocol):
    """Bars from somewhere else than a file."""

    @property
    def path(self) -> str:
        """Where they are, without a secret."""

    @property
    def member(self) -> str:
        """Which part of it they are."""

    @property
    def options(self) -> ReadOptions:
        """What tells this delivery from others of the same content."""

    def parse(self) -> ParsedFile:
        """Read and validate them completely."""


def ingest_deliveries(
    store: BaseStore, deliveries: Iterable[Delivery], *, synthetic: bool = False
) -> IngestReport:
    """Ingest bars that are not in files; a refused delivery leaves the store as it was.

    Args:
        store: Where the bars go.
        deliveries: The bars.
        synthetic: True marks the bars as generated; the mark travels with everything made of them.

    Raises:
        StoreError: If another process is writing.
    """
    reports: list[FileReport] = []
    with store.writing():
        for delivery in deliveries:
            reports += _accept(store, delivery, synthetic=synthetic)
    return IngestReport(tuple(reports))


def _accept(store: BaseStore, delivery: Delivery, *, synthetic: bool) -> list[FileReport]:
    began, options = time.perf_counter(), delivery.options
    try:
        parsed = delivery.parse()
        known = _reported(store, parsed.sha256, options)
        return known or [_store(store, parsed, options, began, synthetic=synthetic)]
    except BqxError as error:
        seconds = time.perf_counter() - began
        label = label_of(delivery.path, delivery.member)
        return [FileReport(label, "refused", error=error.message, seconds=seconds)]


def _option_text(options: ReadOptions) -> str:
    return json.dumps(asdict(options), sort_keys=True)


def _known(store: BaseStore, path: Path, options: ReadOptions) -> list[FileReport]:
    """Reports of a file that was ingested before with the same bytes and options."""
    if not path.is_file():
        return []
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return _reported(store, sha256, options)


def _reported(store: BaseStore, sha256: str, options: ReadOptions) -> list[FileReport]:
    rows = store.state.query(
        "SELECT report FROM sources WHERE sha256 = ? AND options = ? ORDER BY id",
        (sha256, _option_text(options)),
    )
    return [_unchanged(json.loads(str(row[0]))) for row in rows]


def _unchanged(report: dict[str, object]) -> FileReport:
    """The account of reading the same file again: what was accepted is now a duplicate."""
    months = {}
    for month, counts in dict(report.pop("months")).items():  # type: ignore[call-overload]
        tally = Tally(**counts)
        known = tally.accepted + tally.duplicate
        months[month] = Tally(tally.read, 0, known, tally.quarantined)
    report |= {"status": "unchanged", "seconds": 0.0, "notes": tuple(report["notes"])}  # type: ignore[arg-type]
    return FileReport(months=months, **report)  # type: ignore[arg-type]


def _store(
    store: BaseStore, parsed: ParsedFile, options: ReadOptions, began: float, *, synthetic: bool
) -> FileReport:
    report = FileReport.of(parsed)
    months = dict(report.months)
    replaced: dict[str, int] = {}
    superseded: list[pl.DataFrame] = []
    by_month = parsed.bars.with_columns(pl.col("ts_utc").dt.strftime("%Y_%m").alias("_month"))
    for frame in by_month.partition_by("_month", maintain_order=True):
        month = str(frame["_month"][0])
        merged = merge(store.bars.frame(parsed.pair, month), frame.drop("_month"))
        if merged.accepted:
            store.bars.replace(parsed.pair, month, merged.bars)
        tally = months[month.replace("_", "-")]
        months[month.replace("_", "-")] = replace(
            tally, accepted=merged.accepted, duplicate=tally.duplicate + merged.duplicate
        )
        replaced[month] = merged.superseded.height
        superseded.append(_superseded(parsed, merged.superseded))
    report = replace(report, months=months, seconds=time.perf_counter() - began)
    _remember(store, parsed, options, report, replaced, synthetic=synthetic, lost=superseded)
    return report


def _superseded(parsed: ParsedFile, bars: pl.DataFrame) -> pl.DataFrame:
    """Stored bars that lost against this file, as rows of the quarantine."""
    return bars.select(
        pl.lit(parsed.pair).alias("pair"),
        pl.lit(None, pl.Int64).alias("line"),
        "ts_utc",
        pl.lit(str(Reason.SUPERSEDED)).alias("reason"),
        pl.lit(f"an earlier source's bar, replaced by {Path(parsed.path).name}").alias("detail"),
        pl.struct(pl.exclude("ts_utc")).struct.json_encode().alias("raw"),
    ).cast(dict(QUARANTINE_SCHEMA))  # type: ignore[arg-type]


def _remember(
    store: BaseStore,
    parsed: ParsedFile,
    options: ReadOptions,
    report: FileReport,
    replaced: dict[str, int],
    *,
    synthetic: bool,
    lost: list[pl.DataFrame],
) -> None:
    """Write the quarantine, then the source and what each month took from it."""
    rejected = pl.concat([parsed.quarantine, *lost])
    found = store.state.query("SELECT coalesce(max(id), 0) + 1 FROM sources")
    source = int(str(found[0][0]))
    if rejected.height:
        labelled = rejected.insert_column(0, pl.lit(source, pl.Int64).alias("source"))
        store.parts.keep_rejected(source, labelled.to_arrow())
    with store.state.transaction() as connection:
        connection.execute(
            "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                source,
                str(parsed.path),
                parsed.member,
                parsed.sha256,
                parsed.size,
                parsed.pair,
                parsed.format,
                parsed.clock,
                _option_text(options),
                int(synthetic),
                now(),
                json.dumps(asdict(report)),
            ),
        )
        connection.executemany(
            "INSERT INTO provenance VALUES (?, ?, ?, ?, ?)",
            [
                (parsed.pair, month, source, report.months[month.replace("_", "-")].accepted, count)
                for month, count in replaced.items()
            ],
        )
