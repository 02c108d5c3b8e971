"""Choose and read the week that the alignment page shows."""

from __future__ import annotations

import numpy as np

from bqx.checks.contract import DOMAINS
from bqx.checks.example import Curve, Example, Parabola
from bqx.checks.expected import Truth
from bqx.checks.scan import Selection
from bqx.checks.unit import Stored, load_truth, read_stored
from bqx.domains.grid import Int64Array
from bqx.market import month_bounds, months_between
from bqx.store.base import BaseStore

WINDOW = 240
MOST_ROWS = 7_200
LABELS = {"rate": "rate index, baseline = 100", "bqx": "w15 BQX return"}
_TERMS = ("quadratic_term", "linear_term", "constant_term")


def example_week(store: BaseStore, selection: Selection) -> Example | None:
    """A whole week from the middle of the first pair's months, with the stored fits on it.

    Returns:
        None when nothing is selected, or no bar lies in a trading minute.
    """
    if not selection.pairs or not selection.months[selection.pairs[0]]:
        return None
    pair = selection.pairs[0]
    known = load_truth(store, pair)
    if known is None:
        return None
    rows = _week(known, selection.months[pair])
    if rows[0] == rows[1]:
        return None
    curves = tuple(_curve(store, known, domain, rows) for domain in DOMAINS)
    return Example(pair, WINDOW, known.minutes[rows[0] : rows[1]], curves)


def _week(known: Truth, months: tuple[str, ...]) -> tuple[int, int]:
    """Positions of a session that has about as many bars as the fullest one."""
    low, high = month_bounds(months[0])[0], month_bounds(months[-1])[1]
    first, last = (int(at) for at in np.searchsorted(known.minutes, (low, high)))
    breaks = np.flatnonzero(np.diff(known.minutes[first:last]) > 1) + 1
    borders = np.concatenate(([0], breaks, [last - first])) + first
    bars = np.diff(np.searchsorted(known.bars, borders))
    full = np.flatnonzero(bars >= 0.99 * bars.max())
    chosen = int(full[len(full) // 2])
    begin = int(borders[chosen])
    return begin, min(int(borders[chosen + 1]), begin + MOST_ROWS)


def _curve(store: BaseStore, known: Truth, domain: str, rows: tuple[int, int]) -> Curve:
    values = known.series(domain)[rows[0] : rows[1]]
    fits = tuple(_fits(store, known, domain, rows))
    return Curve(domain, LABELS[domain], values, fits)


def _fits(store: BaseStore, known: Truth, domain: str, rows: tuple[int, int]) -> list[Parabola]:
    """The stored fits that end every `WINDOW` rows, drawn from their terms."""
    minutes = known.minutes[rows[0] : rows[1]]
    ends = np.arange(WINDOW - 1, len(minutes), WINDOW)
    found = []
    for month in months_between(int(minutes[0]), int(minutes[-1])):
        names = [f"w{WINDOW}_{term}" for term in _TERMS]
        stored = read_stored(store, (f"reg_{domain}", known.pair, month), minutes[ends], names)
        if isinstance(stored, Stored):
            found += _parabolas(stored, names, ends)
    return sorted(found, key=lambda p: int(p.rows[0]))


def _parabolas(stored: Stored, names: list[str], ends: Int64Array) -> list[Parabola]:
    """Each fit as y = a2 i² + a1 i + a0; the terms are a2 (w-1)², a1 (w-1) and a0."""
    columns = [stored.column(name) for name in names]
    known = np.logical_and.reduce([valid for _, valid in columns])
    share = np.arange(WINDOW) / (WINDOW - 1)
    found = []
    for k in np.flatnonzero(known):
        quadratic, linear, constant = (float(values[k]) for values, _ in columns)
        rows = np.arange(ends[k] - WINDOW + 1, ends[k] + 1)
        found.append(Parabola(rows, quadratic * share**2 + linear * share + constant))
    return found
