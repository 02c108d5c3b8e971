"""How stable a selection is when blocks of time are drawn again.

Literature: Meinshausen and Buhlmann (2010), "Stability selection"; Nogueira, Sechidis and Brown
(2018), "On the stability of feature selection algorithms", JMLR 18.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NORMAL_975 = 1.959963984540054


@dataclass(frozen=True)
class Stability:
    """The stability index with its 95 % interval.

    Attributes:
        index: 1 where all resamples choose the same features, 0 on average by chance.
        low: Lower bound.
        high: Upper bound.
        resamples: Number of resamples.
    """

    index: float
    low: float
    high: float
    resamples: int


def stability(chosen: Bools) -> Stability:
    """The index of Nogueira, Sechidis and Brown (2018, definition 4 and theorem 7).

    Args:
        chosen: Whether each resample chooses each feature, shape (M, d), M at least 2.

    Returns:
        NaN where all features or none are chosen every time, and chance is all there is.

    Raises:
        ConfigError: If there are fewer than two resamples.
    """
    m, d = chosen.shape
    if m < 2:
        raise ConfigError(f"stability of {m} selections", expected="at least 2")
    share, sizes = chosen.mean(axis=0), chosen.sum(axis=1)
    filled = sizes.mean() / d
    chance = filled * (1.0 - filled)
    if chance == 0.0:
        return Stability(np.nan, np.nan, np.nan, m)
    index = 1.0 - np.mean(m / (m - 1) * share * (1.0 - share)) / chance
    own = (
        chosen @ share / d
        - sizes * filled / d
        + index / 2.0 * (2.0 * filled * sizes / d - sizes / d - filled + 1.0)
    ) / chance
    spread = np.sqrt(4.0 / m**2 * np.sum((own - own.mean()) ** 2))
    wide = NORMAL_975 * float(spread)
    return Stability(float(index), float(index) - wide, float(index) + wide, m)


def draw_blocks(blocks: int, resamples: int, seed: int) -> Ints:
    """How often each resample holds each block, shape (resamples, blocks): with replacement."""
    rng = np.random.default_rng([seed, 3])
    drawn = rng.integers(0, blocks, (resamples, blocks))
    return np.array([np.bincount(line, minlength=blocks) for line in drawn], np.int64)
