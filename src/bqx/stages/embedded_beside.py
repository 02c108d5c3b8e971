"""Tables that are built beside a store: nothing of them is visible until all of them are right."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from bqx.build.plan import make_plan
from bqx.build.run import run
from bqx.config import FILE
from bqx.stages.building_checks import covered
from bqx.stages.building_run import Told, require_whole
from bqx.stages.embedded import UNFINISHED
from bqx.stages.embedded_stage import Laid
from bqx.stages.stage import Monitor, Selection
from bqx.store.durable import check_size, put_bytes, put_link
from bqx.store.embedded import CHANGES, STATE, EmbeddedStore
from bqx.store.state import Parameters

READY = "ready"
"""File that says what the copy was made of; it is written last."""


def build_beside(
    store: EmbeddedStore, code: str, tables: Sequence[str], selection: Selection, monitor: Monitor
) -> Laid:
    """Build tables in a copy of the store that shares its files, and check them there.

    What an interrupted call has built is built no second time, unless the store has changed.

    Args:
        store: The store, locked.
        code: Code of the stage, which names the folder.
        tables: Tables to build.
        selection: Pairs and months.
        monitor: Told of the progress.

    Raises:
        PostConditionError: If a unit fails.
    """
    source = f"{UNFINISHED}/{code.lower()}"
    pairs = [p for p in store.state.pairs() if selection.has(p)]
    for pair in pairs:
        store.bars.fix_baseline(pair)
    with _copy(store, store.root / CHANGES / source) as copy:
        plan = make_plan(copy, tables, pairs, selection.months)
        report = run(copy, plan, progress=Told(monitor, len(plan.units)))
        require_whole(report, "nothing was changed; the other units are kept for another attempt")
        conditions = covered(copy, tables, selection)
        before, after = store.state.partitions(), copy.state.partitions()
        put = tuple(p for key, p in after.items() if before.get(key) != p and p.tbl in tables)
        _take_parameters(store, copy)
    return Laid(source, put, (), conditions)


def _copy(store: EmbeddedStore, folder: Path) -> EmbeddedStore:
    """The copy of an interrupted call where it still fits, otherwise a new one."""
    identity = _identity(store)
    ready = folder / READY
    if not ready.is_file() or ready.read_text(encoding="utf-8") != identity:
        # One attempt is kept at a time, this stage's or another's.
        shutil.rmtree(folder.parent, ignore_errors=True)
        _fill(store, folder)
        put_bytes(identity.encode(), ready)
    return EmbeddedStore(folder, families=store.registry)


def _identity(store: EmbeddedStore) -> str:
    """Changes when anything does that the copy was made of."""
    digest = hashlib.sha256((store.root / FILE).read_bytes())
    digest.update(repr(list(store.state.partitions().values())).encode())
    return digest.hexdigest()


def _fill(store: EmbeddedStore, folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copyfile(store.root / FILE, folder / FILE)
    for key, partition in store.state.partitions().items():
        path = store.path(*key)
        check_size(path, partition.bytes, "`bqx verify` lists what is damaged")
        put_link(path, folder / path.relative_to(store.root))
    store.database.backup(folder / STATE)


def _take_parameters(store: EmbeddedStore, copy: EmbeddedStore) -> None:
    """Keep what was fitted on the way, so that reading need not fit it again."""
    names = ", ".join(field.name for field in fields(Parameters))
    rows = copy.state.query(f"SELECT {names} FROM parameters")
    store.state.record_parameters(Parameters(*row) for row in rows)  # type: ignore[arg-type]
