"""Predictions from a store are a run's forecasts, and are refused where they would be others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import bqx
from bqx.cli.app import app
from bqx.dataset.target import BQXTarget
from bqx.errors import BqxError, IntegrityError, StoreError, UnknownNameError
from bqx.models.predicting import load_model
from bqx.models.registry.promoting import promote
from bqx.models.serving import features_at, forecast_rows
from bqx.store.slices import extent
from registryruns import Kept, register_as, trending_bars
from stores import write_bars

LEVEL = BQXTarget(15, 5)


def test_features_from_the_store_are_those_of_the_dataset(kept: Kept) -> None:
    names = kept.dataset.features[::-1]
    rows, matrix = kept.dataset.matrix("eurusd", names)
    part = (int(rows[0]), int(rows[0]) + 900)
    found = features_at(kept.store, "eurusd", names, part)
    np.testing.assert_array_equal(found, matrix[:900])
    np.testing.assert_array_equal(
        features_at(kept.store, "eurusd", names, (part[0] + 777, part[0] + 778)), matrix[777:778]
    )


def test_forecasts_of_a_fold_are_those_of_the_run_to_the_bit(kept: Kept) -> None:
    for fold in kept.run.folds:
        models = kept.run.model("eurusd", fold.number)
        rows = fold.test.first, fold.test.stop
        served = list(forecast_rows(kept.store, models, kept.run.targets, "eurusd", rows))
        for target in kept.run.targets:
            there = kept.run.forecasts("eurusd", target, fold.number)
            said = [part.said[target] for part in served]
            known = np.concatenate([s.known for s in said])
            np.testing.assert_array_equal(np.arange(*rows)[known], there["row"])
            for column, values in (
                ("point", [s.forecast.point for s in said]),
                ("probability", [_there(s.forecast.probability) for s in said]),
                ("q10", [(s.forecast.quantiles or {})[0.1] for s in said]),
                ("expected", [s.labels.expected[s.known] for s in said]),
                ("scale", [s.labels.scale[s.known] for s in said]),
            ):
                np.testing.assert_array_equal(np.concatenate(values), there[column], column)


def _there(values: NDArray[np.float64] | None) -> NDArray[np.float64]:
    assert values is not None
    return values


def test_the_newest_minute_is_the_last_of_a_batch(kept: Kept) -> None:
    newest = bqx.predict(kept.store, "m@1")
    batch = bqx.predict(kept.store, "m@1", "eurusd", start="2019-01-16T12:00")
    last = batch.filter(pl.col("ts_utc") == pl.col("ts_utc").max())
    assert newest.drop("stale").equals(last.drop("stale"))
    at = bqx.predict(kept.store, "m@1", at=newest["ts_utc"][0])
    assert at.equals(last)
    # Its bar is years old by now, but was the newest one in its minute.
    assert newest["stale"].all()
    assert not last["stale"].any()
    assert batch["target"].unique(maintain_order=True).to_list() == [
        "15:5:level",
        "15:5:innovation",
    ]
    assert batch.height == 2 * 720
    level = last.row(0, named=True)
    models = load_model(kept.registry, kept.record, "eurusd")
    row = extent(kept.store, "eurusd").last - 1  # type: ignore[union-attr]
    (served,) = forecast_rows(kept.store, models, [LEVEL], "eurusd", (row, row + 1))
    assert level["point"] == served.said[LEVEL].forecast.point[0]
    assert (level["model"], level["stage"], level["synthetic"]) == ("m@1", "candidate", False)
    assert level["q10"] < level["q50"] < level["q90"]
    assert level["data_ts"] == level["ts_utc"]


def test_minutes_without_features_say_so_or_are_refused(kept: Kept) -> None:
    early = bqx.predict(kept.store, "m@1", start="2018-12-01", end="2019-01-02")
    refused = early.filter(pl.col("refused").is_not_null())
    assert refused["ts_utc"].min() == early["ts_utc"].min()
    assert 0 < refused.height < early.height
    assert (
        refused.select("point", "q10", "probability").null_count().row(0) == (refused.height,) * 3
    )
    assert refused["refused"].str.contains("NULL: bqx__w15_bqx_return, ").any()
    kept_rows = early.filter(pl.col("refused").is_null())
    assert kept_rows["point"].null_count() == 0
    with pytest.raises(StoreError, match="features are NULL: "):
        bqx.predict(kept.store, "m@1", at=refused["ts_utc"][0])


def test_times_that_make_no_sense(kept: Kept) -> None:
    with pytest.raises(StoreError, match="no trading minute of eurusd at 2019-01-05 12:00"):
        bqx.predict(kept.store, "m@1", at="2019-01-05T12:00")
    with pytest.raises(StoreError, match="no trading minute"):
        bqx.predict(kept.store, "m@1", start="2020-01-01")
    with pytest.raises(BqxError, match="a time and a range"):
        bqx.predict(kept.store, "m@1", at="2019-01-10", start="2019-01-10")
    with pytest.raises(BqxError, match="unreadable time"):
        bqx.predict(kept.store, "m@1", at="yesterday")


def test_unknown_pairs_and_models(kept: Kept) -> None:
    with pytest.raises(UnknownNameError, match=r"m@1 does not know gbpusd(.|\n)*some of eurusd"):
        bqx.predict(kept.store, "m@1", "gbpusd")
    register_as(kept, "fresh", kept.run)
    with pytest.raises(UnknownNameError, match=r"no version of fresh was promoted(.|\n)*fresh@1"):
        bqx.predict(kept.store, "fresh")
    assert bqx.predict(kept.store, "fresh@1")["stage"].to_list() == ["candidate"] * 2
    promote(kept.registry, "fresh", 1)
    for name in ("fresh", "fresh@champion", "fresh@1"):
        assert bqx.predict(kept.store, name)["stage"].to_list() == ["champion"] * 2


def test_a_synthetic_model_says_so_in_every_row(kept: Kept) -> None:
    register_as(kept, "made", kept.run, synthetic=True)
    assert bqx.predict(kept.store, "made@1", start="2019-01-16T23:50")["synthetic"].all()


def test_another_store_is_refused(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write_bars(tmp_path / "v", "eurusd", trending_bars("eurusd", 3).slice(60))]
    with bqx.open(tmp_path / "later") as other:
        other.ingest(files)
        with pytest.raises(StoreError, match="baseline of eurusd"):
            bqx.predict(other, "m@1", registry=kept.store)
    for k, (name, value, found) in enumerate(
        (
            ("week", "Sun 16:00 - Fri 17:00 America/New_York", "calendar"),
            ("holidays", ("2019-12-25",), "calendar"),
            ("baseline_start", "2019-01-02T00:00+00:00", "setting baseline_start"),
        )
    ):
        settings = bqx.StoreSettings.model_validate({name: value})
        with bqx.open(tmp_path / str(k), settings=settings) as other:
            other.ingest(files)
            with pytest.raises(StoreError, match=found):
                bqx.predict(other, "m@1", registry=kept.store)
    before = kept.store.fingerprint
    monkeypatch.setattr(
        kept.store, "fingerprint", lambda t: "0" * 16 if t == "reg_rate" else before(t)
    )
    with pytest.raises(StoreError, match=r"fingerprint of table reg_rate is 0000(.|\n)*expected"):
        bqx.predict(kept.store, "m@1")


def test_damaged_models_do_not_predict(kept: Kept) -> None:
    record = register_as(kept, "broken", kept.run)
    path = kept.registry.folder(record) / "eurusd" / "final" / "done.json"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match=r"done.json has another content"):
        bqx.predict(kept.store, "broken@1")


def test_commands(kept: Kept, tmp_path: Path) -> None:
    store, page = ["--store", str(kept.store.root)], tmp_path / "card.html"

    def told(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, [*words, *store])
        assert result.exit_code == code, result.output
        return result.stdout

    register_as(kept, "shown", kept.run)
    register_as(kept, "shown", kept.weaker)
    assert "shown@2" in told("models", "list")
    assert "martingale" in told("models", "show", "shown", "--html", str(page))
    assert "<!doctype html>" in page.read_text()
    assert json.loads(told("models", "show", "shown@1", "--json"))["history"]
    assert len(json.loads(told("models", "promote", "shown", "1", "--dry-run", "--json"))) == 9
    assert "is the champion" in told("models", "promote", "shown", "1")
    told("models", "promote", "shown", "2", code=2)
    assert json.loads(told("models", "compare", "shown@1", "shown@2", "--json"))["rows"]
    assert "Diebold-Mariano" in told("models", "compare", "shown@1", "shown@2")
    assert "no champion" in told("models", "rollback", "shown", "--reason", "a test")
    (line, _) = json.loads(told("predict", "--model", "shown@1", "--json"))
    assert line["target"] == "15:5:level"
    assert told("predict", "-m", "shown@1", "--pair", "eurusd", "--csv").count("\n") == 3
    told("predict", "-m", "shown@1", "--at", "2019-01-05T12:00", code=2)
