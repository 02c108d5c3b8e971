"""Fit models of every shape on early rows, and calibrate them on later ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError
from bqx.models.learning.calibrating import Calibration
from bqx.models.learning.estimator import Bench, Estimator, Material
from bqx.models.learning.fitted import FittedModels, ShapeModels
from bqx.models.learning.kinds import bench
from bqx.models.learning.learner import Learner
from bqx.models.learning.samples import Bools, Floats, Ints, Samples, Shape

LEVELS = (0.1, 0.5, 0.9)

LEAST = 50
"""Rows with a label that fitting, and calibrating, need at least."""

SHARED = 0.95
"""Shapes are fitted on the rows that all have a label for, if each loses less than the rest."""


@dataclass(frozen=True)
class _Plan:
    """What holds for all shapes of one call."""

    samples: Samples
    learner: Learner
    levels: tuple[float, ...]
    margin: int
    seed: int
    threads: int
    early: Bools
    late: Bools


def fit_models(
    samples: Samples,
    learner: Learner,
    *,
    levels: Sequence[float] = LEVELS,
    calibration: float = 0.2,
    border: int | None = None,
    margin: int,
    seed: int = 0,
    threads: int = 1,
) -> FittedModels:
    """Fit point and quantile models of all shapes.

    The last rows in time are kept for calibration: how much of the point forecast is believed, how
    quantiles are shifted, and how residuals are distributed. Nothing outside of the samples is
    read, and no model sees a label of its calibration rows or within ``margin`` of them.

    Args:
        samples: Training rows with their surprises.
        learner: What to fit.
        levels: Levels of the quantiles, at least one.
        calibration: Share of the distinct rows that calibrates.
        border: The first row that calibrates, where something else depends on it; by the share
            when None.
        margin: Rows between the last that is fitted on and the first that calibrates; the purge of
            the reach (`bqx.dataset.reach.Reach.purge`).
        seed: The same seed gives the same models to the bit.
        threads: Fits at a time, or threads of the libraries whose benches cannot share; LightGBM
            gives the same bits for any number.

    Raises:
        ConfigError: If a number is out of its range, or too few rows have a label.
        BqxError: If the library of the learner is not installed.
    """
    levels = tuple(sorted(levels))
    _require_numbers(levels, calibration, margin)
    early, late = split_rows(samples.rows, calibration, margin, border)
    plan = _Plan(samples, learner, levels, margin, seed, threads, early, late)
    models = {shape: model for group in _groups(plan) for shape, model in _fit_group(plan, *group)}
    return FittedModels(
        learner=learner,
        features=samples.features,
        pairs=samples.names,
        levels=levels,
        rows=Ranges.from_rows(samples.rows[early | late]),
        models={shape: models[shape] for shape in samples.surprises},
    )


def split_rows(
    rows: Ints, calibration: float, margin: int, border: int | None = None
) -> tuple[Bools, Bools]:
    """Rows to fit on and rows to calibrate on, as masks; the margin is in neither.

    Args:
        rows: Absolute grid rows, in any order, with repeats for several pairs.
        calibration: Share of the distinct rows, the last ones, that calibrates.
        margin: Rows in front of these that are left out.
        border: The first of these; by the share when None.

    Raises:
        ConfigError: If nothing is left on one side.
    """
    distinct = np.unique(rows)
    place = len(distinct) - int(calibration * len(distinct))
    if border is not None:
        place = int(np.searchsorted(distinct, border))
    if not 0 < place < len(distinct):
        last = f"the last {calibration:.0%}" if border is None else f"those from {border} on"
        raise ConfigError(
            f"{len(distinct)} distinct rows, {last} for calibration",
            expected="rows for both fitting and calibration",
        )
    first = int(distinct[place]) if border is None else border
    return rows < first - margin, rows >= first


def _groups(plan: _Plan) -> Iterator[tuple[Bools, list[Shape]]]:
    """Rows to fit on, with the shapes that are fitted on them together.

    Masks differ by a few rows at the edges of sessions. Preparing the matrix anew for each costs
    more than these rows are worth.
    """
    own = {s: plan.early & np.isfinite(z) for s, z in plan.samples.surprises.items()}
    common = np.logical_and.reduce(list(own.values()))
    if all(common.sum() > SHARED * mask.sum() for mask in own.values()):
        yield common, list(own)
        return
    for shape, mask in own.items():
        yield mask, [shape]


def _fit_group(
    plan: _Plan, mask: Bools, shapes: list[Shape]
) -> Iterator[tuple[Shape, ShapeModels]]:
    _require_enough("fitting", shapes[0], int(mask.sum()))
    inputs = plan.samples.inputs.take(mask)
    rows = plan.samples.rows[mask]
    place = bench(plan.learner, Material(inputs, rows, plan.margin, plan.seed, plan.threads))
    with ThreadPoolExecutor(plan.threads if place.parallel else 1) as pool:
        begun = [
            (shape, _begin(plan, place, plan.samples.surprises[shape][mask], pool))
            for shape in shapes
        ]
        for shape, fits in begun:
            yield shape, _calibrated(plan, shape, fits, int(mask.sum()))


@dataclass(frozen=True)
class _Fits:
    """The fits of a shape, under way."""

    point: Future[Estimator]
    quantiles: dict[float, Future[Estimator | None]]


def _begin(plan: _Plan, place: Bench, z: Floats, pool: ThreadPoolExecutor) -> _Fits:
    """Fit on early rows."""
    # The mean of some months is no forecast: without it, a model that finds nothing says 0.
    point = pool.submit(place.point, z - z.mean())
    return _Fits(point, {a: pool.submit(place.quantile, z, a) for a in plan.levels})


def _calibrated(plan: _Plan, shape: Shape, fits: _Fits, fitted: int) -> ShapeModels:
    """Calibrate on late rows."""
    surprises = plan.samples.surprises[shape]
    late = plan.late & np.isfinite(surprises)
    _require_enough("calibrating", shape, int(late.sum()))
    point = fits.point.result()
    models = {a: one.result() for a, one in fits.quantiles.items()}
    inputs = plan.samples.inputs.take(late)
    found = Calibration.measured(
        plan.samples.rows[late],
        surprises[late],
        point.predict(inputs),
        {a: None if m is None else m.predict(inputs) for a, m in models.items()},
        lag=sum(shape),
    )
    # A model that the calibration gives no weight is never asked again.
    used = {one.level: m for one in found.levels if one.weight and (m := models[one.level])}
    return ShapeModels(point, used, found, fitted)


def _require_enough(what: str, shape: Shape, count: int) -> None:
    if count < LEAST:
        raise ConfigError(
            f"{count} rows with a label of {shape[0]}:{shape[1]} for {what}",
            expected=f"at least {LEAST}",
            hint="give more training rows, or a smaller stride",
        )


def _require_numbers(levels: tuple[float, ...], calibration: float, margin: int) -> None:
    if not levels or len(set(levels)) < len(levels) or not all(0.0 < a < 1.0 for a in levels):
        raise ConfigError(f"quantile levels {levels}", expected="different ones inside (0, 1)")
    if not 0.0 < calibration < 1.0:
        raise ConfigError(f"calibration share {calibration!r}", expected="inside (0, 1)")
    if margin < 0:
        raise ConfigError(f"margin of {margin} rows", expected="at least 0")
