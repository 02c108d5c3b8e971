"""Tables that `bqx train` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from bqx.cli.datasettables import show_folds
from bqx.models.runs.folder import FINAL, FoldName, UnitRecord
from bqx.models.runs.plan import RunPlan
from bqx.models.runs.run import Run

MIB = 2**20


def show_plan(plan: RunPlan) -> None:
    """Folds, units, features and memory of a run that is not trained."""
    dataset, spec = plan.source.dataset, plan.spec
    show_folds(dataset, plan.folds, passed=plan.audit.passed)
    memory = ", ".join(f"{name} {size // MIB:,}" for name, size in plan.memory.items())
    facts = {
        "final": f"trained on {plan.final.train.count:,} rows, for serving",
        "models": f"{len(plan.units)} units of {len(spec.shapes)} shapes, {spec.learner}",
        "features": f"{plan.features:,} of {len(plan.source.candidates):,} candidates",
        "memory": f"about, in MiB: {memory}",
        "repeatable": _yes(spec.repeatable, "no: tuning is limited in time"),
        "synthetic": _yes(not dataset.synthetic, "yes: no result of it is real", "no"),
    }
    _print(facts)


def show_run(run: Run) -> None:
    """What was trained, and the rows that were forecast and left out."""
    units = [run.unit(unit, fold) for unit in run.spec.units for fold in _folds(run)]
    facts = {
        "run": str(run.folder),
        "identity": run.identity,
        "units": f"{len(units)}, {sum(bool(u.skipped) for u in units)} without a model",
        "seconds": ", ".join(f"{name} {value:,.1f}" for name, value in _seconds(units).items()),
        **{name: f"{count:,}" for name, count in _rows(units).items()},
        "synthetic": _yes(not run.synthetic, "yes: no result of it is real", "no"),
    }
    _print(facts)
    for unit in units:
        if unit.skipped:
            typer.echo(f"no model of {unit.unit} in fold {unit.fold}: {unit.skipped}")


def run_json(run: Run) -> dict[str, Any]:
    """The record of a run and of its units as plain values."""
    units = [run.unit(unit, fold) for unit in run.spec.units for fold in _folds(run)]
    kept = ("unit", "fold", "counts", "seconds", "reused", "skipped")
    plain = [{name: getattr(unit, name) for name in kept} for unit in units]
    return {"folder": str(run.folder), **run.manifest, "units": plain}


def _folds(run: Run) -> list[FoldName]:
    return [*(fold.number for fold in run.folds), FINAL]


def _seconds(units: Sequence[UnitRecord]) -> dict[str, float]:
    return _summed([unit.seconds for unit in units])


def _rows(units: Sequence[UnitRecord]) -> dict[str, int]:
    """Test rows of all pairs and targets, by what became of them."""
    counts = [found for u in units for found in u.counts.get("forecasts", {}).values()]
    return {name: int(count) for name, count in _summed(counts).items()}


def _summed(parts: Sequence[Any]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total


def _yes(holds: bool, otherwise: str, yes: str = "yes") -> str:
    return yes if holds else otherwise


def _print(facts: dict[str, str]) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:<{width}} {value}")
