"""What was fitted says on which rows, and is refused where it saw more than the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.ranges import Ranges
from bqx.errors import BqxError, LeakError
from bqx.extras import library

T = TypeVar("T")

EVALUATION = frozenset({"eval_set", "eval_X", "eval_y", "X_val", "y_val"})
"""Arguments of ``fit`` that carry further samples, in LightGBM, XGBoost, CatBoost, scikit-learn."""


@runtime_checkable
class Fitted(Protocol):
    """Anything that was fitted, and knows the grid rows that it was fitted on."""

    @property
    def rows(self) -> Ranges:
        """The rows whose features or labels it saw while it was fitted."""


class Trained(Protocol):
    """The part of a fold that counts here."""

    @property
    def number(self) -> int:
        """Number of the fold."""

    @property
    def train(self) -> Ranges:
        """Its training rows."""


@dataclass(frozen=True)
class FittedInside(Generic[T]):
    """A fitted estimator with the rows that it saw.

    Attributes:
        name: What messages call it.
        estimator: The estimator; take it with `for_fold`, which looks at the rows first.
        rows: The rows that it was fitted on.
    """

    name: str
    estimator: T
    rows: Ranges

    def for_fold(self, fold: Trained) -> T:
        """The estimator, for use in a fold.

        Raises:
            LeakError: If it was fitted on rows outside of the fold's training rows.
        """
        require_inside(self, fold)
        return self.estimator


def fit_inside(
    estimator: T,
    rows: NDArray[np.int64],
    fold: Trained,
    features: Any,
    target: Any = None,
    *,
    eval_rows: NDArray[np.int64] | None = None,
    **options: Any,
) -> FittedInside[T]:
    """Fit a fresh copy of a scikit-learn estimator on training rows of a fold, and on no others.

    What a pipeline contains is fitted with it. The copy forgets all that the given estimator may
    have seen before.

    Args:
        estimator: A scikit-learn estimator; it stays as it is.
        rows: Grid row of every sample; several pairs may share a row.
        fold: The fold.
        features: Matrix with one line per sample.
        target: Values to learn, if any.
        eval_rows: Grid rows of the samples in an option such as ``eval_set``, by which a fit
            decides when to stop; they must be training rows too.
        options: Further arguments of ``fit``.

    Returns:
        The fitted copy with its rows, those for evaluation included.

    Raises:
        LeakError: If a row is outside of the training rows, if evaluation samples come without
            their rows, or if a part is frozen and so keeps what it learned elsewhere.
        BqxError: If there is not one row per sample, or scikit-learn is not installed.
    """
    name = type(estimator).__name__
    if not EVALUATION.isdisjoint(options) and eval_rows is None:
        raise LeakError(
            f"{name} gets samples for evaluation, but not their rows",
            expected=f"eval_rows, inside the training rows of fold {fold.number}",
        )
    if len(rows) != len(features) or (target is not None and len(rows) != len(target)):
        raise BqxError(f"{name} gets {len(rows)} rows for {len(features)} samples", expected="one")
    seen = training_rows(name, rows, fold)
    if eval_rows is not None:
        seen = seen.union(training_rows(f"evaluation of {name}", eval_rows, fold))
    fresh = _fresh(estimator)
    fresh.fit(features, *([] if target is None else [target]), **options)
    return FittedInside(name, fresh, seen)


def training_rows(name: str, rows: NDArray[np.int64], fold: Trained) -> Ranges:
    """The given rows as a set, for an object that is about to be fitted on them.

    Args:
        name: What messages call the object.
        rows: Grid rows of its samples.
        fold: The fold.

    Raises:
        LeakError: If there are none, or some are not training rows of the fold.
    """
    found = Ranges.from_rows(rows)
    if not found:
        raise LeakError(f"{name} gets no rows to be fitted on", expected="training rows")
    _require(name, found, fold)
    return found


def require_inside(fitted: object, fold: Trained) -> None:
    """Refuse what was fitted outside of a fold's training rows, or does not say where.

    What learns nothing, such as a forecast of zero, has no rows and passes.

    Args:
        fitted: A `Fitted` object: scaler, selector, bin edges, threshold, model, meta-learner.
        fold: The fold in which it is to be used.

    Raises:
        LeakError: If it was not fitted on training rows of the fold alone; it names the object.
    """
    name = str(getattr(fitted, "name", type(fitted).__name__))
    rows = getattr(fitted, "rows", None)
    if not isinstance(rows, Ranges):
        raise LeakError(
            f"{name} does not say on which rows it was fitted",
            expected=f"rows inside the training rows of fold {fold.number}",
            hint="fit it with bqx.dataset.fitscope.fit_inside",
        )
    _require(name, rows, fold)


def _require(name: str, rows: Ranges, fold: Trained) -> None:
    outside = rows.minus(fold.train)
    if outside:
        raise LeakError(
            f"{name} is fitted on {outside.count:,} rows outside of the training rows of fold "
            f"{fold.number}: {outside}",
            expected=f"rows in {fold.train}",
            hint="fit it inside the fold, on fold.train only",
        )


def _fresh(estimator: Any) -> Any:
    """An unfitted copy.

    Raises:
        LeakError: If a part of it is frozen.
        BqxError: If it is no scikit-learn estimator, or scikit-learn is missing.
    """
    base, frozen = (library(f"sklearn.{part}", "models") for part in ("base", "frozen"))
    if not hasattr(estimator, "get_params"):
        raise BqxError(
            f"{type(estimator).__name__} is no scikit-learn estimator",
            expected="get_params and fit",
            hint="an object of your own keeps its rows with training_rows",
        )
    for part in (estimator, *estimator.get_params(deep=True).values()):
        if isinstance(part, frozen.FrozenEstimator):
            raise LeakError(
                f"{type(part.estimator).__name__} is frozen: what it learned elsewhere would stay",
                expected="parts that are fitted inside the fold",
            )
    return base.clone(estimator)
