"""Whether the files of a dataset are the ones that its manifest names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from bqx.checks.report import CheckResult, Finding, Report
from bqx.dataset.dataset import Dataset
from bqx.dataset.manifest import FileHash, FileRecord
from bqx.dataset.narrow import settled
from bqx.errors import IntegrityError
from bqx.features.arrow import minutes_of
from bqx.features.table import KEY

CHECKS = {
    "columns": "Every file has the columns of the manifest, and no others.",
    "rows": "Every file has one row for each grid minute, in order of time.",
    "content": "The values of every file have the hash of the manifest.",
}


def verify(dataset: Dataset) -> Report:
    """Compare every file with the manifest: columns, rows and times, content hash.

    Returns:
        A report with one unit for each file and check.
    """
    findings: dict[str, list[Finding]] = {name: [] for name in CHECKS}
    files = dataset.manifest.files
    for file in files:
        for name, check in _RUN.items():
            try:
                problem = check(dataset, file)
            except IntegrityError as error:
                problem = error.found, error.expected
            if problem is not None:
                place = (name, None, file.pair, file.month, None)
                findings[name].append(Finding(*place, *problem))
    checks = tuple(
        CheckResult(n, title, "files", len(files), len(findings[n]), findings=tuple(findings[n]))
        for n, title in CHECKS.items()
    )
    facts = {
        "dataset": str(dataset.folder),
        "identity": dataset.manifest.identity,
        "files": len(files),
        "rows": dataset.manifest.rows,
        "synthetic": dataset.synthetic,
    }
    return Report("Dataset files", checks, facts=facts)


Problem = tuple[str, str] | None


def _columns(dataset: Dataset, file: FileRecord) -> Problem:
    found, wanted = dataset.schema(file).names, list(dataset.manifest.names)
    if found == wanted:
        return None
    odd = sorted(set(found) ^ set(wanted))[:5]
    return f"{len(found)} columns, different in {', '.join(odd) or 'order'}", f"{len(wanted)}"


def _rows(dataset: Dataset, file: FileRecord) -> Problem:
    (_, table), *_ = dataset.batches(file, [KEY])
    minutes = minutes_of(table)
    spine = dataset.calendar.minutes(file.first, file.stop)
    if np.array_equal(minutes, spine):
        return None
    return f"{len(minutes)} rows, not those of the grid", f"{file.rows} grid minutes in order"


def _content(dataset: Dataset, file: FileRecord) -> Problem:
    digest = FileHash(dataset.manifest.names)
    for _, table in dataset.batches(file, dataset.manifest.names):
        for name in table.schema.names:
            column = table.column(name)
            digest.add(name, pa.concat_arrays(column.chunks) if name == KEY else settled(column))
    found = digest.hexdigest()
    return None if found == file.hash else (f"content {found}", file.hash)


_RUN: dict[str, Callable[[Dataset, FileRecord], Problem]] = {
    "columns": _columns,
    "rows": _rows,
    "content": _content,
}
