"""What serves several pairs, with columns that compare them, is what the run forecast."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bqx.dataset.making import build_dataset
from bqx.dataset.target import parse_targets
from bqx.errors import StoreError
from bqx.models.registry.matching import require_match
from bqx.models.runs.spec import RunSpec, SplitSpec
from bqx.models.runs.training import train
from bqx.models.serving import forecast_rows
from datasetstores import SMALL
from registryruns import Kept
from stores import open_store, write_bars
from synthetic import random_walk_bars


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["pair", "global"])
def test_boosted_forecasts_of_several_pairs_are_the_same_to_the_bit(
    scope: str, tmp_path: Path
) -> None:
    store = open_store(tmp_path / "store", families=SMALL)
    bars = {p: random_walk_bars(p, "2019-01-01", 9, 1) for p in ("eurusd", "gbpusd")}
    store.ingest([write_bars(tmp_path / "v", pair, frame) for pair, frame in bars.items()])
    dataset = build_dataset(
        store,
        tmp_path / "set",
        columns="reg_*__w60_r*,bqx__w15_*,gap_rate,clock",
        lag_columns="bqx__w15_*",
        lags=(1, 30),
        peers="gbpusd",
        peer_columns="bqx__w15_bqx_return",
        targets="15:5:level,direction",
    )
    spec = RunSpec(
        targets=parse_targets("15:5:level,direction"),
        pairs=("eurusd", "gbpusd"),
        learner="lightgbm:rounds=8",
        splits=SplitSpec(train="4D", test="2D"),
        selection=None,
    )
    run = train(dataset, tmp_path / "run", replace(spec, scope=scope), threads=1)  # type: ignore[arg-type]
    fold = run.folds[0]
    for pair in run.pairs:
        models = run.model(pair, 1)
        rows = fold.test.first, fold.test.stop
        (served,) = forecast_rows(store, models, run.targets, pair, rows)
        for target, said in served.said.items():
            there = run.forecasts(pair, target, 1)
            np.testing.assert_array_equal(np.arange(*rows)[said.known], there["row"])
            np.testing.assert_array_equal(said.forecast.point, there["point"])
            np.testing.assert_array_equal(said.forecast.probability, there["probability"])


def test_a_market_of_other_pairs_is_refused(kept: Kept) -> None:
    data = {**kept.record.card["dataset"], "market": ["eurusd", "gbpusd"]}
    card = {**kept.record.card, "dataset": data}
    require_match(kept.store, card, ["eurusd"], "m@1")
    compared = next(t for t, spec in kept.store.tables.items() if spec.peers)
    prints = {**data["fingerprints"], compared: kept.store.fingerprint(compared)}
    card["dataset"] = {**data, "fingerprints": prints}
    with pytest.raises(StoreError, match=f"pairs behind {compared}"):
        require_match(kept.store, card, ["eurusd"], "m@1")
    prints["no_table"] = "0" * 16
    with pytest.raises(StoreError, match="no such table"):
        require_match(kept.store, card, ["eurusd"], "m@1")
