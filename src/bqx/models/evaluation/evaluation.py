"""The result of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bqx.dataset.target import BQXTarget
from bqx.models.calibration import Coverage
from bqx.models.comparison import adjusted
from bqx.models.evaluation.controls import ControlFound
from bqx.models.evaluation.importance import Importances
from bqx.models.evaluation.samples import EVERY_PAIR
from bqx.models.evaluation.scoring import Found, TargetFound
from bqx.models.scoretable import Scored, ScoreTable
from bqx.models.skill import Measure


@dataclass(frozen=True)
class Facts:
    """What gates ask of one target of a pair.

    Attributes:
        pair: The pair, or `EVERY_PAIR`.
        target: The target.
        n: Rows scored.
        effective_n: Independent rows that they are worth.
        skill: 1 - MSE/MSE of the martingale.
        interval: Its interval by the stationary bootstrap; NaN where undefined.
        p_adjusted: P value of Diebold and Mariano, adjusted over all pairs and targets of the run;
            NaN where undefined, and for all pairs together.
        coverage: Observed shares below the quantiles, beside the martingale's.
        coverage_error: Greatest distance of a share from its level; NaN without quantiles.
        calibration_error: Expected calibration error of the probabilities; NaN without them.
        synthetic: Whether any of the data is generated.
        controls: The same skill of each control, by kind and run.
    """

    pair: str
    target: BQXTarget
    n: int
    effective_n: float
    skill: float
    interval: tuple[float, float]
    p_adjusted: float
    coverage: tuple[Coverage, ...]
    coverage_error: float
    calibration_error: float
    synthetic: bool
    controls: Mapping[str, Measure]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a run is worth.

    Attributes:
        name: Name of the run.
        identity: Its identity.
        run: What it is: learner, scope, folds, dataset and so on, as plain values.
        synthetic: Whether any of the data is generated.
        found: What was computed of each target.
        importances: What the models used.
        controls: Controls that were scored beside it.
        notes: What a reader should know although it is no number.
    """

    name: str
    identity: str
    run: Mapping[str, Any]
    synthetic: bool
    found: Mapping[BQXTarget, TargetFound]
    importances: Importances
    controls: tuple[ControlFound, ...]
    notes: tuple[str, ...]

    @property
    def targets(self) -> tuple[BQXTarget, ...]:
        """The targets."""
        return tuple(self.found)

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs."""
        return tuple(next(iter(self.found.values())).pairs)

    def singles(self) -> Iterator[Found]:
        """What was found of each target of each pair."""
        for one in self.found.values():
            yield from one.pairs.values()

    def facts(self, pair: str, target: BQXTarget | str) -> Facts:
        """What gates ask of a target of a pair; of all pairs together for `EVERY_PAIR`.

        Raises:
            UnknownNameError: If the run has no such pair or target.
        """
        one = self._one(pair, target)
        place, mse = (one.pair, one.target), one.score.mse
        return Facts(
            pair=one.pair,
            target=one.target,
            n=one.score.n,
            effective_n=one.score.effective_n,
            skill=mse.skill,
            interval=mse.interval,
            p_adjusted=self._p_adjusted().get(place, float("nan")),
            coverage=one.coverage,
            coverage_error=one.coverage_error,
            calibration_error=one.error,
            synthetic=self.synthetic,
            controls={f"{c.kind} ({c.name})": c.scores[place].mse for c in self.controls},
        )

    def by_pair(self) -> ScoreTable:
        """Scores by target and pair."""
        return self._table(Scored(_keys(one), one.score) for one in self.singles())

    def pooled(self) -> ScoreTable:
        """Scores of all pairs together, by target."""
        found = self.found.values()
        return self._table(Scored({"target": str(f.pooled.target)}, f.pooled.score) for f in found)

    def by_group(self, name: str) -> ScoreTable | None:
        """Scores of all pairs together by target and group; None if there is no such grouping."""
        rows = [
            Scored({"target": str(target), name: label}, score)
            for target, one in self.found.items()
            for label, score in one.groups.get(name, {}).items()
        ]
        return self._table(iter(rows)) if rows else None

    def beside_controls(self, *, pooled: bool = True) -> ScoreTable | None:
        """The true run and its controls, of all pairs together or by pair; None without any."""
        if not self.controls:
            return None
        true = [f.pooled for f in self.found.values()] if pooled else list(self.singles())
        rows = []
        for one in true:
            rows.append(Scored({**_keys(one), "run": "true"}, one.score))
            for control in self.controls:
                keys = {**_keys(one), "run": f"{control.kind} ({control.name})"}
                rows.append(Scored(keys, control.scores[one.pair, one.target]))
        return self._table(iter(rows))

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        from bqx.models.evaluation.plain import plain

        return plain(self)

    def to_text(self) -> str:
        """The findings for a terminal, at most 120 columns wide."""
        from bqx.models.evaluation.textual import text

        return text(self)

    def to_html(self) -> str:
        """One page that needs nothing else."""
        from bqx.models.evaluation.page import page

        return page(self)

    def _table(self, rows: Iterator[Scored]) -> ScoreTable:
        return ScoreTable(tuple(rows), synthetic=self.synthetic)

    def _one(self, pair: str, target: BQXTarget | str) -> Found:
        from bqx.errors import UnknownNameError

        wanted = BQXTarget.parse(target) if isinstance(target, str) else target
        if wanted not in self.found:
            known = ", ".join(map(str, self.targets))
            raise UnknownNameError(f"no scores of {wanted}", expected=f"one of {known}")
        of_target = self.found[wanted]
        if pair == EVERY_PAIR:
            return of_target.pooled
        if pair not in of_target.pairs:
            known = ", ".join(self.pairs)
            raise UnknownNameError(f"no scores of {pair!r}", expected=f"one of {known}")
        return of_target.pairs[pair]

    def _p_adjusted(self) -> dict[tuple[str, BQXTarget], float]:
        import numpy as np

        every = list(self.singles())
        p = adjusted(np.array([one.score.mse.p_value for one in every], np.float64))
        return {(o.pair, o.target): float(q) for o, q in zip(every, p, strict=True)}


def _keys(found: Found) -> dict[str, str]:
    return {"pair": found.pair, "target": str(found.target)}
