"""Refuse strategies that know the future, and forecasts of models that had seen what they forecast.

A strategy is run again on bars that end at a row, and on bars with another future: what it says of
rows up to that one must not change by a bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import polars as pl

from bqx.dataset.fitscope import require_inside
from bqx.dataset.folds import Fold
from bqx.errors import ConfigError, LeakError
from bqx.models.backtest.market import Market
from bqx.models.backtest.signals import PairSignals, Signals
from bqx.models.backtest.strategies import Strategy, name_of

SAMPLES = 12
_NONE = PairSignals.of(np.empty(0, np.int64), np.empty(0))
_HINT = "at row t use bars of rows up to t; a shift in the wrong direction is the usual cause"


def signals_of(
    strategy: Strategy, market: Market, horizon: int, *, samples: int = SAMPLES, seed: int = 0
) -> Signals:
    """The signals of a strategy, after it was audited.

    Args:
        strategy: The strategy. What it takes from elsewhere than the bars that it is given, such as
            a file, cannot be seen here.
        market: The bars.
        horizon: Rows that a position is held.
        samples: Rows with a signal, and rows with a bar, at which the future is taken away, and
            replaced.
        seed: Of the rows and the other futures.

    Raises:
        LeakError: If it says something else when the future is missing or another one; it names the
            strategy, the pair and the row.
        ConfigError: If it makes no signal, or others when it is run again on the same bars.
    """
    name = name_of(strategy)
    said = strategy(market)
    _require_repeatable(name, said, strategy(market))
    for row in _rows(market, said, samples, seed):
        for other, what in (
            (market.until(row), "when the bars after it are missing"),
            (market.shocked(row, seed), "when the bars after it are others"),
        ):
            _compare(name, said, strategy(other), row, what)
    facts = {"strategy": name, "rows audited": samples}
    return Signals(said, horizon, "strategy", facts)


def _rows(market: Market, said: Mapping[str, PairSignals], samples: int, seed: int) -> list[int]:
    """Random rows with a signal, and as many from the first signal on with a bar.

    Raises:
        LeakError: If a signal stands after the last bar.
    """
    none = np.empty(0, np.int64)
    rows = np.unique(np.concatenate([none, *(part.rows for part in said.values())]))
    bars = np.unique(np.concatenate([none, *(part.rows for part in market.pairs.values())]))
    if len(rows) and (not len(bars) or rows[-1] > bars[-1]):
        raise LeakError(
            f"a signal at row {int(rows[-1])}, after the last bar",
            expected="signals of rows that have ended",
            hint=_HINT,
        )
    # Before its first signal a strategy has too few bars to say anything.
    bars = bars[bars >= rows[0]] if len(rows) else none
    rng = np.random.default_rng(seed)
    picked = [rng.choice(part, min(samples, len(part)), replace=False) for part in (rows, bars)]
    return [int(row) for row in np.unique(np.concatenate(picked))]


def _require_repeatable(
    name: str, said: Mapping[str, PairSignals], again: Mapping[str, PairSignals]
) -> None:
    if set(said) != set(again) or not all(_same(said[pair], again[pair]) for pair in said):
        raise ConfigError(
            f"strategy {name} says something else each time",
            expected="the same signals from the same bars",
            hint="draw with a generator of a fixed seed, made inside the strategy",
        )


def _compare(
    name: str,
    said: Mapping[str, PairSignals],
    again: Mapping[str, PairSignals],
    row: int,
    what: str,
) -> None:
    for pair in sorted({*said, *again}):
        known, repeated = (
            part[pair].until(row) if pair in part else _NONE for part in (said, again)
        )
        if not _same(known, repeated):
            raise LeakError(
                f"strategy {name} peeks: its signals of {pair} up to row {row} change {what}",
                expected="the same signals, whatever comes later",
                hint=_HINT,
            )


def _same(a: PairSignals, b: PairSignals) -> bool:
    return all(
        np.array_equal(x, y, equal_nan=True)
        for x, y in ((a.rows, b.rows), (a.move, b.move), (a.rise, b.rise))
    )


class _Seen(Protocol):
    """The part of a run that is checked here."""

    @property
    def folds(self) -> tuple[Fold, ...]:
        """Its folds."""

    def model(self, pair: str, fold: int) -> object:
        """The model of a fold."""


def require_walked_forward(run: _Seen, pair: str, frame: pl.DataFrame) -> None:
    """Refuse forecasts of a pair that could not have been made at their time.

    Args:
        run: The run.
        pair: The pair.
        frame: Its forecasts, with ``row`` and ``fold``.

    Raises:
        LeakError: If a row is none of its fold's test rows, is forecast twice, or a model saw rows
            outside of the fold's training rows, or any that do not lie before the test.
    """
    if frame["row"].n_unique() < len(frame):
        raise LeakError(
            f"rows of {pair} with several forecasts", expected="one each: a walk-forward run"
        )
    folds = {fold.number: fold for fold in run.folds}
    for (number,), part in frame.group_by(["fold"], maintain_order=True):
        fold = folds.get(int(str(number)))
        rows = part["row"].to_numpy()
        if fold is None or not fold.test.mask(rows).all():
            raise LeakError(
                f"forecasts of {pair} outside of the test rows of fold {number}",
                expected="test rows" if fold is None else f"rows in {fold.test}",
            )
        model = run.model(pair, fold.number)
        require_inside(model, fold)
        if fold.train.stop > fold.test.first:
            raise LeakError(
                f"the model of {pair} in fold {number} may see rows up to {fold.train.stop}, after "
                f"the test has begun at row {fold.test.first}",
                expected="training rows before the test rows",
                hint="trade on a walk-forward run, not on k-fold or combinatorial splits",
            )
