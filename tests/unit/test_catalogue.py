"""The catalogue says what the registry says, and the committed pages are the generated ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqx.domains.domain import Domain
from bqx.errors import UnknownNameError
from bqx.features.catalogue import as_json, describe, pages, write_pages
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.features.registry import Registry, registry

COMMITTED = Path(__file__).parents[2] / "docs" / "catalogue"


def rows_of(page: str) -> list[list[str]]:
    """Cells of all table rows that describe a column."""
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_committed_pages_are_the_generated_ones() -> None:
    committed = {p.name: p.read_text(encoding="utf-8") for p in COMMITTED.glob("*.md")}
    assert committed == pages(registry()), "run `make docs`"


def test_every_column_of_every_table_is_described_once() -> None:
    families = registry()
    described = [
        row[0].strip("`")
        for name, page in pages(families).items()
        if name != "index.md"
        for row in rows_of(page)
    ]
    wanted = [c.name for table in families.tables for c in families.declared(table)]
    assert sorted(described) == sorted(wanted)


def test_a_row_says_everything_about_its_column() -> None:
    page = pages(registry())["regression.md"]
    rate, bqx = (row for row in rows_of(page) if row[0] == "`w60_r2`")
    assert rate == [
        "`w60_r2`",
        "Share of the window's variation that the fit explains.",
        "`1 - SSE/SST`",
        "ratio",
        "[0, 1]",
        "60",
        "the window is flat (SST < 1e-18)",
        "",
    ]
    assert bqx[5] == "75"  # 15 more closes stand behind the first value of the series


def test_the_index_counts_tables_and_columns() -> None:
    index = pages(registry())["index.md"]
    families = registry()
    columns = sum(len(spec.columns) for spec in families.tables.values())
    counts = f"{len(families.tables)} tables with {columns} columns"
    assert f"{counts}, of {len(families.families)} families." in index
    assert "| `reg_bqx` | bqx | 42 | [regression](regression.md#regression) |" in index
    assert "| `bqx` | bqx | 38 | [backward_return](backward_return.md#backward_return) |" in index


class Spread(Family):
    """Half of the range | of a window."""

    table = "spread_{domain}"
    domains = ("rate",)
    windows = (5,)
    half = Feature("half_{w}", "Half of\n  max|min.", low=0.0, source="Nobody 2000")
    least = Feature("least_{w}", "Least.", high=1.0)

    def compute(self, d: Domain, w: int) -> Columns:
        return {"half": d.series * w, "least": d.series}


def test_pages_keep_their_grid_whatever_a_family_writes() -> None:
    page = pages(Registry([Spread]))["test_catalogue.md"]
    half, least = (line for line in page.splitlines() if line.startswith("| `"))
    assert half == "| `half_5` | Half of max\\|min. |  | series | ≥ 0 | 5 |  | Nobody 2000 |"
    assert "| ≤ 1 |" in least


def test_pages_are_written_and_those_of_lost_families_removed(tmp_path: Path) -> None:
    write_pages(Registry([Spread]), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.md", "test_catalogue.md"]
    (tmp_path / "notes.md").write_text("by hand", encoding="utf-8")
    written = write_pages(registry(), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*(p.name for p in written), "notes.md"]
    )


def test_a_family_or_a_table_can_be_described_alone() -> None:
    assert describe(registry()) == pages(registry())["index.md"]
    assert describe(registry(), "regression") == pages(registry())["regression.md"]
    assert describe(registry(), "reg_bqx") == pages(registry())["regression.md"]
    with pytest.raises(UnknownNameError, match="unknown family or table 'regresion'"):
        describe(registry(), "regresion")


def test_the_catalogue_as_plain_values() -> None:
    found = as_json(registry(), "reg_rate")
    assert json.loads(json.dumps(found)) == found
    assert [table["table"] for table in found] == ["reg_rate"]
    assert found[0]["columns"][0]["name"] == "w60_quadratic_term"
    assert found[0]["columns"][0]["history"] == 60
    assert len(as_json(registry())) == len(registry().tables)
