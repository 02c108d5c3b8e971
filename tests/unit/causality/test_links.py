"""Networks: what is found, what cannot be tested, tables, pictures, rankings."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bqx.causality.conditional import conditional_network
from bqx.causality.entropies import EntropySettings, entropy_network
from bqx.causality.granger import Settings, granger
from bqx.causality.graph import to_svg
from bqx.causality.network import granger_network
from bqx.causality.ranking import feature_entropies, feature_links, rank_features, scores
from bqx.causality.series import Panel
from bqx.causality.study import Study
from bqx.causality.surrogates import Draws, Surrogates, significance
from bqx.causality.transfer import Bins
from bqx.errors import ConfigError
from causalseries import Floats, network, two

QUICK = Surrogates(39, block=20)


def test_shared_products_give_what_each_link_alone_gives() -> None:
    panel, _ = network(900, 4, 3, 2)
    values = panel.values.copy()
    rng = np.random.default_rng(0)
    for series in values:
        series[rng.integers(0, 900, 40)] = np.nan
    panel = Panel.of(dict(zip(panel.names, values, strict=True)))
    for settings in (Settings(3, robust="none"), Settings(max_lag=4, robust="hac")):
        for link in granger_network(panel, settings).links:
            alone = granger(panel, link.source, link.target, settings)
            assert alone is not None
            assert (link.lag, link.rows) == (alone.lag, alone.rows)
            assert link.statistic == pytest.approx(alone.statistic, rel=1e-9)
            assert link.p == pytest.approx(alone.p, rel=1e-8)


def test_what_cannot_be_tested_is_undefined_and_not_counted() -> None:
    panel = two(200, 0)
    x, y = panel.values
    panel = Panel.of({"x": x, "y": y, "copy": 2.0 * x + 1.0, "still": np.ones(200)})
    found = granger_network(panel, Settings(2))
    undefined = {(k.source, k.target) for k in found.links if math.isnan(k.p)}
    assert ("x", "copy") in undefined
    assert ("still", "y") in undefined
    assert ("x", "y") not in undefined
    assert found.p_adjusted.null_count() == len(undefined)
    assert json.loads(found.write_json())["links"][-1]["p"] is None
    few = granger_network(two(8, 0), Settings(4))
    assert all(math.isnan(k.p) for k in few.links)
    assert all(math.isnan(k.p) for k in conditional_network(two(8, 0), Settings(4)).links)


def test_a_third_series_explains_an_indirect_link() -> None:
    rng = np.random.default_rng(3)
    e = rng.standard_normal((3, 4000))
    driver, early, late = e[0], e[1], e[2]
    early[1:] += 0.8 * driver[:-1]
    late[2:] += 0.8 * driver[:-2]
    panel = Panel.of({"driver": driver, "early": early, "late": late})
    pairwise = granger_network(panel, Settings(2), links=[("early", "late")])
    given = granger(panel, "early", "late", Settings(2), given=["driver"])
    assert pairwise.links[0].p < 1e-9
    assert given is not None
    assert given.p > 0.01
    every = conditional_network(panel, Settings(2)).significant(0.01)
    assert set(zip(every["source"], every["target"], strict=True)) == {
        ("driver", "early"),
        ("driver", "late"),
    }


@pytest.mark.parametrize("estimator", ["bins", "ksg"])
@pytest.mark.parametrize("scheme", ["shift", "block"])
def test_transfer_entropy_finds_the_direction(estimator: str, scheme: str) -> None:
    settings = EntropySettings(
        estimator,  # type: ignore[arg-type]
        most_points=700,
        surrogates=Surrogates(39, scheme, block=20),  # type: ignore[arg-type]
    )
    found = entropy_network(two(1200, 5, strength=0.6), settings)
    assert [(k.source, k.target) for k in found.links if k.p <= 0.025] == [("x", "y")]
    again = entropy_network(two(1200, 5, strength=0.6), settings, workers=2)
    assert again.links == found.links


def test_a_closure_stops_a_past() -> None:
    series = dict(zip("xy", two(400, 5).values, strict=True))
    minutes = np.arange(400) + 60 * (np.arange(400) >= 100)
    panel = Panel.of(series, minutes=minutes)
    for bridge, lost in ((True, 2), (False, 5)):
        settings = EntropySettings(bins=Bins(2, 2, 2), surrogates=QUICK, bridge=bridge)
        assert entropy_network(panel, settings).links[0].rows == 400 - lost


def test_surrogates_keep_what_they_should() -> None:
    for scheme in ("shift", "block"):
        draws = Draws(Surrogates(20, scheme, block=7), 100)
        for _ in range(5):
            places = draws.next()
            assert sorted(places) == list(range(100))
            if scheme == "shift":
                assert set(np.diff(places)) <= {1, -99}
                assert 7 <= places[0] <= 93
            else:
                assert np.all(places[:98] % 7 == np.arange(98) % 7)
    with pytest.raises(ConfigError, match="two blocks"):
        Draws(Surrogates(20, block=60), 100)
    with pytest.raises(ConfigError):
        Surrogates(5)


def test_p_values_of_surrogates_count_themselves() -> None:
    every = significance(1.0, lambda _: 0.0, 100, QUICK)
    assert (every.p, every.count) == (1 / 40, 39)
    stopped = significance(0.0, lambda _: 0.5, 100, QUICK)
    assert (stopped.p, stopped.count, stopped.mean) == (1.0, 20, 0.5)


def test_tables_and_pictures() -> None:
    panel, truth = network(2500, 5, 3, 4, apart=False)
    found = conditional_network(panel, Settings(1))
    frame = found.frame()
    assert frame.columns[:8] == [
        *("source", "target", "kind", "method", "lag", "statistic", "p", "p_adjusted"),
    ]
    assert len(frame) == 20
    best = found.significant(0.01)
    assert set(zip(best["source"], best["target"], strict=True)) == truth
    assert (frame["first_row"].min(), frame["last_row"].max()) == (0, 2499)
    drawn = ET.fromstring(to_svg(found, level=0.01))  # noqa: S314
    shapes = [node.tag.split("}")[1] for node in drawn.iter()]
    assert shapes.count("circle") == 5
    assert sum(node.get("class") == "edge" for node in drawn.iter()) == len(truth)
    assert "adjusted by Benjamini-Hochberg" in found.to_text(3)


def test_pairs_add_up_to_currencies() -> None:
    x, y = two(800, 2).values
    panel = Panel.of({"eurusd": x, "gbpjpy": y}, synthetic=True)
    text = to_svg(granger_network(panel, Settings(1)), by_currency=True)
    drawn = ET.fromstring(text)  # noqa: S314
    assert sum(node.get("class") == "edge" for node in drawn.iter()) == 4
    assert "SYNTHETIC" in text


def columns(n: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Six columns, the label that the third tells of 5 rows ahead, and its known mean."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, 6))
    shocks = rng.standard_normal(n + 5)
    label = np.convolve(shocks, np.ones(5), "valid")[:n] + 0.6 * matrix[:, 2]
    matrix[:, 4], expected = 3.0, rng.standard_normal(n)
    matrix[:, 5] = expected
    return matrix, label + expected, expected


def test_features_are_ranked_by_what_they_add() -> None:
    matrix, label, expected = columns(3000, 0)
    matrix[5, 0] = np.nan
    names = [f"t__c{k}" for k in range(6)]
    options = {"names": names, "ahead": 5, "expected": expected}
    found = rank_features(matrix.astype(np.float32), label, **options)
    assert list(found) == names
    assert max(names[:4], key=lambda n: found[n]) == "t__c2"
    # A constant tells nothing, and what is known anyway cannot be told again.
    assert math.isnan(found["t__c4"])
    assert math.isnan(found["t__c5"])
    study = Study.of(matrix, label, **options)  # type: ignore[arg-type]
    links = feature_links(study, workers=2)
    assert scores(links)["t__c2"] == pytest.approx(found["t__c2"], rel=1e-5)
    assert links.significant(0.01)["source"].to_list() == ["t__c2"]


def test_entropy_ranks_features_too() -> None:
    matrix, label, _ = columns(3000, 0)
    study = Study.of(matrix, label, names=list("abcdef"), ahead=5)
    found = feature_entropies(study, EntropySettings(surrogates=Surrogates(99, block=50)))
    assert found.ordered()["source"][0] in {"c", "f"}
    with pytest.raises(ConfigError):
        feature_entropies(study, EntropySettings("ksg"))


@pytest.mark.parametrize(
    "bad",
    [
        {"lags": 0},
        {"robust": "x"},
        {"hac_lag": -1},
    ],
)
def test_settings_are_checked(bad: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        Settings(**bad)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        Bins(1)
    with pytest.raises(ConfigError):
        Bins(10, 4, 4)
    with pytest.raises(ConfigError):
        granger(two(50, 0), "x", "x")
    with pytest.raises(ConfigError):
        conditional_network(two(50, 0), Settings())
    with pytest.raises(ConfigError):
        granger_network(two(50, 0), Settings(criterion="x"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        entropy_network(two(90, 0), EntropySettings("x"))  # type: ignore[arg-type]
