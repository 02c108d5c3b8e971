"""Registered models as runs of MLflow: parameters, metrics, tags, artefacts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqx.errors import BqxError
from bqx.extras import library
from bqx.models.registry.cards import card_html, card_text
from bqx.models.registry.gates import check_gates
from bqx.models.registry.records import ModelRecord
from bqx.models.registry.registry import EVALUATION, ModelRegistry
from bqx.models.runs.folder import FINAL, RECORD
from bqx.redaction import redacted

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALLOW = "MLFLOW_ALLOW_FILE_STORE"
"""Without it MLflow 3.17 refuses folders, which it calls to be in maintenance."""
BATCH = 100
LONGEST = 6000
"""Characters that a parameter may have in MLflow."""
MEASURES = (
    "skill",
    "low",
    "high",
    "mse",
    "martingale_mse",
    "p_value",
    "p_adjusted",
    "effective_n",
    "direction",
    "martingale_direction",
    "calibration_error",
    "martingale_calibration_error",
)


def export_mlflow(registry: ModelRegistry, record: ModelRecord, where: str) -> str:
    """Write a model as a run into the tracking store of MLflow.

    Every metric of a pair and target is written beside the martingale's. The artefacts are the
    models that serve, the run's record, the evaluation and the card.

    Args:
        registry: The registry.
        record: The model.
        where: A folder, or the address of a tracking store: ``sqlite:///…``, ``https://…``.

    Returns:
        Identity of the run in MLflow.

    Raises:
        IntegrityError: If artefacts are damaged.
        BqxError: If MLflow is missing, or the tracking store refuses.
    """
    registry.verify(record)
    mlflow = library("mlflow", "mlflow")
    address = where if "://" in where else Path(where).resolve().as_uri()
    with _folders_allowed(), _told(mlflow.exceptions.MlflowException, where):
        client = mlflow.MlflowClient(tracking_uri=address)
        found = client.get_experiment_by_name(record.name)
        experiment = found.experiment_id if found else client.create_experiment(record.name)
        run = client.create_run(experiment, run_name=record.label, tags=_tags(record))
        identity = str(run.info.run_id)
        _log(client, identity, record)
        _artefacts(client, identity, registry, record)
        client.set_terminated(identity)
    return identity


@contextmanager
def _folders_allowed() -> Iterator[None]:
    before = os.environ.get(ALLOW)
    os.environ[ALLOW] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[ALLOW]
        else:
            os.environ[ALLOW] = before


@contextmanager
def _told(failure: type[Exception], where: str) -> Iterator[None]:
    try:
        yield
    except failure as error:
        raise BqxError(
            f"MLflow refuses {redacted(where)}: {error}",
            expected="a folder, or the address of a tracking store that can be written",
        ) from error


def _tags(record: ModelRecord) -> dict[str, str]:
    card = record.card
    return {
        "bqx.model": record.label,
        "bqx.stage": record.stage,
        "bqx.synthetic": str(record.synthetic).lower(),
        "bqx.run": card["run"]["identity"],
        "bqx.dataset": card["dataset"]["identity"],
        "bqx.version": card["code"],
        "bqx.limits": "\n".join(card["limits"]),
    }


def _log(client: MlflowClient, run: str, record: ModelRecord) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    params = [Param(key, value[:LONGEST]) for key, value in _params(record)]
    metrics = [Metric(key, value, now, 0) for key, value in _metrics(record)]
    for at in range(0, len(params), BATCH):
        client.log_batch(run, params=params[at : at + BATCH])
    for at in range(0, len(metrics), BATCH):
        client.log_batch(run, metrics=metrics[at : at + BATCH])


def _params(record: ModelRecord) -> Iterator[tuple[str, str]]:
    card = record.card
    yield from _flat("spec", card["run"]["spec"])
    yield "serves.pairs", ",".join(card["pairs"])
    yield "serves.targets", ",".join(card["targets"])
    for name in ("identity", "bars", "calendar"):
        yield f"dataset.{name}", str(card["dataset"][name])


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(f"{name}.{key}", part)
    else:
        yield name, ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _metrics(record: ModelRecord) -> Iterator[tuple[str, float]]:
    for m in record.card["metrics"]:
        # MLflow allows slashes, but no colons.
        place = f"{m['pair']}/{m['target'].replace(':', '_')}"
        for name in MEASURES:
            if m[name] is not None:
                yield f"{place}/{name}", float(m[name])
        for c in m["coverage"]:
            yield f"{place}/coverage_{c['level']:g}", float(c["observed"])


def _artefacts(
    client: MlflowClient, run: str, registry: ModelRegistry, record: ModelRecord
) -> None:
    folder, history = registry.folder(record), registry.history(record.name)
    gates = check_gates(record, folder)
    client.log_dict(run, record.to_json(), "card.json")
    client.log_text(run, card_text(record, history, gates), "card.txt")
    client.log_text(run, card_html(record, history, gates), "card.html")
    for name in record.card["files"]:
        path = Path(name)
        if name in {RECORD, EVALUATION} or FINAL in path.parts:
            parent = path.parent.as_posix()
            client.log_artifact(run, str(folder / name), None if parent == "." else parent)
