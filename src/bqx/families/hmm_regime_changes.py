"""Change points at three scales: run length posterior and cumulative sums, over both domains.

Sampled like the hidden Markov model's observations, in recursions that restart on absolute rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.hmm_regime import (
    REACH,
    SCALES,
    WEEK,
    on_rows,
    runs_of,
    samples_of,
    step_changes,
)
from bqx.families.regression import fitted_terms
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.bocpd import bocpd
from bqx.kernels.cusum import cusum
from bqx.kernels.elementwise import change
from bqx.kernels.samples import scores

LONGEST_RUN = 1_000
"""Run length at which the change point posterior is truncated, and samples before the week."""

DEVIATION = 240
"""Samples behind a standard deviation."""

SETTLING = 60
"""Samples of a recursion before its first value is shown."""

QUADRATIC = 60
"""Window of the regression whose quadratic term is watched."""

ADAMS = "Adams and MacKay 2007"
PAGE = "Page 1954"
FLAT_RETURNS = "the last 240 changes are equal"
FLAT_LEVEL = "the last 240 values are equal"


def _recursion(
    d: Domain, k: int, z: FloatArray, reach: int, run: Callable[[FloatArray, FloatArray], None]
) -> FloatArray:
    """The three outputs of a recursion over samples, on rows."""
    out = np.empty((3, len(z)))
    for part in runs_of(d, k, reach):
        found = np.empty((3, part.stop - part.begin))
        run(z[part.begin : part.stop], found)
        out[:, part.start : part.stop] = found[:, part.start - part.begin :]
    return on_rows(d, k, out)


def _scores(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values over their deviation, and the same with the mean taken off first."""
    scaled, centred = np.empty_like(values), np.empty_like(values)
    scores(values, DEVIATION, scaled, centred)
    return scaled, centred


def _return_scores(d: Domain, k: int) -> FloatArray:
    """Change over its deviation, from sample to sample; in the BQX domain over 15 rows."""

    def make() -> FloatArray:
        bqx = d.traits.name == "bqx"
        returns = d.change[samples_of(d, k).ends] if bqx else step_changes(d, k)
        return _scores(returns)[0]

    return d.memo(("return_scores", k), make)


def _quadratic_scores(d: Domain, k: int) -> FloatArray:
    """Sampled changes of the quadratic term over their deviation."""
    values = fitted_terms(d, QUADRATIC)[0][samples_of(d, k).ends]
    changes = np.empty_like(values)
    change(values, 1, changes)
    return _scores(changes)[0]


def _memory(reach: Callable[[int], int]) -> Callable[[int], int]:
    """Rows that can influence a recursion's value: week, reach, deviation and regression."""
    return lambda k: WEEK + reach(k) * k + (DEVIATION + 3) * k + QUADRATIC + 16


def _history(k: int) -> int:
    return (DEVIATION + SETTLING) * k


def _posterior(name: str, description: str, formula: str, high: float = 1.0) -> Feature:
    return Feature(
        name + "_{d}_{w}m",
        description,
        unit="samples" if high > 1.0 else "ratio",
        formula=formula,
        low=0.0,
        high=high,
        history=_history,
        memory=_memory(lambda _: LONGEST_RUN),
        null_rule=FLAT_RETURNS,
        source=ADAMS,
    )


class ChangePoint(Family):
    """Posterior of the time since the last change of mean or variance of the scaled change.

    Bayesian online change point detection on r / SD_240(r): r is the change from sample to sample,
    in the BQX domain the one over 15 rows. Hazard 1/250; normal-inverse-gamma prior with mean 0,
    count 1, shape 1 and scale 1; run lengths up to 1,000 samples, at which a longer run is kept.
    The recursion begins 1,000 samples before the grid's week of 7,200 rows.
    """

    table = "hmm_regime_{domain}"
    windows = SCALES

    run_length = _posterior(
        "bocpd_run_length",
        "Posterior mean of the samples of {w} minutes since the last change point.",
        "E[run length]",
        float(LONGEST_RUN),
    )
    hazard = _posterior(
        "bocpd_hazard_rate",
        "Probability of a change point within the last five samples of {w} minutes.",
        "P(run length <= 5)",
    )
    growth = _posterior(
        "bocpd_growth_prob",
        "Probability that the run that was the most likely one a sample before has gone on.",
        "P(run length = argmax before + 1)",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All three columns of one scale."""

        def run(z: FloatArray, out: FloatArray) -> None:
            bocpd(z, LONGEST_RUN, out)

        found = _recursion(d, w, _return_scores(d, w), LONGEST_RUN, run)
        return dict(zip(self.features, found, strict=True))


def _cusum(d: Domain, k: int, z: FloatArray) -> FloatArray:
    """Difference of the sums, alarm and samples since it."""

    def run(z: FloatArray, out: FloatArray) -> None:
        cusum(z, REACH[k], out)

    return _recursion(d, k, z, REACH[k], run)


def _sums(name: str, what: str, z: str, null_rule: str) -> Feature:
    return Feature(
        name + "_{d}_{w}m",
        f"Upper less lower cumulative sum of {what}, {{w}}-minute samples, before a reset.",
        unit="deviations",
        formula=f"S+ - S-; S± = max(0, S± ± z - 0.5), 0 after S± > 5; z = {z}",
        history=_history,
        memory=_memory(REACH.__getitem__),
        null_rule=null_rule,
        source=PAGE,
    )


def _alarm(null_rule: str) -> Feature:
    return Feature(
        "cusum_alarm_flag_{d}_{w}m",
        "1 if a sum of the first cumulative sums of {w}-minute samples exceeds 5, else 0.",
        unit="flag",
        formula="S+ > 5 or S- > 5",
        low=0.0,
        high=1.0,
        history=_history,
        memory=_memory(REACH.__getitem__),
        null_rule=null_rule,
        source=PAGE,
        kind="flag",
    )


def _since_alarm(null_rule: str) -> Feature:
    return Feature(
        "cusum_reset_periods_{d}_{w}m",
        "Samples of {w} minutes since the last alarm (at most 7,200; 5 minutes: 1,440; 15 minutes: "
        "1,000).",
        unit="samples",
        formula="min(cap, i - i_alarm)",
        low=0.0,
        high=float(max(REACH.values())),
        history=_history,
        memory=_memory(REACH.__getitem__),
        null_rule=null_rule,
        source=PAGE,
        kind="count",
    )


class CusumRate(Family):
    """Two-sided cumulative sums of returns and of the change of the quadratic term.

    The recursion forgets its beginning; it begins 7,200 samples before the grid's week of 7,200
    rows (5 minutes: 1,440, 15 minutes: 1,000).
    """

    table = "hmm_regime_{domain}"
    domains = ("rate",)
    windows = SCALES

    returns = _sums("cusum_returns", "returns", "r / SD_240(r)", FLAT_RETURNS)
    a2 = _sums(
        "cusum_a2",
        "changes of w60_quadratic_term",
        "q / SD_240(q), q the change from sample to sample",
        "the last 240 changes of the quadratic term are equal",
    )
    alarm = _alarm(FLAT_RETURNS)
    reset = _since_alarm(FLAT_RETURNS)

    def compute(self, d: Domain, w: int) -> Columns:
        """All four columns of one scale."""
        returns, alarm, reset = _cusum(d, w, _return_scores(d, w))
        a2 = _cusum(d, w, _quadratic_scores(d, w))[0]
        return {"returns": returns, "a2": a2, "alarm": alarm, "reset": reset}


class CusumBqx(Family):
    """Two-sided cumulative sums of the level of BQX and of its change over 15 rows.

    Both are autocorrelated, so alarms are frequent: a score, not a test. The recursion begins as
    in the rate domain.
    """

    table = "hmm_regime_{domain}"
    domains = ("bqx",)
    windows = SCALES

    momentum = _sums("cusum_momentum", "BQX", "(x - SMA_240(x)) / SD_240(x)", FLAT_LEVEL)
    velocity = _sums(
        "cusum_velocity", "15-row changes of BQX", "r / SD_240(r), r = x_t - x_t-15", FLAT_RETURNS
    )
    alarm = _alarm(FLAT_LEVEL)
    reset = _since_alarm(FLAT_LEVEL)

    def compute(self, d: Domain, w: int) -> Columns:
        """All four columns of one scale."""
        level = _scores(d.series[samples_of(d, w).ends])[1]
        momentum, alarm, reset = _cusum(d, w, level)
        velocity = _cusum(d, w, _return_scores(d, w))[0]
        return {"momentum": momentum, "velocity": velocity, "alarm": alarm, "reset": reset}
