"""Which rows selection and tuning may see: before the test, and before those that calibrate."""

from __future__ import annotations

from dataclasses import replace

from bqx.dataset.fitscope import require_inside
from bqx.dataset.folds import Fold
from bqx.dataset.ranges import Ranges
from bqx.errors import LeakError


def early_part(fold: Fold, calibration: float) -> tuple[Fold, int]:
    """A fold without the training rows that calibrate, and the first of these.

    The rows that say how much of a forecast is believed must be new to all of it. Of many columns
    of noise, those are selected that agree with all rows that selection sees, and where these
    calibrate too, noise is believed.

    Args:
        fold: The fold.
        calibration: Share of its training rows, the last ones, that calibrate.
    """
    train = fold.train
    border = train.row_at(train.count - max(int(calibration * train.count), 1))
    end = max(border - fold.purge, train.first)
    return replace(fold, train=train.intersect(Ranges.of((train.first, end)))), border


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
