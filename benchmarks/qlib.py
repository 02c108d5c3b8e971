"""Rolling operators of Qlib, which are compiled from Cython.

Qlib asks for dozens of packages that its operators do not use, so it is installed without them, and
the compiled module is loaded alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import module_from_spec, spec_from_loader
from typing import Any

from benchmarks.cases import Call, Case, Data, Floats
from benchmarks.indicators import trend
from benchmarks.rolling import mean
from bqx.kernels.trend import linear_trend


@cache
def _operators() -> Any:
    try:
        package = distribution("pyqlib")
    except PackageNotFoundError:
        raise SystemExit("pyqlib is not installed; `make bench` installs it") from None
    file = package.locate_file(f"qlib/data/_libs/rolling{EXTENSION_SUFFIXES[0]}")
    spec = spec_from_loader("rolling", ExtensionFileLoader("rolling", str(file)))
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} is no compiled module")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _line(d: Data, w: int) -> list[Floats]:
    linear_trend(d.close, w, d.origin, *d.out[:3])
    return [d.out[0], d.out[2]]


def from_qlib(d: Data, w: int) -> Iterator[Case]:
    """Mean, slope and R² by Qlib."""
    qlib, y = _operators(), d.close.copy()

    def case(name: str, ours: Call, theirs: Call) -> Case:
        return Case(name, "Qlib", w, ours, theirs)

    yield case("mean", lambda: mean(d, w), lambda: [qlib.rolling_mean(y, w)])
    yield case("linear slope", lambda: trend(d, w), lambda: [qlib.rolling_slope(y, w)])
    yield case(
        "slope, R2 (ours: also its error)",
        lambda: _line(d, w),
        lambda: [qlib.rolling_slope(y, w), qlib.rolling_rsquare(y, w)],
    )
