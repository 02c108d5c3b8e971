"""Significance by surrogates: sources that kept their own dynamics and lost their link.

Circular shifts (Quian Quiroga et al. 2002) keep all of a source but where it stands. Permuted
blocks of a day (1,440 rows) keep the time of day too, so that busy hours, which all series share,
count for nothing. Sampling stops early where nothing can be found any more (Besag and Clifford
1991).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

Scheme = Literal["shift", "block"]
SCHEMES = ("shift", "block")
LEAST = 20
"""Surrogates that are always made: their mean is the bias of the estimate."""


@dataclass(frozen=True)
class Surrogates:
    """How surrogates of a source are made.

    Args:
        count: How many at most; no p value is below 1/(count + 1).
        scheme: ``shift`` (circular) or ``block`` (permuted blocks).
        block: Rows of a block; shifts are at least that long both ways.
        enough: Sampling stops when so many surrogates reached the estimate; never when 0.
        seed: Of the generator.

    Raises:
        ConfigError: If a number is too small, or the scheme is unknown.
    """

    count: int = 999
    scheme: Scheme = "shift"
    block: int = 1440
    enough: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ConfigError(f"surrogates {self.scheme!r}", expected=" or ".join(SCHEMES))
        if self.count < LEAST or self.block < 1 or self.enough < 0:
            raise ConfigError(
                f"{self.count} surrogates, blocks of {self.block}, enough at {self.enough}",
                expected=f"at least {LEAST}, 1 and 0",
            )


class Draws:
    """Where the rows of one surrogate after the other take their source from.

    Args:
        how: The kind of surrogate.
        n: Rows.
        key: Numbers that the draws depend on, beside the seed.

    Raises:
        ConfigError: If n rows hold fewer than two blocks.
    """

    def __init__(self, how: Surrogates, n: int, key: tuple[int, ...] = ()) -> None:
        if n < 2 * how.block:
            raise ConfigError(
                f"surrogates of {n:,} rows", expected=f"at least two blocks of {how.block:,}"
            )
        self._how = how
        self._rng = np.random.default_rng([how.seed, *key])
        self._rows = np.arange(n)
        # One array for all draws: fresh memory would cost more than the draw.
        self._out = np.arange(n)

    def next(self) -> Places:
        """The places of the next surrogate, shape (n,); valid until the one after it."""
        rows, out, n = self._rows, self._out, len(self._rows)
        block = self._how.block
        if self._how.scheme == "shift":
            shift = int(self._rng.integers(block, n - block + 1))
            out[:shift], out[shift:] = rows[n - shift :], rows[: n - shift]
            return out
        whole = n // block
        order = self._rng.permutation(whole)
        out[: whole * block].reshape(whole, block)[:] = (order * block)[:, None] + rows[:block]
        return out


@dataclass(frozen=True)
class Significance:
    """An estimate among its surrogates.

    Attributes:
        p: ``(1 + reached) / (1 + count)`` after all surrogates, ``reached / count`` when stopped.
        mean: Mean of the surrogates: the bias of the estimate.
        count: Surrogates that were made.
    """

    p: float
    mean: float
    count: int


def significance(
    estimate: float,
    of_surrogate: Callable[[Places], float],
    n: int,
    how: Surrogates,
    key: tuple[int, ...] = (),
) -> Significance:
    """Place an estimate among surrogates.

    Args:
        estimate: The estimate.
        of_surrogate: The estimate for a source that is taken from the given places.
        n: Rows.
        how: How many, and of what kind.
        key: Numbers of the link, so that each has surrogates of its own.

    Raises:
        ConfigError: If there are too few rows.
    """
    draws = Draws(how, n, key)
    reached, total = 0, 0.0
    for made in range(1, how.count + 1):
        value = of_surrogate(draws.next())
        total += value
        reached += value >= estimate
        if made >= LEAST and how.enough and reached >= how.enough:
            return Significance(reached / made, total / made, made)
    return Significance((1 + reached) / (1 + how.count), total / how.count, how.count)
