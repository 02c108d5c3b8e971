"""The memory budget is kept, measured on a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bqx.build.memory import MIB
from stores import filled_store

CODE = """
import sys, bqx
report = bqx.open(sys.argv[1]).build(workers=64, max_memory=sys.argv[2], force=True)
assert report.passed
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(report.workers, int(peak.split()[1]) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_build_keeps_its_budget(tmp_path: Path) -> None:
    filled_store(tmp_path / "store", ("eurusd", "usdjpy", "gbpusd"), "2018-10-01", 120).close()
    for budget in (600 * MIB, 900 * MIB):
        command = [sys.executable, "-c", CODE, str(tmp_path / "store"), str(budget)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        workers, peak = (int(part) for part in done.stdout.split())
        assert 1 <= workers < 64
        assert peak <= budget


LIMITED = """
import resource, sys, bqx
budget = int(sys.argv[2])
# A hard limit of the system on all memory that the process writes to, beside what it has mapped
# for its libraries: more than the budget is an error here, not a figure in a report.
resource.setrlimit(resource.RLIMIT_DATA, (2 * budget, 2 * budget))
report = bqx.open(sys.argv[1]).build("all", workers=4, max_memory=str(budget), months="2018-12")
assert report.passed, report.failures
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(report.workers, int(peak.split()[1]) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_everything_is_built_under_a_hard_limit(tmp_path: Path) -> None:
    store = tmp_path / "store"
    filled_store(store, ("eurgbp", "eurusd"), "2018-10-22", 70).close()
    budget = 1200 * MIB
    command = [sys.executable, "-c", LIMITED, str(store), str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    workers, peak = (int(part) for part in done.stdout.split())
    assert 1 <= workers <= 4
    assert peak <= budget
