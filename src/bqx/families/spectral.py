"""Spectral features: at which frequencies the changes of a series move, in both domains."""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.elementwise import change, log
from bqx.kernels.moments import mean_std
from bqx.kernels.sliding_fourier import HALF, POINTS
from bqx.kernels.spectrum import MEASURES, spectral_measures
from bqx.kernels.trend import linear_trend

BACK = 60
"""Rows over which power and dominant frequency are followed."""

_FLAT = "the changes of the window lie on a straight line, up to rounding"
_WELCH = "Welch 1967"
_CYCLES = "cycles per minute"
LOWEST = 1.0 / POINTS

_feature = partial(
    Feature,
    unit="ratio",
    low=0.0,
    history=by_step(lambda step: POINTS + step),
    null_rule=_FLAT,
    source=_WELCH,
)


class Spectral(Family):
    """Power by frequency of the last 256 one-minute log returns, or 15-row changes of BQX.

    For returns without memory all frequencies have the same expected power. BQX is a moving sum and
    its changes, one for each row, overlap, so most of their power lies at long periods by
    construction: a random walk of the price already shows a dominant period of about 37 minutes.
    """

    table = "spectral_{domain}"

    dominant_freq = _feature(
        "fft_dominant_freq",
        f"Frequency with the greatest power in the Hann periodogram of {POINTS} changes.",
        unit=_CYCLES,
        formula="f* = argmax of p(f), f = k/256, k = 1 … 128; r less its line, times Hann's window",
        low=LOWEST,
        high=0.5,
    )
    dominant_power = _feature(
        "fft_dominant_power",
        "Share of the power at the dominant frequency.",
        formula="p(f*) / sum of p",
        high=1.0,
    )
    secondary_freq = _feature(
        "fft_secondary_freq",
        "Frequency with the greatest power outside of the dominant peak's lobe.",
        unit=_CYCLES,
        formula="argmax of p(f), abs(f - f*) > 2/256",
        low=LOWEST,
        high=0.5,
    )
    harmonic_ratio = _feature(
        "fft_harmonic_ratio",
        "Power at two and three times the dominant frequency relative to that at the frequency "
        "itself; what lies above 0.5 cycles per minute is left out.",
        formula="(p(2 f*) + p(3 f*)) / p(f*)",
        high=2.0,
        null_rule=f"{_FLAT}, or twice the dominant frequency is above 0.5 cycles per minute",
    )
    low_power = _feature(
        "fft_low_freq_power",
        "Share of the power at periods above 60 minutes.",
        formula="sum of p(f < 1/60) / sum of p",
        high=1.0,
    )
    high_power = _feature(
        "fft_high_freq_power",
        "Share of the power at periods below 5 minutes.",
        formula="sum of p(f > 1/5) / sum of p",
        high=1.0,
    )
    entropy = _feature(
        "fft_spectral_entropy",
        f"Entropy of the shares of the {HALF} frequencies: 1 for equal shares, 0 for one alone.",
        formula="-sum of q ln q / ln 128, q = p / sum of p",
        high=1.0,
        source="Shannon 1948",
    )
    edge = _feature(
        "fft_spectral_edge_freq",
        "Lowest frequency up to which at least 95 % of the power lie.",
        unit=_CYCLES,
        formula="min f with sum of p up to f >= 0.95 sum of p",
        low=LOWEST,
        high=0.5,
    )
    power_trend = _feature(
        "fft_power_trend",
        f"Logarithmic change of the total power over {BACK} rows.",
        unit="log ratio",
        formula=f"ln sum of p at t - ln sum of p at t-{BACK}",
        low=None,
        history=by_step(lambda step: POINTS + step + BACK),
        null_rule=f"{_FLAT}, now or {BACK} rows ago",
    )
    stability = _feature(
        "fft_freq_stability",
        f"Steadiness of the dominant frequency over {BACK} rows: 1 where it stays the same.",
        formula="1 / (1 + sd(f*) / mean(f*))",
        high=1.0,
        history=by_step(lambda step: POINTS + step + BACK - 1),
        null_rule=f"{_FLAT}, in one of the {BACK} rows",
        source="",
    )
    noise_ratio = _feature(
        "fft_noise_ratio",
        "Power at periods below 5 minutes relative to that at periods above 60 minutes.",
        formula="sum of p(f > 1/5) / sum of p(f < 1/60)",
        null_rule=f"{_FLAT}, or there is no power at periods above 60 minutes, up to rounding",
    )
    cyclic_strength = _feature(
        "fft_cyclic_strength",
        "Power at the dominant frequency relative to the median power of the frequencies.",
        formula="p(f*) / median of p",
        low=1.0,
        null_rule=f"{_FLAT}, or half of the frequencies have no power, up to rounding",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All twelve columns."""
        lines, found, more = d.block(3), d.block(MEASURES), d.block(4)
        linear_trend(d.change, POINTS, d.first, lines[0], lines[1], lines[2])
        spectral_measures(d.change, lines[0], found)
        log(found[10], more[0])
        change(more[0], BACK, more[1])
        mean, deviation = more[2], more[3]
        mean_std(found[0], BACK, d.first, mean, deviation)
        np.add(mean, deviation, out=deviation)
        return {
            "dominant_freq": found[0],
            "dominant_power": found[1],
            "secondary_freq": found[2],
            "harmonic_ratio": found[3],
            "low_power": found[4],
            "high_power": found[5],
            "entropy": found[6],
            "edge": found[7],
            "power_trend": more[1],
            "stability": np.divide(mean, deviation, out=mean),
            "noise_ratio": found[8],
            "cyclic_strength": found[9],
        }
