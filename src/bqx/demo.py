"""The demonstration: from vendor files to the alignment report, in a store of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import polars as pl

from bqx.api import FolderStore, Store
from bqx.bars.report import IngestReport
from bqx.bars.schema import PRICES
from bqx.bars.synthetic import START, iter_synthetic_bars
from bqx.config import FILE
from bqx.errors import BqxError, ConfigError, InputFileError, StoreError

MARK = ".demo.json"
"""File that makes a folder a demo store: what it was made of."""
_SUFFIXES = (".csv", ".gz", ".parquet", ".prn", ".tsv", ".txt", ".zip", ".bi5")


@dataclass(frozen=True)
class Recipe:
    """What a demo store is made of.

    Attributes:
        pairs: Pairs of the generated bars; all 28 when None.
        start: First day of the generated bars.
        days: Days of generated bars.
        seed: Of the generator.
        data: Folder of vendor files that take the place of generated bars, or None.
    """

    pairs: str | None = None
    start: str = START
    days: int = 31
    seed: int = 7
    data: str | None = None


def prepare(folder: Path, recipe: Recipe, *, fresh: bool = False) -> FolderStore:
    """Open a demo store: a new one, or an earlier one of the same recipe, which is completed.

    Args:
        folder: Folder of the store.
        recipe: What it will be made of.
        fresh: Whether an earlier demo store is deleted first.

    Raises:
        StoreError: If the folder holds anything but a demo store, or one of another recipe.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        _check_earlier(folder, recipe, fresh=fresh)
        if fresh:
            shutil.rmtree(folder)
    store = FolderStore(folder)
    (store.root / MARK).write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
    return store


def _check_earlier(folder: Path, recipe: Recipe, *, fresh: bool) -> None:
    if not ((folder / FILE).is_file() and (folder / MARK).is_file()):
        raise StoreError(
            f"{folder} holds something else than a demo store",
            expected="a new or empty folder, or an earlier demo store",
            hint="choose another folder: `bqx demo OTHER`",
        )
    earlier = json.loads((folder / MARK).read_text(encoding="utf-8"))
    if not fresh and earlier != asdict(recipe):
        raise StoreError(
            f"{folder} is a demo store of something else: {earlier}",
            expected=str(asdict(recipe)),
            hint="--fresh replaces it",
        )


def export_bars(folder: Path, recipe: Recipe, form: str = "parquet") -> Iterator[Path]:
    """Write generated bars as vendor files, one per pair, and give each file's path.

    Args:
        folder: Where the files go; made when absent.
        recipe: Which bars.
        form: ``parquet`` (UTC, with bid and ask) or ``metatrader`` (MT5 export on the usual
            broker clock, New York time plus 7 hours).

    Raises:
        ConfigError: If the form is unknown, or the bars cannot be generated.
        UnknownNameError: If a pair is unknown.
    """
    if form not in _WRITERS:
        raise ConfigError(f"unknown format {form!r}", expected=" or ".join(_WRITERS))
    folder.mkdir(parents=True, exist_ok=True)
    for pair, bars in iter_synthetic_bars(recipe.pairs, recipe.start, recipe.days, recipe.seed):
        yield _WRITERS[form](folder, pair, bars)


def _write_parquet(folder: Path, pair: str, bars: pl.DataFrame) -> Path:
    path = folder / f"synthetic_{pair}.parquet"
    bars.write_parquet(path, metadata={"synthetic": "true"})
    return path


def _write_metatrader(folder: Path, pair: str, bars: pl.DataFrame) -> Path:
    """An MT5 export: tabs, a header in angle brackets, broker time, spread in points."""
    digits = 3 if pair.endswith("jpy") else 5
    wall = pl.col("ts_utc").dt.convert_time_zone("America/New_York").dt.offset_by("7h")
    spread = (pl.col("ask_close") - pl.col("bid_close")) * 10**digits
    lines = bars.select(
        wall.dt.strftime("%Y.%m.%d").alias("<DATE>"),
        wall.dt.strftime("%H:%M:%S").alias("<TIME>"),
        *(pl.col(name).alias(f"<{name.upper()}>") for name in PRICES),
        pl.col("volume").cast(pl.Int64).alias("<TICKVOL>"),
        pl.lit(0).alias("<VOL>"),
        spread.round().cast(pl.Int64).alias("<SPREAD>"),
    )
    first, last = (bars["ts_utc"][k] for k in (0, -1))
    path = folder / f"{pair.upper()}_M1_{first:%Y%m%d%H%M}_{last:%Y%m%d%H%M}.csv"
    lines.write_csv(path, separator="\t", float_precision=digits)
    return path


_WRITERS: dict[str, Callable[[Path, str, pl.DataFrame], Path]] = {
    "parquet": _write_parquet,
    "metatrader": _write_metatrader,
}


def find_files(folder: Path) -> list[Path]:
    """Files under a folder, recursively, whose names end as those of vendor files do.

    Raises:
        InputFileError: If there are none.
    """
    found = sorted(p for p in folder.rglob("*") if p.is_file() and _is_candidate(p))
    if not found:
        raise InputFileError(
            f"no vendor file under {folder}",
            expected="files that end in " + ", ".join(_SUFFIXES),
            hint="check the path",
        )
    return found


def _is_candidate(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def ingest(store: Store, files: Sequence[Path], *, synthetic: bool) -> IngestReport:
    """Ingest files; refused ones are reported.

    Raises:
        BqxError: If no file was accepted.
    """
    report = store.ingest(files, synthetic=synthetic, on_refused="report")
    if all(f.status == "refused" for f in report.files):
        raise BqxError(
            f"all {len(report.files)} files were refused: {report.files[0].error}",
            expected="at least one file of bars",
        )
    return report


def agreed_week(report: IngestReport) -> str | None:
    """The shorter week that all accepted files propose alike; None when they do not."""
    proposals = {f.week_proposal for f in report.files if f.status != "refused"}
    return proposals.pop() if len(proposals) == 1 else None


def page_of(folder: Path) -> Path:
    """Where the alignment page goes: beside the store, which holds nothing but what it recorded."""
    root = folder.resolve()
    return root.with_name(f"{root.name}-alignment.html")


def declare_week(store: FolderStore, week: str) -> FolderStore:
    """Set the trading week of a store, and open the store again."""
    store.set("week", week)
    store.close()
    return FolderStore(store.root)


def day_of(text: str) -> str:
    """A day as a recipe keeps it.

    Raises:
        ConfigError: If the text is no ISO date.
    """
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ConfigError(f"unreadable day {text!r}", expected="YYYY-MM-DD") from error
