"""Run a plan: units on an executor, receipts into the state, failures into the report."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from typing import Protocol

from bqx.build.memory import allowed_workers, parse_size
from bqx.build.plan import Plan, Unit
from bqx.build.report import BuildReport, Failure
from bqx.build.unit import Receipt, build_remote, build_unit
from bqx.errors import BqxError, ConfigError
from bqx.store.base import BaseStore
from bqx.store.state import now


class Progress(Protocol):
    """What is told of every unit that ends."""

    def __call__(self, unit: Unit, receipt: Receipt | None) -> None:
        """A unit ended; without a receipt it failed."""


def _silent(unit: Unit, receipt: Receipt | None) -> None:
    """No progress is shown."""


def run(
    store: BaseStore,
    plan: Plan,
    *,
    workers: int = 2,
    executor: str | Executor = "threads",
    max_memory: str = "4GiB",
    progress: Progress = _silent,
) -> BuildReport:
    """Build the units of a plan.

    Args:
        store: The store.
        plan: What to build.
        workers: Units at a time, at most; fewer when the budget asks for it.
        executor: ``threads``, ``processes`` (spawned), or any executor that can import bqx and
            reach the store by its address.
        max_memory: Budget, for example ``4GiB``.
        progress: Called after every unit.

    Raises:
        BudgetError: If not even one unit fits the budget.
        StoreError: If another process is writing.
    """
    local = executor == "threads"
    budget = parse_size(max_memory)
    count = allowed_workers(plan, workers, budget, processes=not local)
    began, started = time.perf_counter(), now()
    ledger = _Ledger(store, progress)
    with store.writing(), _pool(executor, count) as pool:
        submit = _submitter(store, pool, local=local)
        stopped = _drive(list(plan.units), submit, ledger, count)
    report = ledger.report(
        plan, count, _name(executor), time.perf_counter() - began, stopped=stopped
    )
    store.state.log_run("build", started, report.to_json())
    return report


def _name(executor: str | Executor) -> str:
    return executor if isinstance(executor, str) else type(executor).__name__


@contextmanager
def _pool(executor: str | Executor, workers: int) -> Iterator[Executor]:
    if isinstance(executor, Executor):
        yield executor  # the caller's own: it stays open
    elif executor == "threads":
        with ThreadPoolExecutor(workers) as pool:
            yield pool
    elif executor == "processes":
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as processes:
            yield processes
    else:
        raise ConfigError(f"unknown executor {executor!r}", expected="threads or processes")


Submit = Callable[[Unit], "Future[Receipt]"]


def _submitter(store: BaseStore, pool: Executor, *, local: bool) -> Submit:
    if local:
        return lambda unit: pool.submit(build_unit, store, unit)
    families = tuple(store.registry.families.values())
    return lambda unit: pool.submit(build_remote, store.address, families, unit)


class _Ledger:
    """Receipts and failures of a run; the only writer of the state."""

    def __init__(self, store: BaseStore, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self._receipts: list[Receipt] = []
        self._failures: list[Failure] = []

    def begin(self, unit: Unit) -> None:
        """The unit's partitions may be replaced from now on."""
        self._store.state.forget(unit.keys)

    def end(self, unit: Unit, future: Future[Receipt]) -> None:
        """Record a receipt, or the reason of a failure."""
        error = future.exception()
        if error is not None:
            self._failures.append(Failure(unit.pair, unit.month, _reason(error)))
            self._progress(unit, None)
            return
        receipt = future.result()
        self._store.state.record_parameters(receipt.parameters)
        self._store.state.record(receipt.partitions)
        self._receipts.append(receipt)
        self._progress(unit, receipt)

    def report(
        self, plan: Plan, workers: int, executor: str, seconds: float, *, stopped: bool
    ) -> BuildReport:
        written = [p for r in self._receipts for p in r.partitions]
        return BuildReport(
            planned=plan.partitions,
            current=plan.current,
            built=len(written),
            rows=sum(p.rows for p in written),
            values=sum(r.values for r in self._receipts),
            bytes=sum(p.bytes for p in written),
            seconds=seconds,
            workers=workers,
            executor=executor,
            failures=tuple(self._failures),
            interrupted=stopped,
        )


def _reason(error: BaseException) -> str:
    return error.message if isinstance(error, BqxError) else f"{type(error).__name__}: {error}"


def _drive(units: list[Unit], submit: Submit, ledger: _Ledger, workers: int) -> bool:
    """Keep the workers busy until nothing is left; whether the user stopped the run."""
    running: dict[Future[Receipt], Unit] = {}
    waiting = units[::-1]
    try:
        while waiting or running:
            # One unit more than workers, so that none waits while the state is written.
            while waiting and len(running) <= workers:
                unit = waiting.pop()
                ledger.begin(unit)
                running[submit(unit)] = unit
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                ledger.end(running.pop(future), future)
    except KeyboardInterrupt:
        for future, unit in running.items():
            if not future.cancel():
                wait([future])
                ledger.end(unit, future)
        return True
    return False
