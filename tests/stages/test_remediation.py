"""The whole remediation on real bars, and the way back, step by step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqx.stages import catalog
from bqx.stages.partition_scan import hashes
from bqx.stages.registry import stage
from bqx.stages.runner import Runner
from bqx.stages.target import SCHEMA, PostgresTarget
from legacy.databases import REAL_PAIRS, legacy_template
from servers import Server, running

CODES = ("2.11", "2.12", "2.12-rate", "2.13", "2.14", "2.15")


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server of its own: its databases are great."""
    with running() as found:
        yield found


def state(server: Server, target: PostgresTarget) -> tuple[str, dict[str, list[object]]]:
    """The schema as ``pg_dump`` says it, and rows and hash of every partition."""
    parents = [r.name for r in catalog.relations(target, ".*") if r.kind == "parent"]
    dump = server.dump(target.address, "--schema-only", "--schema=bqx")
    return dump, hashes(target, parents, SCHEMA)


@pytest.mark.slow
def test_real_bars_are_aligned_and_put_back(own: Server) -> None:
    """28 pairs, three with real bars: not aligned, aligned to 100 %, as they were at each step."""
    address = legacy_template(own, "full")
    states: list[tuple[str, dict[str, list[object]]]] = []
    with PostgresTarget(address) as target:
        runner = Runner(target)
        old = runner.verify(stage("2.15"))
        assert not all(c.passed for c in old)
        for code in CODES:
            states.append(state(own, target))
            result = runner.apply(stage(code))
            assert all(c.passed for c in result.conditions), code
        final = runner.verify(stage("2.15"))
        assert [c.name for c in final if not c.passed] == []
        for kind in ("reg", "reg_bqx", "correlation_bqx"):
            for pair in REAL_PAIRS:
                rows = target.query(f"SELECT count(*) FROM bqx.{kind}_{pair}")[0][0]
                assert rows > 90_000
        for code in reversed(CODES):
            runner.rollback(stage(code))
            assert state(own, target) == states.pop(), code
        assert [c.passed for c in runner.verify(stage("2.15"))] == [c.passed for c in old]
