"""Every item of the programme's lists is computed: on the old state, half-way, and in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqx.stages.alignment_report import AlignmentReport
from bqx.stages.alignment_run import alignment
from bqx.stages.constant_term import ConstantTerm
from bqx.stages.mapping import BQX, RATE
from bqx.stages.rebuild import RebuildBqx
from bqx.stages.runner import Runner
from bqx.stages.stage import Condition
from bqx.stages.target import PostgresTarget
from bqx.stages.window_offset import window_offset
from servers import Server
from stages.remedied import MONTHS, PAIRS, remedied

PARTS = len(PAIRS) * len(MONTHS)


@pytest.fixture(scope="module")
def legacy(server: Server) -> Iterator[PostgresTarget]:
    with PostgresTarget(remedied(server).legacy()) as target:
        target.prepare()
        yield target


@pytest.fixture(scope="module")
def old(legacy: PostgresTarget) -> AlignmentReport:
    return alignment(legacy, preflight=True)


def by_name(conditions: tuple[Condition, ...]) -> dict[str, Condition]:
    return {condition.name: condition for condition in conditions}


def test_current_state_item_by_item(old: AlignmentReport) -> None:
    found = by_name(old.current)
    assert {name: (c.passed, c.done, c.total) for name, c in found.items()} == {
        "both sides use normalised series": (True, len(PAIRS), len(PAIRS)),
        "windows overlap": (False, 1, 6),
        "both sides hold terms, not coefficients": (False, PARTS, 2 * PARTS),
        "reg_* has constant_term": (False, 0, PARTS),
        "the BQX side holds residuals": (False, 0, PARTS),
        "covariance features are there": (False, 0, PARTS),
    }
    assert "w60" in found["windows overlap"].found
    assert found["reg_* has constant_term"].found.endswith(f"{PARTS} hold it as c_coef")


def test_old_state_is_far_from_aligned(old: AlignmentReport) -> None:
    assert old.verdict == "go"
    assert old.score < 10.0
    # The rate side has all features under its own names, the BQX side four of them at w60.
    stored, canonical, aligned = old.layers.values()
    assert stored == (PARTS * (42 + 4), PARTS * 84)
    assert canonical == (PARTS * (12 + 2), PARTS * 84)
    assert aligned[0] < stored[0] / 10
    assert old.kinds["offset"] == len(PAIRS) * 42


def test_the_off_by_one_window_is_named(old: AlignmentReport, legacy: PostgresTarget) -> None:
    assert "windows end one row early" in by_name(old.queries)["query 3: data integrity"].found
    early = {p.pair for p in old.partitions if p.has("offset")}
    with legacy.connection.transaction(force_rollback=True):
        for pair in PAIRS:  # August has no windows: its three rows are there for the structure
            legacy.execute(f"DELETE FROM bqx.reg_{pair}_{MONTHS[1]}")
        assert early == {pair for pair in PAIRS if window_offset(legacy, pair) == 1}
    assert all(p.table == RATE.kind for p in old.partitions if p.has("offset"))


def test_no_query_and_no_item_of_alignment_holds_before(old: AlignmentReport) -> None:
    assert not any(c.passed for c in old.queries)
    assert [c.name for c in old.checklist if c.passed] == ["no rows lost"]
    ready = {c.name for c in old.readiness if c.passed}
    assert ready == {
        "feature matrix",
        "cross-feature correlations",
        "cross-pair correlations",
        "cross-window correlations",
    }


def test_preflight_tries_what_it_says(old: AlignmentReport, legacy: PostgresTarget) -> None:
    assert old.preflight is not None
    assert [c.name for c in old.preflight if not c.passed] == []
    trial = by_name(old.preflight)["trial partition"]
    assert "built, then rolled back" in trial.found
    assert legacy.query("SELECT relname FROM pg_class WHERE relname LIKE 'trial%'") == []
    assert "30 of 30 fits agree" in by_name(old.preflight)["code reviewed"].found


def test_preflight_finds_what_is_in_the_way(server: Server) -> None:
    with PostgresTarget(remedied(server).legacy()) as target:
        target.prepare()
        target.execute("CREATE ROLE guest_of_test")
        try:
            target.execute("GRANT USAGE ON SCHEMA bqx, bqx_meta TO guest_of_test")
            target.execute("GRANT ALL ON ALL TABLES IN SCHEMA bqx, bqx_meta TO guest_of_test")
            target.execute("GRANT CREATE ON SCHEMA bqx_meta TO guest_of_test")
            target.execute("SET ROLE guest_of_test")
            report = alignment(target, preflight=True)
        finally:
            target.execute("RESET ROLE")
            target.execute("DROP OWNED BY guest_of_test; DROP ROLE guest_of_test")
    assert report.verdict == "no-go"
    assert report.preflight is not None
    failed = by_name(tuple(c for c in report.preflight if not c.passed))
    assert "no right to make a schema; 0 of 18 tables" in failed["backup possible"].found
    assert "permission denied" in failed["trial partition"].found


def test_half_way_after_two_stages(server: Server) -> None:
    with PostgresTarget(remedied(server).legacy()) as target:
        runner = Runner(target)
        runner.apply(ConstantTerm())
        runner.apply(RebuildBqx())
        report = alignment(target)
    current = by_name(report.current)
    assert [name for name, c in current.items() if not c.passed] == [
        "covariance features are there"
    ]
    bqx = [p for p in report.partitions if p.table == BQX.kind]
    assert all(p.features == 42 for p in bqx)
    assert by_name(report.checklist)["tracker"].done == 1
    assert by_name(report.queries)["query 1: equal columns per window"].found.endswith("8 and 7")
    # The third coefficient is declared twice now; one of both is a column too many.
    rate = [p for p in report.partitions if p.table == RATE.kind]
    assert all(p.has("extra", "offset") for p in rate)
