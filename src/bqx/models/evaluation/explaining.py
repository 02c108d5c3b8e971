"""Why a run said what it said about one minute: exact contributions that add up to the forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from bqx.dataset.dataset import Dataset
from bqx.dataset.target import BQXTarget
from bqx.errors import ConfigError, PostConditionError
from bqx.market.week import read_moment
from bqx.models.evaluation.numbers import finite

if TYPE_CHECKING:
    from bqx.models.runs.run import Run

TOLERANCE = 1e-6
"""Deviation of the sum from the forecast that is allowed, in standard deviations."""

KNOWN = "expected by the martingale"


@dataclass(frozen=True)
class Contribution:
    """What one feature adds to the forecast.

    Attributes:
        feature: Its name.
        value: Its value at the row; NaN where NULL.
        amount: What it adds, in the target's unit.
    """

    feature: str
    value: float
    amount: float


@dataclass(frozen=True)
class Explanation:
    """A point forecast in parts: expected + base + contributions = point.

    Attributes:
        pair: The pair.
        target: The target, as text.
        at: The minute, in UTC.
        fold: The fold whose model was asked.
        expected: What the martingale expects.
        base: What the model adds whatever the features are.
        contributions: By falling size; features that add nothing are not among them.
        silent: Number of features that add nothing.
        point: The forecast, as the run stored it.
        value: What happened; None where masked.
        synthetic: Whether any of the data is generated.
    """

    pair: str
    target: str
    at: str
    fold: int
    expected: float
    base: float
    contributions: tuple[Contribution, ...]
    silent: int
    point: float
    value: float | None
    synthetic: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values; a NULL feature is None."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain["contributions"] = [
            {"feature": c.feature, "value": finite(c.value), "contribution": c.amount}
            for c in self.contributions
        ]
        return plain

    def to_text(self, most: int = 20) -> str:
        """The sum, part by part."""
        shown, rest = self.contributions[:most], self.contributions[most:]
        width = max((len(c.feature) for c in shown), default=0)
        width = max(width, len(KNOWN))
        mark = "SYNTHETIC DATA. " if self.synthetic else ""
        lines = [
            f"{mark}{self.pair} {self.target} at {self.at}, fold {self.fold}",
            "",
            f"{'':<{width}}  {'value':>12}  contribution",
            f"{KNOWN:<{width}}  {'':>12}  {self.expected:+.6g}",
            f"{'base of the model':<{width}}  {'':>12}  {self.base:+.6g}",
            *(f"{c.feature:<{width}}  {_value(c.value):>12}  {c.amount:+.6g}" for c in shown),
        ]
        if rest:
            total = math.fsum(c.amount for c in rest)
            lines.append(f"{f'{len(rest)} further features':<{width}}  {'':>12}  {total:+.6g}")
        lines.append(f"{'point forecast':<{width}}  {'':>12}  {self.point:+.6g}")
        happened = "masked" if self.value is None else f"{self.value:+.6g}"
        lines.append(f"{'what happened':<{width}}  {'':>12}  {happened}")
        lines += ["", f"{self.silent} of the model's features contribute nothing."]
        return "\n".join(lines)


def explain(
    run: Run, pair: str, at: str, target: BQXTarget | str, *, dataset: Dataset | None = None
) -> Explanation:
    """Take the forecast of one tested minute apart.

    Contributions are Shapley values of the model's features (Lundberg et al. 2020), exact where the
    learner knows them. They are of the surprise, in standard deviations, and are given times the
    scale of the row, so they add up in the target's unit.

    Args:
        run: The run; no control, whose features are of other minutes.
        pair: The pair.
        at: The minute, in UTC: ``2019-03-05T14:30``.
        target: A target of the run; no direction, which is not a sum.
        dataset: The dataset of the run, if it is open already or was moved.

    Raises:
        UnknownNameError: If the run has no such pair or target.
        ConfigError: If the minute was not tested, or the run or target cannot be explained.
        PostConditionError: If the parts do not add up to the forecast.
    """
    wanted = BQXTarget.parse(target) if isinstance(target, str) else target
    _require_sum(run, wanted)
    row = _tested(run.forecasts(pair, wanted), at)
    model = run.model(pair, int(row["fold"]))
    source = run.dataset() if dataset is None else dataset
    rows = source.matrix(pair, model.features, row["row"], row["row"] + 1)[1]
    parts = model.contributions(rows, pair, (wanted.window, wanted.horizon))[0] * row["scale"]
    # The stored forecast may add what is known, or not, but never something of a third kind.
    known = row["expected"] if run.spec.learn == "surprise" else 0.0
    _require_equal(known + math.fsum(parts.tolist()), row["point"], row["scale"])
    # Behind the features a model of several pairs has the pair itself.
    values = [*rows[0], model.pairs.index(pair)][: len(model.columns)]
    found = [
        Contribution(name, float(value), float(amount))
        for name, value, amount in zip(model.columns, values, parts[:-1], strict=True)
        if amount != 0.0
    ]
    return Explanation(
        pair=pair,
        target=str(wanted),
        at=f"{row['ts_utc']:%Y-%m-%dT%H:%M}",
        fold=int(row["fold"]),
        expected=known,
        base=float(parts[-1]),
        contributions=tuple(sorted(found, key=lambda c: (-abs(c.amount), c.feature))),
        silent=len(parts) - 1 - len(found),
        point=row["point"],
        value=row["value"],
        synthetic=run.synthetic,
    )


def _require_sum(run: Run, target: BQXTarget) -> None:
    if target.kind == "direction":
        raise ConfigError(
            f"contributions to {target}, a probability",
            expected="a target whose forecast is a sum",
            hint=f"explain {target.window}:{target.horizon}:change",
        )
    if run.spec.control is not None:
        raise ConfigError(
            f"the run {run.name} is a control ({run.spec.control})",
            expected="a true run: rows of a control are no minutes",
        )


def _tested(forecasts: pl.DataFrame, at: str) -> dict[str, Any]:
    """The forecast of a minute; the latest fold's where several tested it."""
    found = forecasts.filter(pl.col("ts_utc").dt.timestamp("us") == _micros(at))
    if not len(found):
        first, last = forecasts["ts_utc"][0], forecasts["ts_utc"][-1]
        raise ConfigError(
            f"{at} was not tested",
            expected=f"a minute in UTC with a forecast, from {first:%Y-%m-%dT%H:%M} to"
            f" {last:%Y-%m-%dT%H:%M}",
        )
    return found.row(-1, named=True)


def _micros(at: str) -> int:
    return int(read_moment(at).timestamp()) * 1_000_000


def _require_equal(total: float, point: float, scale: float) -> None:
    if not abs(total - point) <= TOLERANCE * max(scale, abs(point)):
        raise PostConditionError(
            f"contributions add up to {total!r}",
            expected=f"the stored forecast {point!r}",
            hint="was the dataset or the model changed?",
        )


def _value(value: float) -> str:
    return f"{value:.5g}" if math.isfinite(value) else "NULL"
