"""Kernels and indicators against other libraries, on the same series and for the same outputs.

Kernel and peer take turns inside one process; ratios are taken within a round. The time is that of
the processor in all threads of the process, so a peer gains nothing by threads. Kernels write into
blocks that are used again; of the peers none can be told to, but the C library hands them their
freed memory back. Where a kernel delivers more than the peer, the name of the row says what.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import polars as pl

from benchmarks.cases import Call, Case, load
from benchmarks.indicators import indicators
from benchmarks.qlib import from_qlib
from benchmarks.rolling import from_bottleneck, from_numbagg, from_polars
from bqx.domains.together import PairBars

WINDOWS = (60, 240)


def measure(pair: PairBars, other: PairBars, rounds: int) -> list[dict[str, Any]]:
    """Measure and print all comparisons."""
    d = load(pair, other)
    cases = list(indicators(d))
    for source in (from_polars, from_bottleneck, from_numbagg, from_qlib):
        cases += [case for w in WINDOWS for case in source(d, w)]
    print(f"\nKernels and peers, {len(d.close):,} rows, median of {rounds} rounds,")
    print(f"polars threads: {pl.thread_pool_size()}; PASS up to 1.2 times TA-Lib, 1.0 of others")
    print("ns: processor time per row in all threads; ratio: ours over theirs; apart: greatest")
    print("difference of an output, in its standard deviations")
    print(f"{'':33}{'rows':>5}  {'peer':11}{'ours ns':>9}{'peer ns':>9}{'ratio':>7}{'apart':>9}")
    return [_compared(case, rounds) for case in cases]


def _compared(case: Case, rounds: int) -> dict[str, Any]:
    apart = _apart(case)
    rows = len(case.theirs()[0])
    times = [(_seconds(case.ours), _seconds(case.theirs)) for _ in range(rounds)]
    ours, theirs = (statistics.median(t) / rows * 1e9 for t in zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    passed = ratio <= case.bar
    print(
        f"{case.name:33}{case.window:5}  {case.peer:11}{ours:9.2f}{theirs:9.2f}{ratio:7.2f}"
        f"{apart:9.0e}  {'PASS' if passed else 'FAIL'}",
        flush=True,
    )
    return {
        "name": case.name, "peer": case.peer, "window": case.window, "ours_ns": ours,
        "peer_ns": theirs, "ratio": ratio, "bar": case.bar, "apart": apart, "passed": passed,
    }  # fmt: skip


def _seconds(call: Call) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def _apart(case: Case) -> float:
    """Greatest difference of the outputs after the first tenth, in standard deviations."""
    worst = 0.0
    ours, theirs = [np.array(a) for a in case.ours()], case.theirs()
    for own, found in zip(ours, theirs, strict=True):
        there = case.scale(np.asarray(found, np.float64))
        start = len(own) // 10
        difference = np.nanmax(np.abs(own[start:] - there[start:]))
        worst = max(worst, float(difference / np.nanstd(own[start:])))
    return worst
