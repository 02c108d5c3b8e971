"""A dataset of 2,640 columns and more keeps its memory budget, under a limit of the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bqx
from bqx.bars.synthetic import synthetic_bars
from bqx.build.memory import MIB

LIMITED = """
import resource, sys, bqx
from bqx.dataset.making import build_dataset
budget = int(sys.argv[3])
# A hard limit of the system on all memory that the process may write to: twice the budget, because
# much of it is reserved and never touched.
resource.setrlimit(resource.RLIMIT_DATA, (2 * budget, 2 * budget))
store = bqx.open(sys.argv[1])
made = build_dataset(
    store, sys.argv[2], pairs="eurusd", months="2024-08", targets="60:15:level",
    max_memory=str(budget), workers=2,
)
assert len(made.features) >= 2640
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(made.manifest.identity, int(peak.split()[1]) * 1024)
"""

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux's /proc"
)


def measured(store: Path, out: Path, budget: int) -> tuple[str, int]:
    """Identity of the dataset, and peak memory of a process that makes it with a budget."""
    command = [sys.executable, "-c", LIMITED, str(store), str(out), str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    identity, peak = done.stdout.split()
    return identity, int(peak)


@pytest.mark.slow
@needs_proc
def test_a_dataset_keeps_its_budget_and_its_content(tmp_path: Path) -> None:
    store = tmp_path / "store"
    frames = synthetic_bars(("eurgbp", "eurusd"), "2024-07-01", 48)
    with bqx.open(store) as opened:
        for pair, frame in frames.items():
            frame.write_parquet(tmp_path / f"{pair}.parquet")
        opened.ingest(sorted(tmp_path.glob("*.parquet")), synthetic=True)
    identity, _ = measured(store, tmp_path / "wide", 4096 * MIB)
    budget = 800 * MIB
    narrow, peak = measured(store, tmp_path / "narrow", budget)
    assert narrow == identity
    assert peak <= budget
