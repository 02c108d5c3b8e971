"""Realized volatility: range estimators, power variations and jump statistics, in both domains."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.moments import mean_std
from bqx.kernels.ranges import TERMS, log_range_terms, range_terms
from bqx.kernels.sums import moving_sum, moving_sums
from bqx.kernels.variation import (
    CLEAN,
    HALF_PI,
    POWERS,
    clean_terms,
    jump_statistic,
    power_terms,
    within_session,
)

WINDOWS = (20, 60, 120, 240, 390, 630)


def bar_terms(d: Domain) -> FloatArray:
    """Terms of the range estimators for the bar at each row, shape (5, rows); once per slice."""

    def make() -> FloatArray:
        out = d.block(TERMS)
        bars = (d.bars.open, d.bars.high, d.bars.low, d.bars.close)
        terms = log_range_terms if d.traits.name == "rate" else range_terms
        terms(bars, d.traits.step, out)
        return out

    return d.memo("range_terms", make)


def return_powers(d: Domain) -> FloatArray:
    """r², r⁴, r |r| and |r r'| of each row, shape (4, rows); once per slice."""

    def make() -> FloatArray:
        out = d.block(POWERS)
        power_terms(d.change, d.traits.step, out)
        return out

    return d.memo("return_powers", make)


def session_rows(d: Domain) -> FloatArray:
    """1 where the return of a row lies within one session, 0 where it crosses a closure."""

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        # A change of BQX over 15 rows reaches back 30 rows of closes.
        within_session(d.grid.minutes, d.traits.lead + d.traits.step, out)
        return out

    return d.memo("session_rows", make)


def clean_products(d: Domain) -> FloatArray:
    """Terms of the jump statistics without returns across a closure, shape (6, rows)."""

    def make() -> FloatArray:
        out = d.block(CLEAN)
        clean_terms(d.change, session_rows(d), d.traits.step, out)
        return out

    return d.memo("clean_products", make)


def _ranges(d: Domain, w: int) -> Columns:
    """The four range estimators for one window."""
    terms, out = bar_terms(d), d.block(7)
    moving_sums(terms[:3], w, d.first, out[:3])
    mean_std(terms[3], w, d.first, out[3], out[4])
    mean_std(terms[4], w, d.first, out[5], out[6])
    inside = max(d.traits.step - 1, 1) * w
    k = 0.34 / (1.34 + (w + 1) / (w - 1))
    joint = out[4] * out[4] + k * (out[6] * out[6]) + ((1 - k) / w) * out[2]
    return {
        "parkinson": np.sqrt(out[0] / (4 * math.log(2.0) * inside)),
        "garman_klass": np.sqrt(out[1] / inside),
        "rogers_satchell": np.sqrt(out[2] / inside),
        "yang_zhang": np.sqrt(joint / d.traits.step),
    }


def _variations(d: Domain, w: int) -> Columns:
    """Bipower variation, quarticity and signed jump variation for one window."""
    step, powers, out = d.traits.step, return_powers(d), d.block(3)
    moving_sums(powers[1:3], w, d.first, out[:2])
    moving_sum(powers[3], w - 1, d.first, out[2])
    return {
        "bipower": out[2] * (HALF_PI * (w / (w - 1)) / step),
        "quarticity": out[0] * (w / 3 / (step * step)),
        "signed_jump": out[1] / step,
    }


def _jump_test(d: Domain, w: int) -> FloatArray:
    terms, sums = clean_products(d), d.block(CLEAN + 1)
    for k in range(CLEAN):
        moving_sum(terms[k], w - k % 3, d.first, sums[k])
    jump_statistic(sums[:CLEAN], w, sums[CLEAN])
    found: FloatArray = sums[CLEAN]
    return found


RETURNS = by_step(lambda step: lambda w: w + step)
"""Rows behind ``w`` returns, or behind ``w`` bars and the close of the bar before."""

_JUMPS = (
    "Relative jump variation over its standard error, about N(0, 1) without jumps; returns across a"
    " closure are left out."
)

_feature = partial(Feature, unit="return", low=0.0, history=RETURNS)


def _per_row(step: int) -> str:
    """What makes a sum over bars one over rows, in formulas."""
    return f" / {step}" if step > 1 else ""


def _range(name: str, author: str, formula: str) -> Feature:
    return _feature(
        name + "_vol_{d}_{w}_1m",
        f"Volatility per row by the estimator of {author}, from the last {{w}} bars.",
        formula={"rate": f"sqrt(mean({formula}))", "bqx": f"sqrt(mean({formula}) / 14)"},
        history=by_step(lambda step: lambda w: w + step - 1),
        source=author,
    )


class RealizedVolatility(Family):
    """Realized volatility of the series per minute, from its bars and the returns of a bar.

    Rate: r is the log return, h = ln(H/O), l = ln(L/O), c = ln(C/O), o = ln(O/C of the bar before).
    Not annualised. Few moves within a bar bias ranges low: with 5 moves Parkinson finds 0.76 of the
    volatility, Garman-Klass 0.64 and Rogers-Satchell 0.61. Returns across a closure belong to all
    columns but the jump statistic.

    BQX: a bar of 15 rows and a 15-row change r end at every row and overlap. h, l, c are the
    differences of high, low and close from the bar's open, o that of the open from the value one
    row before. Range estimators divide by the 14 steps inside a bar, the others by 15 (sums of
    fourth powers by 225). Factors of products lie 15 rows apart. With 14 moves in a bar ranges are
    low by a constant factor: Parkinson 0.84, Garman-Klass 0.77, Rogers-Satchell 0.76.
    """

    table = "realized_volatility_{domain}"
    windows = WINDOWS

    parkinson = _range("parkinson", "Parkinson 1980", "(h - l)^2 / (4 ln 2)")
    garman_klass = _range(
        "garman_klass", "Garman and Klass 1980", "(h - l)^2 / 2 - (2 ln 2 - 1) c^2"
    )
    rogers_satchell = _range("rogers_satchell", "Rogers and Satchell 1991", "h (h - c) + l (l - c)")
    yang_zhang = _feature(
        "yang_zhang_vol_{d}_{w}_1m",
        "Volatility per row by the estimator of Yang and Zhang, from the last {w} bars and the"
        " gaps between a bar's open and the close before.",
        formula=by_step(
            lambda step: (
                "sqrt((var(o) + k var(c) + (1 - k) mean(h (h - c) + l (l - c)))"
                f"{_per_row(step)}), k = 0.34 / (1.34 + ({{w}} + 1)/({{w}} - 1))"
            )
        ),
        source="Yang and Zhang 2000",
    )
    bipower = _feature(
        "bipower_var_{d}_{w}_1m",
        "Bipower variation of the last {w} returns: their variance without jumps.",
        unit="return^2",
        formula=by_step(
            lambda step: (
                f"(pi/2) {{w}}/({{w}}-1) sum of the last {{w}}-1 |r_t r_(t-{step})|{_per_row(step)}"
            )
        ),
        history=by_step(lambda step: lambda w: w - 1 + 2 * step),
        source="Barndorff-Nielsen and Shephard 2004",
    )
    quarticity = _feature(
        "realized_quarticity_{d}_{w}_1m",
        "Realized quarticity of the last {w} returns.",
        unit="return^4",
        formula={"rate": "({w}/3) sum(r^4)", "bqx": "({w}/3) sum(r^4) / 225"},
        source="Barndorff-Nielsen and Shephard 2002",
    )
    jump_statistic = _feature(
        "jump_test_stat_{d}_{w}_1m",
        {
            "rate": _JUMPS,
            "bqx": f"{_JUMPS} A score and no test, because the returns overlap.",
        },
        unit="ratio",
        formula=by_step(
            lambda step: (
                "((RV - BV)/RV) / sqrt(((pi/2)^2 + pi - 5)/{w} max(1, TQ/BV^2)), TQ = {w}"
                f" 0.8309^-3 {{w}}/({{w}}-2) sum |r_t r_(t-{step}) r_(t-{2 * step})|^(4/3)"
            )
        ),
        low=None,
        history=by_step(lambda step: lambda w: w - 2 + 3 * step),
        null_rule="RV or BV is 0, or more than 10 % of the returns or 25 % of the triples cross a"
        " closure",
        source="Huang and Tauchen 2005",
    )
    signed_jump = _feature(
        "signed_jump_{d}_{w}_1m",
        "Variation of the rises less that of the falls among the last {w} returns.",
        unit="return^2",
        formula={
            "rate": "sum(r^2 1(r>0)) - sum(r^2 1(r<0))",
            "bqx": "sum(r^2 1(r>0)) - sum(r^2 1(r<0)), / 15",
        },
        low=None,
        source="Patton and Sheppard 2015",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The eight estimators for one window."""
        return {**_ranges(d, w), **_variations(d, w), "jump_statistic": _jump_test(d, w)}
