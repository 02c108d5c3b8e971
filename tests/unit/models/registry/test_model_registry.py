"""Models are kept as a whole or not at all, promoted through gates, and used by name."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bqx.errors import (
    BqxError,
    ConfigError,
    GateError,
    IntegrityError,
    StoreError,
    UnknownNameError,
)
from bqx.models.comparison import diebold_mariano
from bqx.models.registry import artefacts, records, registry
from bqx.models.registry.cards import card_html, card_text
from bqx.models.registry.comparing import compare
from bqx.models.registry.evidence import Submission
from bqx.models.registry.gates import Gate, check_gates
from bqx.models.registry.promoting import promote, rollback
from bqx.models.registry.records import ModelRecord
from bqx.models.registry.registry import ModelRegistry
from bqx.store import snapshots
from bqx.store.verify import verify
from killing import killed_at
from registryruns import Kept, as_card, doctored, register_as


def failing(record: ModelRecord, folder: Path) -> dict[str, Gate]:
    return {g.name: g for g in check_gates(record, folder) if not g.passed}


def test_a_card_says_what_the_model_is(kept: Kept) -> None:
    card = kept.record.card
    assert (kept.record.label, kept.record.stage, kept.record.synthetic) == (
        "m@1",
        "candidate",
        False,
    )
    assert card["run"]["identity"] == kept.run.identity
    assert card["dataset"]["identity"] == kept.dataset.manifest.identity
    assert set(card["dataset"]["fingerprints"]) == {"reg_rate", "bqx"}
    assert card["features"] == {"eurusd": list(kept.run.model("eurusd", "final").features)}
    assert [m["target"] for m in card["metrics"]] == ["15:5:level", "15:5:innovation"]
    for m in card["metrics"]:
        assert m["low"] < m["skill"] == pytest.approx(1.0 - m["mse"] / m["martingale_mse"])
        assert [c["level"] for c in m["coverage"]] == [0.1, 0.5, 0.9]
    assert {c["kind"] for c in card["controls"]} == {"shuffled_labels", "permuted_time"}
    assert any(text.startswith("Short: data of 1 of 12 months") for text in card["limits"])
    assert any("nothing tests it yet" in text for text in card["limits"])


def test_every_gate_passes_on_planted_skill_and_each_can_fail(kept: Kept) -> None:
    folder = kept.registry.folder(kept.record)
    assert not failing(kept.record, folder)
    for changes, gate in (
        ({"low": -1e-6}, "skill"),
        ({"low": None}, "skill"),
        ({"p_adjusted": 0.06}, "significance"),
        ({"p_adjusted": None}, "significance"),
        ({"calibration_error": 0.2}, "calibration"),
        ({"coverage": [{"level": 0.1, "observed": 0.14, "low": 0.12, "high": 0.2}]}, "coverage"),
    ):
        assert list(failing(doctored(kept.record, "metrics", 1, **changes), folder)) == [gate]
    wide = {"coverage": [{"level": 0.1, "observed": 0.14, "low": 0.09, "high": 0.2}]}
    assert not failing(doctored(kept.record, "metrics", 1, **wide), folder)


def test_gates_ask_for_audits_controls_and_real_data(kept: Kept) -> None:
    folder, card = kept.registry.folder(kept.record), kept.record.card

    def of(**changes: object) -> dict[str, Gate]:
        return failing(replace(kept.record, card={**card, **changes}), folder)

    audits = deepcopy(card["audits"])
    audits["leaks"] |= {"passed": False, "failures": ["future value: eurusd reg_rate__w60_r2"]}
    assert of(audits=audits)["leak audit"].failures == ("future value: eurusd reg_rate__w60_r2",)
    audits = deepcopy(card["audits"])
    audits["folds"]["passed"] = False
    assert list(of(audits=audits)) == ["fold audit"]
    missing = of(controls=card["controls"][:1])["controls"].failures
    assert missing == ("no control of the kind permuted_time",)
    controls = deepcopy(card["controls"])
    controls[0]["metrics"][0] |= {"low": 0.001, "p_adjusted": 0.01}
    assert "has skill" in of(controls=controls)["controls"].failures[0]
    assert list(of(synthetic=True)) == ["real data"]
    assert set(of(metrics=[])) == {"skill", "significance", "coverage", "calibration"}
    assert list(of(pairs=["eurusd", "gbpusd"])) == ["skill"]


def test_a_refused_promotion_stays_in_the_history(kept: Kept) -> None:
    record = register_as(kept, "made_up", kept.run, synthetic=True)
    with pytest.raises(GateError, match="FAILED real data: synthetic bars"):
        promote(kept.registry, "made_up", 1)
    assert kept.registry.find("made_up", 1).stage == "candidate"
    event = kept.registry.history("made_up")[-1]
    assert (event.action, event.version) == ("refuse", record.version)
    assert [g["name"] for g in event.gates if not g["passed"]] == ["real data"]


def test_promotion_worse_models_and_the_way_back(kept: Kept) -> None:
    for run in (kept.run, kept.weaker):
        register_as(kept, "two", run)
    own = kept.registry
    with pytest.raises(UnknownNameError, match="no version of two was promoted"):
        own.find("two")
    first = promote(own, "two", 1, "the first")
    assert first.former is None
    assert own.named("two").label == own.named("two@champion").label == "two@1"
    with pytest.raises(StoreError, match="is the champion already"):
        promote(own, "two", 1)
    with pytest.raises(StoreError, match=r"two@2 is worse than the champion(.|\n)*--reason"):
        promote(own, "two", 2)
    second = promote(own, "two", 2, "fewer columns")
    assert second.comparison is not None
    assert second.comparison.worse
    assert [r.stage for r in own.models("two")] == ["retired", "champion"]
    back = rollback(own, "two", "a mistake")
    assert back is not None
    assert back.label == "two@1"
    assert rollback(own, "two") is None
    with pytest.raises(UnknownNameError, match="no version of two was promoted"):
        rollback(own, "two")
    told = [(e.action, e.version, e.reason) for e in own.history("two")]
    assert told[2:] == [
        ("promote", 1, "the first"),
        ("promote", 2, "fewer columns"),
        ("rollback", 1, "a mistake"),
        ("rollback", 0, ""),
    ]
    assert all(e.who and e.at for e in own.history())


def test_a_comparison_is_paired_and_beside_the_martingale(kept: Kept) -> None:
    other = register_as(kept, "weak", kept.weaker)
    found = compare(kept.registry, kept.record, other)
    frames = [run.forecasts("eurusd", "15:5:level").drop_nulls() for run in (kept.run, kept.weaker)]
    value = frames[0]["value"].to_numpy()
    losses = [(value - f["point"].to_numpy()) ** 2 for f in frames]
    test = diebold_mariano(*losses, horizon=5, rows=frames[0]["row"].to_numpy())
    row = found.rows[0]
    assert (row.pair, row.target, row.n) == ("eurusd", "15:5:level", len(value))
    assert row.p_value == test.p_value
    assert row.first == losses[0].mean()
    assert row.martingale == np.mean((value - frames[0]["expected"].to_numpy()) ** 2)
    assert row.skill_first == 1.0 - row.first / row.martingale
    assert not found.worse
    assert compare(kept.registry, other, kept.record).worse
    assert "MSE martingale" in found.to_text()


def test_names_and_runs_that_cannot_be_registered(kept: Kept, tmp_path: Path) -> None:
    for name in ("", "Upper", "a/b", "../x", "champion"):
        with pytest.raises(ConfigError, match="name of a model"):
            kept.registry.register(name, Submission.of(kept.run))
    with pytest.raises(UnknownNameError, match="gbpusd"):
        Submission.of(kept.run, pairs=["gbpusd"])
    control = kept.run.open(kept.run.folder.parent / "permuted_time")
    with pytest.raises(ConfigError, match="is a control"):
        Submission.of(control)
    for resamples, samples in ((199, 24), (1000, 3)):
        with pytest.raises(ConfigError, match="for gates to rest on"):
            Submission.of(kept.run, resamples=resamples, samples=samples)
    with pytest.raises(UnknownNameError, match="no model 'nothing'"):
        kept.registry.find("nothing")
    with pytest.raises(UnknownNameError, match="no version 9"):
        kept.registry.named("m@9")
    with pytest.raises(BqxError, match="models of server/db, which is no folder"):
        ModelRegistry(cast("Any", SimpleNamespace(name="server/db")))
    assert not list(tmp_path.iterdir())


def test_a_killed_registration_leaves_no_model(kept: Kept) -> None:
    own, submission = kept.registry, Submission.of(kept.run)
    modules = [registry, records, artefacts]
    outcomes = set()
    with as_card(dict(kept.record.card)):
        with killed_at(0, modules) as count:
            own.register("killed", submission)
        for line in np.linspace(1, count[0], 16).astype(int):
            before = len(own.models("killed"))
            with killed_at(int(line), modules):
                own.register("killed", submission)
            outcomes.add(len(own.models("killed")) > before)
            for record in own.models("killed"):
                assert not failing(record, own.folder(record))
    assert outcomes == {True, False}
    versions = [r.version for r in own.models("killed")]
    assert versions == list(range(1, len(versions) + 1))
    register_as(kept, "next", kept.run)
    folders = {p.relative_to(own.root).as_posix() for p in own.root.glob("*/*")}
    assert folders == {f"{r.name}/{r.version}" for r in own.models()}


def test_damage_is_told_and_never_used(kept: Kept) -> None:
    own, record = kept.registry, register_as(kept, "damaged", kept.run)
    path = next((own.folder(record) / "eurusd" / "final" / "model").glob("*"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(IntegrityError, match="another content"):
        own.run(record)
    with pytest.raises(GateError, match="FAILED artefacts"):
        promote(own, "damaged", 1)
    path.unlink()
    assert "missing" in failing(record, own.folder(record))["artefacts"].failures[0]
    # What serves is a copy: the run itself is whole.
    kept.run.verify()


def test_a_changed_record_is_told(kept: Kept) -> None:
    register_as(kept, "forged", kept.run)
    changed = (
        "UPDATE models SET card = replace(card, '\"synthetic\": false', '\"synthetic\": null')"
    )
    with kept.store.state.transaction() as transaction:
        transaction.execute(f"{changed} WHERE name = 'forged'")
    with pytest.raises(IntegrityError, match="forged@1"):
        kept.registry.models("forged")
    with kept.store.state.transaction() as transaction:
        transaction.execute("DELETE FROM models WHERE name = 'forged'")


def test_models_outlive_a_restored_snapshot_and_are_no_strays(kept: Kept) -> None:
    snapshots.create(kept.store, "before")
    register_as(kept, "later", kept.run)
    snapshots.restore(kept.store, "before")
    assert kept.registry.find("later", 1).label == "later@1"
    assert kept.store.sql("SELECT count(*) AS n FROM models WHERE name = 'later'")["n"].item() == 1
    assert verify(kept.store).passed


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [v or "" for k, v in attrs if k in {"src", "href"}]


def test_cards_show_the_martingale_and_the_synthetic_flag(kept: Kept) -> None:
    folder = kept.registry.folder(kept.record)
    gates, history = check_gates(kept.record, folder), kept.registry.history("m")
    text = card_text(kept.record, history, gates)
    figures = kept.record.card["metrics"][0]
    for name in ("mse", "martingale_mse", "skill"):
        assert f"{figures[name]:.5g}" in text
    assert "SYNTHETIC" not in text
    made_up = replace(kept.record, card={**kept.record.card, "synthetic": True, "limits": ["<b>"]})
    assert card_text(made_up, history, gates).startswith("SYNTHETIC")
    page = card_html(made_up, history, gates)
    found = _Links()
    found.feed(page)
    assert not found.outside
    assert found.tags.count("table") == found.tags.count("caption") == 3
    assert "SYNTHETIC" in page
    assert "&lt;b&gt;" in page
