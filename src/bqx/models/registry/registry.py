"""The registry of models in a store: register, list, promote, roll back.

Artefacts are whole runs in ``<store>/models/<name>/<version>/``, so that `Run.open` reads them and
forecasts of two models can be compared later. Records and history are tables of the store's state.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bqx.errors import ConfigError, UnknownNameError
from bqx.models.evaluation.evaluation import Evaluation
from bqx.models.registry.artefacts import copy_files, link_files, require_intact
from bqx.models.registry.evidence import Submission, Told, make_card
from bqx.models.registry.gates import Gate, check_gates
from bqx.models.registry.records import Action, Event, ModelRecord, Records, champions
from bqx.models.runs.folder import DONE, FINAL, RECORD, FoldName
from bqx.models.runs.run import Run
from bqx.store.base import BaseStore
from bqx.store.durable import put_bytes, sync
from bqx.store.embedded import in_folder
from bqx.store.folder import MODELS
from bqx.store.hashing import file_hash
from bqx.store.lock import WriterLock
from bqx.store.state import now

CHAMPION = "champion"
EVALUATION = "evaluation.html"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_MAKING = ".making"
"""Folder of a model that is being registered; hidden, so that it is none."""


def _silent(_: str) -> None:
    """Say nothing."""


class ModelRegistry:
    """The models of a store.

    Args:
        store: A store in a folder.

    Raises:
        BqxError: If the store is not in a folder.
    """

    def __init__(self, store: BaseStore) -> None:
        self.store = in_folder(store, "models")
        self.records = Records(self.store.database)
        self.root = self.store.root / MODELS

    def register(self, name: str, submission: Submission, told: Told = _silent) -> ModelRecord:
        """Measure and audit a run and keep it as the next version of a model.

        What is interrupted leaves nothing behind that counts as a model.

        Args:
            name: Small letters, digits, ``_`` and ``-``; at most 100, the first a letter or digit.
            submission: The run, its controls, and what is wanted of it.
            told: Is told what is being done.

        Raises:
            ConfigError: If the name has another form.
            StoreError: If the run or its dataset is incomplete, or another process registers.
            IntegrityError: If a file of the run is damaged.
        """
        _check_name(name)
        submission.run.verify()
        card, evaluation = make_card(self.store, submission, told)
        told(f"{name}: copying artefacts")
        with self.writing():
            making = self.root / _MAKING
            card["files"] = _copy_run(submission.run, making) | _keep(evaluation, making)
            version = max((r.version for r in self.records.models(name)), default=0) + 1
            record = ModelRecord(name, version, now(), card)
            with self.store.state.transaction() as transaction:
                self.records.add(transaction, record)
                # Before the commit: a folder without a record is swept, never the other way.
                self._place(making, record)
        return self.find(name, version)

    def models(self, name: str | None = None) -> list[ModelRecord]:
        """The registered models, by name and version.

        Raises:
            IntegrityError: If a record is not the one that was written.
        """
        return self.records.models(name)

    def history(self, name: str | None = None) -> list[Event]:
        """What was done with models, and by whom, the oldest first."""
        return self.records.history(name)

    def find(self, name: str, version: int | str | None = None) -> ModelRecord:
        """One model.

        Args:
            name: Its name.
            version: Its version; ``champion`` or None for the one that serves.

        Raises:
            UnknownNameError: If there is no such name or version, or no champion.
        """
        found = self.models(name)
        if not found:
            names = sorted({r.name for r in self.models()})
            raise UnknownNameError(
                f"no model {name!r} in {self.store.name}",
                expected=f"one of {', '.join(names)}" if names else "a registered model",
                hint="`bqx models register RUN --name NAME` adds one",
            )
        if version in (None, CHAMPION):
            chosen = [r for r in found if r.stage == CHAMPION]
        else:
            chosen = [r for r in found if str(r.version) == str(version)]
        if not chosen:
            raise _absent(name, version, found)
        return chosen[0]

    def named(self, text: str) -> ModelRecord:
        """The model of ``NAME``, ``NAME@VERSION`` or ``NAME@champion``.

        Raises:
            UnknownNameError: If there is none.
        """
        name, _, version = text.partition("@")
        return self.find(name, version or None)

    def folder(self, record: ModelRecord) -> Path:
        """Where the artefacts of a model are."""
        return self.root / record.name / str(record.version)

    def run(self, record: ModelRecord) -> Run:
        """The run behind a model, from its artefacts.

        Raises:
            IntegrityError: If a file is missing or has another content.
        """
        self.verify(record)
        return Run.open(self.folder(record))

    def verify(self, record: ModelRecord, part: str = "") -> None:
        """Check artefacts against the hashes that were registered.

        Raises:
            IntegrityError: If a file is missing or has another content.
        """
        require_intact(self.folder(record), record.card["files"], part)

    def gates(self, name: str, version: int) -> tuple[Gate, ...]:
        """What a promotion would say; nothing is changed.

        Raises:
            UnknownNameError: If there is no such model.
        """
        record = self.find(name, version)
        return check_gates(record, self.folder(record))

    def champion(self, name: str) -> ModelRecord | None:
        """The model that serves under a name, if any."""
        return next((r for r in self.models(name) if r.stage == CHAMPION), None)

    def former(self, name: str) -> int | None:
        """The version that a rollback brings back; None where the champion is the first."""
        return next(iter(champions(self.history(name))[-2:-1]), None)

    def note(
        self, name: str, version: int, action: Action, reason: str, gates: Sequence[Gate] = ()
    ) -> None:
        """Append a line to the history."""
        plain = [gate.to_json() for gate in gates]
        with self.store.state.transaction() as transaction:
            self.records.append(transaction, name, version, action, reason=reason, gates=plain)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the registry; what a killed process left is removed first.

        Raises:
            StoreError: If another process holds it.
        """
        self.root.mkdir(exist_ok=True)
        with WriterLock(self.root / ".lock").hold():
            self.records.make_tables()
            self._sweep()
            yield

    def _sweep(self) -> None:
        shutil.rmtree(self.root / _MAKING, ignore_errors=True)
        known = {self.folder(record) for record in self.models()}
        for folder in self.root.glob("*/*"):
            if folder not in known:
                shutil.rmtree(folder)

    def _place(self, making: Path, record: ModelRecord) -> None:
        target = self.folder(record)
        target.parent.mkdir(exist_ok=True)
        making.rename(target)
        sync(target.parent)


def _copy_run(run: Run, folder: Path) -> dict[str, str]:
    """The whole run: what serves as a copy, the rest by hard links where possible."""
    served, others = {RECORD: run.folder / RECORD}, dict[str, Path]()
    folds: list[FoldName] = [FINAL, *(f.number for f in run.folds)]
    for unit in run.spec.units:
        for fold in folds:
            place = run.place(unit, fold)
            names = [DONE, *run.unit(unit, fold).files]
            found = {(place / n).relative_to(run.folder).as_posix(): place / n for n in names}
            (served if fold == FINAL else others).update(found)
    return {**copy_files(served, folder), **link_files(others, folder)}


def _keep(evaluation: Evaluation, folder: Path) -> dict[str, str]:
    """The whole evaluation beside the run, as it was when it was registered."""
    path = folder / EVALUATION
    put_bytes(evaluation.to_html().encode(), path)
    return {EVALUATION: file_hash(path)}


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name == CHAMPION:
        raise ConfigError(
            f"name of a model {name!r}",
            expected="small letters, digits, _ and -, at most 100, not 'champion'",
        )


def _absent(name: str, version: int | str | None, found: list[ModelRecord]) -> UnknownNameError:
    there = ", ".join(f"{r.version} ({r.stage})" for r in found)
    if version in (None, CHAMPION):
        return UnknownNameError(
            f"no version of {name} was promoted",
            expected="a champion, which passed the gates",
            hint=f"name a version to use a candidate: {name}@{found[-1].version}",
        )
    return UnknownNameError(f"{name} has no version {version}", expected=f"one of {there}")
