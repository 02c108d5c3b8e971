"""Singular spectrum analysis of a series: trend, oscillation and noise, in both domains."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.ssa import LENGTH, MEASURES, MEMORY, PERIOD, VECTORS, WINDOW, ssa_measures

_FLAT = f"the {WINDOW} rows of the eigenvectors are constant"
_STILL = f"{_FLAT}, or the {WINDOW} rows equal their mean"
_SOURCE = "Broomhead and King 1986; Golyandina, Nekrutkin and Zhigljavsky 2001"


def _component(name: str, words: str, formula: str) -> Feature:
    return Feature(
        f"ssa_{name}_component",
        f"{words} at the row, in the SSA of {WINDOW} rows with lagged vectors of {LENGTH}.",
        formula=f"{formula}; mean and eigenvectors of the {WINDOW} rows up to the last row number "
        f"that is a multiple of {PERIOD}",
        history=MEMORY,
        null_rule=_FLAT,
        source=_SOURCE,
    )


def _share(name: str, words: str, formula: str) -> Feature:
    return Feature(
        name,
        f"Share of {words} in the variance of the {VECTORS} lagged vectors.",
        unit="ratio",
        formula=formula,
        low=0.0,
        high=1.0,
        history=MEMORY,
        null_rule=_STILL,
        source=_SOURCE,
    )


class SingularSpectrum(Family):
    """Singular spectrum analysis of the last 240 rows, the mean removed.

    The lagged vectors are the 181 runs of 60 successive rows. Component 1 is the trend, 2 and 3
    together are the oscillation, the rest is noise. Mean and eigenvectors are made at every 15th
    row of the grid, from the 240 rows up to it, and applied to each row's own window until the
    next: there the result is the textbook's, elsewhere they are up to 14 rows old. On a random walk
    the trend explains about three quarters: that is no evidence of one.
    """

    table = "ssa_{domain}"

    trend = _component(
        "trend", "Component 1", "U1 (U1' X_t) at its last element, X_t = last 60 rows less mean"
    )
    oscillation = _component(
        "oscillatory", "Components 2 and 3", "as the trend, with U2 and U3, summed"
    )
    noise = _component("noise", "Rest", "u_t - mean - trend - oscillation")
    trend_share = _share(
        "ssa_trend_variance_explained", "component 1", "sum of (U1' X)^2 / sum of X'X"
    )
    oscillation_share = _share(
        "ssa_osc_variance_explained",
        "components 2 and 3",
        "sum of (U2' X)^2 + (U3' X)^2 / sum of X'X",
    )
    noise_share = _share(
        "ssa_noise_variance",
        "all but components 1 to 3",
        "1 - share of trend - share of oscillation",
    )
    separability = Feature(
        "ssa_separability",
        "How little trend and oscillation of the window resemble each other: 1 if not at all.",
        unit="ratio",
        formula="1 - abs(w-correlation of the two components), weights: vectors with the row",
        low=0.0,
        high=1.0,
        history=MEMORY,
        null_rule=f"{_STILL}, or trend or oscillation has no variance, up to rounding",
        source=_SOURCE,
    )
    error = Feature(
        "ssa_reconstruction_error",
        "Root mean square of what components 1 to 3 leave of the window.",
        formula=f"sqrt(mean((u - mean - trend - oscillation)^2)) over {WINDOW} rows",
        low=0.0,
        history=MEMORY,
        null_rule=_FLAT,
        source=_SOURCE,
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All eight columns."""
        out = d.block(MEASURES)
        ssa_measures(d.series, d.first, out)
        return dict(zip(self.features, out, strict=True))
