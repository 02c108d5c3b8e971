"""Identities: what a row's values say of each other, and of the bars."""

from __future__ import annotations

import numpy as np

from bqx.checks.contract import BASE, DOMAINS, WINDOWS
from bqx.checks.tally import Tally
from bqx.checks.unit import Unit
from bqx.domains.grid import BoolArray, FloatArray

TOLERANCE = 1e-9
"""Deviation relative to the greatest of 1 and the magnitudes involved."""

_AGGREGATES = {
    "agg_bqx_return": "w75_bqx_return",
    "agg_bqx_max_index": "w75_bqx_max_index",
    "agg_bqx_min_index": "w75_bqx_min_index",
    "agg_bqx_avg_index": "w75_bqx_avg_index",
    "agg_bqx_stdev_index": "w75_bqx_stdev_index",
}


def terms(unit: Unit, tally: Tally) -> None:
    """Prediction is the sum of the quadratic, linear and constant terms."""
    for domain in DOMAINS:
        for window in WINDOWS:
            names = ("quadratic_term", "linear_term", "constant_term", "prediction")
            values, valid = _columns(unit, f"reg_{domain}", [f"w{window}_{n}" for n in names])
            if valid is not None:
                place = (f"reg_{domain}", f"w{window}_prediction")
                q, lin, c, prediction = values
                _compare(
                    unit, tally, place, (prediction, q + lin + c), valid=valid, scale=(q, lin, c)
                )


def residuals(unit: Unit, tally: Tally) -> None:
    """Residual is the series, made again from the stored bars, minus the prediction."""
    for domain in DOMAINS:
        series = unit.series(domain)
        for window in WINDOWS:
            names = [f"w{window}_residual", f"w{window}_prediction"]
            values, valid = _columns(unit, f"reg_{domain}", names)
            if valid is not None:
                place = (f"reg_{domain}", names[0])
                residual, prediction = values
                sides = (residual, series - prediction)
                _compare(unit, tally, place, sides, valid=valid, scale=(series,))


def base(unit: Unit, tally: Tally) -> None:
    """The base columns agree with the bars, and the aggregates with the window of 75."""
    series = {"rate_index": unit.series("rate"), "w15_bqx_return": unit.series("bqx")}
    for name, expected in series.items():
        values, valid = _columns(unit, BASE, [name])
        if valid is not None:
            sides = (values[0], expected)
            _compare(unit, tally, (BASE, name), sides, valid=valid, scale=(expected,))
    for aggregate, source in _AGGREGATES.items():
        values, valid = _columns(unit, BASE, [aggregate, source])
        if valid is not None:
            sides = (values[0], values[1])
            _compare(unit, tally, (BASE, aggregate), sides, valid=valid, scale=sides[1:])


def _columns(unit: Unit, table: str, names: list[str]) -> tuple[list[FloatArray], BoolArray | None]:
    """Columns, and the rows where all of them have a value; None where the table is missing."""
    if table not in unit.tables:
        return [], None
    columns = [unit.tables[table].column(name) for name in names]
    return [values for values, _ in columns], np.logical_and.reduce([v for _, v in columns])


def _compare(
    unit: Unit,
    tally: Tally,
    place: tuple[str, str],
    sides: tuple[FloatArray, FloatArray],
    *,
    valid: BoolArray,
    scale: tuple[FloatArray, ...],
) -> None:
    """Count the rows where two sides differ by more than the tolerance."""
    rows = np.flatnonzero(valid)
    tally.count(len(rows))
    if len(rows) == 0:
        return
    size = np.ones(len(rows))
    for magnitude in scale:
        np.maximum(size, np.abs(magnitude[rows]), out=size)
    # A stored infinity makes the difference NaN, and NaN is no small deviation.
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = np.abs(sides[0][rows] - sides[1][rows]) / size
    wrong = ~(deviation <= TOLERANCE)
    tally.deviate(float(deviation.max()))
    if wrong.any():
        at = int(np.argmax(np.where(np.isnan(deviation), np.inf, deviation)))
        found, expected = (float(side[rows[at]]) for side in sides)
        text = f"{wrong.sum():,} rows; {found!r} at {unit.time(int(rows[at]))}"
        tally.fail(*place, text, f"{expected!r}", int(wrong.sum()))
