"""The folder of a run: its record, the folders of its units, and what each unit wrote.

run.json                            what the run is; says when it is finished
<pair or global>/<fold>/done.json   a finished unit, with the hashes of its files
                        mask.json, tuned.json, model/, forecasts/<pair>__<target>.parquet
<pair or global>/final/             fitted on the last training window of the data, for serving
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bqx.dataset.folds import Fold
from bqx.dataset.ranges import Ranges
from bqx.dataset.target import BQXTarget
from bqx.errors import IntegrityError, StoreError
from bqx.models.runs.spec import RunSpec
from bqx.store.durable import check_size, put_bytes
from bqx.store.hashing import file_hash

RECORD, DONE = "run.json", "done.json"
MASK, TUNED, MODEL, FORECASTS = "mask.json", "tuned.json", "model", "forecasts"
FORMAT = 1
FINAL: Literal["final"] = "final"
AGAIN = "train again: finished units are kept"

FoldName = int | Literal["final"]
"""Number of a fold, or the one for serving."""


@dataclass(frozen=True)
class RunRecord:
    """What a run is.

    Attributes:
        spec: What is trained.
        dataset: Folder (seen from the run's), identity, fingerprints, calendar and so on.
        synthetic: Whether any bars behind it are generated.
        folds: The folds, as `Fold.to_json` gives them.
        final: The training rows of the units for serving, likewise.
        reach: Rows that labels and features touch.
        audit: What the audit of the folds said.
        versions: Of bqx and the libraries.
        created: When it was begun; not part of the identity.
        finished: Whether all units are there.
        format: Version of the layout.
    """

    spec: RunSpec
    dataset: Mapping[str, Any]
    synthetic: bool
    folds: tuple[Mapping[str, Any], ...]
    final: Mapping[str, Any]
    reach: Mapping[str, int]
    audit: Mapping[str, Any]
    versions: Mapping[str, str]
    created: str = field(compare=False)
    finished: bool = False
    format: int = FORMAT

    @property
    def identity(self) -> str:
        """Hash of what determines the run: spec, dataset, folds, versions."""
        data = self.dataset["identity"]
        parts = (self.format, self.spec.to_json(), data, self.folds, self.final, self.versions)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def plan(self, unit: str, fold: FoldName) -> str:
        """Hash of what determines one unit: it is kept while this stays the same."""
        return hashlib.sha256(f"{self.identity}|{unit}|{fold}".encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """The record as plain values, with the identity."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain["spec"] = self.spec.to_json()
        return {"identity": self.identity, "pairs": list(self.spec.pairs), **plain}

    def write(self, folder: Path, *, finished: bool) -> RunRecord:
        """Write it in place of an earlier one."""
        record = replace(self, finished=finished)
        folder.mkdir(parents=True, exist_ok=True)
        put_bytes(json.dumps(record.to_json(), indent=1).encode(), folder / RECORD)
        return record

    @classmethod
    def read(cls, folder: Path) -> RunRecord:
        """Read the record of a run.

        Raises:
            StoreError: If there is no run, or it is of another format.
            IntegrityError: If it is damaged.
        """
        found = _read_json(folder / RECORD, "a run", "bqx train DATASET --out FOLDER")
        if found.get("format") != FORMAT:
            raise StoreError(
                f"{folder / RECORD} has the format {found.get('format')}",
                expected=f"format {FORMAT}",
                hint="train again with this version of bqx",
            )
        try:
            plain = {name: found[name] for name in cls.__dataclass_fields__}
            plain["folds"] = tuple(plain["folds"])
            plain["spec"] = RunSpec.from_json(plain["spec"])
        except (KeyError, TypeError) as error:
            raise _damaged(folder / RECORD, f"lacks {error}") from error
        record = cls(**plain)
        if record.identity != found.get("identity"):
            raise _damaged(folder / RECORD, "was changed")
        return record


@dataclass(frozen=True)
class UnitRecord:
    """What a finished unit wrote.

    Attributes:
        unit: The pair, or ``global``.
        fold: Its fold.
        plan: Hash of what determines it.
        files: Size and content hash of each file.
        counts: Rows: learned from, forecast, left out and why.
        seconds: Time by stage; not reproducible.
        reused: The fold whose selection and tuning were used, where it is an earlier one.
        skipped: Why there is no model, or empty.
    """

    unit: str
    fold: FoldName
    plan: str
    files: Mapping[str, Mapping[str, Any]]
    counts: Mapping[str, Any]
    seconds: Mapping[str, float]
    reused: int | None = None
    skipped: str = ""

    def write(self, folder: Path) -> None:
        """Write it; the last file of a unit."""
        put_bytes(json.dumps(asdict(self), indent=1).encode(), folder / DONE)

    @classmethod
    def read(cls, folder: Path) -> UnitRecord:
        """Read the record of a unit, and compare the sizes of its files.

        Raises:
            StoreError: If the unit is not finished.
            IntegrityError: If the record or a file is damaged.
        """
        found = _read_json(folder / DONE, "a finished unit of a run", AGAIN)
        try:
            record = cls(**found)
        except TypeError as error:
            raise _damaged(folder / DONE, str(error)) from error
        for name, file in record.files.items():
            check_size(folder / name, int(file["bytes"]), AGAIN)
        return record

    def verify(self, folder: Path) -> None:
        """Compare the content of all files.

        Raises:
            IntegrityError: If one differs.
        """
        for name, file in self.files.items():
            if file_entry(folder / name)["hash"] != file["hash"]:
                raise _damaged(folder / name, "has another content")


def file_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and hash of all files in a folder, by path, in order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_entry(path) for path in files}


def file_entry(path: Path) -> dict[str, Any]:
    """Size and content hash of a file."""
    return {"bytes": path.stat().st_size, "hash": file_hash(path)}


def unit_folder(folder: Path, unit: str, fold: FoldName) -> Path:
    """The folder of a unit."""
    return folder / unit / (fold if fold == FINAL else f"{fold:02d}")


def forecast_file(pair: str, target: BQXTarget) -> str:
    """Path of the forecasts of a pair's target in the folder of a unit."""
    return f"{FORECASTS}/{pair}__{target.name}.parquet"


def quantile_column(level: float) -> str:
    """Column of a quantile: ``q10`` for 0.1, ``q2.5`` for 0.025."""
    return f"q{100.0 * level:g}"


def fold_of(plain: Mapping[str, Any]) -> Fold:
    """A fold from its plain values."""
    train, test = Ranges.from_json(plain["train"]), Ranges.from_json(plain["test"])
    return Fold(plain["fold"], train, test, plain["purge"], plain["embargo"])


def _read_json(path: Path, what: str, hint: str) -> dict[str, Any]:
    if not path.is_file():
        raise StoreError(f"{path.parent} is not {what}", expected=path.name, hint=hint)
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise _damaged(path, f"is unreadable: {error}") from error
    if not isinstance(found, dict):
        raise _damaged(path, "is no record")
    return found


def _damaged(path: Path, what: str) -> IntegrityError:
    return IntegrityError(f"{path} {what}", expected="the file that was written", hint=AGAIN)
