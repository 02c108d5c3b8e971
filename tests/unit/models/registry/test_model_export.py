"""Models as runs of MLflow, read back with its own client."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqx.errors import BqxError, IntegrityError
from registryruns import Kept, register_as

mlflow = pytest.importorskip("mlflow")
pytestmark = pytest.mark.slow


def test_mlflow_reads_back_what_was_exported(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bqx.models.registry.exporting import ALLOW, export_mlflow

    monkeypatch.delenv(ALLOW, raising=False)
    record = register_as(kept, "sent", kept.run, synthetic=True)
    identity = export_mlflow(kept.registry, record, str(tmp_path / "mlruns"))
    monkeypatch.setenv(ALLOW, "true")
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    run = client.get_run(identity)
    assert run.info.status == "FINISHED"
    assert client.get_experiment(run.info.experiment_id).name == "sent"
    tags = run.data.tags
    assert (tags["bqx.model"], tags["bqx.synthetic"], tags["bqx.stage"]) == (
        "sent@1",
        "true",
        "candidate",
    )
    assert run.data.params["spec.learner"] == "ridge"
    assert run.data.params["dataset.identity"] == kept.dataset.manifest.identity
    figures = record.card["metrics"][0]
    for name in ("skill", "low", "high", "mse", "martingale_mse", "calibration_error"):
        assert run.data.metrics[f"eurusd/15_5_level/{name}"] == figures[name]
    names = {f.path for f in client.list_artifacts(identity)}
    assert names == {"card.json", "card.txt", "card.html", "evaluation.html", "run.json", "eurusd"}
    local = Path(client.download_artifacts(identity, "card.json", str(tmp_path)))
    assert json.loads(local.read_text())["files"] == record.card["files"]
    assert client.list_artifacts(identity, "eurusd/final/model")


def test_damaged_models_and_odd_addresses_are_refused(kept: Kept, tmp_path: Path) -> None:
    from bqx.models.registry.exporting import export_mlflow

    record = register_as(kept, "hurt", kept.run)
    with pytest.raises(BqxError, match="MLflow refuses ftp://"):
        export_mlflow(kept.registry, record, "ftp://example.invalid/x")
    (kept.registry.folder(record) / "run.json").unlink()
    with pytest.raises(IntegrityError, match=r"run\.json is missing"):
        export_mlflow(kept.registry, record, str(tmp_path))
