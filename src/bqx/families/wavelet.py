"""Wavelet features: on which time scales the changes of a series move, in both domains."""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import TRAITS, Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.correlation import correlation
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std
from bqx.kernels.sums import moving_sums
from bqx.kernels.wavelet import (
    LEVELS,
    MEASURES,
    REACH,
    REACH_2,
    energy_measures,
    modwt,
    relative_size,
)

ROWS = 256
"""Changes behind the features."""
WITHIN = ROWS - REACH + 1
"""Coefficients per level whose filters lie within these changes: 207."""
RECENT = 10
TOGETHER = 120
"""Rows over which the two domains are compared."""

_FLAT = f"the last {ROWS} changes are 0"
_SOURCE = "Daubechies 1992; Percival and Walden 2000"
_BOTH = TOGETHER + REACH_2 - 1 + TRAITS["bqx"].step
"""Rows of BQX behind the coherence; it reaches further back than the index."""

_feature = partial(
    Feature,
    unit="ratio",
    low=0.0,
    history=by_step(lambda step: ROWS + step),
    null_rule=_FLAT,
    source=_SOURCE,
)


def _energy(name: str, scale: str, formula: str) -> Feature:
    return _feature(
        f"wavelet_{name}_energy",
        f"Share of the energy at {scale}.",
        formula=f"{formula} / (E1 + E2 + E3 + EA), E = sum of squares of the {WITHIN} coefficients "
        f"of the MODWT (db4, 3 levels, backward filters) within {ROWS} changes",
        high=1.0,
    )


def _coefficients(d: Domain) -> FloatArray:
    """Details and approximations of the changes; made once for both domains' tables."""

    def make() -> FloatArray:
        out: FloatArray = d.block(2 * LEVELS)
        modwt(d.change, out)
        return out

    return d.memo("modwt", make)


class Wavelet(Family):
    """Energy by time scale of the last 256 one-minute log returns, or 15-row changes of BQX.

    Details of level j hold periods of 2^j to 2^(j+1) minutes, the approximation longer ones.
    Returns without memory give the shares 1/2, 1/4, 1/8 and 1/8. The changes of BQX, one for each
    row, overlap: a random walk of the price already puts 83 % of the energy into the approximation.
    """

    table = "wavelet_{domain}"

    d1 = _energy("detail_d1", "periods of 2 to 4 minutes", "E1")
    d2 = _energy("detail_d2", "periods of 4 to 8 minutes", "E2")
    d3 = _energy("detail_d3", "periods of 8 to 16 minutes", "E3")
    a3 = _energy("approx_a3", "periods above 16 minutes", "EA")
    ratio = _feature(
        "wavelet_energy_ratio_d1_d3",
        "Energy at periods of 2 to 4 minutes relative to that at 8 to 16 minutes.",
        formula="E1 / E3",
        null_rule=f"{_FLAT}, or level 3 has no energy, up to rounding",
    )
    trend_strength = _feature(
        "wavelet_trend_strength",
        "Size of the newest approximation coefficient in standard deviations of the changes.",
        formula=f"abs(a3_t) / SD_{ROWS}(r)",
        null_rule=f"the last {ROWS} changes are equal",
    )
    entropy = _feature(
        "wavelet_detail_entropy",
        "Entropy of the energies of the three details: 1 for equal ones, 0 for one alone.",
        formula="-sum of q ln q / ln 3, q_j = E_j / (E1 + E2 + E3)",
        high=1.0,
        null_rule=f"{_FLAT}, or the details have no energy, up to rounding",
        source="Shannon 1948",
    )
    singularity = _feature(
        "wavelet_singularity",
        f"Greatest detail of level 1 in the last {RECENT} rows in its standard deviations.",
        formula=f"max abs(d1) over {RECENT} rows / sd(d1) over {WITHIN} rows",
        null_rule=f"{_FLAT}, or the details of level 1 do not vary, up to rounding",
    )
    scale = _feature(
        "wavelet_scale_energy_max",
        "Scale with the most energy: 1 to 3 the details, 4 the approximation.",
        unit="code",
        formula="argmax of (E1, E2, E3, EA)",
        low=1.0,
        high=4.0,
        kind="category",
    )
    coherence = _feature(
        "wavelet_coherence",
        f"Correlation over {TOGETHER} rows of the level 2 details of the changes of the rate index "
        "and of BQX; the same in both tables.",
        formula="corr(d2 of rate, d2 of BQX)",
        low=-1.0,
        high=1.0,
        history={"rate": _BOTH + TRAITS["bqx"].lead, "bqx": _BOTH},
        null_rule="the details of one of the two domains are all equal",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All ten columns."""
        found, squares, energy = _coefficients(d), d.block(LEVELS + 1), d.block(LEVELS + 1)
        finest, coarsest = found[0], found[-1]
        for k, row in enumerate((0, 1, 2, -1)):
            np.multiply(found[row], found[row], out=squares[k])
        moving_sums(squares, WITHIN, d.first, energy)
        measures, out = d.block(MEASURES), d.block(7)
        energy_measures(energy, measures)
        mean, deviation, greatest = out[0], out[1], out[2]
        mean_std(d.change, ROWS, d.first, mean, deviation)
        relative_size(coarsest, deviation, np.ones(len(d)), out[4])
        mean_std(finest, WITHIN, d.first, mean, deviation)
        minmax(finest, RECENT, d.first, out[3], greatest)
        np.maximum(-out[3], greatest, out=greatest)
        relative_size(greatest, deviation, measures[0], out[5])
        rate = d if d.traits.name == "rate" else d.twin
        correlation(_coefficients(rate)[1], _coefficients(rate.twin)[1], TOGETHER, d.first, out[6])
        names = ("d1", "d2", "d3", "a3", "ratio", "entropy", "scale")
        return {
            **dict(zip(names, measures, strict=True)),
            "trend_strength": out[4],
            "singularity": out[5],
            "coherence": out[6],
        }
