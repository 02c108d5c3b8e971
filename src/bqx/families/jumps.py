"""Jumps: returns that are large against the volatility just before them, in both domains."""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.realized_volatility import clean_products, session_rows
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.jumps import bipower_deviation, decay, rows_since, scores
from bqx.kernels.sums import moving_sum

W = 20
DAY = 1_440
"""Rows after which a jump is forgotten: one trading day."""

LARGE, EXTREME = 2.5, 3.0
UNKNOWN = (
    "bipower_20 is 0, or the return crosses a closure, or more than 2 of the 20 before or 25 % of"
    " their products do"
)


def _scored(step: int) -> int:
    """Rows behind a return and the 20 returns before it, whose products need one more each."""
    return W - 1 + 3 * step


def _scores(d: Domain) -> FloatArray:
    """Each return in standard deviations of the 20 returns before it."""
    step, terms, out = d.traits.step, clean_products(d), d.block(5)
    for k, (row, rows) in enumerate(((1, W - 1), (3, W), (4, W - 1))):
        moving_sum(terms[row], rows, d.first, out[k])
    bipower_deviation(out[:3], W, out[3])
    scores(d.change, session_rows(d), out[3], step, out[4])
    found: FloatArray = out[4]
    return found


def _start(d: Domain) -> int:
    """Element from which on scores can be known."""
    missing = d.grid.empty + d.traits.lead
    return missing + _scored(d.traits.step) - 1


_feature = partial(Feature, low=0.0, history=by_step(_scored))


def _flag(name: str, threshold: float) -> Feature:
    return _feature(
        f"jump_flag_{name}_sigma",
        f"1 where the return exceeds {threshold:g} standard deviations of the 20 returns before.",
        unit="flag",
        formula=by_step(
            lambda step: f"|r_t| > {threshold:g} sigma, sigma^2 = bipower_20/20 at t-{step}"
        ),
        high=1.0,
        null_rule=UNKNOWN,
        kind="flag",
    )


def _count(rows: int) -> Feature:
    return _feature(
        f"jump_count_{rows}",
        f"Rows among the last {rows} whose return exceeds 3 standard deviations.",
        unit="rows",
        high=float(rows),
        history=by_step(lambda step: _scored(step) + rows - 1),
        kind="count",
    )


class Jumps(Family):
    """Jumps: changes beyond a multiple of the volatility just before them.

    A change is a log return of the index, or a 15-row change of BQX. Volatility is the bipower
    variation of the 20 changes before. In the rate domain a jump among them hardly moves it, and
    the first return after a closure is no jump. In the BQX domain they end 15 rows earlier, so that
    none overlaps with the change; one jump of the price moves the changes of up to 30 rows, and
    each of them counts. Rows without a known volatility (as in a still market) count as rows
    without a jump.
    """

    table = "jumps_{domain}"

    large = _flag("2_5", LARGE)
    extreme = _flag("3", EXTREME)
    count_20 = _count(20)
    count_60 = _count(60)
    since = _feature(
        "time_since_last_jump",
        "Rows since the last return beyond 3 standard deviations, at most 1,440; 0 at the jump.",
        unit="rows",
        high=float(DAY),
        memory=by_step(lambda step: _scored(step) + DAY),
        null_rule="there was no jump yet, and fewer than 1,440 rows in which one was possible",
        kind="count",
    )
    direction = _feature(
        "jump_direction",
        "Sign of a return beyond 3 standard deviations; 0 where the return is no jump.",
        unit="sign",
        low=-1.0,
        high=1.0,
        null_rule=UNKNOWN,
        kind="category",
    )
    magnitude = _feature(
        "jump_magnitude_z",
        "Size of the return in standard deviations of the 20 returns before.",
        unit="ratio",
        formula=by_step(lambda step: f"|r_t| / sigma, sigma^2 = bipower_20/20 at t-{step}"),
        null_rule=UNKNOWN,
    )
    decay = _feature(
        "post_jump_decay_20",
        "Volatility since the last jump relative to that of the 20 rows that ended with it; below 1"
        " when it has calmed down. Volatility is the root mean square of returns, those across a"
        " closure left out.",
        unit="ratio",
        formula="rms(r since the jump J, J excluded) / rms(r of the 20 rows up to J)",
        history=by_step(lambda step: _scored(step) + W),
        null_rule="the row is a jump, or there was none in the last 20 rows",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All eight columns."""
        score = _scores(d)
        unknown = np.isnan(score)
        jump = np.where(score > EXTREME, 1.0, 0.0)
        out = d.block(4)
        rows_since(score, EXTREME, DAY, _start(d), out[0])
        moving_sum(jump, 20, d.first, out[1])
        moving_sum(jump, 60, d.first, out[2])
        decay(d.change, session_rows(d), out[0], W, out[3])
        return {
            "large": np.where(unknown, np.nan, score > LARGE),
            "extreme": np.where(unknown, np.nan, jump),
            "count_20": out[1],
            "count_60": out[2],
            "since": out[0],
            "direction": np.where(unknown, np.nan, jump * np.sign(d.change)),
            "magnitude": score,
            "decay": out[3],
        }
