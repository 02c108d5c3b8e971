"""Data health: missing minutes, prices that stand still, and unlikely volatility or spread."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import BoolArray, FloatArray
from bqx.families.regression import fitted_terms
from bqx.families.shared.columns import missing, trailing_moments
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.extrema import minmax
from bqx.kernels.health import looks_unusual
from bqx.kernels.moments import mean_std
from bqx.kernels.present import standard_score
from bqx.kernels.quotes import spreads
from bqx.kernels.sums import moving_sum

RATE_ROWS = 20
DAY = 1440
STILL_ROWS = 5
W = 60
LIMIT = 3.0
"""Standard score beyond which a value is unusual."""

YOUNG = "fewer rows have passed since the first value than are looked at"
STILL_DAY = "it has not varied in the day, or fewer than 90 % of the day's rows have a value"


def _score(tag: str, what: str, rows: int) -> Feature:
    return Feature(
        f"drift_z_{tag}_{{d}}",
        f"Standard score of the {what} among its last {DAY} rows.",
        unit="deviations",
        formula=f"(v - mean)/sd, ddof 1, {DAY} rows",
        history=rows + DAY - 1,
        null_rule=STILL_DAY,
    )


class DataHealth(Family):
    """Whether data and market of a pair look as they did during the 24 trading hours before.

    What counts missing rows is shown in every row whose own value of the series is valid, however
    many rows before it are missing, so that bad hours are not hidden.
    """

    table = "data_health_{domain}"

    missing_rate = Feature(
        f"missing_rate_{{d}}_{RATE_ROWS}",
        f"Share of the last {RATE_ROWS} rows in which the series is NULL.",
        unit="ratio",
        formula=f"NULLs of u in {RATE_ROWS} rows / {RATE_ROWS}",
        low=0.0,
        high=1.0,
        history=1,
        memory=RATE_ROWS,
        null_rule=YOUNG,
        steady=True,
    )
    fills = Feature(
        "ffill_count_{d}",
        f"Rows of the last {DAY} whose value rests on a close that was filled forward.",
        unit="rows",
        formula=f"rows of {DAY} with a missing minute among the closes behind u",
        low=0.0,
        high=float(DAY),
        history=1,
        memory=DAY,
        null_rule=YOUNG,
        kind="count",
    )
    stale = Feature(
        "stale_tick_flag",
        f"1 where nothing has moved in {STILL_ROWS} rows: neither the prices of the minutes in the"
        " rate domain, nor BQX in the other.",
        unit="flag",
        formula=f"max - min over {STILL_ROWS} rows = 0",
        low=0.0,
        high=1.0,
        history=1,
        memory=STILL_ROWS,
        null_rule=YOUNG,
        kind="flag",
    )
    z_volatility = _score(
        "vol", f"standard deviation over {W} rows of log returns (BQX: of BQX itself)", W + 1
    )
    z_bend = _score("a2", f"quadratic term of the fit over {W} rows", W)
    z_spread = Feature(
        "drift_z_spread",
        f"Standard score of ask less bid among its last {DAY} rows.",
        unit="deviations",
        formula=f"(s - mean)/sd, ddof 1, {DAY} rows",
        history=DAY,
        null_rule=f"the row has no quotes, or {STILL_DAY}",
        requires=("quotes",),
    )
    unusual = Feature(
        "regime_looks_unusual_flag",
        f"1 where at least two of the three scores are beyond {LIMIT:g} on either side; a score"
        " that is NULL is not.",
        unit="flag",
        formula=f"abs(drift_z) > {LIMIT:g} for at least two of vol, a2, spread",
        low=0.0,
        high=1.0,
        history=W + DAY,
        null_rule="fewer than two of the scores are known",
        kind="flag",
    )
    unhealthy = Feature(
        "unhealthy_pairs_count",
        "Pairs of the store whose newest bar is more than 5 rows old, or of whose last"
        f" {RATE_ROWS} rows more than 10 % are missing; only pairs that are old enough count.",
        unit="pairs",
        low=0.0,
        high=28.0,
        history=1,
        memory=RATE_ROWS,
        null_rule="no other pair is in the store",
        kind="count",
        requires=("peers",),
    )
    quality = Feature(
        "data_quality_score",
        "1 where no row is missing and prices move, 0 where they stand still.",
        unit="ratio",
        formula=f"(1 - missing_rate)(1 - ffill_count/{DAY})(1 - stale_tick_flag)",
        low=0.0,
        high=1.0,
        history=1,
        memory=DAY,
        null_rule=YOUNG,
        steady=True,
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; NaN where the slice has no quotes, or the store no other pair."""
        gaps, scores = _gaps(d), _scores(d)
        flag = d.block(1)[0]
        looks_unusual(scores, LIMIT, flag)
        z_volatility, z_bend, z_spread = scores
        return {
            **gaps,
            "z_volatility": z_volatility,
            "z_bend": z_bend,
            "z_spread": z_spread,
            "unusual": flag,
            "unhealthy": _unhealthy(d) if d.peers else missing(d),
            "quality": _quality(gaps),
        }


def _quality(gaps: Columns) -> FloatArray:
    present, original = 1.0 - gaps["missing_rate"], 1.0 - gaps["fills"] / DAY
    found: FloatArray = present * original * (1.0 - gaps["stale"])
    return found


def _gaps(d: Domain) -> dict[str, FloatArray]:
    """What is counted over rows, NaN where the series has begun too late."""
    absent, rested, missed, filled, lows, highs, unused = d.block(7)
    behind = 1 + d.traits.lead
    absent[:] = ~d.valid(behind)
    moving_sum(absent, RATE_ROWS, d.first, missed)
    absent[:] = ~d.grid.observed
    moving_sum(absent, behind, d.first, rested)
    np.minimum(rested, 1.0, out=rested)
    moving_sum(rested, DAY, d.first, filled)
    low, high = (d.bars.low, d.bars.high) if d.traits.name == "rate" else (d.series, d.series)
    minmax(low, STILL_ROWS, d.first, lows, unused)
    minmax(high, STILL_ROWS, d.first, unused, highs)
    return {
        "missing_rate": np.where(_begun(d, RATE_ROWS), missed / RATE_ROWS, np.nan),
        "fills": np.where(_begun(d, DAY), filled, np.nan),
        "stale": np.where(_begun(d, STILL_ROWS), lows == highs, np.nan),
    }


def _begun(d: Domain, rows: int) -> BoolArray:
    """Whether the pair's series has had that many rows, whatever they hold."""
    found = np.ones(len(d), np.bool_)
    found[: max(d.grid.start + d.traits.lead + rows - 1 - d.first, 0)] = False
    return found


def _scores(d: Domain) -> FloatArray:
    """Standard scores of volatility, bend and spread among the values of a day."""
    unused, volatility, spread = d.block(3)
    mean_std(d.change if d.traits.name == "rate" else d.series, W, d.first, unused, volatility)
    if d.quotes is None:
        spread[:] = np.nan
    else:
        spreads(d.quotes.bid, d.quotes.ask, spread)
    out = d.block(3)
    for values, to in zip((volatility, fitted_terms(d, W)[0], spread), out, strict=True):
        mean, std = trailing_moments(d, values, DAY)
        standard_score(values, mean, std, to)
    return out


def _unhealthy(d: Domain) -> FloatArray:
    """Number of pairs that fail the rule of validity over the last rows; once for all pairs."""

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        out[:] = 0.0
        for pair in d.everyone.values():
            out += _begun(pair, RATE_ROWS) & ~pair.valid(RATE_ROWS + d.traits.lead)
        return out

    return d.common("unhealthy_pairs", make)
