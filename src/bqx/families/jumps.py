"""Jumps: returns that are large against the volatility just before them, in both domains."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import TRAITS, Domain
from bqx.domains.grid import FloatArray
from bqx.families.realized_volatility import clean_products, session_rows
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.jumps import bipower_deviation, decay, rows_since, scores
from bqx.kernels.sums import moving_sum

W = 20
DAY = 1_440
"""Rows after which a jump is forgotten: one trading day."""

LARGE, EXTREME = 2.5, 3.0
INDEX = TRAITS["rate"].step
BQX = TRAITS["bqx"].step
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


def _flag(name: str, threshold: float, step: int) -> Feature:
    return Feature(
        f"jump_flag_{name}_sigma",
        f"1 where the return exceeds {threshold:g} standard deviations of the 20 returns before.",
        unit="flag",
        formula=f"|r_t| > {threshold:g} sigma, sigma^2 = bipower_20/20 at t-{step}",
        low=0.0,
        high=1.0,
        history=_scored(step),
        null_rule=UNKNOWN,
        kind="flag",
    )


def _count(rows: int, step: int) -> Feature:
    return Feature(
        f"jump_count_{rows}",
        f"Rows among the last {rows} whose return exceeds 3 standard deviations.",
        unit="rows",
        low=0.0,
        high=float(rows),
        history=_scored(step) + rows - 1,
        kind="count",
    )


def _since(step: int) -> Feature:
    return Feature(
        "time_since_last_jump",
        "Rows since the last return beyond 3 standard deviations, at most 1,440; 0 at the jump.",
        unit="rows",
        low=0.0,
        high=float(DAY),
        history=_scored(step),
        memory=_scored(step) + DAY,
        null_rule="there was no jump yet, and fewer than 1,440 rows in which one was possible",
        kind="count",
    )


def _direction(step: int) -> Feature:
    return Feature(
        "jump_direction",
        "Sign of a return beyond 3 standard deviations; 0 where the return is no jump.",
        unit="sign",
        low=-1.0,
        high=1.0,
        history=_scored(step),
        null_rule=UNKNOWN,
        kind="category",
    )


def _magnitude(step: int) -> Feature:
    return Feature(
        "jump_magnitude_z",
        "Size of the return in standard deviations of the 20 returns before.",
        unit="ratio",
        formula=f"|r_t| / sigma, sigma^2 = bipower_20/20 at t-{step}",
        low=0.0,
        history=_scored(step),
        null_rule=UNKNOWN,
    )


def _decay(step: int) -> Feature:
    return Feature(
        "post_jump_decay_20",
        "Volatility since the last jump relative to that of the 20 rows that ended with it; below 1"
        " when it has calmed down. Volatility is the root mean square of returns, those across a"
        " closure left out.",
        unit="ratio",
        formula="rms(r since the jump J, J excluded) / rms(r of the 20 rows up to J)",
        low=0.0,
        history=_scored(step) + W,
        null_rule="the row is a jump, or there was none in the last 20 rows",
    )


class _Jumps:
    """The computation, which is the same in both domains."""

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


class JumpsRate(_Jumps, Family):
    """Jumps of the rate index: log returns beyond a multiple of the volatility just before them.

    Volatility is the bipower variation of the 20 returns before, which a jump among them hardly
    moves. The first return after a closure is no jump; rows without a known volatility (as in a
    still market) count as rows without a jump.
    """

    table = "jumps_{domain}"
    domains = ("rate",)

    large = _flag("2_5", LARGE, INDEX)
    extreme = _flag("3", EXTREME, INDEX)
    count_20 = _count(20, INDEX)
    count_60 = _count(60, INDEX)
    since = _since(INDEX)
    direction = _direction(INDEX)
    magnitude = _magnitude(INDEX)
    decay = _decay(INDEX)


class JumpsBqx(_Jumps, Family):
    """Jumps of the BQX series: 15-row changes beyond a multiple of the volatility before them.

    Volatility is that of 20 changes which end 15 rows earlier, so that none overlaps with the
    change. One jump of the price moves the changes of up to 30 rows, and each of them counts. Rows
    without a known volatility count as rows without a jump.
    """

    table = "jumps_{domain}"
    domains = ("bqx",)

    large = _flag("2_5", LARGE, BQX)
    extreme = _flag("3", EXTREME, BQX)
    count_20 = _count(20, BQX)
    count_60 = _count(60, BQX)
    since = _since(BQX)
    direction = _direction(BQX)
    magnitude = _magnitude(BQX)
    decay = _decay(BQX)
