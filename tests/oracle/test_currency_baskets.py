"""Currency baskets against means of predictions, pair by pair and row by row."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

import references
import references_currencies as slow
from bqx import registry
from bqx.families.currency_baskets import GROUPS, WINDOWS, BasketMoves, CurrencyBaskets
from bqx.families.currency_indices import NAMES, CurrencyIndices
from bqx.market import PAIRS
from references import Floats

MARKET = slow.frames(1.5)


@cache
def prices() -> dict[str, slow.Laid]:
    return slow.laid(MARKET)


@cache
def log_predictions() -> dict[str, Floats]:
    """Logarithm of w60_prediction / 100 of all pairs; a prediction is linear in the values."""
    powers = np.vander(np.linspace(-1.0, 0.0, 60), 3)
    weights = powers[-1] @ np.linalg.pinv(powers)
    index = {p: x.values / x.first for p, x in prices().items()}
    return {p: np.log(references.trailing(v, 60) @ weights) for p, v in index.items()}


@cache
def counting(pair: str, history: int) -> list[bool]:
    """The rule of validity."""
    price = prices()[pair]
    found = []
    for t, age in enumerate(price.ages):
        rows = price.ages[max(t - history + 1, 0) : t + 1]
        whole = len(rows) == history and bool(np.isfinite(rows).all())
        found.append(whole and age <= 5 and 10 * int((rows == 0).sum()) >= 9 * history)
    return found


def mean_of_pairs(values: dict[str, Floats], history: int, currency: str) -> Floats:
    """Mean over the pairs that count, signed; NaN where fewer than five do."""
    own = [p for p in PAIRS if currency in (p[:3], p[3:])]
    shown = [
        np.where(counting(p, history), values[p] if p.startswith(currency) else -values[p], np.nan)
        for p in own
    ]
    table = np.array(shown)
    few = (~np.isnan(table)).sum(axis=0) < 5
    sums = np.where(few, np.nan, np.nansum(table, axis=0))
    return np.asarray(sums / np.maximum((~np.isnan(table)).sum(axis=0), 1))


@cache
def level(currency: str) -> Floats:
    return mean_of_pairs(log_predictions(), 60, currency)


@cache
def moves(currency: str) -> Floats:
    steps = {p: np.diff(v, prepend=np.nan) for p, v in log_predictions().items()}
    return mean_of_pairs(steps, 61, currency)


def over(values: Floats, w: int) -> tuple[Floats, Floats]:
    """The mean times w, and the deviation, of the values that there are in each window."""
    total, deviation = np.full((2, len(values)), np.nan)
    for t in range(w - 1, len(values)):
        rows = values[t - w + 1 : t + 1]
        known = rows[~np.isnan(rows)]
        if 10 * len(known) >= 9 * w:
            total[t], deviation[t] = w * known.mean(), known.std(ddof=1)
    return total, deviation


def close_to(found: Floats, expected: Floats, atol: float, start: int) -> None:
    assert np.count_nonzero(~np.isnan(expected[start:])) > 0
    np.testing.assert_allclose(found[start:], expected[start:], rtol=0, atol=atol)


def test_indices_and_strengths() -> None:
    found = CurrencyBaskets().compute_fixed(slow.domain(MARKET, single=True))
    for currency in NAMES:
        close_to(found[f"{currency}_index"], 100 * np.exp(level(currency)), 1e-11, 59)
        for group, members in GROUPS.items():
            others = [level(c) for c in members if c != currency]
            expected = 100 * (level(currency) - np.mean(others, axis=0))
            close_to(found[f"{currency}_{group}"], expected, 1e-11, 59)


@pytest.mark.parametrize("w", WINDOWS)
def test_moves(w: int) -> None:
    found = BasketMoves().compute(slow.domain(MARKET, single=True), w)
    start, half = w + 59, w // 2
    for currency in NAMES:
        momentum, deviation = over(moves(currency), w)
        later, _ = over(moves(currency), half)
        earlier = np.concatenate([np.full(half, np.nan), later[:-half]])
        close_to(found[f"{currency}_momentum"], momentum, 1e-13, start)
        close_to(found[f"{currency}_volatility"], deviation, 1e-14, start)
        close_to(found[f"{currency}_acceleration"], later - earlier, 1e-13, start)
        known = (np.abs(earlier) > 1e-5) & ~np.isnan(later)
        known[:start] = False
        assert np.count_nonzero(known) > 10
        roc = later[known] / np.abs(earlier[known]) - np.sign(earlier[known])
        np.testing.assert_allclose(found[f"{currency}_roc"][known], roc, rtol=1e-7, atol=1e-7)


def test_without_gaps_moves_are_those_of_the_level() -> None:
    d = slow.domain(slow.consistent(800), single=True)
    baskets, moved = CurrencyBaskets().compute_fixed(d), BasketMoves().compute(d, 630)
    for currency in NAMES:
        logs = np.log(baskets[f"{currency}_index"])
        expected = np.full(800, np.nan)
        expected[630:] = logs[630:] - logs[:-630]
        close_to(moved[f"{currency}_momentum"], expected, 1e-13, 689)
        halves = logs[630:] - 2 * logs[315:-315] + logs[:-630]
        close_to(moved[f"{currency}_acceleration"][630:], halves, 1e-13, 59)


def test_a_basket_follows_its_index() -> None:
    d = slow.domain(slow.consistent(800), single=True)
    baskets, indices = CurrencyBaskets().compute_fixed(d), CurrencyIndices().compute_fixed(d)
    for currency in NAMES:
        near = np.abs(baskets[f"{currency}_index"][59:] - indices[currency][59:])
        assert float(near.max()) < 0.1


def test_currencies_of_a_group_are_compared_with_the_others() -> None:
    d = slow.domain(slow.consistent(100), single=True)
    found = CurrencyBaskets().compute_fixed(d)
    # Each of the two havens is compared with the other one.
    both = found["chf_safe_haven"][59:] + found["jpy_safe_haven"][59:]
    np.testing.assert_allclose(both, 0.0, atol=1e-12)
    total = sum(np.log(found[f"{c}_index"][59:] / 100) for c in NAMES)
    np.testing.assert_allclose(total, 0.0, atol=1e-13)


def test_a_move_without_moves_before_has_no_rate() -> None:
    flat = {
        pair: bars.with_columns(**dict.fromkeys(("open", "high", "low", "close"), pl.lit(1.0)))
        for pair, bars in slow.consistent(200).items()
    }
    found = BasketMoves().compute(slow.domain(flat, single=True), 60)
    for currency in NAMES:
        assert (found[f"{currency}_momentum"][119:] == 0.0).all()
        assert (found[f"{currency}_volatility"][119:] == 0.0).all()
        assert np.isnan(found[f"{currency}_roc"]).all()


def test_columns() -> None:
    names = registry().table("currency_baskets").column_names
    assert len(names) == len(set(names)) == 8 * 28
    for currency in NAMES:
        assert sum(name.startswith(currency) for name in names) == 28
