"""What was fitted in an earlier fold may be used in a later one only before its test."""

from __future__ import annotations

from bqx.dataset.fitscope import require_inside
from bqx.dataset.folds import Fold
from bqx.dataset.ranges import Ranges
from bqx.errors import LeakError


def require_earlier(fitted: object, fold: Fold) -> None:
    """Refuse what was fitted elsewhere than well before the tested rows.

    A selection or tuning of an earlier fold, or one that was given, is used on this condition: all
    rows that it saw lie before the first tested row by more than the fold's purge; without a test,
    before the end of the training rows.

    Args:
        fitted: What was fitted, with its rows.
        fold: The fold in which it is to be used.

    Raises:
        LeakError: If it saw later rows, or does not say which; it names the object.
    """
    rows = getattr(fitted, "rows", None)
    if not isinstance(rows, Ranges) or not rows:
        require_inside(fitted, fold)
        return
    end = fold.test.first - fold.purge if fold.test else fold.train.stop
    late = rows.minus(Ranges.of((min(rows.first, end), end)))
    if late:
        name = str(getattr(fitted, "name", type(fitted).__name__))
        raise LeakError(
            f"{name} was fitted on {late.count:,} rows too near to the test of fold "
            f"{fold.number}, or after it: {late}",
            expected=f"rows before {end:,}, by the purge of {fold.purge:,} rows",
            hint="fit it in the fold: refresh 1, or a mask of earlier rows",
        )
