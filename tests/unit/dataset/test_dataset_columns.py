"""Columns of a dataset are chosen by name, counted from the registry, and parse back."""

from __future__ import annotations

import pytest

from bqx.dataset.columns import choose, select_features
from bqx.dataset.lagged import KINDS, explain_counts, lagged_columns, why
from bqx.dataset.naming import Feature, lookback, parse_feature
from bqx.errors import ConfigError, UnknownNameError
from bqx.features.registry import registry

ALL = registry()


def test_every_name_parses_back_lagged_and_of_a_peer_too() -> None:
    choice = choose(ALL, "all", lag_columns="all", peers="eurgbp")
    assert len(choice.features) == len(set(choice.names))
    assert all(parse_feature(str(f), ALL) == f for f in choice.features)
    assert all(str(f).isidentifier() for f in choice.features)


def test_a_column_that_is_called_like_a_lag_is_told_from_a_lag() -> None:
    assert parse_feature("statistics_rate__autocorr_lag5", ALL).lag == 0
    twice = parse_feature("statistics_rate__autocorr_lag5_lag1", ALL)
    assert twice == Feature("statistics_rate", "autocorr_lag5", 1)
    other = parse_feature("eurgbp__reg_rate__w60_r2_lag30", ALL)
    assert other == Feature("reg_rate", "w60_r2", 30, "eurgbp")


@pytest.mark.parametrize(
    "text",
    [
        "reg_rate",
        "reg_rate__nothing",
        "reg_rate__w60_r2_lag0",
        "reg_rate__w60_r2_lag",
        "xxxyyy__reg_rate__w60_r2",
        "no_table__w60_r2",
        "eurusd__gbpusd__reg_rate__w60_r2",
    ],
)
def test_other_names_are_errors(text: str) -> None:
    with pytest.raises(UnknownNameError):
        parse_feature(text, ALL)


def test_named_sets_have_the_counts_of_the_registry() -> None:
    counts = {n: len(select_features(ALL, n)) for n in ("core", "programme", "lagged", "standard")}
    assert counts["core"] == 1388
    assert counts["programme"] == 1080
    assert counts["lagged"] == len(lagged_columns(ALL))
    assert len(choose(ALL).features) == counts["standard"] + 4 * counts["lagged"] >= 2640


def test_selection_by_table_family_domain_pattern_and_name() -> None:
    regression = {str(f) for f in select_features(ALL, "reg_rate")}
    assert regression == {f"reg_rate__{c}" for c in ALL.tables["reg_rate"].column_names}
    assert {f.table for f in select_features(ALL, "term_covariance")} == {
        "correlation_rate",
        "correlation_bqx",
    }
    halves = [select_features(ALL, f"domain:{d}") for d in ("rate", "bqx")]
    assert sum(map(len, halves)) == len(select_features(ALL, "all"))
    matched = select_features(ALL, "reg_*__w60_*")
    assert matched
    assert all(f.table.startswith("reg_") and "w60_" in f.column for f in matched)
    names = ["reg_rate__w60_r2_lag5", "eurgbp__reg_rate__w90_r2", "reg_bqx__w60_r2"]
    assert sorted(str(f) for f in select_features(ALL, names)) == sorted(names)


def test_order_is_the_registrys_and_overlaps_count_once() -> None:
    names = [str(f) for f in select_features(ALL, "reg_rate__w60_r2,reg_rate,bqx")]
    expected = [f"{t}__{c}" for t in ("bqx", "reg_rate") for c in ALL.tables[t].column_names]
    assert names == expected


@pytest.mark.parametrize(
    "names", ["reg_rat", "rate", "domain:both", "nothing_*", "reg_rate__w61_r2"]
)
def test_unknown_selections_say_what_was_meant(names: str) -> None:
    with pytest.raises(UnknownNameError, match="expected"):
        select_features(ALL, names)


@pytest.mark.parametrize("names", ["", "reg_rate,reg_rate", "reg_rate__w60_r2,reg_rate__w60_r2"])
def test_nothing_and_twice_are_errors(names: str) -> None:
    with pytest.raises(ConfigError):
        select_features(ALL, names)


@pytest.mark.parametrize("lags", [(0,), (5, 5), (-1,)])
def test_lags_are_different_and_positive(lags: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="lags"):
        choose(ALL, "reg_rate", lags=lags)


def test_a_lag_that_comes_out_twice_is_an_error() -> None:
    with pytest.raises(ConfigError, match="twice"):
        choose(ALL, "reg_rate,reg_rate__w60_r2_lag5", lags=(5,))


def test_time_ranks_flags_and_durations_are_never_lagged() -> None:
    lagged = [f for f in choose(ALL, "all").features if f.lag]
    tables = {t for kind in KINDS for t in kind.tables}
    assert {f.table for f in lagged} == tables
    kinds = {ALL.tables[f.table].column(f.column).kind for f in lagged}
    assert kinds == {"float"}


def test_another_selection_can_be_lagged() -> None:
    choice = choose(ALL, "returns_rate,time", lags=(2,), lag_columns="time")
    assert {f.table for f in choice.features if f.lag} == {"time"}
    assert choice.lead == 2


def test_peers_repeat_the_columns_but_not_those_of_the_store() -> None:
    choice = choose(ALL, "returns_rate,time", lags=(), peers="EUR/GBP,usdjpy")
    others = [f for f in choice.features if f.peer]
    width = len(ALL.tables["returns_rate"].columns)
    assert [f.peer for f in others] == ["eurgbp"] * width + ["usdjpy"] * width
    assert {f.table for f in others} == {"returns_rate"}


def test_counts_are_explained_beside_those_of_the_documents() -> None:
    choice = choose(ALL, peers="eurgbp", peer_columns="reg_rate")
    rows = {row.part: row for row in explain_counts(choice, ALL)}
    assert sum(row.total for row in rows.values()) == len(choice.features)
    assert (rows["Regression"].columns, rows["Regression"].lags) == (84, 336)
    assert rows["of eurgbp"].columns == 42
    text = " ".join(why(choice, ALL))
    assert "2,640" in text
    assert "3,200" in text


def test_look_backs_count_the_lag() -> None:
    history = ALL.tables["reg_bqx"].column("w60_r2").history
    assert lookback(parse_feature("reg_bqx__w60_r2_lag5", ALL), ALL) == history - 1 + 5
