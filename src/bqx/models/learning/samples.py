"""What models are fitted to: rows of features, and the surprise that followed each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError

Floats = NDArray[np.float64]
Features = NDArray[np.float32]
Ints = NDArray[np.int64]
Codes = NDArray[np.int16]
Bools = NDArray[np.bool_]

Shape = tuple[int, int]
"""Window and horizon of targets, in rows. All kinds of one shape have the same surprise."""

PAIR = "pair"
"""Name of the column that says which pair a row belongs to, where there are several."""

_BLOCK = 65_536


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of one or several pairs, in any order.

    Args:
        rows: Absolute grid row of each sample, shape (n,).
        pairs: Place of its pair in ``names``, shape (n,).
        names: The pairs.
        matrix: Features, float32, NaN for NULL, shape (n, f).
        features: Names of the columns.
        surprises: For each shape ``(y - expected) / scale``, shape (n,), NaN where the label is
            masked or the scale is 0.

    Raises:
        ConfigError: If lengths differ, names repeat, a pair is not named, or a surprise is
            infinite.
    """

    rows: Ints
    pairs: Codes
    names: tuple[str, ...]
    matrix: Features
    features: tuple[str, ...]
    surprises: Mapping[Shape, Floats]

    def __post_init__(self) -> None:
        """Check lengths, names and numbers."""
        n = len(self.rows)
        _require_shape("features", self.matrix, (n, len(self.features)))
        _require_shape("pairs", self.pairs, (n,))
        require_codes(self.pairs, len(self.names))
        for title, names in (("pair", self.names), ("feature", (*self.features, PAIR))):
            if len(set(names)) < len(names):
                raise ConfigError(
                    f"a {title} is named twice", expected=f"each {title} once, none called {PAIR!r}"
                )
        if not self.surprises:
            raise ConfigError("samples without a surprise", expected="at least one shape")
        for (window, horizon), z in self.surprises.items():
            _require_shape(f"surprises of {window}:{horizon}", z, (n,))
            if np.isinf(z).any():
                raise ConfigError(
                    f"infinite surprises of {window}:{horizon}",
                    expected="finite numbers, NaN where masked",
                    hint="rows with a scale of 0 are masked",
                )

    def take(self, kept: Bools) -> Samples:
        """The samples where the mask holds."""
        some = {shape: z[kept] for shape, z in self.surprises.items()}
        matrix = self.inputs.take(kept).matrix
        return Samples(self.rows[kept], self.pairs[kept], self.names, matrix, self.features, some)

    @property
    def inputs(self) -> Inputs:
        """The features with the pairs, as learners read them."""
        return Inputs(self.matrix, self.pairs, len(self.names))


@dataclass(frozen=True, eq=False)
class Inputs:
    """Features and pair codes of some rows.

    Args:
        matrix: Shape (n, f), float32, NaN for NULL.
        codes: Place of each row's pair, shape (n,).
        pairs: Number of pairs. With one there is no pair column.
    """

    matrix: Features
    codes: Codes
    pairs: int

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.matrix)

    @property
    def width(self) -> int:
        """Number of columns, the pair's included."""
        return int(self.matrix.shape[1]) + (self.pairs > 1)

    def take(self, kept: Bools) -> Inputs:
        """The rows where the mask holds; without a copy where they stand together."""
        places = np.flatnonzero(kept)
        if len(places) and places[-1] - places[0] + 1 == len(places):
            part = slice(int(places[0]), int(places[-1]) + 1)
            return Inputs(self.matrix[part], self.codes[part], self.pairs)
        return Inputs(self.matrix[places], self.codes[places], self.pairs)

    def coded(self) -> Features:
        """The matrix with the pair's code as the last column; itself where there is one pair."""
        if self.pairs == 1:
            return self.matrix
        found = np.empty((len(self), self.width), np.float32)
        found[:, :-1] = self.matrix
        found[:, -1] = self.codes
        return found

    def one_hot(self) -> Features:
        """The matrix with one column of 0 and 1 for each pair behind it."""
        if self.pairs == 1:
            return self.matrix
        flags = self.codes[:, None] == np.arange(self.pairs)
        return np.hstack([self.matrix, flags.astype(np.float32)])

    def pair_summed(self, columns: Floats) -> Floats:
        """Columns that belong to `one_hot`, those of the pairs added up to one."""
        if self.pairs == 1:
            return columns
        features = self.matrix.shape[1]
        after = columns[:, features + self.pairs :]
        flags = columns[:, features : features + self.pairs].sum(axis=1, keepdims=True)
        return np.hstack([columns[:, :features], flags, after])

    def blocks(self, size: int = _BLOCK) -> Iterator[tuple[slice, Inputs]]:
        """Parts of the rows in order, so that copies stay small."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield part, Inputs(self.matrix[part], self.codes[part], self.pairs)


def require_codes(codes: Codes, pairs: int) -> None:
    """Refuse codes that name no pair.

    Raises:
        ConfigError: If a code is negative or too great.
    """
    if len(codes) and (codes.min() < 0 or codes.max() >= pairs):
        raise ConfigError(
            f"pair codes from {codes.min()} to {codes.max()}", expected=f"0 to {pairs - 1}"
        )


def _require_shape(name: str, values: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ConfigError(f"{name} of shape {values.shape}", expected=f"shape {shape}")
