"""Merging: the union, with the newly read bar where both sides have one."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal

from barfiles import quiet_bars
from bqx.bars.merge import merge
from bqx.bars.schema import BAR_SCHEMA, empty_bars

BARS = quiet_bars("2024-03-05T00:00", 0.05)


def test_into_an_empty_store() -> None:
    merged = merge(empty_bars(), BARS)
    assert_frame_equal(merged.bars, BARS)
    assert (merged.accepted, merged.duplicate, merged.superseded.height) == (BARS.height, 0, 0)


def test_nothing_incoming() -> None:
    merged = merge(BARS, empty_bars())
    assert_frame_equal(merged.bars, BARS)
    assert (merged.accepted, merged.duplicate) == (0, 0)


def test_the_same_bars_again_are_duplicates() -> None:
    merged = merge(BARS, BARS)
    assert_frame_equal(merged.bars, BARS)
    assert (merged.accepted, merged.duplicate, merged.superseded.height) == (0, BARS.height, 0)


def test_incoming_wins_and_the_loser_is_returned() -> None:
    newer = BARS.slice(10, 5).with_columns(
        pl.when(pl.int_range(pl.len()) == 2)
        .then(pl.col("close") + 1)
        .otherwise("close")
        .alias("close")
    )
    merged = merge(BARS, newer)
    assert (merged.accepted, merged.duplicate) == (1, 4)
    assert_frame_equal(merged.superseded, BARS.slice(12, 1))
    assert merged.bars["close"][12] == BARS["close"][12] + 1
    assert merged.bars.height == BARS.height
    assert merged.bars.schema == BAR_SCHEMA


def test_a_volume_that_appears_is_a_difference() -> None:
    without = BARS.with_columns(volume=pl.lit(None, pl.Float64))
    assert merge(without, without).duplicate == BARS.height
    merged = merge(without, BARS.with_columns(volume=pl.lit(1.0)))
    assert merged.accepted == merged.superseded.height == BARS.height


def test_interleaved_minutes_come_out_sorted() -> None:
    even, odd = BARS[::2], BARS[1::2]
    merged = merge(odd, even)
    assert_frame_equal(merged.bars, BARS)
    assert merged.accepted == even.height
