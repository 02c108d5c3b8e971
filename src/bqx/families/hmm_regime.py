"""Regimes by a hidden Markov model at three scales, over both domains.

The series is sampled at the ends of clock-aligned blocks of 1, 5 and 15 minutes; a value stands
from the row at which its block is complete until the next block is.

The recursions restart on absolute rows, so that a value does not depend on how the history is cut:
the samples of one trading week of rows, counted from row 0 of the grid, come from one recursion,
which begins a fixed number of samples before that week.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray, Int64Array
from bqx.features.family import Columns, Family
from bqx.features.feature import Bound, Feature, Kind
from bqx.kernels.elementwise import change, log_change
from bqx.kernels.hmm import filtered
from bqx.kernels.hmm_fit import fit_regimes, unpack
from bqx.kernels.samples import block_ends, hold, volatility_and_efficiency

SCALES = (1, 5, 15)
"""Minutes between samples."""

WEEK = 7_200
"""Rows whose samples come from one recursion."""

REACH = {1: 7_200, 5: 1_440, 15: 1_000}
"""Samples before the week at which a recursion begins, and the greatest count of samples."""

TRAINING = 28_800
"""Rows of the first fit: 20 trading days."""

OBSERVED = 20
"""Changes behind an observation of the hidden Markov model."""

HAMILTON = "Hamilton 1989"


class Samples(NamedTuple):
    """The complete blocks of a slice.

    Attributes:
        ends: Last row of each block.
        known: Row from which the block is known to be complete.
    """

    ends: Int64Array
    known: Int64Array


class Run(NamedTuple):
    """One recursion: it begins at a sample and gives the values from another one on.

    Attributes:
        row: Absolute row of the week.
        begin: First sample of the recursion.
        start: First sample of the week.
        stop: One after the last sample of the week.
    """

    row: int
    begin: int
    start: int
    stop: int


def samples_of(d: Domain, k: int) -> Samples:
    """The complete blocks of ``k`` minutes of a slice."""

    def make() -> Samples:
        ends, known = np.empty(len(d), np.int64), np.empty(len(d), np.int64)
        count = block_ends(d.grid.minutes, k, ends, known)
        return Samples(ends[:count], known[:count])

    return d.memo(("samples", k), make)


def runs_of(d: Domain, k: int, reach: int) -> Iterator[Run]:
    """The recursions over the samples of a slice, week after week."""
    rows = d.first + samples_of(d, k).known
    if not len(rows):
        return
    for week in range(int(rows[0]) // WEEK, int(rows[-1]) // WEEK + 1):
        row = week * WEEK
        begin, start, stop = np.searchsorted(rows, [row - reach * k, row, row + WEEK])
        yield Run(row, int(begin), int(start), int(stop))


def on_rows(d: Domain, k: int, values: FloatArray) -> FloatArray:
    """Values of samples, one array per output, on the rows where they stand."""
    known = samples_of(d, k).known
    out = d.block(len(values))
    for sampled, rows in zip(values, out, strict=True):
        hold(sampled, known, rows)
    return out


def step_changes(d: Domain, k: int) -> FloatArray:
    """Change from sample to sample: logarithmic in the rate domain, differences of BQX."""
    values = d.series[samples_of(d, k).ends]
    out = np.empty_like(values)
    if d.traits.name == "rate":
        log_change(values, 1, out)
    else:
        change(values, 1, out)
    return out


def _observations(d: Domain, k: int, *, breaks: bool) -> FloatArray:
    """Log volatility and efficiency ratio of the last 20 changes, one column per sample.

    Args:
        d: The domain.
        k: Scale in minutes.
        breaks: Whether changes across a closure of the market count; without them the windows
            that contain one have no value.
    """
    ends = samples_of(d, k).ends
    changes = step_changes(d, k)
    if not breaks:
        closed = np.diff(d.grid.minutes[ends]) != np.diff(ends)
        changes[1:][closed] = np.nan
    out = np.empty((2, len(changes)))
    volatility_and_efficiency(changes, OBSERVED, out)
    return out


def _parameters(d: Domain, k: int, row: int) -> FloatArray | None:
    """Parameters of the newest month that begins at or before a row."""

    def fit(past: Domain, earlier: FloatArray | None) -> FloatArray | None:
        if len(past) < TRAINING:
            return None
        return fit_regimes(_observations(past, k, breaks=False), earlier)

    starts = d.month_starts()
    newest = bisect_right(starts, row) - 1
    return d.fitted(f"hmm_{k}m", starts[newest], fit) if newest >= 0 else None


NO_PARAMETERS = (
    "no parameters were fitted before the grid's week of 7,200 rows began: they are fitted at the "
    "starts of months with 28,800 rows of past"
)


def _hidden(
    name: str,
    description: str,
    formula: str,
    *,
    low: Bound = 0.0,
    high: Bound = 1.0,
    unit: str = "ratio",
    kind: Kind = "float",
) -> Feature:
    return Feature(
        name + "_{d}_{w}m",
        description,
        unit=unit,
        formula=formula,
        low=low,
        high=high,
        history=TRAINING,
        null_rule=NO_PARAMETERS,
        source=HAMILTON,
        kind=kind,
    )


def _probability(state: str, meaning: str) -> Feature:
    return _hidden(
        f"hmm_state_prob_{state}",
        f"Filtered probability of the {state} state, {meaning}, {{w}}-minute samples.",
        f"P(S = {state} | observations up to now)",
    )


class HmmRegime(Family):
    """Filtered states of a hidden Markov model of volatility and efficiency.

    Three Gaussian states over z = (ln sqrt(mean of r² over 20 samples), abs(sum r) / sum abs(r)
    over 20), r the change from sample to sample (logarithmic in the rate domain). Parameters are
    fitted by Baum-Welch on everything before a month's start, and used from the first week of the
    grid (7,200 rows from row 0) that begins after it. Windows that span a closure of the market
    are left out of fits; windows without any price change are missing observations, in fits as in
    the filter. The filter never looks ahead; it begins 7,200 samples before the week (5 minutes:
    1,440, 15 minutes: 1,000) in the stationary distribution.
    """

    table = "hmm_regime_{domain}"
    windows = SCALES
    fits = True
    precision = "float64"

    calm = _probability("calm", "the one that is neither shock nor trend")
    trend = _probability("trend", "the more efficient one of the two less volatile")
    shock = _probability("shock", "the most volatile one")
    duration = _hidden(
        "hmm_state_duration",
        "Samples of {w} minutes since the most likely state last changed, the current one included "
        "(at most 7,200; 5 minutes: 1,440; 15 minutes: 1,000).",
        "min(cap, i - i_change + 1)",
        low=1.0,
        high=float(max(REACH.values())),
        unit="samples",
        kind="count",
    )
    transition = _hidden(
        "hmm_state_transition_prob",
        "Probability that the next sample's state is not the most likely one of this sample.",
        "1 - sum_j p_j A[j, argmax p]",
    )
    entropy = _hidden(
        "regime_entropy",
        "Entropy of the three filtered probabilities.",
        "-sum_j p_j ln p_j / ln 3",
    )
    persistence = _hidden(
        "regime_persistence",
        "Probability that the next sample's state is the same as this one's.",
        "sum_j p_j A[j, j]",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All seven columns of one scale."""
        z = _observations(d, w, breaks=True)
        out = np.full((7, z.shape[1]), np.nan)
        for run in runs_of(d, w, REACH[w]):
            parameters = _parameters(d, w, run.row)
            if parameters is None:
                continue
            found = np.empty((7, run.stop - run.begin))
            past = np.ascontiguousarray(z[:, run.begin : run.stop])
            filtered(past, unpack(parameters), REACH[w], found)
            out[:, run.start : run.stop] = found[:, run.start - run.begin :]
        return dict(zip(self.features, on_rows(d, w, out), strict=True))
