"""Make a dataset: plan its month files, make what is missing, write the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bqx import __version__
from bqx.build.memory import parse_size
from bqx.dataset.budget import Pace, pace
from bqx.dataset.columns import STANDARD, Names, choose
from bqx.dataset.dataset import Dataset
from bqx.dataset.frames import tables_by_owner
from bqx.dataset.lagged import CATALOGUE_LAGS
from bqx.dataset.manifest import FILE, FileRecord, Manifest
from bqx.dataset.monthfile import make_file, recorded
from bqx.dataset.naming import lookback
from bqx.dataset.parts import Part, Recipe, plan_parts
from bqx.dataset.stored import lacking, months_within, not_current
from bqx.dataset.target import BQXTarget, parse_targets
from bqx.errors import StoreError, UnknownNameError
from bqx.store.base import BaseStore
from bqx.store.lock import WriterLock
from bqx.store.parquet import remove_leftovers
from bqx.store.reading import Source
from bqx.store.state import now

LOCK = ".lock"


@dataclass(frozen=True)
class Step:
    """A file that is done.

    Attributes:
        file: Its record.
        done: Files that are done, this one included.
        total: Files in all.
        kept: Whether it was there already.
    """

    file: FileRecord
    done: int
    total: int
    kept: bool = False


Progress = Callable[[Step], None]
"""Called after every file."""

Targets = str | Sequence[str | BQXTarget]


def _silent(_: Step) -> None:
    """Say nothing."""


def build_dataset(
    store: BaseStore,
    out: str | Path,
    *,
    pairs: Names | None = None,
    months: Names | None = None,
    columns: Names = STANDARD,
    lags: Sequence[int] = CATALOGUE_LAGS,
    lag_columns: Names | None = None,
    peers: Names = (),
    peer_columns: Names | None = None,
    targets: Targets = (),
    source: Source = "computed",
    max_memory: str = "4GiB",
    workers: int = 2,
    replace: bool = False,
    progress: Progress = _silent,
) -> Dataset:
    """Write features, their lags and targets of some pairs and months into a folder.

    One Parquet file per pair and month with a row for every grid minute from the pair's first to
    its last bar. Features are float32, targets float64; what has no value is NULL. Neither chunks
    nor workers nor the source change a value. A file that is there with the same plan is kept, so
    that an interrupted build is resumed by running it again.

    Args:
        store: The store; nothing is written to it.
        out: The folder.
        pairs: Pairs; all with bars when None.
        months: ``2019-01``, ``2019-01:2019-03`` or a list; all with bars when None.
        columns: Feature columns, as `bqx.dataset.columns.select_features` reads them.
        lags: Rows of delay for the lagged columns.
        lag_columns: Which of the columns are lagged; the catalogue's kinds when None.
        peers: Other pairs whose columns stand beside the own ones.
        peer_columns: Their columns; the chosen ones when None.
        targets: Targets, or texts such as ``60:15,30:level``; see `bqx.dataset.target`.
        source: ``computed`` from the bars, or read from ``stored`` partitions.
        max_memory: Memory budget.
        workers: Files at a time, at most.
        replace: Whether a dataset of other columns in the folder is replaced.
        progress: Called after every file.

    Raises:
        UnknownNameError: If a pair, table or column is unknown.
        ConfigError: If columns, lags, months or targets cannot be used.
        BudgetError: If the memory budget is too small.
        StoreError: If the folder holds something else, another process writes to it, or stored
            partitions are missing or stale.
    """
    chosen = choose(
        store.registry,
        columns,
        lags=lags,
        lag_columns=lag_columns,
        peers=peers,
        peer_columns=peer_columns,
    )
    recipe = Recipe(chosen, _targets(targets), source)
    _require_peers(store, recipe)
    parts = plan_parts(store, recipe, store.select_pairs(pairs), months)
    if source == "stored":
        _require_stored(store, recipe, parts)
    budget = parse_size(max_memory)
    count = len(store.state.pairs())
    speed = pace(store.registry, recipe, parts, count, budget=budget, workers=workers)
    run = _Run(store, recipe, parts, Path(out), speed, progress)
    with _held(run.folder):
        return run.made(replace=replace)


def _targets(targets: Targets) -> tuple[BQXTarget, ...]:
    if not targets:
        return ()
    return parse_targets(targets if isinstance(targets, str) else [str(t) for t in targets])


def _require_peers(store: BaseStore, recipe: Recipe) -> None:
    wanted = {f.peer for f in recipe.choice.features if f.peer}
    absent = sorted(wanted - set(store.state.pairs()))
    if absent:
        raise UnknownNameError(
            f"no bars of {', '.join(absent)} in {store.name}",
            expected="other pairs that the store has bars of",
            hint="leave them out of --peers, or ingest their bars",
        )


def _require_stored(store: BaseStore, recipe: Recipe, parts: Sequence[Part]) -> None:
    """Every partition that the files need is there and current."""
    needed: dict[tuple[str, str], dict[str, None]] = {}
    for part in parts:
        rows = part.rows[0] - recipe.choice.lead, part.rows[1]
        for name, specs in tables_by_owner(store.registry, recipe.choice, part.pair).items():
            months = dict.fromkeys(months_within(store, name, rows))
            for table in specs:
                needed.setdefault((name, table), {}).update(months)
    problems = [
        problem
        for (name, table), months in needed.items()
        for problem in lacking(store, name, table, list(months))
    ]
    if problems:
        raise not_current(problems, sorted({table for _, table in needed}))


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep other writers out of the folder, and put in order what a killed one left."""
    if folder.exists() and not (folder.is_dir() and _is_dataset(folder)):
        raise StoreError(
            f"{folder} holds something else than a dataset",
            expected="an empty folder, a new one, or that of a dataset",
            hint="choose another folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with WriterLock(folder / LOCK).hold():
        remove_leftovers(folder)
        yield


def _is_dataset(folder: Path) -> bool:
    return (folder / LOCK).exists() or not any(folder.iterdir())


@dataclass(frozen=True)
class _Run:
    """One build: what is made of what, where, how, and who hears of it."""

    store: BaseStore
    recipe: Recipe
    parts: Sequence[Part]
    folder: Path
    speed: Pace
    progress: Progress

    def made(self, *, replace: bool) -> Dataset:
        former = self._former(replace=replace)
        # From here on until the manifest is there, the folder holds no finished dataset.
        (self.folder / FILE).unlink(missing_ok=True)
        files = self._files(former)
        self._manifest(files).write(self.folder)
        for path in set(self.folder.glob("*/*.parquet")) - {self.folder / f.name for f in files}:
            path.unlink()
        return Dataset.open(self.folder)

    def _former(self, *, replace: bool) -> dict[str, FileRecord]:
        """Files of the dataset that is there, by name."""
        if not (self.folder / FILE).exists():
            return {}
        found, wanted = Manifest.read(self.folder), self._manifest(())
        if found.columns != wanted.columns and not replace:
            raise StoreError(
                f"{self.folder} holds a dataset of other columns, targets or fingerprints",
                expected=f"its {len(found.features):,} features and {len(found.targets)} targets",
                hint="choose another folder, or replace it with --replace",
            )
        return {f.name: f for f in found.files}

    def _files(self, former: Mapping[str, FileRecord]) -> tuple[FileRecord, ...]:
        """Keep the files that are as planned and make the others."""
        done: dict[Part, FileRecord] = {}
        for part in self.parts:
            there = recorded(self._path(part), part)
            if there is not None and former.get(there.name, there) == there:
                done[part] = there
                self.progress(Step(there, len(done), len(self.parts), kept=True))
        with ThreadPoolExecutor(self.speed.workers) as pool:
            running = {
                pool.submit(self._make, part): part for part in self.parts if part not in done
            }
            try:
                for future in as_completed(running):
                    done[running[future]] = future.result()
                    self.progress(Step(future.result(), len(done), len(self.parts)))
            finally:
                for future in running:
                    future.cancel()  # after an error: those that have not begun
        return tuple(done[part] for part in self.parts)

    def _path(self, part: Part) -> Path:
        return self.folder / part.pair / f"{part.month}.parquet"

    def _make(self, part: Part) -> FileRecord:
        return make_file(self.store, self.recipe, part, self.speed.rows, self._path(part))

    def _manifest(self, files: tuple[FileRecord, ...]) -> Manifest:
        store, choice = self.store, self.recipe.choice
        marked = store.state.query("SELECT COUNT(*) FROM sources WHERE synthetic = 1")
        return Manifest(
            features=choice.names,
            lookbacks=tuple(lookback(f, store.registry) for f in choice.features),
            targets=tuple(t.describe() for t in self.recipe.targets),
            lags=choice.lags,
            fingerprints={f.table: store.fingerprint(f.table) for f in choice.features},
            settings=store.settings.model_dump(mode="json"),
            calendar=store.calendar.identity,
            bars=store.bars.version(),
            synthetic=bool(marked[0][0]),
            files=files,
            code=__version__,
            created=now(),
        )
