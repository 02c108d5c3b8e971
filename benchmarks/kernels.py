"""The quadratic fit against its floor, its peers and extended precision.

Speed: six windows, seven outputs each. All windows write the same output block, or each its own: 42
columns, more than the caches hold. Blocks are written again in every round, so that all pages are
warm. All methods take turns inside one process, and ratios are taken within a round. polars runs on
one thread if nothing has started it before. The peers deliver less: polars-ols gives three
coefficients, and all lose digits that ``quadratic_fit`` keeps.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bqx.kernels.quadratic import quadratic_fit

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

WINDOWS = (60, 90, 150, 240, 390, 630)
OUTPUTS = ("quadratic", "linear", "constant", "residual", "r2", "rmse", "prediction")
POLYFIT_ROWS = 200
FLOOR = "write only"
OURS = "quadratic_fit"
FLOOR_42 = "write only, 42 columns"
OURS_42 = "quadratic_fit, 42 columns"
MOMENTS = "polars rolling_sum moments"
OLS = "polars-ols rolling_ols"
POLYFIT = "np.polyfit per window"
AT_MOST = ((OURS, FLOOR, 3.0), (OURS_42, FLOOR_42, 3.0))
AT_LEAST = ((MOMENTS, OURS, 8.0), (OLS, OURS, 100.0), (POLYFIT, OURS, 5000.0))
"""How many times as long as the second method the first one may, or has to, take."""


@njit(nogil=True, error_model="numpy")
def write_only(y: Floats, out: Floats) -> None:
    """Write seven streams and compute nothing."""
    a, b, c, d, e, f, g = out[0], out[1], out[2], out[3], out[4], out[5], out[6]
    for t in range(len(y)):
        a[t] = b[t] = c[t] = d[t] = e[t] = f[t] = g[t] = y[t]


def polars_moments(frame: pl.DataFrame, w: int) -> pl.DataFrame:
    """The seven outputs from rolling sums of d, i d, i² d and d², d relative to the first value."""
    import polars as pl

    names = {"s0": "d", "s1": "id", "s2": "iid", "sd": "dd"}
    sums = frame.lazy().with_columns(
        pl.col(column).rolling_sum(w).alias(name) for name, column in names.items()
    )
    half, spread = 0.5 * (w - 1), (w * w - 1) / 12
    middle = pl.col("i") - half
    m1 = pl.col("s1") - middle * pl.col("s0")
    m2 = pl.col("s2") - 2 * middle * pl.col("s1") + (middle**2 - spread) * pl.col("s0")
    fit = sums.with_columns(
        a0=pl.col("s0") / w,
        a1=m1 / (w * spread),
        a2=m2 / (w * (w * w - 1) * (w * w - 4) / 180),
        m1=m1,
        m2=m2,
    ).with_columns(
        quadratic=pl.col("a2") * (w - 1) ** 2,
        slope=pl.col("a1") * half,
        ends=pl.col("a0") + pl.col("a2") * (half * half - spread),
        sst=pl.col("sd") - pl.col("s0") * pl.col("a0"),
    )
    sse = pl.col("sst") - pl.col("m1") * pl.col("a1") - pl.col("m2") * pl.col("a2")
    return fit.select(
        "quadratic",
        linear=2 * pl.col("slope") - pl.col("quadratic"),
        constant=pl.col("first") + pl.col("ends") - pl.col("slope"),
        residual=pl.col("d") - pl.col("ends") - pl.col("slope"),
        r2=1 - sse / pl.col("sst"),
        rmse=(sse / w).sqrt(),
        prediction=pl.col("first") + pl.col("ends") + pl.col("slope"),
    ).collect()


def polars_ols(frame: pl.DataFrame, w: int) -> pl.DataFrame:
    """Three coefficients by recursive least squares."""
    import polars as pl
    import polars_ols  # noqa: F401 - registers the namespace

    model: Any = pl.col("y").least_squares  # type: ignore[attr-defined]
    options = {"window_size": w, "min_periods": w, "mode": "coefficients"}
    return frame.select(model.rolling_ols("i", "ii", add_intercept=True, **options))


def polyfit(y: Floats, w: int) -> Floats:
    """The seven outputs, one window at a time."""
    x = np.arange(float(w))
    out = np.empty((7, POLYFIT_ROWS))
    for t in range(POLYFIT_ROWS):
        window = y[t : t + w]
        a2, a1, a0 = np.polyfit(x, window, 2)
        error = window - ((a2 * x + a1) * x + a0)
        sse, sst = error @ error, np.sum((window - window.mean()) ** 2)
        q, lin = a2 * (w - 1) ** 2, a1 * (w - 1)
        out[:, t] = q, lin, a0, error[-1], 1 - sse / sst, np.sqrt(sse / w), q + lin + a0
    return out


def methods(y: Floats) -> dict[str, tuple[int, Callable[[int], object]]]:
    """Rows per window and a call for the k-th window, by name."""
    import polars as pl

    n = len(y)
    blocks = [np.zeros((7, n)) for _ in WINDOWS]
    block = blocks[0]
    frame = pl.DataFrame({"y": y, "i": np.arange(float(n))}).with_columns(
        first=pl.lit(y[0]), d=pl.col("y") - y[0], ii=pl.col("i") ** 2
    )
    frame = frame.with_columns(
        id=pl.col("i") * pl.col("d"), iid=pl.col("ii") * pl.col("d"), dd=pl.col("d") ** 2
    )
    return {
        FLOOR: (n, lambda _: write_only(y, block)),
        OURS: (n, lambda k: quadratic_fit(y, WINDOWS[k], 0, block)),
        FLOOR_42: (n, lambda k: write_only(y, blocks[k])),
        OURS_42: (n, lambda k: quadratic_fit(y, WINDOWS[k], 0, blocks[k])),
        MOMENTS: (n, lambda k: polars_moments(frame, WINDOWS[k])),
        OLS: (n, lambda k: polars_ols(frame, WINDOWS[k])),
        POLYFIT: (POLYFIT_ROWS, lambda k: polyfit(y, WINDOWS[k])),
    }


def seconds(call: Callable[[int], object]) -> float:
    """Wall seconds of a call for all windows, after one that is not timed and warms the caches."""
    call(0)
    began = time.perf_counter()
    for k in range(len(WINDOWS)):
        call(k)
    return time.perf_counter() - began


def measure_speed(rows: int, rounds: int) -> dict[str, Any]:
    """Nanoseconds per row and window, and the ratios with their bars."""
    steps = np.round(np.random.default_rng(1).normal(size=rows) * 10) * 1e-3
    ways = methods(100.0 + np.cumsum(steps))
    cost: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, (n, call) in ways.items():
            cost[name].append(seconds(call) / (n * len(WINDOWS)) * 1e9)
    cost = {name: found[1:] for name, found in cost.items()}
    ratios = []
    for first, second, bar in AT_MOST + AT_LEAST:
        ratio = statistics.median(a / b for a, b in zip(cost[first], cost[second], strict=True))
        limit = "at most" if (first, second, bar) in AT_MOST else "at least"
        passed = ratio <= bar if limit == "at most" else ratio >= bar
        ratios.append({
            "time_of": first, "over": second, "ratio": ratio, "bar": f"{limit} {bar:g}",
            "passed": passed,
        })  # fmt: skip
    return {
        "ns_per_row_window": {name: statistics.median(found) for name, found in cost.items()},
        "ratios": ratios,
    }


def references() -> ModuleType:
    """The extended-precision twins that the tests use."""
    path = Path(__file__).parents[1] / "tests" / "references.py"
    spec = importlib.util.spec_from_file_location("references", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure_accuracy(rows: int = 2600) -> dict[str, Any]:
    """Greatest absolute error of each output over every window of every length."""
    twins = references()
    table = {}
    for name, (level, y) in twins.accuracy_series(rows).items():
        worst = np.zeros(len(OUTPUTS))
        same_nan = True
        for w in WINDOWS:
            out = np.empty((7, rows))
            quadratic_fit(y, w, 0, out)
            exact = twins.quadratic(y, w)
            same_nan &= bool((np.isnan(out) == np.isnan(exact)).all())
            worst = np.fmax(worst, np.nanmax(np.abs(out - exact), axis=1).astype(float))
        errors = dict(zip(OUTPUTS, worst.tolist(), strict=True))
        bars = {name: 1e-11 if name == "r2" else 1e-12 * level for name in OUTPUTS}
        passed = same_nan and all(errors[k] <= bars[k] for k in OUTPUTS)
        table[name] = {"level": level, "errors": errors, "same_nan": same_nan, "passed": passed}
    return table


def verdict(passed: object) -> str:
    return "PASS" if passed else "FAIL"


def show(found: dict[str, Any]) -> None:
    """Print both tables."""
    print(f"\nQuadratic fit, seven outputs, windows {WINDOWS}, {found['rows']:,} rows,")
    print(f"median of {found['rounds']} rounds, polars threads: {found['polars_threads']}")
    for name, cost in found["speed"]["ns_per_row_window"].items():
        print(f"  {name:28} {cost:12,.2f} ns a row and window  {1e3 / cost:10,.3f} M/s")
    print("\nTime of the first over the time of the second")
    for row in found["speed"]["ratios"]:
        names = f"{row['time_of']} / {row['over']}"
        print(f"  {names:52} {row['ratio']:10,.2f}  {row['bar']:14} {verdict(row['passed'])}")
    print("\nGreatest absolute error against extended precision, all windows")
    print("Bars: 1e-12 of the level, r2 1e-11, and NaN in the same places")
    print(f"  {'':24}" + "".join(f"{name:>11}" for name in OUTPUTS))
    for name, row in found["accuracy"].items():
        errors = "".join(f"{row['errors'][k]:11.1e}" for k in OUTPUTS)
        print(f"  {name:24}{errors}  {verdict(row['passed'])}")


def main(args: list[str]) -> None:
    """Run and print."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    import polars as pl

    parser = ArgumentParser(prog="benchmarks kernels")
    parser.add_argument("--rows", type=int, default=370_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(args)
    found = {
        "rows": options.rows,
        "rounds": options.rounds,
        "polars_threads": pl.thread_pool_size(),
        "speed": measure_speed(options.rows, options.rounds),
        "accuracy": measure_accuracy(),
    }
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main([])
