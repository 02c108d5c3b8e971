"""Renaming the four families of the rate domain in a folder, partition by partition in one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bqx.errors import ConfigError
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.embedded_checks import place, unchanged
from bqx.stages.embedded_stage import NEW, EmbeddedStage, Laid
from bqx.stages.stage import Condition, Estimate, Facts, Monitor, Operation, Plan, Selection
from bqx.store.change import beside, key_of
from bqx.store.current import current_partitions
from bqx.store.durable import check_size, put_link
from bqx.store.embedded import EmbeddedStore
from bqx.store.state import Partition

FAMILIES = ("statistics", "bollinger", "fibonacci", "correlation")
OLD_NAMES = {f"{family}_features": f"{family}_rate" for family in FAMILIES}
"""New names of tables by their old ones."""
SECONDS_A_PARTITION = 0.003
"""Two links, their syncs, and reading the file once; measured on a local disk."""
MEMORY = 200 * 2**20


class FolderRename(EmbeddedStage):
    """Rename tables: files get another name, and nothing of their content changes."""

    code = "BQX-1.6.9"
    title = "Rename the four families to *_rate"
    summary = (
        "Tables of statistics, bollinger, fibonacci and correlation take the name of their domain."
    )
    facts = Facts(planned="1 hour")

    def plan(self, target: EmbeddedTarget, selection: Selection) -> Plan:
        """One operation for each table that has its old name."""
        if selection.months is not None:
            raise ConfigError(
                f"{self.code} for the months {', '.join(selection.months)}",
                expected="whole tables: all months of a table have one name",
                hint="leave out --months; --pairs is possible",
            )
        old = _named(target.store, OLD_NAMES, selection)
        count = Counter(p.tbl for p in old)
        rows: Counter[str] = Counter()
        for partition in old:
            rows[partition.tbl] += partition.rows
        operations = tuple(
            Operation("rename", f"{n} partitions of {table} to {OLD_NAMES[table]}", n, rows[table])
            for table, n in count.items()
        )
        cost = Estimate(round(len(old) * SECONDS_A_PARTITION, 3), 0, 0, MEMORY)
        return Plan(self.code, selection, operations, cost, _preconditions(target.store, old))

    def lay(self, target: EmbeddedTarget, plan: Plan, monitor: Monitor) -> Laid:
        """Link the files under their new names beside, then count and hash what is there."""
        store = target.store
        old = _named(store, OLD_NAMES, plan.selection)
        new = tuple(_renamed(p) for p in old)
        for number, (before, after) in enumerate(zip(old, new, strict=True), 1):
            path = store.path(*key_of(before))
            check_size(path, before.bytes, "`bqx verify` lists what is damaged")
            put_link(path, beside(store, NEW, key_of(after)))
            monitor(number, len(old), f"{before.tbl} {before.pair} {before.month}")
        condition = unchanged(new, [beside(store, NEW, key_of(p)) for p in new])
        return Laid(NEW, new, tuple(map(key_of, old)), (condition,))

    def verify(self, target: EmbeddedTarget, selection: Selection) -> Sequence[Condition]:
        """No old name is left, and what was renamed has the rows and contents that it had."""
        store = target.store
        old = _named(store, OLD_NAMES, selection)
        new = _named(store, OLD_NAMES.values(), selection)
        conditions = [_no_old_name(old, new)]
        found = target.remembered(self.code)
        if found is not None:
            kept = [Partition(**p) for p in found[1]["kept"]]
            made = [_renamed(p) for p in kept if selection.has(p.pair)]
            mine = [p for p in made if not _made_again(store, p)]
            conditions.append(_all_there(store, made))
            new = mine
        if new:
            conditions.append(unchanged(new, [store.path(*key_of(p)) for p in new]))
        return conditions


def _named(store: EmbeddedStore, tables: Iterable[str], selection: Selection) -> list[Partition]:
    wanted = set(tables)
    found = store.state.partitions().values()
    return [p for p in found if p.tbl in wanted and selection.has(p.pair)]


def _preconditions(store: EmbeddedStore, old: Sequence[Partition]) -> tuple[Condition, ...]:
    """Without anything to rename there is nothing to ask for."""
    if not old:
        return ()
    recorded = store.state.partitions()
    new = [key_of(_renamed(p)) for p in old]
    taken = [key for key in new if key in recorded]
    lost = [key_of(p) for p in old if not store.path(*key_of(p)).is_file()]
    return (
        Condition(
            name="the new names are free",
            found=f"{place(taken[0])} exists" if taken else f"{len(new)} free names",
            expected="no partition with a new name beside one with the old",
            done=len(new) - len(taken),
            total=len(new),
            hint="roll back the stage that built it, or copy it elsewhere",
        ),
        Condition(
            name="the files are there",
            found=f"{place(lost[0])} is missing" if lost else f"{len(old)} files",
            expected="the file of every recorded partition",
            done=len(old) - len(lost),
            total=len(old),
            hint="`bqx verify` lists what is missing; restore a snapshot",
        ),
    )


def _renamed(partition: Partition) -> Partition:
    return replace(partition, tbl=OLD_NAMES[partition.tbl])


def _no_old_name(old: Sequence[Partition], new: Sequence[Partition]) -> Condition:
    return Condition(
        name="no old name is left",
        found=f"{place(key_of(old[0]))} and {len(old) - 1} more" if old else "none",
        expected=f"{len(old) + len(new)} partitions with new names",
        done=len(new),
        total=len(old) + len(new),
        hint="apply the stage",
    )


def _made_again(store: EmbeddedStore, partition: Partition) -> bool:
    """Whether bqx has since built the table itself in this place."""
    table, pair, month = key_of(partition)
    return table in store.tables and bool(current_partitions(store, table, pair, [month]))


def _all_there(store: EmbeddedStore, made: Sequence[Partition]) -> Condition:
    recorded = store.state.partitions()
    lost = [p for p in made if key_of(p) not in recorded]
    return Condition(
        name="partitions before = after",
        found=f"{place(key_of(lost[0]))} is gone" if lost else f"{len(made)} partitions",
        expected=f"{len(made)} partitions",
        done=len(made) - len(lost),
        total=len(made),
        hint="roll the stage back, or restore a snapshot",
    )
