"""What each family was compared with, over how many values, and how far apart they were.

Runs the tests in ``tests/oracle`` and listens to their comparisons.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "tests"
LIBRARIES = {
    "arch": "arch",
    "bottleneck": "bottleneck",
    "hmmlearn": "hmmlearn",
    "mpmath": "mpmath",
    "pywt": "PyWavelets",
    "scipy": "SciPy",
    "statsmodels": "statsmodels",
    "talib": "TA-Lib",
}
_NUMBER = r"(?:np\.float64\()?([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf))\)?"
_BOUND = re.compile(rf"^{_NUMBER} <=? {_NUMBER}(?:\n|$)")


@dataclass
class Record:
    """Comparisons of one test file.

    Attributes:
        oracles: What its values were compared with.
        tests: Tests that passed.
        values: Values that were compared.
        exact: Comparisons that allow no difference.
        error: Greatest difference of the others, absolute or relative as the comparison is.
        tolerance: What that comparison allows.
        margin: Greatest share of its tolerance that any comparison used.
    """

    oracles: tuple[str, ...]
    tests: int = 0
    values: int = 0
    exact: int = 0
    error: float = 0.0
    tolerance: float = 0.0
    margin: float = 0.0

    def add(self, error: float, tolerance: float, values: int = 0) -> None:
        """Take a comparison that passed."""
        self.values += values
        if tolerance == 0.0:
            self.exact += 1
        elif 0.0 < tolerance < 1e-3 and math.isfinite(error):  # greater bounds are not of rounding
            self.margin = max(self.margin, error / tolerance)
            if error >= self.error:
                self.error, self.tolerance = error, tolerance


class Listener:
    """A pytest plugin that hears every comparison of the running test."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self._now: Record | None = None

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Another test begins."""
        path = item.path
        self._now = self.records.setdefault(path.stem, Record(oracles_of(path)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the tests that passed."""
        if report.when == "call" and report.passed and self._now is not None:
            self._now.tests += 1

    def pytest_assertion_pass(self, expl: str) -> None:
        """An assertion held; one of the form ``error <= tolerance`` is a comparison."""
        found = _BOUND.match(expl)
        if found and self._now is not None:
            self._now.add(abs(float(found[1])), float(found[2]))

    def heard(self, found: Any, expected: Any, rtol: float, atol: float) -> None:
        """Two arrays agreed."""
        if self._now is None:
            return
        a, b = np.broadcast_arrays(np.asarray(found), np.asarray(expected))
        if a.dtype.kind not in "fiu" or b.dtype.kind not in "fiub":
            return
        with np.errstate(all="ignore"):
            gap = np.abs(a.astype(np.float64) - b.astype(np.float64))
            allowed = atol + rtol * np.abs(b.astype(np.float64))
            share = gap / np.where(allowed > 0, allowed, np.nan)
        known = int(np.isfinite(b).sum())
        tolerance = max(atol, rtol)
        worst = float(np.nanmax(share)) if np.isfinite(share).any() else 0.0
        self._now.add(worst * tolerance, tolerance, known)

    def agreed(self, error: float, tolerance: float) -> None:
        """A shared function compared, and found no greater error."""
        if self._now is not None:
            self._now.add(error, tolerance)

    def count(self, found: Any, start: int = 0) -> None:
        """Values that a shared function compares."""
        if self._now is not None:
            self._now.values += int(np.isfinite(np.asarray(found)[start:]).sum())


def oracles_of(path: Path) -> tuple[str, ...]:
    """Libraries that a test file, or a module of references that it imports, compares with."""
    names = {str(n).partition(".")[0] for n in _imported(path)}
    found = {LIBRARIES[name] for name in names if name in LIBRARIES}
    for name in names:
        if name.startswith("references"):
            found |= {
                LIBRARIES[n] for n in map(_root, _imported(FOLDER / f"{name}.py")) if n in LIBRARIES
            }
    return (*sorted(found), "slow reference in NumPy")


def _root(name: str) -> str:
    return name.partition(".")[0]


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let comparisons of NumPy, of pytest and of the shared references be heard."""
    import references_statistics
    import references_trend

    places: list[tuple[Any, str, Callable[..., Any]]] = [
        (np.testing, "assert_allclose", _allclose(listener)),
        (np.testing, "assert_array_equal", _equal(listener)),
        (pytest, "approx", _approx(listener)),
        (references_trend, "assert_close", _close(listener, references_trend.assert_close)),
        (references_statistics, "error", _error(listener, references_statistics.error)),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for owner, name, wrapper in places:
        setattr(owner, name, wrapper)
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def _allclose(listener: Listener) -> Callable[..., None]:
    original = np.testing.assert_allclose

    def assert_allclose(
        found: Any, expected: Any, rtol: float = 1e-7, atol: float = 0.0, **more: Any
    ) -> None:
        original(found, expected, rtol=rtol, atol=atol, **more)
        listener.heard(found, expected, rtol, atol)

    return assert_allclose


def _equal(listener: Listener) -> Callable[..., None]:
    original = np.testing.assert_array_equal

    def assert_array_equal(found: Any, expected: Any, **more: Any) -> None:
        original(found, expected, **more)
        listener.heard(found, expected, 0.0, 0.0)

    return assert_array_equal


def _approx(listener: Listener) -> Callable[..., Any]:
    original = pytest.approx

    class Heard:
        """What `pytest.approx` gives, which tells of every comparison that passes."""

        # An array on the left leaves the comparison to this object.
        __array_ufunc__ = None

        def __init__(self, expected: Any, rel: Any = None, abs: Any = None, **more: Any) -> None:  # noqa: A002 - as pytest names it
            self._inner = original(expected, rel=rel, abs=abs, **more)
            self._given = (expected, rel or 0.0, abs or 0.0)

        def __eq__(self, found: object) -> bool:
            same = bool(found == self._inner)
            if same:
                listener.heard(found, *self._given)
            return same

        def __hash__(self) -> int:
            return id(self)

        def __repr__(self) -> str:
            return repr(self._inner)

    return Heard


def _close(listener: Listener, original: Callable[..., float]) -> Callable[..., float]:
    def assert_close(found: Any, exact: Any, tolerance: float, start: int) -> float:
        worst = original(found, exact, tolerance, start)
        listener.count(found, start)
        listener.agreed(worst, tolerance)
        return worst

    return assert_close


def _error(listener: Listener, original: Callable[..., float]) -> Callable[..., float]:
    def error(found: Any, *more: Any) -> float:
        listener.count(found)
        return original(found, *more)

    return error


def table(records: dict[str, Record]) -> str:
    """The records as a Markdown table, families first."""
    lines = [
        "| subject | oracles | tests | values | exact | largest error | its tolerance | margin |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    order = sorted(records, key=lambda name: (name.startswith("test_kernel"), name))
    for name in order:
        r = records[name]
        lines.append(
            f"| {name.removeprefix('test_').replace('_', ' ')} | {', '.join(r.oracles)} | {r.tests}"
            f" | {r.values:,} | {r.exact} | {r.error:.1e} | {r.tolerance:.0e} | {r.margin:.2f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the tests and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks oracles", description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--only", default="", help="only tests whose name contains this")
    options = parser.parse_args(arguments)
    sys.path[:0] = [str(FOLDER), str(FOLDER / "contract")]
    # The shared comparisons are no test modules; their assertions are heard like those of tests.
    pytest.register_assert_rewrite(*(path.stem for path in FOLDER.glob("references*.py")))
    listener = Listener()
    flags = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-k", options.only]
    with listening(listener):
        code = pytest.main(
            [str(FOLDER / "oracle"), *flags, "-o", "enable_assertion_pass_hook=true"],
            plugins=[listener],
        )
    sys.stdout.write(table(listener.records) + "\n")
    if options.json:
        found = {name: asdict(record) for name, record in listener.records.items()}
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return int(code)
