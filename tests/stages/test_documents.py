"""The documents' own SQL, run as it is printed, gives the answers that they expect."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from psycopg.errors import AmbiguousColumn

from bqx.checks.expected import Truth
from bqx.domains.grid import BoolArray
from bqx.features.registry import registry
from bqx.market import Calendar, epoch_minute
from bqx.stages import catalog
from bqx.stages.constant_term import ConstantTerm
from bqx.stages.covariances import Covariances
from bqx.stages.legacy_bars import read_bars
from bqx.stages.rebuild import RebuildBqx, RebuildRate
from bqx.stages.rename import Rename
from bqx.stages.runner import Runner
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget
from legacy.databases import legacy_template
from servers import Server
from stages.documents import Query, after, document, queries, section
from stages.remedied import MONTHS, PAIRS, WHOLE, remedied

PLAN = "Stage 2.11: Schema Migration"
REPORT = "Stage 1.6.9 Execution Report"
MOST = 0.9
FAMILIES = ("Bollinger", "Correlation", "Fibonacci", "Statistics")


@pytest.fixture
def legacy(server: Server) -> Iterator[PostgresTarget]:
    with PostgresTarget(remedied(server).legacy()) as target:
        yield target


@pytest.fixture(scope="module")
def aligned(server: Server) -> Iterator[PostgresTarget]:
    with PostgresTarget(remedied(server).aligned()) as target:
        yield target


def validation(stage: str, count: int) -> list[Query]:
    found = queries(after(section(document(PLAN), stage), "Validation"))
    assert len(found) == count
    assert all(query.expected for query in found)
    return found


def final() -> list[Query]:
    part = section(document(PLAN), "Stage 2.15")
    found = queries(after(part, "Validation Queries", "Documentation Updates"))
    assert [bool(query.expected) for query in found] == [True] * 5
    return found


def within_limits(query: Query, target: PostgresTarget) -> None:
    rows = query.rows(target)
    assert rows
    assert query.limits
    for name, limit in query.limits.items():
        assert max(row[name] for row in rows) < limit


def test_stage_2_11_after_the_constant_terms(legacy: PostgresTarget) -> None:
    Runner(legacy).apply(ConstantTerm())
    for query in validation("Stage 2.11", 2):
        assert query.rows(legacy) == [{"count": int(query.expected)}]


def test_stage_2_12_on_the_rebuilt_tables(aligned: PostgresTarget) -> None:
    columns, terms = validation("Stage 2.12", 2)
    number = int(columns.expected.split()[0])
    assert columns.rows(aligned) == [{"count": number}]
    within_limits(terms, aligned)


def test_stage_2_14_on_the_covariances(aligned: PostgresTarget) -> None:
    filled, span = validation("Stage 2.14", 2)
    assert "most rows" in filled.expected
    total = catalog.count(aligned, f"correlation_bqx_{WHOLE}_{MONTHS[0]}")
    assert filled.rows(aligned)[0]["count"] > MOST * total
    low, high = map(float, span.expected.split(" to "))
    assert low <= span.rows(aligned)[0]["min"] < span.rows(aligned)[0]["max"] <= high


def test_stage_2_15_equal_columns(aligned: PostgresTarget) -> None:
    query = final()[0]
    wanted = int(query.expected.split("(")[1].split()[0])
    assert list(query.rows(aligned)[0].values()) == [wanted, wanted]


def test_stage_2_15_equal_windows(aligned: PostgresTarget) -> None:
    query = final()[1]
    rows = query.rows(aligned)
    assert len(rows) == 6
    assert {row["status"] for row in rows} == {query.expected.removeprefix("All ")}


def test_stage_2_15_data_integrity(aligned: PostgresTarget) -> None:
    query = final()[2]
    assert len(query.limits) == 2
    assert len(query.rows(aligned)) == 100
    within_limits(query, aligned)


def test_stage_2_15_covariance_coverage(aligned: PostgresTarget) -> None:
    query = final()[3]
    assert query.expected.startswith("coverage_pct > ")
    assert query.rows(aligned)[0]["coverage_pct"] > float(query.expected.split()[-1].rstrip("%"))


def test_stage_2_15_comparability(aligned: PostgresTarget) -> None:
    query = final()[4]
    rows = query.rows(aligned)
    assert len(rows) == 100
    assert {row["comparability"] for row in rows} == {query.expected.removeprefix("All ")}


def check_renamed(target: PostgresTarget, relations: int) -> list[dict[str, object]]:
    """Run the verification query of 1.6.9: its text is ambiguous, one word makes it run."""
    printed = after(section(document(REPORT), "Verification Results"), "Database Query", "Output")
    (query,) = queries(printed)
    with pytest.raises(AmbiguousColumn, match=r'column reference "schemaname" is ambiguous'):
        query.rows(target)
    assert query.text.count("WHERE schemaname") == 1
    named = Query(query.text.replace("WHERE schemaname", "WHERE pt.schemaname"), "")
    target.execute("ANALYZE")
    rows = named.rows(target)
    assert [row["table_type"] for row in rows] == [f"{family} Rate" for family in FAMILIES]
    assert {row["table_count"] for row in rows} == {relations}
    for row in rows:
        pattern = str(row["table_type"]).lower().replace(" ", "_") + "_.*"
        leaves = [r.name for r in catalog.relations(target, pattern) if r.kind == "partition"]
        counted = sum(catalog.counts(target, leaves).values())
        assert int(str(row["total_rows"])) == counted
    return rows


def test_the_verification_of_1_6_9_is_ambiguous_as_printed(legacy: PostgresTarget) -> None:
    Runner(legacy).apply(Rename())
    check_renamed(legacy, len(PAIRS) * (1 + len(MONTHS)))


@pytest.mark.slow
def test_1_6_9_gives_the_document_s_counts_on_all_tables(server: Server) -> None:
    with PostgresTarget(legacy_template(server, "structure")) as target:
        Runner(target).apply(Rename())
        output = after(section(document(REPORT), "Verification Results"), "Output")
        printed = {line.split("|")[1].strip() for line in output.splitlines() if " Rate " in line}
        rows = check_renamed(target, int(printed.pop()))
        assert not printed
        assert sum(int(str(row["table_count"])) for row in rows) == 1_456
        assert rows[1]["total_rows"] == 0


@pytest.mark.slow
def test_the_documents_numbers_on_real_bars(server: Server) -> None:
    with PostgresTarget(legacy_template(server, "real")) as target:
        runner = Runner(target)
        for stage in (RebuildBqx(), RebuildRate(), Covariances()):
            runner.apply(stage, Selection(pairs=("eurusd",)))
        filled, _ = validation("Stage 2.14", 2)
        about = int(filled.expected.strip("~").split()[0])
        assert filled.rows(target)[0]["count"] == pytest.approx(about, rel=0.1)
        test_stage_2_12_on_the_rebuilt_tables(target)
        test_stage_2_14_on_the_covariances(target)
        test_stage_2_15_equal_columns(target)
        test_stage_2_15_equal_windows(target)
        test_stage_2_15_data_integrity(target)
        check_real_gaps(target)


def check_real_gaps(target: PostgresTarget) -> None:
    """Real bars have gaps, where the documents' round answers cannot be had: NULL is right there.

    Their coverage is what history allows, which is below 99 %; rows that are not comparable are
    those whose history has too few bars.
    """
    truth = read_bars(target.connection, WHOLE, Calendar()).truth
    low, high = truth.span(MONTHS[0])
    bars = truth.bars[(truth.bars >= low) & (truth.bars < high)]
    due = valid(truth, "correlation_bqx", "cov_quad_lin_bqx_60min", high)[bars].sum()
    covered = final()[3].rows(target)[0]
    assert (covered["total_rows"], covered["cov_quad_lin_count"]) == (len(bars), due)
    assert float(covered["coverage_pct"]) == round(100.0 * due / len(bars), 2)
    both = np.logical_and(*(valid(truth, t, "w60_r2", high) for t in ("reg_rate", "reg_bqx")))
    for row in final()[4].rows(target):
        at = np.searchsorted(truth.minutes, epoch_minute(row["ts_utc"]))
        assert row["comparability"].endswith("Comparable" if both[at] else "Missing data")


def valid(truth: Truth, table: str, column: str, rows: int) -> BoolArray:
    """Where a column must have a value, by the second implementation of the rule."""
    return truth.valid(registry().table(table).column(column).history, 0, rows)
