"""Renaming the four families of the rate domain from ``*_features_*`` to ``*_rate_*``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bqx.errors import ConfigError, StoreError
from bqx.stages import catalog
from bqx.stages.catalog import Relation
from bqx.stages.estimate import estimate
from bqx.stages.locks import lock, patient
from bqx.stages.rates import rates
from bqx.stages.rename_checks import (
    NEW,
    OLD,
    Applied,
    parents,
    postconditions,
    preconditions,
    renamed,
    tables,
)
from bqx.stages.runner import Clock, require
from bqx.stages.stage import Condition, Facts, Monitor, Operation, Plan, Selection, Stage
from bqx.stages.target import SCHEMA, PostgresTarget

STEPS = 4
_EACH = """
DO $do$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY '{%s}'::text[] LOOP EXECUTE %s; END LOOP;
END $do$
"""


@dataclass(frozen=True)
class Rename(Stage[PostgresTarget]):
    """Rename parents and partitions in one transaction.

    Indexes and keys keep their names: nothing addresses them by name.

    Attributes:
        old_names: Whether views keep the old names readable.
    """

    code = "BQX-1.6.9"
    title = "Rename four families to *_rate_*"
    summary = "Tables of four families take the name of their domain: features becomes rate."
    facts = Facts(planned="1 hour")
    old_names: bool = False

    def plan(self, target: PostgresTarget, selection: Selection) -> Plan:
        """The renames; nothing where no old name is left."""
        if selection.months is not None:
            raise ConfigError(
                f"{self.code} for the months {', '.join(selection.months)}",
                expected="whole tables: a parent and its partitions have one name",
                hint="leave out --months; --pairs is possible",
            )
        old = tables(target, OLD, selection)
        operations = self._operations(old)
        read = 2 * catalog.size(target, [r.name for r in old])
        cost = estimate(rates(target), operations, read=read, opened=2 * len(old))
        conditions = preconditions(target, old, tables(target, NEW, selection))
        return Plan(self.code, selection, operations, cost, conditions)

    def _operations(self, old: list[Relation]) -> tuple[Operation, ...]:
        if not old:
            return ()
        months = len(old) - len(parents(old))
        words = f"{len(parents(old))} tables, {months:,} partitions of {SCHEMA}.*{OLD}*"
        example = f"ALTER TABLE {SCHEMA}.{old[0].name} RENAME TO {renamed(old[0].name)}"
        rename = Operation("rename", words, len(old), 0, 0, "ACCESS EXCLUSIVE", example)
        if not self.old_names:
            return (rename,)
        example = f"CREATE VIEW {SCHEMA}.{old[0].name} AS SELECT * FROM …{renamed(old[0].name)}"
        return rename, Operation("create view", "the old names", len(old), statement=example)

    def apply(self, target: PostgresTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Count, rename, count again and compare, all in one transaction."""
        old = tables(target, OLD, plan.selection)
        names, clock = [r.name for r in old], Clock()
        with patient(target, names):
            # Readers may go on during the count; writers wait.
            lock(target, parents(old), "SHARE")
            clock.lap("locks")
            before = catalog.counts(target, parents(old))
            clock.lap("counts")
            monitor(1, STEPS, f"{sum(before.values()):,} rows counted")
            target.execute(_EACH % (",".join(names), _alter(OLD, NEW)))
            clock.lap("rename")
            monitor(2, STEPS, f"{len(names):,} relations renamed")
            if self.old_names:
                target.execute(_EACH % (",".join(names), _CREATE_VIEW))
                clock.lap("views")
            rows = {renamed(name): found for name, found in before.items()}
            applied = Applied(tuple(names), rows, self.old_names)
            target.remember(self.code, applied.to_json())
            conditions = postconditions(target, plan.selection, applied, exact=True)
            require(conditions)
            clock.lap("checks")
            monitor(3, STEPS, "checked")
        clock.lap("commit")
        monitor(STEPS, STEPS, "committed")
        counts = {"relations": len(names), "rows": sum(rows.values())}
        return {**counts, "seconds": clock.seconds, "conditions": conditions}

    def verify(self, target: PostgresTarget, selection: Selection) -> list[Condition]:
        """New names, no old names, and no row lost since."""
        found = target.remembered(self.code)
        applied = Applied.from_json(found[1]) if found else Applied((), {}, views=False)
        return postconditions(target, selection, applied, exact=False)

    def rollback(self, target: PostgresTarget, monitor: Monitor) -> Mapping[str, Any]:
        """Give the old names back, also to partitions that were added since."""
        number, manifest = target.remembered(self.code) or (0, {})
        applied, clock = Applied.from_json(manifest), Clock()
        everything = tables(target, NEW, Selection())
        mine = set(applied.rows)
        back = [r.name for r in everything if r.name in mine or r.parent in mine]
        _complete(applied, back)
        with patient(target, back):
            lock(target, sorted(mine), "SHARE")
            before = catalog.counts(target, mine)
            clock.lap("counts")
            if applied.views:
                target.execute(_EACH % (",".join(applied.names), _DROP_VIEW))
            target.execute(_EACH % (",".join(back), _alter(NEW, OLD)))
            clock.lap("rename")
            after = catalog.counts(target, [r.replace(NEW, OLD, 1) for r in mine])
            _same(before, after)
            target.forget(number)
            clock.lap("checks")
        monitor(STEPS, STEPS, f"{len(back):,} relations have their old names")
        counts = {"relations": len(back), "rows": sum(after.values())}
        return {**counts, "seconds": clock.seconds}


_DROP_VIEW = f"format('DROP VIEW {SCHEMA}.%I', name)"
_CREATE_VIEW = (
    f"format('CREATE VIEW {SCHEMA}.%I AS SELECT * FROM {SCHEMA}.%I', name,"
    f" replace(name, '{OLD}', '{NEW}'))"
)


def _alter(old: str, new: str) -> str:
    renaming = f"replace(name, '{old}', '{new}')"
    return f"format('ALTER TABLE {SCHEMA}.%I RENAME TO %I', name, {renaming})"


def _complete(applied: Applied, back: list[str]) -> None:
    """Everything that was renamed must still be there."""
    gone = sorted({renamed(name) for name in applied.names} - set(back))
    if gone:
        raise StoreError(
            f"{len(gone)} relations that were renamed are gone: {', '.join(gone[:3])}",
            expected="all of them, to give their old names back",
            hint="undo what was applied later first, or restore them",
        )


def _same(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    for name, rows in before.items():
        found = after[name.replace(NEW, OLD, 1)]
        if found != rows:
            raise StoreError(f"{name} has {found:,} rows", expected=f"{rows:,}; nothing was undone")
