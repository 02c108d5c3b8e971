"""What a dataset says of itself: identity, provenance, and whether its files are still the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bqx
from bqx.dataset.making import Step, build_dataset
from bqx.dataset.manifest import FILE, Manifest
from bqx.errors import BudgetError, ConfigError, IntegrityError, StoreError
from datasetstores import make_store
from stores import write_bars
from synthetic import random_walk_bars

FEW: dict[str, Any] = {"columns": "reg_rate__w60_r2,clock", "lags": (), "pairs": "eurusd"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    return make_store(tmp_path_factory.mktemp("manifest"))


def steps_of(store: bqx.Store, out: Path, **options: Any) -> tuple[bqx.Dataset, list[bool]]:
    """A dataset, and for each of its files whether it was kept."""
    steps: list[Step] = []
    made = build_dataset(store, out, progress=steps.append, **{**FEW, **options})
    return made, [step.kept for step in steps]


def test_a_manifest_says_what_there_is(store: bqx.FolderStore, tmp_path: Path) -> None:
    made, _ = steps_of(store, tmp_path, targets="60:15:level")
    plain = json.loads((tmp_path / FILE).read_text())
    assert plain["identity"] == made.manifest.identity
    assert plain["features"] == list(made.features)
    assert plain["fingerprints"] == {t: store.fingerprint(t) for t in ("reg_rate", "clock")}
    assert plain["targets"][0]["identity"] == made.targets[0].identity
    assert plain["synthetic"] is False
    assert plain["rows"] == sum(f["rows"] for f in plain["files"])
    assert plain["calendar"] == store.calendar.identity
    assert made.months == ("2018_12", "2019_01")
    assert bqx.Dataset.open(tmp_path).manifest == made.manifest


def test_equal_contents_have_equal_identities(store: bqx.FolderStore, tmp_path: Path) -> None:
    first, _ = steps_of(store, tmp_path / "a")
    second, _ = steps_of(store, tmp_path / "b", workers=1, max_memory="8GiB")
    other, _ = steps_of(store, tmp_path / "c", lags=(1,), lag_columns="clock")
    fewer, _ = steps_of(store, tmp_path / "d", months="2019-01")
    found = [d.manifest.identity for d in (first, second, other, fewer)]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_a_build_is_resumed_by_running_it_again(store: bqx.FolderStore, tmp_path: Path) -> None:
    made, kept = steps_of(store, tmp_path)
    assert kept == [False, False]
    assert steps_of(store, tmp_path)[1] == [True, True]
    (tmp_path / FILE).unlink()
    (tmp_path / made.manifest.files[1].name).unlink()
    (tmp_path / "eurusd" / "2018_12.parquet.1.tmp").write_bytes(b"left behind")
    again, kept = steps_of(store, tmp_path)
    assert kept == [True, False]
    assert again.manifest.identity == made.manifest.identity
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_file_that_was_cut_off_is_made_again(store: bqx.FolderStore, tmp_path: Path) -> None:
    made, _ = steps_of(store, tmp_path)
    path = tmp_path / made.manifest.files[0].name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(IntegrityError, match=r"2018_12\.parquet has"):
        bqx.Dataset.open(tmp_path)
    assert steps_of(store, tmp_path)[1] == [True, False]
    assert bqx.Dataset.open(tmp_path).verify().passed


def test_an_interrupted_build_leaves_no_dataset_to_open(
    store: bqx.FolderStore, tmp_path: Path
) -> None:
    steps_of(store, tmp_path)

    def fail(step: Step) -> None:
        raise RuntimeError(step.file.month)

    options = {**FEW, "lags": (1,), "lag_columns": "clock", "replace": True, "workers": 1}
    with pytest.raises(RuntimeError):
        build_dataset(store, tmp_path, progress=fail, **options)
    with pytest.raises(StoreError, match="no finished dataset"):
        bqx.Dataset.open(tmp_path)


def test_other_columns_replace_a_dataset_only_when_asked(
    store: bqx.FolderStore, tmp_path: Path
) -> None:
    steps_of(store, tmp_path)
    with pytest.raises(StoreError, match="replace"):
        steps_of(store, tmp_path, columns="clock")
    made, kept = steps_of(store, tmp_path, columns="clock", replace=True, months="2019-01")
    assert kept == [False]
    assert [p.name for p in tmp_path.rglob("*.parquet")] == ["2019_01.parquet"]
    assert len(made.features) == 2


def test_a_folder_of_something_else_is_left_alone(store: bqx.FolderStore, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(StoreError, match="something else"):
        steps_of(store, tmp_path)


def test_new_bars_make_again_what_they_touch(tmp_path: Path) -> None:
    with make_store(tmp_path) as store:
        made, _ = steps_of(store, tmp_path / "set", columns="reg_rate__w60_r2", targets="60:15")
        more = random_walk_bars("eurusd", "2019-01-04", 1, 3)
        store.ingest([write_bars(tmp_path / "more", "eurusd", more)])
        again, kept = steps_of(store, tmp_path / "set", columns="reg_rate__w60_r2", targets="60:15")
        assert kept == [True, False]
        assert again.manifest.files[0] == made.manifest.files[0]
        assert again.manifest.rows > made.manifest.rows


def test_generated_bars_mark_the_dataset(tmp_path: Path) -> None:
    with make_store(tmp_path, synthetic=True) as store:
        made, _ = steps_of(store, tmp_path / "set")
    assert made.synthetic
    assert bqx.Dataset.open(tmp_path / "set").verify().facts["synthetic"] is True


def test_changed_values_and_manifests_are_found(store: bqx.FolderStore, tmp_path: Path) -> None:
    made, _ = steps_of(store, tmp_path)
    assert made.verify().passed
    path = tmp_path / made.manifest.files[0].name
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    report = bqx.Dataset.open(tmp_path).verify()
    assert not report.passed
    assert {f.month for f in report.findings} == {"2018_12"}
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace('"synthetic": false', '"synthetic": true'))
    with pytest.raises(IntegrityError, match="identity"):
        bqx.Dataset.open(tmp_path)
    (tmp_path / FILE).write_text(text[:-20])
    with pytest.raises(IntegrityError, match="unreadable"):
        Manifest.read(tmp_path)
    (tmp_path / FILE).write_text(text.replace('"format": 1', '"format": 99'))
    with pytest.raises(StoreError, match="format 99"):
        Manifest.read(tmp_path)


def test_what_cannot_be_made_is_an_error(store: bqx.FolderStore, tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="at least"):
        steps_of(store, tmp_path / "a", max_memory="400MiB")
    with pytest.raises(ConfigError, match="no bars"):
        steps_of(store, tmp_path / "b", months="2030-01")
    with pytest.raises(ConfigError, match="workers"):
        steps_of(store, tmp_path / "c", workers=0)
    assert not list(tmp_path.iterdir())
