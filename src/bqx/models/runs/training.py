"""Train a run: unit after unit; what is there as planned is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bqx.build.memory import parse_size
from bqx.dataset.dataset import Dataset
from bqx.errors import ConfigError, IntegrityError, StoreError
from bqx.models.runs.folder import RECORD, RunRecord, UnitRecord
from bqx.models.runs.plan import RunPlan
from bqx.models.runs.progress import Pace, Progress, silent
from bqx.models.runs.run import Run
from bqx.models.runs.spec import RunSpec
from bqx.models.runs.unit import Unit, Workshop
from bqx.store.durable import TEMPORARY
from bqx.store.lock import WriterLock

if TYPE_CHECKING:
    from bqx.selection.mask import Mask

LOCK = ".lock"


def train(
    dataset: Dataset,
    folder: str | Path,
    spec: RunSpec,
    *,
    masks: Mapping[str, Mask] | None = None,
    replace: bool = False,
    threads: int = 2,
    max_memory: str = "4GiB",
    progress: Progress = silent,
) -> Run:
    """Train a run in a folder; begun again, it goes on where it was.

    The same spec, dataset and versions give the same bits, however often it is interrupted, unless
    tuning is limited in time.

    Args:
        dataset: The dataset.
        folder: Of the run; new, or that of the same run.
        spec: What is trained.
        masks: The masks that the spec names by their hashes, by pair or ``global``.
        replace: Whether another run in the folder is replaced.
        threads: Threads of the learners.
        max_memory: Memory budget.
        progress: Called after every unit.

    Raises:
        UnknownNameError: If the dataset lacks a pair or target.
        ConfigError: If no fold fits, or something cannot be learned.
        LeakError: If the folds fail their audit, or something was fitted outside of its fold.
        BudgetError: If the estimate of the memory is greater than the budget.
        StoreError: If the folder holds another run or something else.
    """
    plan = RunPlan.of(dataset, spec)
    plan.require_memory(parse_size(max_memory))
    given = dict(masks or {})
    _require_masks(spec, given)
    place = Path(folder)
    with _held(place):
        record = plan.record(place)
        _require_same(place, record, replace=replace)
        record = record.write(place, finished=False)
        shop = Workshop(plan.source, record, place, given, threads)
        pace = Pace(len(plan.units), progress)
        for unit in plan.units:
            kept, damage = _kept(shop, unit)
            note = "" if kept else damage + _note(shop.make(unit))
            pace.step(unit.name, unit.label, note, kept=kept)
        return Run(place, record.write(place, finished=True))


def _kept(shop: Workshop, unit: Unit) -> tuple[bool, str]:
    """Whether a unit is kept; and what is wrong with one that is there, and so made again."""
    try:
        return shop.there(unit), ""
    except IntegrityError as error:
        return False, f"made again, because {error.found}; "


def _note(made: UnitRecord) -> str:
    if made.skipped:
        return f"no model: {made.skipped}"
    learned = made.counts["training"]["learned from"]
    return f"{learned:,} rows, {made.counts['features']:,} features"


def _require_masks(spec: RunSpec, masks: Mapping[str, Mask]) -> None:
    """The masks are those that the spec names."""
    if masks_by_hash(masks) != spec.masks or (masks and set(masks) != set(spec.units)):
        raise ConfigError(
            f"masks of {', '.join(sorted(masks)) or 'nothing'}",
            expected=f"those of {', '.join(spec.units)}, named by their hashes in the spec",
            hint="RunSpec(masks=masks_by_hash(masks), selection=None)",
        )


def masks_by_hash(masks: Mapping[str, Mask]) -> tuple[tuple[str, str], ...]:
    """How a spec names masks."""
    return tuple(sorted((name, mask.identity) for name, mask in masks.items()))


def _require_same(folder: Path, record: RunRecord, *, replace: bool) -> None:
    """The folder is empty, or of the same run, or of another one that may be replaced."""
    if not (folder / RECORD).exists():
        return
    try:
        former = RunRecord.read(folder)
    except IntegrityError:
        if not replace:
            raise
    else:
        if former.identity == record.identity:
            return
        if not replace:
            raise StoreError(
                f"{folder} holds another run: {_difference(former, record)}",
                expected="the same run, or an empty folder",
                hint="choose another folder, or replace it with --replace",
            )
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def _difference(former: RunRecord, wanted: RunRecord) -> str:
    """What differs, as far as the records tell."""
    if former.dataset["identity"] != wanted.dataset["identity"]:
        return "of another dataset"
    mine, other = wanted.spec.to_json(), former.spec.to_json()
    names = [name for name in mine if mine[name] != other[name]]
    if names:
        return "with another " + ", ".join(names)
    return "made by other versions of the libraries"


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep other writers out of the folder, and put in order what a killed one left."""
    ours = (folder / LOCK).exists()
    if folder.exists() and not (folder.is_dir() and (ours or not any(folder.iterdir()))):
        raise StoreError(
            f"{folder} holds something else than a run",
            expected="an empty folder, a new one, or that of a run",
            hint="choose another folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with WriterLock(folder / LOCK).hold():
        for leftover in folder.glob(f"*/.*{TEMPORARY}"):
            shutil.rmtree(leftover)
        yield
