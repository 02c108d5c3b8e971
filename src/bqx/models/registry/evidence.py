"""The card of a model: everything that is known of it, made when its run is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bqx import __version__
from bqx.checks.report import Report
from bqx.dataset.dataset import Dataset
from bqx.dataset.foldcheck import check_folds
from bqx.dataset.naming import Feature, parse_feature
from bqx.dataset.reach import Reach
from bqx.dataset.target import BQXTarget
from bqx.errors import ConfigError, UnknownNameError
from bqx.models.evaluation.evaluation import Evaluation
from bqx.models.registry.limits import limits_of
from bqx.models.registry.matching import require_match
from bqx.models.registry.measuring import control_figures, run_figures
from bqx.models.runs.folder import FINAL
from bqx.models.runs.run import Run
from bqx.store.base import BaseStore

RESAMPLES, LEAST_RESAMPLES = 1000, 200
"""Of the bootstrap behind the intervals that gates read, and how few are accepted."""
SAMPLES, LEAST_SAMPLES = 24, 4
"""Rows that the leak audit computes again, and how few are accepted."""

Told = Callable[[str], None]
"""Is told what is being done."""


@dataclass(frozen=True)
class Submission:
    """A run that shall be registered.

    Attributes:
        run: The run.
        controls: Its controls: the same settings on shuffled labels, and on permuted time.
        pairs: The pairs that the model shall forecast.
        targets: The targets that it shall forecast.
        resamples: Of the bootstrap behind the intervals.
        samples: Rows that the leak audit computes again.
    """

    run: Run
    controls: tuple[Run, ...]
    pairs: tuple[str, ...]
    targets: tuple[BQXTarget, ...]
    resamples: int = RESAMPLES
    samples: int = SAMPLES

    @classmethod
    def of(
        cls,
        run: Run,
        controls: Sequence[Run] = (),
        pairs: Sequence[str] | None = None,
        targets: Sequence[BQXTarget | str] | None = None,
        *,
        resamples: int = RESAMPLES,
        samples: int = SAMPLES,
    ) -> Submission:
        """A run with the pairs and targets that are wanted of it; all when None.

        Raises:
            UnknownNameError: If the run has no such pair or target.
            ConfigError: If the run is a control itself, or learned the whole target, or there are
                too few resamples or samples for gates to rest on.
        """
        _require_servable(run)
        if resamples < LEAST_RESAMPLES or samples < LEAST_SAMPLES:
            raise ConfigError(
                f"{resamples} resamples, {samples} samples",
                expected=f"at least {LEAST_RESAMPLES} and {LEAST_SAMPLES}, for gates to rest on",
            )
        wanted = [t if isinstance(t, BQXTarget) else BQXTarget.parse(t) for t in targets or ()]
        chosen = (tuple(pairs or run.pairs), tuple(wanted) or run.targets)
        odd = [p for p in chosen[0] if p not in run.pairs]
        odd += [str(t) for t in chosen[1] if t not in run.targets]
        if odd:
            known = ", ".join([*run.pairs, *map(str, run.targets)])
            raise UnknownNameError(f"the run has no {', '.join(odd)}", expected=f"some of {known}")
        return cls(run, tuple(controls), *chosen, resamples=resamples, samples=samples)

    def evaluate(self, told: Told) -> Evaluation:
        """Score the run beside its controls.

        Raises:
            ConfigError: If a control does not belong to the run.
        """
        from bqx.models.evaluation.evaluate import evaluate

        def progress(done: int, total: int, what: str) -> None:
            told(f"{self.run.name}: scores {done + 1} of {total}, {what}")

        return evaluate(
            self.run, controls=self.controls, resamples=self.resamples, progress=progress
        )


def _require_servable(run: Run) -> None:
    if run.spec.control is not None:
        raise ConfigError(
            f"{run.name} is a control ({run.spec.control}), made to have no skill",
            expected="the run that it is a control of",
            hint="pass it with --controls",
        )
    if run.spec.learn != "surprise":
        raise ConfigError(
            f"{run.name} learned the {run.spec.learn} target, for comparison",
            expected="a run that learned the surprise",
            hint="train it without --learn",
        )


def make_card(
    store: BaseStore, submission: Submission, told: Told
) -> tuple[dict[str, Any], Evaluation]:
    """All that is known of a model, as plain values, without the hashes of its files.

    Args:
        store: The store that the dataset was made from.
        submission: The run and what is wanted of it.
        told: Is told what is being done.

    Returns:
        The card, and the evaluation that its figures are from.

    Raises:
        StoreError: If the dataset is not there any more, or the store is another one.
        ConfigError: If a control does not belong to the run.
    """
    run, dataset = submission.run, submission.run.dataset()
    features = {u: list(run.model(u, FINAL).features) for u in _units(submission)}
    card: dict[str, Any] = {
        "pairs": list(submission.pairs),
        "targets": [str(t) for t in submission.targets],
        "identities": {str(t): t.identity for t in submission.targets},
        "synthetic": run.synthetic,
        "code": __version__,
        "run": _run(run),
        "dataset": _dataset(store, dataset, features, submission.pairs),
        "features": features,
    }
    require_match(store, card, submission.pairs, run.name)
    told(f"{run.name}: audits of folds and dataset")
    audits = {"folds": _fold_audit(run, dataset), "leaks": _leak_audit(submission, dataset, store)}
    evaluation = submission.evaluate(told)
    card |= {
        "metrics": run_figures(evaluation),
        "controls": _controls(evaluation, submission.controls),
        "audits": audits,
        "resamples": submission.resamples,
        "samples": submission.samples,
    }
    return {**card, "limits": limits_of(card, dataset, run)}, evaluation


def _units(submission: Submission) -> tuple[str, ...]:
    return tuple(u for u in submission.run.spec.units if u in submission.pairs) or (
        submission.run.spec.units
    )


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "folder": str(run.folder.resolve()),
        "identity": run.identity,
        "spec": run.spec.to_json(),
        "spec_identity": run.spec.identity,
        "folds": [fold.to_json() for fold in run.folds],
        "final": run.final.to_json(),
        "versions": dict(run.record.versions),
        "created": run.record.created,
    }


def _dataset(
    store: BaseStore,
    dataset: Dataset,
    features: Mapping[str, Sequence[str]],
    pairs: Sequence[str],
) -> dict[str, Any]:
    manifest = dataset.manifest
    used = sorted({f.table for f in used_features(store, features)})
    baselines = {pair: store.bars.baseline(pair) for pair in pairs}
    return {
        "folder": str(dataset.folder.resolve()),
        "identity": manifest.identity,
        "pairs": list(manifest.pairs),
        "months": list(manifest.months),
        "rows": manifest.rows,
        "features": len(manifest.features),
        "bars": manifest.bars,
        "calendar": manifest.calendar,
        "settings": dict(manifest.settings),
        "fingerprints": {table: manifest.fingerprints[table] for table in used},
        "baselines": {p: [b.minute, b.rate] for p, b in baselines.items()},
        "market": list(store.state.pairs()),
        "code": manifest.code,
    }


def used_features(store: BaseStore, features: Mapping[str, Sequence[str]]) -> tuple[Feature, ...]:
    """The features that any unit uses, each once.

    Raises:
        UnknownNameError: If the store's families have no such column.
    """
    names = dict.fromkeys(name for unit in features.values() for name in unit)
    return tuple(parse_feature(name, store.registry) for name in names)


def _fold_audit(run: Run, dataset: Dataset) -> dict[str, Any]:
    used = dict.fromkeys(name for u in run.spec.units for name in run.model(u, FINAL).features)
    reach = Reach(**run.record.reach).combined(dataset.reach(run.targets, tuple(used)))
    report = check_folds(run.folds, reach, calendar=dataset.calendar)
    found = f"{len(run.folds)} folds, purge {run.folds[0].purge}"
    return {**audit_of(report), "found": f"{found}: {report.failures} failures"}


def _leak_audit(submission: Submission, dataset: Dataset, store: BaseStore) -> dict[str, Any]:
    from bqx.dataset.leakcheck import check_dataset

    report = check_dataset(dataset, store, pairs=submission.pairs, samples=submission.samples)
    checks = ", ".join(c.name for c in report.checks)
    return {**audit_of(report), "found": f"{report.failures} failures in {checks}"}


def audit_of(report: Report) -> dict[str, Any]:
    """What a record keeps of a report."""
    return {
        "passed": report.passed,
        "units": report.units,
        "failures": [f"{f.check}: {f.place} {f.found}".strip() for f in report.findings],
        "checks": {c.name: c.passed for c in report.checks},
    }


def _controls(evaluation: Evaluation, controls: Sequence[Run]) -> list[dict[str, Any]]:
    return [
        {
            "kind": found.kind,
            "name": found.name,
            "identity": control.identity,
            "folder": str(control.folder.resolve()),
            "metrics": control_figures(found),
        }
        for found, control in zip(evaluation.controls, controls, strict=True)
    ]
