"""Memory is an input: rows that are in memory at once, and files that are made at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bqx.build.memory import BASE, MIB
from bqx.build.plan import BYTES_A_COMPUTED_VALUE, SERIES_A_PAIR
from bqx.dataset.frames import Specs, grouped, look_back, tables_by_owner
from bqx.dataset.parts import Part, Recipe
from bqx.errors import BudgetError, ConfigError
from bqx.features.registry import Registry

KEPT = 4.2
"""Bytes that a value takes until its chunk is written: float32, and its share of a bitmap."""
DECODED = 20
"""Bytes that a stored value takes while its partition is read."""
LABELS = 40
"""Bytes that a label, its mean, its spread and what they are made from take in a row."""
PAST = 400
"""Bytes of a row before the first one, where parameters are fitted on all of the past."""
WRITER = 48 * MIB
LEAST_ROWS = 256
"""A chunk is not made smaller: look-backs would be computed again for too few rows."""


@dataclass(frozen=True)
class Pace:
    """How a dataset is made within its memory.

    Attributes:
        rows: Rows of a chunk, at most.
        workers: Files at a time.
        bytes: Estimated peak memory.
    """

    rows: int
    workers: int
    bytes: int


@dataclass(frozen=True)
class _Cost:
    """Bytes of one worker: some of them for every row of a chunk, others once."""

    each: float
    once: float

    def of(self, rows: int) -> int:
        return int(self.each * rows + self.once)


def pace(
    families: Registry,
    recipe: Recipe,
    parts: Sequence[Part],
    pairs: int,
    *,
    budget: int,
    workers: int,
) -> Pace:
    """As many files at a time as fit; chunks smaller than a month where not even one does.

    Args:
        families: The registry.
        recipe: What a file holds.
        parts: The files.
        pairs: Pairs of the store.
        budget: Bytes.
        workers: Files at a time, at most.

    Raises:
        BudgetError: If not even the least chunk fits.
        ConfigError: If no worker is wanted.
    """
    if workers < 1:
        raise ConfigError(f"{workers} workers", expected="at least one")
    longest = max(part.rows[1] - part.rows[0] for part in parts)
    past = max(part.rows[1] for part in parts) - min(part.rows[0] for part in parts)
    cost = _cost(families, recipe, parts[0].pair, (pairs, longest, past))
    room = budget - BASE
    for count in range(min(workers, len(parts)), 0, -1):
        if count * cost.of(longest) <= room:
            return Pace(longest, count, BASE + count * cost.of(longest))
    rows = int((room - cost.once) / cost.each)
    if rows < min(LEAST_ROWS, longest):
        raise BudgetError(
            f"a memory budget of {budget // MIB} MiB",
            expected=f"at least {(BASE + cost.of(LEAST_ROWS)) // MIB + 1} MiB for these columns",
            hint="raise --max-memory, or choose fewer columns",
        )
    return Pace(rows, 1, BASE + cost.of(rows))


def _cost(families: Registry, recipe: Recipe, pair: str, sizes: tuple[int, int, int]) -> _Cost:
    """The greatest cost of a pair's owners, and of what is kept of all of them."""
    pairs, longest, past = sizes
    owners = list(tables_by_owner(families, recipe.choice, pair).values())
    values = sum(len(spec.columns) for specs in owners for spec in specs.values())
    kept = values * KEPT + len(recipe.targets) * LABELS + 16
    lead = recipe.choice.lead
    if recipe.source == "stored":
        widest = max(len(spec.columns) for specs in owners for spec in specs.values())
        return _Cost(kept, kept * lead + widest * DECODED * longest + WRITER)
    steps = [_step(group, pairs) for specs in owners for group in grouped(specs)]
    each = max(step.each for step in steps)
    once = max(step.once + step.each * lead for step in steps)
    fits = any(spec.fits for specs in owners for spec in specs.values())
    return _Cost(kept + each, once + kept * lead + WRITER + (PAST * past if fits else 0))


def _step(group: Specs, pairs: int) -> _Cost:
    """Computing one group: its columns and, where it needs them, the series of all pairs."""
    columns = sum(len(spec.columns) for spec in group.values())
    others = pairs * SERIES_A_PAIR if any(spec.peers for spec in group.values()) else 0
    # Those of the chunk before are still kept while the next ones are made.
    each = columns * BYTES_A_COMPUTED_VALUE + others * 8 * 2
    return _Cost(each, each * look_back(group))
