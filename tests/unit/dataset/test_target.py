"""Targets as objects: names, texts, identities, reach."""

from __future__ import annotations

import itertools

import pytest

from bqx.dataset.target import HORIZONS, KINDS, BQXTarget, Kind, parse_targets
from bqx.errors import ConfigError


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_texts_read_back(kind: Kind) -> None:
    target = BQXTarget(60, 15, kind)
    assert target.name == f"bqx_w60_h15_{kind}"
    assert str(target) == f"60:15:{kind}"
    assert BQXTarget.parse(target.name) == BQXTarget.parse(f" {target} ") == target


def test_a_text_without_a_kind_is_a_level() -> None:
    assert BQXTarget.parse("630:60") == BQXTarget(630, 60, "level")


@pytest.mark.parametrize(
    ("target", "behind", "ahead"),
    [
        ("60:15:level", 45, 15),
        ("60:15:innovation", 45, 15),
        ("15:60:level", 0, 60),
        ("15:15:level", 0, 15),
        ("60:15:change", 60, 15),
        ("15:60:direction", 15, 60),
        ("15:60:vol_scaled", 60, 60),
        ("75:15:vol_scaled", 75, 15),
    ],
)
def test_the_reach_of_a_label(target: str, behind: int, ahead: int) -> None:
    assert BQXTarget.parse(target).spans == (behind, ahead)


def test_what_is_known_covers_the_volatility() -> None:
    assert BQXTarget(15, 15).known == 61
    assert BQXTarget(630, 15).known == 616
    assert BQXTarget(630, 15, "change").known == 631


def test_identities_tell_targets_apart_and_stay() -> None:
    every = [BQXTarget(w, h, k) for w, h, k in itertools.product((15, 60), HORIZONS, KINDS)]
    assert len({t.identity for t in every}) == len(set(every)) == len(every)
    # Datasets and models on disk carry it: it may change with the definition only.
    assert BQXTarget(60, 15).identity == "856b5fb898659bab"


def test_targets_have_an_order() -> None:
    texts = ["60:15:level", "15:60:level", "60:15:change", "15:15:level"]
    ordered = sorted(map(BQXTarget.parse, texts))
    assert [str(t) for t in ordered] == [
        "15:15:level",
        "15:60:level",
        "60:15:change",
        "60:15:level",
    ]


def test_a_description_is_plain_and_complete() -> None:
    told = BQXTarget(60, 15, "innovation").describe()
    assert told["name"] == "bqx_w60_h15_innovation"
    assert (told["window"], told["horizon"], told["kind"]) == (60, 15, "innovation")
    assert (told["behind"], told["ahead"]) == (45, 15)
    assert told["identity"] == BQXTarget(60, 15, "innovation").identity


def test_lists_of_targets() -> None:
    found = parse_targets("60:15,30,45,60,75:level,innovation")
    assert len(found) == 10
    assert [str(t) for t in found[:3]] == ["60:15:level", "60:15:innovation", "60:30:level"]
    mixed = parse_targets("15,60:15 ; bqx_w75_h15_change")
    assert [str(t) for t in mixed] == ["15:15:level", "60:15:level", "75:15:change"]
    assert parse_targets(["60:15", "60:30"]) == parse_targets("60:15,30")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("60", "unreadable target '60'"),
        ("60:,15", "unreadable target '60:,15'"),
        ("60:15:level:x", "unreadable target"),
        ("", "unreadable target ''"),
        ("60:15:levels", "unknown kind of target 'levels'"),
        ("0:15", "target window 0"),
        ("60:0", "target horizon 0"),
        ("60:15,15", "named twice: 60:15:level"),
    ],
)
def test_what_is_no_target_is_an_error_that_helps(text: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_targets(text)
    assert found in caught.value.found
    assert caught.value.expected
    assert caught.value.hint


@pytest.mark.parametrize("window", [True, 60.0, "60", -1])
def test_a_window_is_a_whole_number(window: object) -> None:
    with pytest.raises(ConfigError, match="target window"):
        BQXTarget(window, 15)  # type: ignore[arg-type]
