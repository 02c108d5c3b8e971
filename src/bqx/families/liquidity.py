"""Liquidity: tightness, resilience and cost of trading, from quotes, bars and tick volume.

There is no order book in the data. What is made of quotes, bars or volume alone belongs to no
domain and is the same in both tables.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.shared.columns import later, ratio
from bqx.families.volume import FILLED, UNKNOWN, exceeds, own_volume, volume_moments
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.correlation import slope
from bqx.kernels.covariance import covariances_and_correlations
from bqx.kernels.moments import mean_std
from bqx.kernels.order import percentile_rank, quantile
from bqx.kernels.present import standard_score
from bqx.kernels.quotes import corwin_schultz, spreads
from bqx.kernels.reversal import half_life
from bqx.kernels.sums import moving_sum
from bqx.kernels.trend import linear_trend
from bqx.kernels.usual import DAY, DAYS, low_quantile_of_minute

W = 60
RANKED = 240
"""Spreads among which one is ranked."""

SHOCK = 3.0
"""Deviations from the mean that make a shock of the spread."""

DROUGHT = 0.05
"""Quantile of the usual volumes below which there is a drought."""

NO_QUOTES = "a bar of the history has no quotes"
AMIHUD = "Amihud 2002"
KYLE = "Kyle 1985"


def quoted_spread(d: Domain) -> FloatArray | None:
    """Ask less bid, in units of the price; None where the slice has no quotes. Once per slice."""

    def make() -> FloatArray | None:
        if d.quotes is None:
            return None
        out: FloatArray = d.block(1)[0]
        spreads(d.quotes.bid, d.quotes.ask, out)
        return out

    return d.memo("quoted_spread", make)


def spread_moments(d: Domain, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the last 60 spreads; once per slice."""

    def make() -> tuple[FloatArray, FloatArray]:
        mean, deviation = d.block(2)
        mean_std(spread, W, d.first, mean, deviation)
        return mean, deviation

    return d.memo("spread_moments", make)


def bar_volume(d: Domain) -> FloatArray:
    """Volume of the bar that ends at each row: 1 row in the rate domain, 15 in the BQX domain."""

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        moving_sum(d.volume, d.traits.step, d.first, out)
        return out

    return d.volume if d.traits.step == 1 else d.memo("bar_volume", make)


def amihud_illiquidity(d: Domain) -> FloatArray:
    """Mean size of the bar change per tick of the bar, 60 rows; once per slice."""

    def make() -> FloatArray:
        volume, (total, count) = bar_volume(d), d.block(2)
        traded = volume > 0.0
        # Zero times NaN is NaN: a bar of unknown volume spoils its windows.
        each = 0.0 * volume * d.change
        np.divide(np.abs(d.change), volume, out=each, where=traded)
        moving_sum(each, W, d.first, total)
        moving_sum(traded.astype(np.float64), W, d.first, count)
        return ratio(total, count)

    return d.memo("amihud_illiquidity", make)


def kyle_lambda(d: Domain) -> FloatArray:
    """Slope of the bar change on the bar's volume with the sign of the change, 60 rows."""

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        slope(d.change, np.sign(d.change) * bar_volume(d), W, d.first, out)
        return out

    return d.memo("kyle_lambda", make)


def relative_spread(d: Domain) -> FloatArray:
    """Spread in units of the domain's change: a share of the mid, and 15 times that for BQX.

    A move of the price by a small share moves BQX by 15 times as much.
    """
    spread = quoted_spread(d)
    if d.quotes is None or spread is None:
        return np.full(len(d), np.nan)
    found: FloatArray = d.traits.step * spread / ((d.quotes.bid + d.quotes.ask) / 2.0)
    return found


def _of_spread(d: Domain, spread: FloatArray) -> Columns:
    """Columns that the spread alone tells."""
    mean, deviation = spread_moments(d, spread)
    rank, score, slopes, unused, other, phi, life = d.block(7)
    percentile_rank(spread, RANKED, rank)
    standard_score(spread, mean, deviation, score)
    linear_trend(spread, W, d.first, slopes, unused, other)
    slope(spread, later(spread, 1), W, d.first, phi)
    half_life(phi, W, life)
    return {
        "percentile": rank,
        "score": score,
        "shock": exceeds(spread, mean + SHOCK * deviation),
        "resilience": life,
        "tightness": ratio(-slopes, mean),
    }


def _corwin_schultz(d: Domain) -> FloatArray:
    each, total = d.block(2)
    corwin_schultz(d.index.high, d.index.low, each)
    moving_sum(each, W, d.first, total)
    found: FloatArray = total * (1.0 / W)
    return found


def _volume_score(d: Domain) -> FloatArray:
    mean, deviation = volume_moments(d, W)
    out: FloatArray = d.block(1)[0]
    standard_score(own_volume(d), mean, deviation, out)
    return out


def _roll(d: Domain) -> FloatArray:
    """Roll's spread from the covariance of neighbouring one-row changes."""
    before, out = later(d.step_change, 1), d.block(6)
    covariances_and_correlations(d.step_change, before, before, W, d.first, out)
    found: FloatArray = 2.0 / d.traits.step * np.sqrt(np.maximum(-out[0], 0.0))
    return found


def _slippage(d: Domain) -> FloatArray:
    typical: FloatArray = d.block(1)[0]
    quantile(bar_volume(d), W, 0.5, typical)
    return 0.5 * relative_spread(d) + kyle_lambda(d) * typical


_feature = partial(Feature, unit="ratio", history=W, null_rule=NO_QUOTES, requires=("quotes",))


class Liquidity(Family):
    """Tightness and resilience of the quoted spread, spread from ranges, and relative volume.

    s is the spread of the row, V its tick volume. The same in both domains.
    """

    table = "liquidity_{domain}"
    from_closes = True

    percentile = _feature(
        "lq_spread_percentile_240",
        "Rank of the spread among the last 240; ties count half.",
        formula="(average rank - 1) / 239",
        low=0.0,
        high=1.0,
        history=RANKED,
    )
    score = _feature(
        "lq_spread_z_60",
        "Standard score of the spread in its last 60 rows.",
        formula="(s - mean_60) / sd_60, ddof 1",
        unit="deviations",
        null_rule=f"{NO_QUOTES}, or the 60 spreads are equal",
    )
    corwin_schultz = _feature(
        "lq_corwin_schultz_60",
        "Spread that explains the ranges of neighbouring bars, as a share of the price; mean of 60 "
        "estimates, of which negative ones are 0.",
        formula=(
            "mean of 2 (e^a - 1)/(1 + e^a), a from the squared log ranges of two bars and of both"
        ),
        low=0.0,
        history=W + 1,
        null_rule="",
        source="Corwin and Schultz 2012",
        requires=(),
    )
    volume_score = _feature(
        "lq_volume_z_60",
        "Standard score of the volume among the bars of the last 60 rows.",
        formula="(V - mean_60) / sd_60, ddof 1",
        unit="deviations",
        null_rule=f"{FILLED}, or all volumes are equal",
        requires=("volume",),
    )
    shock = _feature(
        "lq_shock_flag",
        "Whether the spread stands more than 3 deviations above the mean of its last 60 rows.",
        formula="s > mean_60 + 3 sd_60",
        unit="flag",
        low=0.0,
        high=1.0,
        kind="flag",
    )
    resilience = _feature(
        "lq_resilience_60",
        "Rows in which half of a deviation of the spread from its mean decays, by its first "
        "autoregression over 60 rows.",
        formula="-ln 2 / ln phi, phi = OLS slope of s_i on s_(i-1); at most 60",
        unit="rows",
        low=0.0,
        high=float(W),
        history=W + 1,
        null_rule=f"{NO_QUOTES}, or the 60 spreads are equal, or phi is not between 0 and 1",
    )
    tightness = _feature(
        "lq_tightness_trend_60",
        "Trend of the spread, positive where it narrows: negative slope over the mean.",
        formula="-OLS slope of s on the row number / mean_60(s)",
        unit="ratio per row",
        null_rule=f"{NO_QUOTES}, or all spreads are 0",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; those of quotes are NaN where the slice has none."""
        found = {
            **dict.fromkeys(self.features, np.full(len(d), np.nan)),
            "corwin_schultz": _corwin_schultz(d),
            "volume_score": _volume_score(d),
        }
        spread = quoted_spread(d)
        return found if spread is None else {**found, **_of_spread(d, spread)}


class PriceImpact(Family):
    """What trading moves: impact per tick, the bounce of the price, and an estimate of slippage.

    r is the change of a bar: the one-row log return in the rate domain, the 15-row difference of
    BQX in the BQX domain; V is the volume of the bar, of 1 row or 15. D is the one-row change.
    """

    table = "liquidity_{domain}"

    amihud = _feature(
        "lq_amihud_60",
        "Illiquidity: mean size of the bar change per tick; bars without volume are left out.",
        formula="mean of |r| / V over 60 rows",
        unit="return per tick",
        low=0.0,
        history=by_step(lambda step: W + step),
        null_rule=f"{UNKNOWN}, or it has no volume",
        source=AMIHUD,
        requires=("volume",),
    )
    roll = _feature(
        "lq_roll_60",
        "Spread, as a share of the price, that explains the covariance of neighbouring one-row "
        "changes; 0 where that is positive. A move of the price moves BQX by 15 times its share.",
        formula="2 sqrt(max(0, -cov(D_s, D_(s-1)))) over 60 rows; BQX: / 15",
        low=0.0,
        history=W + 2,
        null_rule="",
        source="Roll 1984",
        requires=(),
    )
    slippage = _feature(
        "lq_slippage_estimate",
        "Expected move against a trade of median volume: half the spread and the price impact.",
        formula="s/(2 m) (BQX: 15 s/(2 m)) + kyle_lambda median_60(V), m the mid",
        unit="return",
        history=by_step(lambda step: W + step),
        null_rule=f"{NO_QUOTES}, or {UNKNOWN}, or the signed volume is constant over it",
        source=KYLE,
        requires=("quotes", "volume"),
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All three columns."""
        return {"amihud": amihud_illiquidity(d), "roll": _roll(d), "slippage": _slippage(d)}


class VolumeDrought(Family):
    """Whether the volume is low for the minute of the day. The same in both domains."""

    table = "liquidity_{domain}"
    from_closes = True

    drought = _feature(
        "lq_drought_flag",
        "Whether the volume is below the 5th percentile of the same minute of the UTC day in the "
        "last 20 days, the row itself left out; minutes without a bar do not count.",
        formula="V < quantile (type 7) of the newest 20 rows of the same minute within 28,800 rows",
        unit="flag",
        low=0.0,
        high=1.0,
        history=DAYS * DAY + 1,
        null_rule=(
            "the minute has no bar, its volume is unknown, or fewer than 15 of those of the "
            "same minute are known"
        ),
        kind="flag",
        requires=("volume",),
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """The flag."""
        own = own_volume(d)
        usual: FloatArray = d.block(1)[0]
        low_quantile_of_minute(own, d.grid.minutes, DROUGHT, usual)
        return {"drought": exceeds(usual, own)}
