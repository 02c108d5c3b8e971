"""The trees of a LightGBM model as arrays, and what they say when one feature is permuted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.errors import BqxError
from bqx.kernels.jit import jit

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

# Bits of LightGBM's decision types; missing values are of the kind none, zero or NaN.
_CATEGORICAL, _DEFAULT_LEFT, _KIND = 1, 2, 2
_ZERO, _NAN = 1, 2
_TINY = 1e-35
"""What LightGBM takes for zero."""


@dataclass(frozen=True)
class Trees:
    """Splits and leaves of several trees, one after the other.

    Attributes:
        nodes: First split of each tree, and their number at the end.
        leaves: First leaf of each tree, and their number at the end.
        features: Column that each split asks.
        thresholds: Up to them it goes left.
        kinds: Decision types.
        children: Left and right of each split, shape (2, splits); leaves as their complement.
        values: What each leaf says.
    """

    nodes: Ints
    leaves: Ints
    features: Ints
    thresholds: Floats
    kinds: Ints
    children: Ints
    values: Floats

    @classmethod
    def of(cls, text: str) -> Trees:
        """Read the text of a model.

        Raises:
            BqxError: If a split is on categories.
        """
        parts = [_fields(part) for part in text.split("\nTree=")[1:]]
        kinds = _joined(parts, "decision_type").astype(np.int64)
        if (kinds & _CATEGORICAL).any():
            raise BqxError("a split on categories", expected="splits on numbers")
        sides = [_joined(parts, f"{side}_child").astype(np.int64) for side in ("left", "right")]
        return cls(
            _edges([len(_numbers(p, "split_feature")) for p in parts]),
            _edges([len(_numbers(p, "leaf_value")) for p in parts]),
            _joined(parts, "split_feature").astype(np.int64),
            _joined(parts, "threshold"),
            kinds,
            np.stack(sides),
            _joined(parts, "leaf_value"),
        )

    def predict(self, columns: Singles, lines: Ints) -> Floats:
        """What each tree says on some samples, shape (trees, samples).

        Args:
            columns: Features, shape (f, n), NaN for NULL.
            lines: Positions of the samples.
        """
        out = np.zeros((len(self.nodes) - 1, len(lines)))
        for tree in range(len(out)):
            self._tree(tree, columns, lines, -1, lines, out[tree])
        return out

    def _tree(  # noqa: PLR0917 - where and what is permuted takes three
        self, tree: int, columns: Singles, lines: Ints, moved: int, others: Ints, out: Floats
    ) -> None:
        part = slice(self.nodes[tree], self.nodes[tree + 1])
        leaves = self.values[self.leaves[tree] : self.leaves[tree + 1]]
        _walk(
            self.features[part],
            self.thresholds[part],
            self.kinds[part],
            self.children[:, part],
            leaves,
            columns,
            lines,
            moved,
            others,
            out,
        )

    def permuted(
        self, columns: Singles, lines: Ints, target: Floats, orders: Ints
    ) -> dict[int, float]:
        """How much the mean squared error grows when one feature is permuted (Breiman 2001).

        Only the trees that ask a feature are walked again.

        Args:
            columns: Features, shape (f, n).
            lines: Positions of the samples that judge.
            target: Their target.
            orders: Permutations of the samples, shape (repeats, samples).

        Returns:
            The mean over the permutations, for each feature that a tree asks.
        """
        said = self.predict(columns, lines)
        error = target - said.sum(axis=0)
        before = float(np.mean(error * error))
        owners = np.repeat(np.arange(len(said)), np.diff(self.nodes))
        found, out = {}, np.empty(len(lines))
        for feature in np.unique(self.features).tolist():
            trees = np.unique(owners[self.features == feature]).tolist()
            after = 0.0
            for order in orders:
                change = np.zeros(len(lines))
                for tree in trees:
                    self._tree(tree, columns, lines, feature, lines[order], out)
                    change += out - said[tree]
                after += float(np.mean((error - change) ** 2))
            found[feature] = after / len(orders) - before
        return found


def _fields(part: str) -> dict[str, str]:
    lines = part.split("\n\n", 1)[0].splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def _numbers(fields: dict[str, str], key: str) -> Floats:
    return np.array(fields.get(key, "").split(), np.float64)


def _joined(parts: list[dict[str, str]], key: str) -> Floats:
    return np.concatenate([np.empty(0), *(_numbers(p, key) for p in parts)])


def _edges(lengths: list[int]) -> Ints:
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


@jit
def _walk(  # noqa: PLR0917 - compiled code takes arrays alone
    features: Ints,
    thresholds: Floats,
    kinds: Ints,
    children: Ints,
    leaves: Floats,
    columns: Singles,
    lines: Ints,
    moved: int,
    others: Ints,
    out: Floats,
) -> None:
    for i in range(len(lines)):
        node = 0 if len(features) else -1
        while node >= 0:
            feature = features[node]
            x = np.float64(columns[feature, others[i] if feature == moved else lines[i]])
            kind = (kinds[node] >> _KIND) & 3
            if np.isnan(x) and kind != _NAN:
                x = np.float64(0.0)
            absent = np.isnan(x) or (kind == _ZERO and abs(x) <= _TINY)
            left = (kinds[node] & _DEFAULT_LEFT) != 0 if absent else x <= thresholds[node]
            node = children[0 if left else 1, node]
        out[i] = leaves[~node]
