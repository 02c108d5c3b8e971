"""Tables that the dataset commands print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from bqx.cli.common import console
from bqx.dataset.lagged import explain_counts, why
from bqx.dataset.lengths import minute_of
from bqx.market import moment_of

if TYPE_CHECKING:
    from bqx.dataset.columns import Choice
    from bqx.dataset.dataset import Dataset
    from bqx.dataset.folds import Fold
    from bqx.dataset.ranges import Ranges
    from bqx.features.registry import Registry

SHOWN = 10
"""Features that are shown of many."""


def show_dataset(dataset: Dataset) -> None:
    """What a dataset holds."""
    manifest = dataset.manifest
    size = sum(f.bytes for f in manifest.files) / 2**20
    more = len(manifest.features) - SHOWN
    facts = {
        "folder": dataset.folder,
        "identity": manifest.identity,
        "pairs": ", ".join(manifest.pairs),
        "months": f"{manifest.months[0]} to {manifest.months[-1]}, {len(manifest.months)}",
        "rows": f"{manifest.rows:,}",
        "features": f"{len(manifest.features):,}, lags {', '.join(map(str, manifest.lags))}",
        "": ", ".join(manifest.features[:SHOWN]) + (f" … {more:,} more" if more > 0 else ""),
        "targets": ", ".join(str(t["name"]) for t in manifest.targets) or "none",
        "files": f"{len(manifest.files)}, {size:,.1f} MiB",
        "synthetic": "yes: no result of it is real" if manifest.synthetic else "no",
        "made": f"{manifest.created} by bqx {manifest.code}",
    }
    for name, value in facts.items():
        typer.echo(f"{name:<10} {value}")


def counts_json(choice: Choice, families: Registry) -> dict[str, Any]:
    """The counts of a selection as plain values."""
    rows = explain_counts(choice, families)
    return {
        "total": sum(r.total for r in rows),
        "parts": [{**asdict(r), "total": r.total} for r in rows],
        "why": list(why(choice, families)),
    }


def show_counts(choice: Choice, families: Registry) -> None:
    """How many columns each part of a selection gives, and why."""
    table = _table("part", "columns", "lagged", "lags", "total", "catalogue", "note")
    rows = explain_counts(choice, families)
    for r in rows:
        listed = "" if r.listed is None else str(r.listed)
        numbers = (f"{n:,}" for n in (r.columns, r.lagged, r.lags, r.total))
        table.add_row(r.part, *numbers, listed, r.note)
    sums = (sum(getattr(r, name) for r in rows) for name in ("columns", "lagged", "lags", "total"))
    table.add_row("all", *(f"{n:,}" for n in sums), "", "")
    console().print(table)
    for line in why(choice, families):
        typer.echo(line)


def show_folds(dataset: Dataset, folds: Sequence[Fold], *, passed: bool) -> None:
    """Folds with their times."""
    table = _table("fold", "train rows", "train", "test rows", "test", "purge", "embargo")
    for f in folds:
        table.add_row(
            str(f.number),
            f"{f.train.count:,}",
            _times(dataset, f.train),
            f"{f.test.count:,}",
            _times(dataset, f.test),
            f"{f.purge:,}",
            f"{f.embargo:,}",
        )
    console().print(table)
    typer.echo("audit: passed" if passed else "audit: FAILED, see `bqx check folds`")


def _times(dataset: Dataset, rows: Ranges) -> str:
    spans = [(minute_of(dataset.calendar, a), minute_of(dataset.calendar, b - 1)) for a, b in rows]
    form = "%Y-%m-%d %H:%M"
    return ", ".join(f"{moment_of(a):{form}} to {moment_of(b):{form}}" for a, b in spans)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        left = name in {"part", "note", "train", "test"}
        table.add_column(name, justify="left" if left else "right")
    return table
