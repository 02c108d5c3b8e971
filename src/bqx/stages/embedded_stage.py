"""Stages of a store in a folder: files laid beside, one change, and the way back."""

from __future__ import annotations

import secrets
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from bqx.errors import IntegrityError, StoreError
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.embedded_checks import damaged, lasting, named
from bqx.stages.stage import Condition, Kind, Monitor, Plan, Stage
from bqx.store.change import OLD, Change, beside, commit, keep, key_of
from bqx.store.embedded import EmbeddedStore
from bqx.store.partitions import Key
from bqx.store.state import Partition

NEW = "new"
"""Folder for what is laid beside; what a killed stage left there is swept away."""


@dataclass(frozen=True)
class Laid:
    """Files that were laid beside and checked, ready to take their places.

    Attributes:
        source: Folder under that of all changes in which they stand.
        put: Their records.
        drop: Partitions that go.
        conditions: The post-conditions, looked up on the files.
    """

    source: str
    put: tuple[Partition, ...]
    drop: tuple[Key, ...]
    conditions: tuple[Condition, ...]


class EmbeddedStage(Stage[EmbeddedTarget]):
    """A stage that replaces partitions of a folder in one change."""

    kind: ClassVar[Kind] = "embedded"

    @abstractmethod
    def lay(self, target: EmbeddedTarget, plan: Plan, monitor: Monitor) -> Laid:
        """Write the new files beside, and look at them; what is visible stays as it is.

        Args:
            target: The store, locked.
            plan: What to do.
            monitor: Told of the progress.
        """

    def apply(self, target: EmbeddedTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Lay everything beside, check it, and change the store in one step."""
        from bqx.stages.runner import require

        began = time.perf_counter()
        laid = self.lay(target, plan, monitor)
        require(laid.conditions)
        swapping = time.perf_counter()
        kept = swap(target, self.code, laid)
        ended = time.perf_counter()
        return {
            "partitions": len(laid.put),
            "rows": sum(p.rows for p in laid.put),
            "bytes": sum(p.bytes for p in laid.put),
            "kept": len(kept),
            "seconds": {"lay": swapping - began, "swap": ended - swapping},
        }

    def rollback(self, target: EmbeddedTarget, monitor: Monitor) -> Mapping[str, Any]:
        """Put back what the newest application replaced, and drop what it added."""
        number, manifest = target.undoable(self.code)
        kept = [Partition(**record) for record in manifest["kept"]]
        made = {(t, p, m): (rows, content) for t, p, m, rows, content in manifest["made"]}
        _check_order(target, self.code, number, made)
        _check_unchanged(target.store, self.code, made)
        _check_kept(target.store, manifest["name"], kept)
        monitor(0, len(kept), "checked what was kept")
        change = Change(
            source=f"{manifest['name']}/{OLD}",
            put=tuple(kept),
            drop=tuple(made),
            statements=(target.forgetting(number),),
            discard=(manifest["name"],),
        )
        commit(target.store, change)
        monitor(len(kept), len(kept), "put back")
        put_back = {key_of(p) for p in kept}
        return {"restored": len(kept), "dropped": sum(key not in put_back for key in made)}


def swap(target: EmbeddedTarget, code: str, laid: Laid) -> list[Partition]:
    """Change the store in one step; the records of what was replaced and is kept."""
    name = secrets.token_hex(8)
    kept = keep(target.store, name, [*map(key_of, laid.put), *laid.drop])
    manifest = {
        "name": name,
        "made": [[*key_of(p), p.rows, p.hash] for p in laid.put],
        "kept": [asdict(p) for p in kept],
    }
    change = Change(
        source=laid.source,
        put=laid.put,
        drop=laid.drop,
        statements=(target.remembering(code, name, manifest),),
        discard=(laid.source,),
    )
    commit(target.store, change)
    return kept


def _check_order(target: EmbeddedTarget, code: str, number: int, made: Iterable[Key]) -> None:
    """Refuse to go back under a later stage that changed the same partitions."""
    ours = set(made)
    for later, manifest in target.later(number):
        theirs = {key_of(Partition(**record)) for record in manifest["kept"]}
        if ours & theirs:
            raise StoreError(
                f"{later} changed {len(ours & theirs)} of the partitions that {code} made",
                expected="stages undone in the reverse order of their application",
                hint=f"`bqx stage rollback {later}` first",
            )


def _check_unchanged(store: EmbeddedStore, code: str, made: Mapping[Key, tuple[int, str]]) -> None:
    """Refuse to lose what came after and cannot be made again."""
    lost = lasting(store, made)
    if lost:
        raise StoreError(
            f"{len(lost)} partitions are not those that {code} made: {named(lost)}",
            expected="what the stage made, or what `bqx build` makes again",
            hint="restore a snapshot, or rebuild them first",
        )


def _check_kept(store: EmbeddedStore, name: str, kept: list[Partition]) -> None:
    """Read and hash what was kept before anything is put back."""
    wrong = damaged(kept, [beside(store, f"{name}/{OLD}", key_of(p)) for p in kept])
    if wrong:
        raise IntegrityError(
            f"{len(wrong)} kept partitions are missing or damaged: "
            f"{named([key_of(partition) for partition, _ in wrong])}",
            expected="the files as they were before the stage",
            hint="nothing was changed; restore a snapshot",
        )
