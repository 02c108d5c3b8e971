"""The Bollinger bands of the rate index and of BQX against each other."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.bollinger import Bollinger
from bqx.families.dual_domain import SCORED, relative
from bqx.families.parabolic_domains import compared_feature, divided
from bqx.families.statistics import mean_and_deviation
from bqx.features.family import Columns, Family
from bqx.kernels.jumps import rows_since
from bqx.kernels.levels import grade

TERCILES = (1.0 / 3.0, 2.0 / 3.0)
BANDS = 20


def _rows_since_breach(d: Domain, side: FloatArray) -> FloatArray:
    known = ~np.isnan(side)
    start = int(known.argmax()) if known.any() else len(d)
    out: FloatArray = d.block(1)[0]
    rows_since(np.abs(side), 0.5, SCORED, start, out)
    return out


def _tercile(d: Domain, rank: FloatArray) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    grade(rank, TERCILES, out)
    return out


def _band_slope(d: Domain, bands: Columns) -> FloatArray:
    return divided(d, bands["slope"], mean_and_deviation(d, BANDS)[1])


def _bands(d: Domain) -> dict[str, FloatArray]:
    here, there = Bollinger().compute(d, BANDS), Bollinger().compute(d.twin, BANDS)
    own, other = (relative(d, b["width"], SCORED) for b in (here, there))
    low, high = _tercile(d, here["squeeze"]), _tercile(d, there["squeeze"])
    mismatch = np.where(np.isnan(low + high), np.nan, (low != high).astype(np.float64))
    since, other_since = (_rows_since_breach(d, b["breach"]) for b in (here, there))
    return {
        "z_diff": here["percent_b"] - there["percent_b"],
        "bandwidth_ratio": divided(d, own, other),
        "compression_diff": here["squeeze"] - there["squeeze"],
        "breakout_divergence": since - other_since,
        "slope_diff": _band_slope(d, here) - _band_slope(d.twin, there),
        "regime_mismatch": mismatch,
    }


class DualBollinger(Family):
    """Bollinger bands over 20 rows of BQX against those of the index, see the Bollinger table."""

    table = "dual_domain"
    domains = ("bqx",)

    z_diff = compared_feature(
        "bb_z_diff_bqx_idx_20",
        "Place between the bands of BQX minus that of the index.",
        formula="%B of x - %B of P",
        history=BANDS,
        null_rule="x or P is constant over the window",
    )
    bandwidth_ratio = compared_feature(
        "bb_bandwidth_ratio_20",
        "Relative band width of BQX over that of the index.",
        formula="(width / mean of 240 widths) of x / the same of P",
        history=BANDS + SCORED - 1,
        low=0.0,
        null_rule="P is constant over the window, or x over all of the rows",
    )
    compression_diff = compared_feature(
        "bb_compression_diff_20",
        "Percentile rank in 240 rows of the width of BQX minus that of the index.",
        formula="bb_squeeze_20 of x - bb_squeeze_20 of P",
        history=BANDS + SCORED - 1,
        low=-1.0,
        high=1.0,
    )
    breakout_divergence = compared_feature(
        "bb_breakout_divergence",
        "Rows since BQX stood outside of its bands minus rows since the index did.",
        formula="min(rows since bb_breach_20 of x != 0, 240) - the same of P",
        history=BANDS + SCORED,
        unit="rows",
        low=-float(SCORED),
        high=float(SCORED),
        kind="count",
    )
    slope_diff = compared_feature(
        "bb_slope_diff_20",
        "Slope of the upper band in standard deviations, of BQX minus that of the index.",
        formula="bb_slope_20 / sd over 20 rows of x - the same of P",
        history=BANDS + 5,
        unit="deviations per row",
        null_rule="the deviation of x or P over 20 rows is below 1e-12",
    )
    regime_mismatch = compared_feature(
        "bb_regime_mismatch_flag",
        "1 when the widths of BQX and of the index are in different terciles of their range.",
        formula="[tercile of bb_squeeze_20 of x != that of P], terciles up to 1/3 and 2/3",
        history=BANDS + SCORED - 1,
        unit="flag",
        low=0.0,
        high=1.0,
        kind="flag",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All six columns."""
        return _bands(d)
