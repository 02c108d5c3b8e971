"""The memory budget is kept, measured on a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bqx.build.memory import MIB
from stores import filled_store

BUDGET = """
import sys, bqx
report = bqx.open(sys.argv[1]).build(workers=64, max_memory=sys.argv[2], force=True)
assert report.passed, report.failures
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(report.workers, int(peak.split()[1]) * 1024)
"""

LIMITED = """
import resource, sys, bqx
budget = int(sys.argv[2])
# A hard limit of the system on all memory that the process may write to: twice the budget, because
# much of it is reserved and never touched.
resource.setrlimit(resource.RLIMIT_DATA, (2 * budget, 2 * budget))
store = bqx.open(sys.argv[1])
report = store.build("all", workers=4, max_memory=str(budget), months="2018-12", force=True)
assert report.passed, report.failures
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(report.workers, int(peak.split()[1]) * 1024)
"""

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux's /proc"
)


def measured(code: str, store: Path, budget: int) -> tuple[int, int]:
    """Workers and peak memory of a process that builds with a budget."""
    command = [sys.executable, "-c", code, str(store), str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    workers, peak = (int(part) for part in done.stdout.split())
    return workers, peak


@pytest.mark.slow
@needs_proc
def test_a_build_keeps_its_budget(tmp_path: Path) -> None:
    store = tmp_path / "store"
    filled_store(store, ("eurusd", "usdjpy", "gbpusd"), "2018-10-01", 120).close()
    measured(BUDGET, store, 4096 * MIB)  # the compiler needs memory of its own, once
    for budget in (700 * MIB, 1000 * MIB):
        workers, peak = measured(BUDGET, store, budget)
        assert 1 <= workers < 64
        assert peak <= budget


@pytest.mark.slow
@needs_proc
def test_everything_is_built_under_a_hard_limit(tmp_path: Path) -> None:
    store = tmp_path / "store"
    filled_store(store, ("eurgbp", "eurusd"), "2018-10-22", 70).close()
    measured(LIMITED, store, 4096 * MIB)
    budget = 1200 * MIB
    workers, peak = measured(LIMITED, store, budget)
    assert 1 <= workers <= 4
    assert peak <= budget
