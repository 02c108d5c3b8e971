"""The building stages against the registry, and against the document that planned them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bqx.features.registry import registry
from bqx.stages.building import folder_stages
from bqx.stages.programme import (
    MONTHS,
    PROGRAMME,
    Planned,
    as_markdown,
    columns_of,
    features_of,
    partitions_of,
    tables_of,
)

ROOT = Path(__file__).parents[2]
_ROW = re.compile(
    r"^\| \**(?P<number>1\.[678]\.\d+)\** \| (?P<name>[^|]+) \| (?P<features>\d+)[^|]*"
    r"\| (?P<tables>[\d,]+)[^|]* \| (?P<duration>\d+ hours?) \|",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def document() -> str:
    """The text that planned the programme, which is not part of the repository."""
    folder = ROOT.parent / "shared" / "seeds"
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("002_*.txt")]
    if not texts:
        pytest.skip("the source documents are not here: ../shared/seeds is absent")
    return texts[0]


def test_the_programme_is_that_of_the_document(document: str) -> None:
    rows = {m["number"]: m for m in _ROW.finditer(document)}
    rows.pop("1.6.9")  # renames, and builds nothing
    assert [p.code for p in PROGRAMME] == [f"BQX-{number}" for number in rows]
    for planned, row in zip(PROGRAMME, rows.values(), strict=True):
        found = planned.features, planned.tables, planned.duration
        assert found == (int(row["features"]), int(row["tables"].replace(",", "")), row["duration"])


@pytest.mark.parametrize("planned", PROGRAMME, ids=lambda p: p.code)
def test_the_registry_has_the_features_that_were_planned(planned: Planned) -> None:
    assert features_of(planned) == planned.features
    assert columns_of(planned) >= planned.features


def test_the_stages_add_up_to_the_headline() -> None:
    assert sum(map(features_of, PROGRAMME)) == 1080
    assert sum(p.features for p in PROGRAMME) == 1080


def test_tables_are_counted_and_not_typed() -> None:
    count = {p.code: partitions_of(p, registry(), 28, MONTHS) for p in PROGRAMME}
    assert count["BQX-1.6.10"] == 336
    assert count["BQX-1.7.1"] == 672  # one table for each domain instead of eight
    assert count["BQX-1.8.1"] == 12  # one table for all pairs
    assert partitions_of(PROGRAMME[0], registry(), 2, 3) == 6


def test_every_row_is_a_stage() -> None:
    stages = folder_stages()
    assert [s.code for s in stages] == [p.code for p in PROGRAMME]
    for stage, planned in zip(stages, PROGRAMME, strict=True):
        told = stage.describe()
        assert told["title"] == planned.title
        assert told["features"] == planned.features
        assert told["planned"] == planned.duration
        assert stage.tables == tables_of(planned)
        assert all(table in stage.summary for table in stage.tables)


def test_the_documentation_shows_the_programme_as_it_is() -> None:
    page = ROOT / "docs" / "stages.md"
    if not page.is_file():
        pytest.skip("docs/stages.md is not written yet")
    assert as_markdown() in page.read_text(encoding="utf-8")
