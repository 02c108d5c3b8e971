"""What an evaluation found, in sentences that are computed from the scores and never typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from bqx.dataset.target import BQXTarget
from bqx.models.comparison import adjusted
from bqx.models.evaluation.controls import LEVEL, beats, better
from bqx.models.evaluation.evaluation import Evaluation
from bqx.models.evaluation.numbers import percents, share, side
from bqx.models.skill import Score

SHARED = {"level", "change", "innovation"}
"""Kinds of one window and horizon whose forecast errors are the same numbers."""


def statement(found: Evaluation) -> tuple[str, ...]:
    """The sentences, the conclusion first."""
    return tuple(_sentences(found))


def conclusion(found: Evaluation) -> str:
    """One sentence: was skill found, and may it be believed?"""
    better = sum(beats(_scores(found)))
    if found.run["control"] in {"shuffled_labels", "permuted_time"}:
        return f"This run is a control ({found.run['control']}): whatever it shows is no skill."
    if not better:
        return (
            "No skill was found: after adjustment for their number, no pair and target is forecast"
            " better than a martingale knows anyway."
        )
    guilty = [c for c in found.controls if c.skilled]
    some = f"{better} of {len(_scores(found))} pair-targets are forecast better than a martingale"
    if guilty:
        names = ", ".join(c.name for c in guilty)
        return f"{some}, but so are those of a control ({names}): this is no evidence of skill."
    if not found.controls:
        return f"{some}, after adjustment for their number; no control was scored beside it."
    kinds = " and ".join(sorted({c.kind for c in found.controls}))
    return f"{some}, after adjustment for their number, and no control ({kinds}) is."


def tone(found: Evaluation) -> str:
    """``good`` if the conclusion is skill that controls do not show, ``poor`` otherwise."""
    clean = bool(found.controls) and not any(c.skilled for c in found.controls)
    true = found.run["control"] not in {"shuffled_labels", "permuted_time"}
    return "good" if true and clean and any(beats(_scores(found))) else "poor"


def _sentences(found: Evaluation) -> Iterator[str]:
    if found.synthetic:
        yield "SYNTHETIC DATA: some bars are generated, so no result says anything about a market."
    yield conclusion(found)
    yield _intervals(found)
    yield _tests(found)
    yield from _pooled(found)
    yield _signs(found)
    yield _effective(found)
    yield from (control.verdict() for control in found.controls)
    if not found.controls and found.run["control"].startswith("none"):
        yield (
            "No control was scored: train this run again with --control shuffled_labels and"
            " permuted_time, and evaluate it with --controls."
        )
    if _share_errors(found):
        yield (
            "Level, change and innovation of one window and horizon have the same errors and the"
            " same skill of the MSE: their counts are no independent evidence."
        )


def _scores(found: Evaluation) -> list[Score]:
    return [one.score for one in found.singles()]


def _intervals(found: Evaluation) -> str:
    scores = _scores(found)
    confidence = scores[0].confidence
    where = Counter(side(s.mse.interval) for s in scores)
    chance = len(scores) * (1.0 - confidence) / 2.0
    others = [f"{where[name]} {text}" for name, text in _OTHERS.items() if where[name]]
    return (
        f"The {confidence:.0%} interval of the skill (1 - MSE / MSE of the martingale) lies above 0"
        f" for {where['above 0']} of {len(scores)} pair-targets; {chance:.2g} would by chance if"
        f" none had skill{': ' if others else ''}{', '.join(others)}."
    )


_OTHERS = {
    "below 0": "lie below 0",
    "contains 0": "contain 0",
    "equal to the martingale": "say exactly what the martingale says",
    "no interval": "have no interval for want of rows",
}


def _tests(found: Evaluation) -> str:
    scores = _scores(found)
    better = sum(beats(scores))
    p = adjusted(np.array([s.mse.p_value for s in scores], np.float64))
    worse = sum(bool(q < LEVEL and s.mse.skill < 0.0) for q, s in zip(p, scores, strict=True))
    nested = adjusted(np.array([s.nested.p_better for s in scores], np.float64))
    informed = int(np.count_nonzero(nested < LEVEL))
    return (
        f"Adjusted for {len(scores)} tests (Benjamini-Hochberg, {LEVEL:.0%}): {better} are better"
        f" and {worse} worse than the martingale (Diebold-Mariano); {informed} hold information"
        " beyond it, whether or not the forecast is better (Clark-West)."
    )


def _pooled(found: Evaluation) -> Iterator[str]:
    if len(found.pairs) == 1:
        return
    skills = {t: found.found[t].pooled.score.mse for t in distinct(found.targets)}
    parts = [
        f"{target} {share(one.skill, 3)} {percents(one.interval, 3)}"
        for target, one in skills.items()
    ]
    yield f"Skill of all {len(found.pairs)} pairs together: {'; '.join(parts)}."


def _signs(found: Evaluation) -> str:
    """Signs may be right where no squared error is smaller, so they are counted apart."""
    signs = [one.direction for one in _scores(found)]
    known = {target: one.pooled.score.direction for target, one in found.found.items()}
    parts = [
        f"{target} {share(one.value, 2)} against {share(one.martingale, 2)}"
        for target, one in known.items()
        if one.interval[0] > 0.0
    ]
    return (
        f"Signs, adjusted for their number: {sum(better(signs))} of {len(signs)} pair-targets"
        " have them"
        " right more often than the martingale's; of all pairs together, intervals above it:"
        f" {'; '.join(parts) or 'none'}."
    )


def _effective(found: Evaluation) -> str:
    scores = _scores(found)
    rows = sum(s.n for s in scores)
    worth = [s.effective_n for s in scores if np.isfinite(s.effective_n)]
    if not worth:
        return f"{rows:,} forecasts were scored."
    return (
        f"{rows:,} forecasts were scored, {rows // len(scores):,} of a pair-target on average;"
        f" overlap and memory leave the worth of {np.median(worth):,.0f} independent rows"
        f" (median; least {min(worth):,.0f})."
    )


def _share_errors(found: Evaluation) -> bool:
    return len(distinct(found.targets)) < len(found.targets)


def distinct(targets: Sequence[BQXTarget]) -> tuple[BQXTarget, ...]:
    """The targets, of those that share their errors only the first."""
    first: dict[tuple[int, int, str], BQXTarget] = {}
    for target in targets:
        kind = "shared" if target.kind in SHARED else target.kind
        first.setdefault((target.window, target.horizon, kind), target)
    return tuple(first.values())
