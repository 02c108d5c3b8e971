"""The table of scores: nothing is shown without the martingale's value."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bqx.errors import ConfigError
from bqx.models.comparison import adjusted
from bqx.models.outcomes import Forecast
from bqx.models.scoretable import Scored, ScoreTable
from bqx.models.skill import Score, score
from walks import persistent_noise, walk_outcomes


def one(seed: int) -> Score:
    outcomes, _ = walk_outcomes(800, 15, 15, seed)
    noise = persistent_noise(800, seed, 1e-5)
    p = outcomes.martingale_probability() * 0.8 + 0.1
    forecast = Forecast(outcomes.expected + noise, probability=p)
    return score(outcomes, forecast, horizon=15, resamples=50)


SCORES = [one(seed) for seed in range(3)]
TABLE = ScoreTable(
    tuple(
        Scored({"pair": p, "horizon": "15"}, s)
        for p, s in zip(("eurusd", "a<b", "gbpusd"), SCORES, strict=True)
    ),
    synthetic=True,
)


def test_every_record_has_the_martingales_value_and_adjusted_p_values() -> None:
    records = list(TABLE.records())
    assert len(records) == 3 * 10
    assert {"value", "martingale", "skill", "low", "high", "p_value"} <= records[0].keys()
    squares = [r for r in records if r["metric"] == "mse"]
    p = np.array([s.mse.p_value for s in SCORES])
    assert [r["p_adjusted"] for r in squares] == pytest.approx(adjusted(p).tolist())
    assert [r["value"] for r in squares] == [s.mse.value for s in SCORES]


def test_the_frame_and_the_json_hold_the_records() -> None:
    frame = TABLE.frame()
    assert frame.shape == (30, len(next(TABLE.records())))
    read = json.loads(TABLE.to_json())
    assert read["synthetic"] is True
    assert read["scores"] == frame.to_dicts()
    # The martingale of a target without overlap is constant: no correlation.
    assert {r["martingale"] for r in read["scores"] if r["metric"] == "correlation"} == {None}


def test_the_text_shows_both_values_and_what_they_mean() -> None:
    lines = TABLE.to_text(("direction", "correlation")).splitlines()
    head = ["pair", "horizon", "metric", "value", "martingale", "skill", "low", "high", "p"]
    assert lines[0].split() == [*head, "p", "adjusted"]
    assert lines[1].split()[2:5] == ["direction", f"{SCORES[0].direction.value:.5g}", "0.5"]
    assert "undefined" in lines[4]
    assert lines[-1].startswith("SYNTHETIC DATA. skill = ")
    assert "95% interval" in lines[-1]


def test_the_page_escapes_and_stands_alone() -> None:
    page = TABLE.to_html()
    assert page.startswith('<table class="scores"><caption>SYNTHETIC DATA')
    assert "a&lt;b" in page
    assert "a<b" not in page
    assert page.count("<th>martingale</th>") == 1
    assert page.count("<tr>") == 1 + 3 * 3


def test_what_cannot_be_one_table_is_refused() -> None:
    first = TABLE.scored[0]
    with pytest.raises(ConfigError, match="keys"):
        ScoreTable((), synthetic=False)
    with pytest.raises(ConfigError, match="keys"):
        ScoreTable((first, Scored({"pair": "x"}, SCORES[1])), synthetic=False)
    with pytest.raises(ConfigError, match="two scores of eurusd 15"):
        ScoreTable((first, first), synthetic=False)
    with pytest.raises(ConfigError, match="called block, skill"):
        ScoreTable((Scored({"block": "1", "pair": "x", "skill": "2"}, SCORES[0]),), synthetic=False)
    other = Scored({"pair": "x", "horizon": "15"}, replace(SCORES[1], confidence=0.9))
    with pytest.raises(ConfigError, match="different confidence"):
        ScoreTable((first, other), synthetic=False)
    with pytest.raises(ConfigError, match="metrics accuracy"):
        TABLE.to_text(("accuracy",))
