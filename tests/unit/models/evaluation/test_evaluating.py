from __future__ import annotations

import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import bqx
from bqx.cli.app import app
from bqx.dataset.target import BQXTarget
from bqx.errors import BqxError, ConfigError, PostConditionError, UnknownNameError
from bqx.models.comparison import adjusted
from bqx.models.evaluation.controls import beats
from bqx.models.evaluation.evaluate import evaluate
from bqx.models.evaluation.evaluation import Evaluation
from bqx.models.evaluation.explaining import explain
from bqx.models.evaluation.groups import Grouper
from bqx.models.evaluation.samples import EVERY_PAIR, pooled, sample_of
from bqx.models.evaluation.statement import conclusion, statement, tone
from bqx.models.outcomes import Forecast
from bqx.models.runs.run import Run
from bqx.models.skill import score
from evaluationruns import Maker, make_dataset

LEVEL = BQXTarget(60, 15)
FEW = 40


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def dataset(place: Path) -> bqx.Dataset:
    return make_dataset(place, synthetic=True)


@pytest.fixture(scope="module")
def skilled(dataset: bqx.Dataset, place: Path) -> Run:
    return Maker(gain=0.15).make(dataset, place / "skilled")


@pytest.fixture(scope="module")
def control(dataset: bqx.Dataset, place: Path) -> Run:
    return Maker(control="shuffled_labels").make(dataset, place / "shuffled")


@pytest.fixture(scope="module")
def small(dataset: bqx.Dataset, place: Path) -> Run:
    return Maker(gain=0.15, pairs=1, targets=1).make(dataset, place / "small")


@pytest.fixture(scope="module")
def learned(dataset: bqx.Dataset, place: Path) -> Run:
    return Maker(learned=True).make(dataset, place / "learned")


@pytest.fixture(scope="module")
def found(skilled: Run, control: Run) -> Evaluation:
    return evaluate(skilled, controls=[control], resamples=FEW)


def test_scores_are_those_of_the_forecasts(found: Evaluation, skilled: Run) -> None:
    outcomes, forecast, _ = skilled.scored("gbpusd", LEVEL)
    alone = score(outcomes, forecast, horizon=15, resamples=FEW)
    assert found.found[LEVEL].pairs["gbpusd"].score == alone
    every = pooled([sample_of(skilled, pair, LEVEL) for pair in skilled.pairs])
    assert found.found[LEVEL].pooled.score == score(
        every.outcomes, every.forecast, horizon=15, resamples=FEW
    )


def test_groups_are_scored_on_their_own_rows(found: Evaluation, skilled: Run) -> None:
    every = pooled([sample_of(skilled, pair, LEVEL) for pair in skilled.pairs])
    for number in np.unique(every.folds):
        mask = every.folds == number
        part = Forecast(every.forecast.point[mask])
        alone = score(every.outcomes.take(mask), part, horizon=15, resamples=FEW)
        assert found.found[LEVEL].groups["fold"][f"{number:02d}"] == alone
    for name, groups in found.found[LEVEL].groups.items():
        outside = found.found[LEVEL].ungrouped[name]
        assert sum(s.n for s in groups.values()) + outside == len(every.outcomes.rows), name


def test_r2_falls_into_what_was_known_and_what_was_added(found: Evaluation) -> None:
    for one in found.singles():
        parts = one.parts
        assert parts.r2 == pytest.approx(parts.known + (1.0 - parts.known) * parts.skill, abs=1e-12)
        assert parts.added == pytest.approx(parts.r2 - parts.known, abs=1e-12)
        assert parts.skill == one.score.mse.skill
    level = found.found[LEVEL].pooled.parts
    assert abs(level.known - level.closed_form) < 0.1
    assert level.correlation > 0.9


def test_volatility_and_trend_are_cut_by_training_rows_alone(
    dataset: bqx.Dataset, skilled: Run
) -> None:
    grouper = Grouper(dataset, skilled.folds)
    sample = sample_of(skilled, "eurusd", LEVEL)
    groups = grouper.groups(sample)
    assert list(groups) == ["session", "volatility", "trend", "month", "fold"]
    folds = {fold.number: fold for fold in skilled.folds}
    for (_, _, _, number), bins in grouper._bins.items():
        assert bins.rows
        assert not bins.rows.minus(folds[number].train)
    labels = dataset.labels("eurusd", LEVEL)
    at = np.searchsorted(labels.rows, sample.outcomes.rows)
    past = -labels.values[at - 15]
    trend = groups["trend"].codes
    assert np.all(past[trend == 2] > 0.0)
    assert np.all(past[trend == 0] < 0.0)
    assert np.array_equal(trend == -1, np.isnan(past))


def test_planted_skill_is_found_and_the_control_has_none(found: Evaluation) -> None:
    assert conclusion(found).startswith("6 of 6 pair-targets are forecast better")
    assert conclusion(found).endswith("no control (shuffled_labels) is.")
    assert tone(found) == "good"
    assert not found.controls[0].skilled
    facts = found.facts("eurusd", "60:15:level")
    assert facts.synthetic
    assert facts.interval[0] > 0.0
    assert facts.p_adjusted < 0.01
    assert facts.effective_n < facts.n
    assert facts.coverage_error == max(abs(c.model - c.level) for c in facts.coverage)
    assert facts.controls["shuffled_labels (shuffled)"].interval[0] < 0.0
    assert np.isnan(found.facts("eurusd", "60:15:direction").coverage_error)
    with pytest.raises(UnknownNameError, match="usdjpy"):
        found.facts("usdjpy", LEVEL)
    with pytest.raises(UnknownNameError, match="60:30"):
        found.facts("eurusd", "60:30:level")


def test_the_statement_counts_what_the_scores_say(found: Evaluation) -> None:
    said = " ".join(statement(found))
    above = sum(one.score.mse.interval[0] > 0.0 for one in found.singles())
    assert f"lies above 0 for {above} of 6 pair-targets; 0.15 would by chance" in said
    assert said.startswith("SYNTHETIC DATA")
    assert "have the same errors" in said
    assert "it shows no skill, as it must" in said
    p = np.array([one.score.mse.p_value for one in found.singles()])
    for one, q in zip(found.singles(), adjusted(p), strict=True):
        assert found.facts(one.pair, one.target).p_adjusted == q


def test_signs_are_counted_apart_from_squared_errors(found: Evaluation) -> None:
    [said] = [sentence for sentence in statement(found) if sentence.startswith("Signs")]
    signs = [one.score.direction for one in found.singles()]
    p = adjusted(np.array([one.p_value for one in signs]))
    better = sum(q < 0.05 and one.skill > 0.0 for q, one in zip(p, signs, strict=True))
    assert f"their number: {better} of 6 pair-targets have them right" in said
    level = found.found[LEVEL].pooled.score.direction
    assert level.interval[0] > 0.0
    assert (
        f"60:15:level {level.value:.2%} against {level.martingale:.2%}".replace("%", " %") in said
    )


def test_a_run_without_skill_is_called_one(dataset: bqx.Dataset, place: Path) -> None:
    run = Maker(noise=0.02, pairs=1, targets=1).make(dataset, place / "noise")
    found = evaluate(run, resamples=FEW)
    assert conclusion(found).startswith("No skill was found")
    assert tone(found) == "poor"
    assert any(sentence.endswith("above it: none.") for sentence in statement(found))
    assert not any(beats([one.score for one in found.singles()]))
    assert any(sentence.startswith("No control was scored") for sentence in statement(found))
    assert found.to_json()["controls"]["pooled"] == []


def test_a_control_with_skill_spoils_the_conclusion(
    small: Run, dataset: bqx.Dataset, place: Path
) -> None:
    leaking = Maker(gain=0.1, control="permuted_time", pairs=1, targets=1)
    leak = leaking.make(dataset, place / "leak")
    found = evaluate(small, controls=[leak], resamples=FEW)
    assert conclusion(found).endswith("(leak): this is no evidence of skill.")
    assert tone(found) == "poor"
    assert "it shows skill, which it must not" in found.controls[0].verdict()


def test_a_control_must_belong_to_the_run(skilled: Run, control: Run, learned: Run) -> None:
    with pytest.raises(ConfigError, match="learned is no control"):
        evaluate(skilled, controls=[learned], resamples=FEW)
    other = Run(control.folder, control.record)
    other.record = type(control.record)(
        **{
            **{name: getattr(control.record, name) for name in control.record.__dataclass_fields__},
            "dataset": {"folder": ".", "identity": "another"},
        }
    )
    with pytest.raises(ConfigError, match="differs from skilled in dataset"):
        evaluate(skilled, controls=[other], resamples=FEW)


def test_the_result_does_not_depend_on_threads(small: Run) -> None:
    one, two = (evaluate(small, resamples=FEW, threads=n) for n in (1, 2))
    assert one.to_json() == two.to_json()


def test_importances_add_up(found: Evaluation) -> None:
    used = found.importances
    assert [p.name for p in used.domains] == ["rate", "bqx", "other"]
    for parts in (used.domains, used.families, used.features):
        assert sum(p.share for p in parts) == pytest.approx(1.0)
        assert sum(p.selected for p in parts) == pytest.approx(4.0)
        assert all(p.low <= p.share <= p.high for p in parts)
    assert {p.name for p in used.families} == {"regression", "time"}
    assert used.quotas == {"rate": 1, "bqx": 1}


class Reader(HTMLParser):
    """What a browser would stumble over."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: Counter[str] = Counter()
        self.outside: list[str] = []
        self.unnamed: list[str] = []
        self.coordinates: list[tuple[float, float, float, float]] = []
        self.size = (0.0, 0.0)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.counts[tag] += 1
        if tag not in self.VOID:
            self.open.append(tag)
        self.outside += [v for k, v in given.items() if k in {"src", "href", "xlink:href"}]
        if tag == "svg":
            width, height = given["viewbox"].split()[2:]
            self.size = float(width), float(height)
            if not given.get("aria-label") or given.get("role") != "img":
                self.unnamed.append(tag)
        for x, y in (("cx", "cy"), ("x1", "y1"), ("x2", "y2"), ("x", "y")):
            if "svg" in self.open and x in given:
                self.coordinates.append((float(given[x]), float(given[y]), *self.size))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_can_be_read_aloud(found: Evaluation) -> None:
    page = found.to_html()
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    assert not reader.outside
    assert not reader.unnamed
    assert "url(" not in page
    assert "@import" not in page
    assert reader.counts["script"] == 0
    assert reader.counts["table"] == reader.counts["caption"] > 10
    assert reader.counts["svg"] == reader.counts["figure"] == reader.counts["figcaption"] == 14
    for x, y, width, height in reader.coordinates:
        assert -0.5 <= x <= width + 0.5
        assert -0.5 <= y <= height + 0.5
    assert "SYNTHETIC DATA" in page
    assert conclusion(found) in page
    assert "nan" not in page.lower().split()


def test_json_and_text_are_complete(found: Evaluation) -> None:
    plain: dict[str, Any] = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["synthetic"] is True
    assert {r["pair"] for r in plain["by_pair"]} == {"eurusd", "gbpusd"}
    assert all("martingale" in r for name in ("by_pair", "pooled", "by_trend") for r in plain[name])
    assert len(plain["calibration"]) == 9
    assert max(map(len, found.to_text().splitlines())) <= 120
    assert "SYNTHETIC DATA" in found.to_text()


def test_contributions_add_up_to_the_stored_forecast(learned: Run) -> None:
    frame = learned.forecasts("eurusd", LEVEL)
    row = frame.row(len(frame) // 2, named=True)
    at = f"{row['ts_utc']:%Y-%m-%dT%H:%M}"
    told = explain(learned, "eurusd", at, LEVEL)
    total = told.expected + told.base + sum(c.amount for c in told.contributions)
    assert total == pytest.approx(row["point"], abs=1e-9)
    assert told.point == row["point"]
    assert len(told.contributions) + told.silent == 4
    sizes = [abs(c.amount) for c in told.contributions]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.0
    rows, matrix = learned.dataset().matrix("eurusd", None, row["row"], row["row"] + 1)
    values = dict(zip(learned.dataset().features, matrix[0].tolist(), strict=True))
    assert {c.feature: c.value for c in told.contributions}.items() <= values.items()
    assert rows.tolist() == [row["row"]]
    assert "point forecast" in told.to_text()
    assert json.dumps(told.to_json(), allow_nan=False)


def test_what_cannot_be_explained_is_refused(learned: Run, skilled: Run, control: Run) -> None:
    at = f"{learned.forecasts('eurusd', LEVEL)['ts_utc'][100]:%Y-%m-%dT%H:%M}"
    with pytest.raises(PostConditionError, match="contributions add up to"):
        explain(skilled, "eurusd", at, LEVEL)
    with pytest.raises(ConfigError, match="a probability"):
        explain(learned, "eurusd", at, "60:15:direction")
    with pytest.raises(ConfigError, match="is a control"):
        explain(control, "eurusd", at, LEVEL)
    with pytest.raises(ConfigError, match="was not tested"):
        explain(learned, "eurusd", "2019-01-01T00:00", LEVEL)
    with pytest.raises(BqxError, match="unreadable time"):
        explain(learned, "eurusd", "yesterday", LEVEL)


def test_the_command(small: Run, learned: Run, tmp_path: Path) -> None:
    runner = CliRunner()
    out = tmp_path / "page.html"
    options = ["--resamples", str(FEW), "--html", str(out), "--json"]
    done = runner.invoke(app, ["evaluate", str(small.folder), *options])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["conclusion"].startswith("1 of 1")
    assert "SYNTHETIC" in out.read_text(encoding="utf-8")
    at = f"{learned.forecasts('gbpusd', LEVEL)['ts_utc'][0]:%Y-%m-%dT%H:%M}"
    named = ["--explain", "gbpusd", "--at", at, "--target", "60:15:innovation"]
    done = runner.invoke(app, ["evaluate", str(learned.folder), *named])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("SYNTHETIC DATA. gbpusd 60:15:innovation")
    done = runner.invoke(app, ["evaluate", str(learned.folder), *named[:4]])
    assert done.exit_code != 0
    assert "not fully named" in done.stderr


def test_all_pairs_have_facts_too(found: Evaluation) -> None:
    whole = found.facts(EVERY_PAIR, LEVEL)
    assert whole.skill == found.found[LEVEL].pooled.score.mse.skill
    assert np.isnan(whole.p_adjusted)
