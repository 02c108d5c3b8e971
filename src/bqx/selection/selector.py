"""The selection as a transformer of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.ranges import Ranges
from bqx.errors import BqxError
from bqx.selection.choosing import Task, choose
from bqx.selection.datasets import domains_of
from bqx.selection.mask import Mask
from bqx.selection.ordering import Floats, Ints
from bqx.selection.quotas import Domain
from bqx.selection.sampling import draw_sample
from bqx.selection.settings import METHODS, Settings

try:
    from sklearn.base import BaseEstimator
    from sklearn.feature_selection import SelectorMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as missing:
    raise BqxError("scikit-learn is not installed", hint="pip install bqx-ml[models]") from missing

Scores = Mapping[str, Mapping[str, float]]


class QuotaSelector(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Select the best k features, at least so many of each domain.

    Features that are mostly NULL, constant, duplicate, drifting or highly correlated are left
    out. The others are ranked for every target; the rankings are joined by Borda. All of it sees
    only the rows that are given, of which the mask remembers those that were looked at. Equal
    samples and settings give the same mask, whatever the number of threads.

    Args:
        k: Features that are selected.
        min_rate: Of them, at least so many of the rate domain.
        min_bqx: Of them, at least so many of the BQX domain.
        methods: Rankings: gain, permutation, information, correlation, stability.
        effort: ``fast``, ``standard`` or ``thorough``.
        max_nulls: Greatest share of NULLs of a feature.
        max_share: Greatest share of a feature's values that may be equal.
        max_drift: Greatest share of a feature's variance between eight stretches of time: a price
            level wanders out of the range that a model has learned.
        max_correlation: Greatest absolute rank correlation of two features.
        bins: Quantile bins for mutual information.
        max_rows: Most samples that are looked at, in whole blocks of time.
        block: Grid rows of a block; a trading day, or less in a short sample, when None.
        margin: Grid rows between the rows that a tree model learns from and those that judge it.
        seed: Of all random choices.
        threads: Pieces of work at a time.

    Attributes:
        mask_: The result.
        support_: Whether each feature is selected, shape (f,).
        names_: Names of the features that were given.
        n_features_in_: Their number.
    """

    def __init__(
        self,
        k: int = 250,
        *,
        min_rate: int = 100,
        min_bqx: int = 100,
        methods: tuple[str, ...] = METHODS,
        effort: str = "standard",
        max_nulls: float = 0.1,
        max_share: float = 0.99,
        max_drift: float = 0.4,
        max_correlation: float = 0.95,
        bins: int = 16,
        max_rows: int = 20_000,
        block: int | None = None,
        margin: int = 150,
        seed: int = 0,
        threads: int = 2,
    ) -> None:
        self.k = k
        self.min_rate = min_rate
        self.min_bqx = min_bqx
        self.methods = methods
        self.effort = effort
        self.max_nulls = max_nulls
        self.max_share = max_share
        self.max_drift = max_drift
        self.max_correlation = max_correlation
        self.bins = bins
        self.max_rows = max_rows
        self.block = block
        self.margin = margin
        self.seed = seed
        self.threads = threads

    @property
    def settings(self) -> Settings:
        """The parameters, checked.

        Raises:
            ConfigError: If one of them cannot be.
        """
        given = {name: v for name, v in self.get_params().items() if name != "threads"}
        return Settings(**{**given, "methods": tuple(self.methods)})

    @property
    def rows(self) -> Ranges:
        """The grid rows that the fit looked at.

        Raises:
            AttributeError: If it has none: it is not fitted, or was fitted without rows.
        """
        check_is_fitted(self)
        if self.mask_.rows is None:
            raise AttributeError("the selector was fitted without rows")
        return self.mask_.rows

    def fit(
        self,
        matrix: Any,
        y: Any,
        *,
        rows: Ints | None = None,
        names: Sequence[str] | None = None,
        domains: Sequence[Domain] | None = None,
        scores: Scores | None = None,
    ) -> Self:
        """Select features.

        Args:
            matrix: Features, shape (n, f), NaN for NULL; only the sample of it is copied.
            y: Targets, shape (n,) or (n, targets), NaN where masked.
            rows: Grid row of every sample; without them samples are taken to be in the order of
                time, and the fit does not say what it saw.
            names: Qualified names of the features; those of a data frame, or ``x0`` and so on.
            domains: ``rate``, ``bqx`` or None of each feature; by its table when None.
            scores: Further rankings: of each a score by name of the feature, greater is better.

        Raises:
            BqxError: If shapes differ, a value is infinite, or there are too few samples.
            QuotaError: If too few features of a domain are left by the filters.
        """
        settings = self.settings
        known = _names(matrix, names)
        values, targets = np.asarray(matrix), _targets(y)
        at = np.arange(len(values)) if rows is None else np.asarray(rows, np.int64)
        kinds = domains_of(known) if domains is None else tuple(domains)
        _check_shapes(values, targets, at, known, kinds)
        sample = draw_sample(
            at,
            np.asarray(~np.isnan(targets).all(axis=1)),
            max_rows=settings.max_rows,
            seed=settings.seed,
            block=settings.block,
        )
        columns = np.ascontiguousarray(values[sample.lines].T, np.float32)
        task = Task(columns, targets[sample.lines].T.copy(), sample, known, kinds, scores or {})
        mask = choose(task, settings, self.threads, rows_known=rows is not None)
        return self._set(mask, known)

    def _set(self, mask: Mask, names: tuple[str, ...]) -> Self:
        chosen = set(mask.features)
        self.mask_ = mask
        self.names_ = names
        self.n_features_in_ = len(names)
        self.support_ = np.array([name in chosen for name in names])
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the selected features.

        Args:
            input_features: The names that were given, if at all.

        Raises:
            BqxError: If they are not those that were given to the fit.
        """
        check_is_fitted(self)
        if input_features is not None and tuple(input_features) != self.names_:
            raise BqxError("names of other features", expected="those that the fit was given")
        return np.array(self.mask_.features, object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


def _names(matrix: Any, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is not None:
        return tuple(names)
    columns = getattr(matrix, "columns", None)
    if columns is not None:
        return tuple(str(c) for c in columns)
    return tuple(f"x{j}" for j in range(np.shape(matrix)[1]))


def _targets(y: Any) -> Floats:
    values = np.asarray(y, np.float64)
    return values[:, None] if values.ndim == 1 else values


def _check_shapes(
    values: NDArray[Any],
    targets: Floats,
    rows: Ints,
    names: tuple[str, ...],
    domains: tuple[Domain, ...],
) -> None:
    n, f = values.shape
    if not n == len(targets) == len(rows):
        raise BqxError(
            f"{n} samples with {len(targets)} targets and {len(rows)} rows", expected="one of each"
        )
    if not f == len(names) == len(domains):
        raise BqxError(
            f"{f} columns with {len(names)} names and {len(domains)} domains",
            expected="one of each",
        )
