"""Market regime: trend, volatility, crises and hidden states of a pair, and the whole panel."""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.hmm_regime import HAMILTON, NO_PARAMETERS, TRAINING, HmmRegime
from bqx.families.momentum import deviation, moved
from bqx.families.regime import LONG, SHORT, VOLATILITY_EDGES, trend_regime
from bqx.families.shared.columns import ratio, trailing_moments
from bqx.families.volatility_surface import (
    HOUR,
    MOST,
    SAMPLES,
    hourly,
    mean_square,
    stand,
)
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.correlation import correlation
from bqx.kernels.elementwise import change
from bqx.kernels.levels import grade
from bqx.kernels.panel import add_present, add_to_moments, dispersion, mean_of_seen
from bqx.kernels.present import standard_score
from bqx.kernels.present_quantile import quantile_of_present
from bqx.kernels.sums import moving_sum
from bqx.kernels.trend import efficiency_ratio
from bqx.market import PAIRS

W = 240
DAY = 1_440
MINUTES = 1
"""Scale of the hidden Markov model."""

STILL = 0.1
"""Efficiency ratio below which a market ranges."""

EXTREME, DISPERSED = 0.99, 0.95
"""Quantiles of volatility and of its dispersion that both are exceeded in a crisis."""

LEAST_PAIRS = 3
LEAST_OF_CURRENCY = 5
"""Pairs of a currency that must count, of 7."""

HAVENS = {"jpy": 0.5, "chf": 0.5, "aud": -0.5, "nzd": -0.5}
"""Weights of the currencies whose rise is a flight to quality, and of those that fall in one."""

FEW = (
    "fewer than 3 {} count: in the store, fresh, with bars in 90 % of the minutes of the window's "
    "history"
)
FEW_OF_CURRENCY = (
    "for one of the four currencies fewer than 5 of its 7 pairs count: in the store, fresh, with "
    "bars in 90 % of the last 61 minutes"
)


def _volatility_state(d: Domain) -> FloatArray:
    """Short-term against long-term volatility, as ``volatility_regime`` at 240 rows."""
    out: FloatArray = d.block(1)[0]
    relative = ratio(deviation(d, "change", W // SHORT), deviation(d, "change", LONG * W))
    grade(relative, VOLATILITY_EDGES, out)
    return out


def _efficiency(d: Domain) -> FloatArray:
    """Net change over the path of bar changes, 240 rows."""
    if d.traits.step == 1:
        out: FloatArray = d.block(1)[0]
        efficiency_ratio(d.series, W, d.first, out)
        return out
    path, sizes = np.full(len(d), np.nan), np.abs(d.change)
    last = W - d.traits.step
    path[last:] = sizes[last:]
    for rows in range(d.traits.step, W, d.traits.step):
        path[last:] += sizes[last - rows : len(d) - rows]
    return ratio(np.abs(moved(d, W)), path)


def _exceeds_quantile(d: Domain, values: FloatArray, q: float) -> FloatArray:
    """1 where a value is above the quantile of its hourly samples of 20 days, else 0."""
    rows, sampled = hourly(d, values)
    threshold = np.empty(len(sampled))
    quantile_of_present(sampled, SAMPLES, MOST, q, threshold)
    limit = stand(d, rows, threshold)
    return np.where(np.isnan(values) | np.isnan(limit), np.nan, values > limit)


def _dispersion(d: Domain) -> FloatArray:
    """Whether the volatilities of all pairs differ more than usual; once for all pairs."""

    def make() -> FloatArray:
        power, total, seen, mean, squares = d.block(5)
        seen[:] = mean[:] = squares[:] = 0.0
        for name in sorted(d.everyone):
            pair = d.everyone[name]
            np.multiply(pair.change, pair.change, out=power)
            moving_sum(power, HOUR, d.first, total)
            volatility = np.sqrt(total * (1.0 / (HOUR * d.traits.step)))
            counts = pair.valid(HOUR + d.traits.step + d.traits.lead)
            add_to_moments(np.where(counts, volatility, np.nan), seen, mean, squares)
        dispersion(seen, squares, LEAST_PAIRS, total)
        return _exceeds_quantile(d, total, DISPERSED)

    return d.common("dispersed_volatility", make)


def _crisis(d: Domain) -> FloatArray:
    return _exceeds_quantile(d, np.sqrt(mean_square(d, HOUR)), EXTREME) * _dispersion(d)


def _cross_pair_correlation(d: Domain) -> FloatArray:
    """Mean size of the correlations with the other pairs over 60 rows."""
    rate = d.traits.name == "rate"
    out: FloatArray
    found, total, seen, out = d.block(4)
    total[:] = seen[:] = 0.0
    own = d.change if rate else d.series
    for name in sorted(d.peers):
        peer = d.peers[name]
        correlation(own, peer.change if rate else peer.series, HOUR, d.first, found)
        counts = peer.valid(HOUR + 1 + d.traits.lead)
        add_present(np.where(counts, np.abs(found), np.nan), 1.0, total, seen)
    mean_of_seen(total, seen, LEAST_PAIRS, out)
    return out


def _hourly_move(d: Domain, out: FloatArray) -> None:
    """Change over 60 rows; of the log index as the sum of its changes, which are there."""
    if d.traits.name == "rate":
        moving_sum(d.change, HOUR, d.first, out)
    else:
        change(d.series, HOUR, out)


def _currency_change(d: Domain, currency: str) -> FloatArray:
    """Mean change over 60 rows of a currency's pairs, seen from the currency."""
    out: FloatArray
    moves, total, seen, out = d.block(4)
    total[:] = seen[:] = 0.0
    for name in sorted(d.everyone):
        sign, pair = PAIRS[name].sign(currency), d.everyone[name]
        if sign:
            _hourly_move(pair, moves)
            counts = pair.valid(HOUR + 1 + d.traits.lead)
            add_present(np.where(counts, moves, np.nan), float(sign), total, seen)
    mean_of_seen(total, seen, LEAST_OF_CURRENCY, out)
    return out


def _flight(d: Domain) -> tuple[FloatArray, FloatArray]:
    """Flight to quality, and minus its standard score of a day; once for all pairs."""

    def make() -> tuple[FloatArray, FloatArray]:
        flight, score = d.block(2)
        flight[:] = 0.0
        for currency, weight in HAVENS.items():
            flight += weight * _currency_change(d, currency)
        mean, std = trailing_moments(d, flight, DAY)
        standard_score(flight, mean, std, score)
        return flight, -score

    return d.common("flight_to_quality", make)


_feature = partial(Feature, unit="ratio", low=0.0, high=1.0)


class MarketRegime(Family):
    """States of the pair's trend, volatility and range over 240 rows.

    u is the domain's series, r its change over a bar: one-row log returns in the rate domain,
    15-row differences of BQX in the BQX domain.
    """

    table = "market_regime_{domain}"

    trend_state = _feature(
        "mr_trend_state",
        "Direction of the trend: 0 down, 1 ranging, 2 up. The trend_regime at 240 rows.",
        formula=(
            "s = slope of (rate: ln P; BQX: x) over 240 rows, times 240 / (rate: sd_1440(r) "
            "sqrt(240); BQX: sd_1440(x)); 2 if s > 1, 0 if s < -1"
        ),
        history=LONG * W + 1,
        null_rule="the long deviation is 0",
        unit="category",
        high=2.0,
        kind="category",
    )
    vol_state = _feature(
        "mr_vol_state",
        "Short-term against long-term volatility: 0 low, 1 normal, 2 high. The volatility_regime "
        "at 240 rows.",
        formula="v = sd_60(r) / sd_1440(r); 2 if v > 1.5, 0 if v <= 0.7",
        history=by_step(lambda step: LONG * W + step),
        null_rule="the long deviation is 0",
        unit="category",
        high=2.0,
        kind="category",
    )
    range_flag = _feature(
        "mr_range_flag",
        "Whether the market ranges: the net change is less than a tenth of the path. Random walks "
        "do in 4 of 5 cases, in both domains.",
        formula=(
            "abs(u_t - u_(t-240)) / sum of abs(r) < 0.1; BQX: the 16 changes r of bars end to end"
        ),
        history=W + 1,
        null_rule="the series has not moved",
        unit="flag",
        kind="flag",
        source="Kaufman 1995",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All three columns."""
        efficiency = _efficiency(d)
        return {
            "trend_state": trend_regime(d, W),
            "vol_state": _volatility_state(d),
            "range_flag": np.where(np.isnan(efficiency), np.nan, efficiency < STILL),
        }


class HiddenRegime(Family):
    """What the filtered hidden Markov model of ``hmm_regime`` says of its state, 1-minute samples.

    See the family of that table for the model; three of the columns repeat its own.
    """

    table = "market_regime_{domain}"
    fits = True

    change_prob = _feature(
        "mr_change_prob",
        "Probability that the next minute's state is not the most likely one of this minute.",
        formula="1 - sum_j p_j A[j, argmax p]",
        history=TRAINING,
        null_rule=NO_PARAMETERS,
        source=HAMILTON,
    )
    time_in_regime = _feature(
        "mr_time_in_regime",
        "Minutes since the most likely state last changed, this one included; at most 7,200.",
        formula="min(7200, i - i_change + 1)",
        history=TRAINING,
        null_rule=NO_PARAMETERS,
        unit="rows",
        low=1.0,
        high=7_200.0,
        kind="count",
        source=HAMILTON,
    )
    expected_duration = _feature(
        "mr_expected_duration",
        "Minutes that the regime may be expected to last.",
        formula="1 / mr_change_prob",
        history=TRAINING,
        null_rule=f"{NO_PARAMETERS}, or the probability is 0",
        unit="rows",
        low=1.0,
        high=None,
        source=HAMILTON,
    )
    stability = _feature(
        "mr_stability",
        "Probability that the next minute's state is the same as this minute's.",
        formula="sum_j p_j A[j, j]",
        history=TRAINING,
        null_rule=NO_PARAMETERS,
        source=HAMILTON,
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All four columns."""
        found = HmmRegime().compute(d, MINUTES)
        leaving = found["transition"]
        return {
            "change_prob": leaving,
            "time_in_regime": found["duration"],
            "expected_duration": ratio(np.ones(len(d)), leaving),
            "stability": found["persistence"],
        }


class PanelRegime(Family):
    """The pair among all pairs: crises, common movement, and flight to quality.

    rv_60 is the root mean square of the bar change over 60 rows. Percentiles of 20 days are those
    (type 7) of 480 hourly samples, taken at rows whose number on the grid is a multiple of 60. A
    pair counts where its newest bar is at most 5 rows old and 90 % of the minutes behind its value
    have a bar. Flight to quality and risk appetite are the same for all pairs.
    """

    table = "market_regime_{domain}"

    crisis_flag = _feature(
        "mr_crisis_flag",
        "Whether volatility is extreme and differs between pairs more than usual.",
        formula="rv_60 > its 99th percentile of 20 days and sd over all pairs of rv_60 > its 95th",
        history=HOUR + SAMPLES * HOUR + 1,
        null_rule=FEW.format("pairs") + ", now or in more than 10 % of the hours",
        unit="flag",
        kind="flag",
        requires=("peers",),
    )
    cross_pair_correlation = _feature(
        "mr_cross_pair_correlation",
        "Mean size of the 60-row correlations with all other pairs, of one-row returns or BQX.",
        formula=(
            "mean over peers of abs(corr(c, c_peer)); c = r in the rate domain, x in the BQX domain"
        ),
        history=HOUR + 1,
        null_rule=FEW.format("peers") + ", or the series is constant over the window",
        requires=("peers",),
    )
    flight_to_quality = _feature(
        "mr_flight_to_quality",
        "Rise of the yen and the franc over 60 rows less that of the Australian and the New Zealand"
        " dollar. In the BQX domain of BQX, which falls when a price rises.",
        formula=(
            "(m_jpy + m_chf)/2 - (m_aud + m_nzd)/2, m_c = mean over the pairs of c of s (u_t - "
            "u_(t-60)), u = ln P or x, s = 1 as base and -1 as quote"
        ),
        history=HOUR + 1,
        null_rule=FEW_OF_CURRENCY,
        unit="return",
        low=None,
        high=None,
        requires=("peers",),
    )
    risk_on_score = _feature(
        "mr_risk_on_score",
        "Minus the standard score of mr_flight_to_quality in its last 1,440 rows.",
        formula="-(flight - mean_1440) / sd_1440, ddof 1, over the rows that have a value",
        history=HOUR + DAY,
        null_rule=(
            f"{FEW_OF_CURRENCY}, now or in more than 10 % of the 1,440 rows; or it is constant"
        ),
        unit="deviations",
        low=None,
        high=None,
        requires=("peers",),
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All four columns; without peers they are empty."""
        if not d.peers:
            return dict.fromkeys(self.features, np.full(len(d), np.nan))
        flight, score = _flight(d)
        return {
            "crisis_flag": _crisis(d),
            "cross_pair_correlation": _cross_pair_correlation(d),
            "flight_to_quality": flight,
            "risk_on_score": score,
        }
