"""Labels: the values of a target, what a random walk expects of them, and where they are masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bqx.dataset.martingale import conditional_mean, conditional_sd, ewma_vol, label_values
from bqx.dataset.masking import REASONS, reasons_of
from bqx.dataset.target import BQXTarget
from bqx.domains.domain import Domain, Domains
from bqx.domains.grid import BoolArray, FloatArray, Grid, Int64Array
from bqx.errors import BqxError, PostConditionError
from bqx.kernels.backward import backward_return
from bqx.store.around import load_slice
from bqx.store.base import BaseStore
from bqx.store.slices import Extent, extent


@dataclass(frozen=True)
class Labels:
    """The labels of one target over consecutive rows; arrays have one value per row.

    Attributes:
        target: The target.
        first: Absolute grid row of element 0.
        minutes: Epoch minute of each row.
        values: The labels; NaN where masked.
        expected: Conditional mean under a martingale, from bars up to the row alone; NaN only where
            the row itself is not valid. It is there for the newest rows too, which have no label.
        scale: Conditional standard deviation under a random walk, likewise; 0 after an hour in
            which nothing moved.
        valid: Whether the label may be used; values, expected and scale are finite there.
        masked: Masked rows by reason; see `bqx.dataset.masking.REASONS`.
    """

    target: BQXTarget
    first: int
    minutes: Int64Array
    values: FloatArray
    expected: FloatArray
    scale: FloatArray
    valid: BoolArray
    masked: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def rise(self) -> FloatArray:
        """Probability of a rise under a random walk, for a ``direction`` target.

        Raises:
            BqxError: For other kinds.
        """
        if self.target.kind != "direction":
            raise BqxError(
                f"probability of a rise of {self.target.name}",
                expected="a target of the kind direction",
                hint=f"{self.target.window}:{self.target.horizon}:direction",
            )
        return (1.0 + self.expected) / 2.0

    def account(self) -> str:
        """How many rows are masked, and why, in one line."""
        total = sum(self.masked.values())
        parts = ", ".join(f"{reason} {count:,}" for reason, count in self.masked.items() if count)
        return f"masked {total:,} of {len(self):,} rows" + (f": {parts}" if parts else "")


def labels(target: BQXTarget, domains: Domains, rows: tuple[int, int] | None = None) -> Labels:
    """The labels of a target over a slice.

    Args:
        target: The target.
        domains: The slice. It must reach back by ``target.known`` rows from the first row that is
            asked for, or to the first bar, and ahead by the horizon, or to the last bar: rows after
            the slice count as not there yet.
        rows: Absolute rows that are asked for, half open; the whole slice when None.

    Returns:
        Values, expected values, spreads and masks. A level has the bits of the ``bqx`` table h rows
        later.

    Raises:
        BqxError: If the slice does not contain the rows.
        PostConditionError: If a label that should be valid is not finite.
    """
    cut = _cut(domains.grid, rows)
    rate = domains["rate"]
    now, vol = _backward(rate, target.window), _volatility(rate)[cut]
    later = _later(now, cut, target.horizon)
    kept = _backward(rate, target.window - target.horizon)[cut]
    mean = conditional_mean(target, kept, now[cut], vol)
    spread = conditional_sd(target, vol, mean)
    values = label_values(target, later, kept, now[cut], vol)
    reasons = reasons_of(target, domains, cut, vol)
    known = domains.validity(target.known)[cut]
    found = Labels(
        target,
        domains.grid.first + cut.start,
        domains.grid.minutes[cut],
        np.where(reasons < 0, values, np.nan),
        np.where(known, mean, np.nan),
        np.where(known, spread, np.nan),
        reasons < 0,
        {name: int(np.count_nonzero(reasons == k)) for k, name in enumerate(REASONS)},
    )
    _require_finite(found)
    return found


def load_labels(
    store: BaseStore,
    pair: str,
    targets: Sequence[BQXTarget],
    rows: tuple[int, int] | None = None,
) -> dict[BQXTarget, Labels]:
    """The labels of several targets of a pair, from the bars of a store.

    The bars that are read begin early enough and end late enough for every target, so that any
    range of rows gives the same values.

    Args:
        store: Where the bars are.
        pair: The pair.
        targets: The targets; they share the slice and what is computed from it.
        rows: Absolute rows, half open, between the first and the last bar; all of them when None.

    Raises:
        UnknownNameError: If the store has no bars of the pair.
        BqxError: If there are no rows, or some lie outside of the pair's, or no bar lies inside
            trading minutes.
    """
    name = store.select_pairs([pair])[0]
    span = extent(store, name)
    if span is None:
        raise BqxError(
            f"no bar of {name} inside trading minutes",
            expected="bars in the trading week of the store",
            hint="`bqx doctor` shows the week",
        )
    first, last = _inside(name, span, rows)
    if not targets:
        return {}
    end = min(last + max(t.ahead for t in targets), span.last)
    piece = load_slice(store, name, span, (first, end), max(t.known for t in targets))
    return {target: labels(target, piece.domains, (first, last)) for target in targets}


def _inside(pair: str, span: Extent, rows: tuple[int, int] | None) -> tuple[int, int]:
    first, last = rows or (span.first, span.last)
    if not span.first <= first < last <= span.last:
        raise BqxError(
            f"labels of {pair} for the rows {first} to {last}",
            expected=f"rows between {span.first} and {span.last}, those of its bars",
            hint="bqx.store.slices.month_rows gives the rows of a month",
        )
    return first, last


def _cut(grid: Grid, rows: tuple[int, int] | None) -> slice:
    """The elements of the slice that are asked for."""
    low, high = grid.first, grid.first + len(grid)
    first, last = rows or (low, high)
    if not low <= first <= last <= high:
        raise BqxError(
            f"labels for the rows {first} to {last}",
            expected=f"rows of the slice, {low} to {high}",
            hint="load a slice that contains them",
        )
    return slice(first - low, last - low)


def _backward(rate: Domain, window: int) -> FloatArray:
    """``B_W`` over the slice; zeros for W <= 0, where nothing of the window is known."""

    def make() -> FloatArray:
        out = np.zeros(len(rate))
        if window > 0:
            backward_return(rate.series, window, out)
        return out

    return rate.memo(("backward_return", max(window, 0)), make)


def _volatility(rate: Domain) -> FloatArray:
    return rate.memo("ewma_vol_60", lambda: ewma_vol(rate.series))


def _later(values: FloatArray, cut: slice, rows: int) -> FloatArray:
    """The values some rows later; NaN where the slice ends before."""
    out = np.full(cut.stop - cut.start, np.nan)
    part = values[cut.start + rows : cut.stop + rows]
    out[: len(part)] = part
    return out


def _require_finite(found: Labels) -> None:
    for name in ("values", "expected", "scale"):
        odd = found.valid & ~np.isfinite(getattr(found, name))
        if odd.any():
            row = found.first + int(odd.argmax())
            raise PostConditionError(
                f"{found.target.name}: {name} of row {row} is not finite",
                expected="a finite number where the label is valid",
                hint="the slice does not reach back far enough, or prices are not positive",
            )
