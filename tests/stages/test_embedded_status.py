"""The list of stages of a folder says what is true of it now, whatever the ledger says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqx.api import FolderStore
from bqx.features.registry import registry
from bqx.stages.building import folder_stages
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.registry import stages
from bqx.stages.runner import Runner
from bqx.stages.status import statuses
from damage import MONTHS, copy_store, edit, values

OHLC = next(s for s in folder_stages() if s.tables == ("ohlc_rate",))


@pytest.fixture
def store(original: Path, tmp_path: Path) -> FolderStore:
    return copy_store(original, tmp_path / "store", registry())


def told(store: FolderStore) -> dict[str, str]:
    """Texts of the status column of the building stages, and of those before and after."""
    return {s.stage.code: s.text for s in statuses(Runner(EmbeddedTarget(store)))}


def test_nothing_is_done_in_the_first_versions_folder(store: FolderStore) -> None:
    found = told(store)
    assert list(found) == [s.code for s in stages("embedded")]
    assert len(found) == 24
    assert "done" not in found.values()
    assert found[OHLC.code] == "todo"


def test_the_status_follows_what_is_stored(store: FolderStore) -> None:
    runner = Runner(EmbeddedTarget(store))

    def status() -> str:
        return statuses(runner, [OHLC])[0].text

    runner.apply(OHLC)
    assert status() == "done"
    store.state.forget([("ohlc_rate", "eurusd", MONTHS[1])])
    assert status() == "partial (3 of 4)"
    runner.apply(OHLC)
    assert status() == "done"
    name = store.tables["ohlc_rate"].column_names[0]
    edit(store, "ohlc_rate", "eurusd", MONTHS[0], values(name, lambda v: v * float("nan")))
    assert status().startswith("partial")
    assert runner.history(OHLC.code)[0].status == "done"


def test_nobody_can_type_done(store: FolderStore) -> None:
    runner = Runner(EmbeddedTarget(store))
    number = runner.ledger.begin(OHLC.code, "apply", None, {})
    runner.ledger.finish(number, "done", {}, "typed")
    assert statuses(runner, [OHLC])[0].text == "todo"


def test_2_11_is_superseded_by_the_rebuild_of_its_side(store: FolderStore) -> None:
    runner = Runner(EmbeddedTarget(store))
    known = {s.code: s for s in stages("embedded")}
    for code in ("BQX-2.11", "BQX-2.12-rate"):
        runner.apply(known[code])
    [found] = statuses(runner, [known["BQX-2.11"]])
    assert found.text == "superseded by BQX-2.12-rate"


def test_a_killed_run_is_told(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(EmbeddedTarget(store))
    with monkeypatch.context() as patched:
        patched.setattr("os.getpid", lambda: 2**22 + 1)  # above the greatest number there is
        runner.ledger.begin(OHLC.code, "apply", None, {})
    assert runner.history()[0].status == "interrupted"
    assert statuses(runner, [OHLC])[0].text == "failed last"
    runner.apply(OHLC)
    assert [run.status for run in runner.history()] == ["done", "interrupted"]
