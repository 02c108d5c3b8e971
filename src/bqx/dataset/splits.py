"""All splitters in one place: walk-forward, k-fold and combinatorial, purged."""

from __future__ import annotations

from bqx.dataset.combinatorial import CombinatorialPurged, Path, PurgedKFold
from bqx.dataset.folds import Fold, Margins, Splitter
from bqx.dataset.ranges import Ranges
from bqx.dataset.reach import Reach
from bqx.dataset.walkforward import PurgedWalkForward
from bqx.errors import ConfigError

__all__ = [
    "CombinatorialPurged",
    "Fold",
    "Margins",
    "Path",
    "PurgedKFold",
    "PurgedWalkForward",
    "Ranges",
    "Reach",
    "Splitter",
    "make_splitter",
]

FORMS = {("walk-forward", 0), ("kfold", 1), ("combinatorial", 2)}
"""Names of splitters with how many numbers they take."""


def make_splitter(
    text: str = "walk-forward",
    *,
    train: int | str | None = None,
    test: int | str | None = None,
    step: int | str | None = None,
    expanding: bool = False,
    purge: int | None = None,
    embargo: int | None = None,
) -> Splitter:
    """A splitter from its text.

    Args:
        text: ``walk-forward``, ``kfold:6``, or ``combinatorial:6:2`` for 2 of 6 groups tested.
        train: Length of the training block; walk-forward only, like the next three.
        test: Length of a test block.
        step: From one test block to the next.
        expanding: Whether training always begins at the first row.
        purge: Rows before a test block, where they shall be more than needed.
        embargo: Rows after a test block, where they shall be more than needed.

    Raises:
        ConfigError: If there is no such splitter, or it lacks a length or gets one that it has not.
    """
    name, *numbers = text.strip().split(":")
    if (name, len(numbers)) not in FORMS or not all(n.isdecimal() for n in numbers):
        raise ConfigError(
            f"unknown splitter {text!r}",
            expected="walk-forward, kfold:FOLDS or combinatorial:GROUPS:TESTED",
            hint="for example kfold:6 or combinatorial:6:2",
        )
    if name == "walk-forward":
        if train is None or test is None:
            raise ConfigError("walk-forward without lengths", expected="train and test")
        return PurgedWalkForward(train, test, step, expanding, purge=purge, embargo=embargo)
    if expanding or any(length is not None for length in (train, test, step)):
        raise ConfigError(f"{name} takes no lengths", expected="numbers, as in kfold:6")
    if name == "kfold":
        return PurgedKFold(int(numbers[0]), purge=purge, embargo=embargo)
    return CombinatorialPurged(int(numbers[0]), int(numbers[1]), purge=purge, embargo=embargo)
