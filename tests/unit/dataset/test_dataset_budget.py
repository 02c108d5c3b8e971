"""Less memory means fewer files at a time, then fewer rows at a time, then an error."""

from __future__ import annotations

import pytest

from bqx.build.memory import MIB
from bqx.dataset.budget import LEAST_ROWS, Pace, pace
from bqx.dataset.columns import choose
from bqx.dataset.parts import Part, Recipe
from bqx.errors import BudgetError, ConfigError
from bqx.features.registry import registry
from bqx.store.reading import Source

ALL = registry()
ROWS = 32_000
SIZES = (8192, 2048, 1024, 700)
PARTS = [Part("eurusd", f"2019_{m:02}", (m * ROWS, (m + 1) * ROWS), "") for m in range(1, 13)]


def paced(mebibytes: int, source: Source = "computed", pairs: int = 9) -> Pace:
    recipe = Recipe(choose(ALL), (), source)
    return pace(ALL, recipe, PARTS, pairs, budget=mebibytes * MIB, workers=4)


@pytest.mark.parametrize("source", ["computed", "stored"])
def test_a_smaller_budget_gives_fewer_workers_then_smaller_chunks(source: Source) -> None:
    found = [paced(size, source) for size in SIZES]
    assert found[0].workers == 4
    assert [p.workers for p in found] == sorted((p.workers for p in found), reverse=True)
    assert [p.rows for p in found] == sorted((p.rows for p in found), reverse=True)
    assert found[0].rows == ROWS
    assert found[-1].workers == 1
    assert found[-1].rows >= LEAST_ROWS
    assert paced(670, source).rows < ROWS
    for size, one in zip(SIZES, found, strict=True):
        assert one.bytes <= size * MIB


def test_more_pairs_need_more_memory() -> None:
    assert paced(2048, pairs=28).bytes > paced(2048, pairs=9).bytes or (
        paced(2048, pairs=28).workers < paced(2048, pairs=9).workers
    )


def test_the_least_budget_is_named_and_enough() -> None:
    with pytest.raises(BudgetError) as caught:
        paced(500)
    least = int(caught.value.expected.split()[2])
    assert paced(least).rows >= LEAST_ROWS


def test_no_worker_is_an_error() -> None:
    with pytest.raises(ConfigError, match="0 workers"):
        pace(ALL, Recipe(choose(ALL), ()), PARTS, 9, budget=2**33, workers=0)
