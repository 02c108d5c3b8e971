"""An evaluation as plain text, at most 120 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bqx.models.evaluation.importance import Importances, Part
from bqx.models.evaluation.numbers import bounds, chance, share, short
from bqx.models.evaluation.samples import EVERY_PAIR
from bqx.models.evaluation.scoring import Found
from bqx.models.evaluation.statement import distinct, statement
from bqx.models.scoretable import ScoreTable
from bqx.models.skill import Score

if TYPE_CHECKING:
    from bqx.models.evaluation.evaluation import Evaluation

WIDTH = 118
Cells = list[tuple[str, ...]]
FACTS = ("learner", "learns", "scope", "folds", "tested from", "tested to", "features", "selection")


def text(found: Evaluation) -> str:
    """The statement first, then the tables."""
    facts = ", ".join(f"{name} {found.run[name]}" for name in FACTS)
    parts = [
        [f"Evaluation of {found.name}", *_wrapped(facts)],
        [line for sentence in statement(found) for line in _wrapped(sentence, "- ")],
        _pooled(found.pooled()),
        _section("What was known anyway, and what the model added", _decomposed(_whole(found))),
        _section("Calibration", _calibrated(_whole(found))),
        *([_section("Skill by pair", _by_pair(found), 2)] if len(found.pairs) > 1 else []),
        *([_section("Beside its controls", _controls(found), 2)] if found.controls else []),
        *_groups(found),
        _importances(found.importances),
        *([["Notes", *(x for n in found.notes for x in _wrapped(n, "- "))]] if found.notes else []),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _whole(found: Evaluation) -> list[Found]:
    return [one.pooled for one in found.found.values()]


def _wrapped(sentence: str, mark: str = "") -> list[str]:
    return textwrap.wrap(sentence, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark))


def _section(title: str, rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    return [title, *columns(rows, left)]


def columns(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Rows of cells as lines; the first columns stand to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if k < left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _pooled(table: ScoreTable) -> list[str]:
    lines = table.to_text().splitlines()
    body, caption = lines[:-2], lines[-1]
    return ["All pairs together", *body, *_wrapped(caption)]


def _decomposed(found: Sequence[Found]) -> list[tuple[str, ...]]:
    head = ("target", "R2", "known", "added", "interval of added", "of the unknown", "correlation")
    parts = [one.parts for one in found]
    return [
        head,
        *(
            (
                p.target,
                short(p.r2),
                short(p.known),
                short(p.added),
                bounds(p.interval),
                share(p.skill, 2),
                short(p.correlation),
            )
            for p in parts
        ),
    ]


def _calibrated(found: Sequence[Found]) -> list[tuple[str, ...]]:
    rows: Cells = [
        ("target", "level", "below", "interval", "martingale", "calibration error", "martingale")
    ]
    for one in found:
        error = short(one.error)
        beside = short(one.martingale_error)
        if not one.coverage:
            rows.append((str(one.target), "none", "", "", "", error, beside))
        for k, c in enumerate(one.coverage):
            first = (str(one.target), error, beside) if k == 0 else ("", "", "")
            shares = f"{c.level:g}", share(c.model), bounds(c.interval), share(c.martingale)
            rows.append((first[0], *shares, first[1], first[2]))
    return rows


def _by_pair(found: Evaluation) -> list[tuple[str, ...]]:
    rows: Cells = [("pair", "target", "skill", "interval", "p adjusted", "rows", "worth")]
    for one in found.singles():
        facts = found.facts(one.pair, one.target)
        rows.append(
            (
                one.pair,
                str(one.target),
                short(facts.skill),
                bounds(facts.interval),
                chance(facts.p_adjusted),
                f"{facts.n:,}",
                short(facts.effective_n),
            )
        )
    return rows


def _controls(found: Evaluation) -> list[tuple[str, ...]]:
    rows: Cells = [("target", "run", "skill", "interval", "rows")]
    for target, one in found.found.items():
        rows.append((str(target), "true", *_skill(one.pooled.score)))
        for control in found.controls:
            score = control.scores[EVERY_PAIR, target]
            rows.append(("", f"{control.kind} ({control.name})", *_skill(score)))
    return rows


def _groups(found: Evaluation) -> Iterator[list[str]]:
    """Skill by group; of kinds that share their errors only the first."""
    for name in ("session", "volatility", "trend", "month"):
        rows = [("target", name, "skill", "interval", "rows")]
        for target in distinct(found.targets):
            cells = found.found[target].groups.get(name, {})
            rows += [(str(target), label, *_skill(score)) for label, score in cells.items()]
        if len(rows) > 1:
            yield _section(f"Skill of the MSE by {name}, all pairs together", rows, 2)


def _skill(score: Score) -> tuple[str, str, str]:
    return short(score.mse.skill), bounds(score.mse.interval), f"{score.n:,}"


def _importances(found: Importances) -> list[str]:
    head = ("what the models used", "features", "share", "least fold", "greatest fold")
    cells = [_part(p) for p in (*found.domains, *found.families[:8])]
    stability = [f"{unit} {short(value)}" for unit, value in found.stability.items()]
    quotas = [f"at least {count} {name}" for name, count in found.quotas.items()]
    return [
        *columns([head, *cells]),
        *_wrapped(
            f"{found.models} models, {found.unused} of them use no feature and {found.silent}"
            f" are silent: calibration left them the martingale's forecast; quotas:"
            f" {', '.join(quotas) or 'none'}; stability of the selection: {', '.join(stability)}."
        ),
    ]


def _part(part: Part) -> tuple[str, ...]:
    shares = (share(x) for x in (part.share, part.low, part.high))
    return (part.name, f"{part.selected:.1f}", *shares)
