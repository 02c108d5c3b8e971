"""Order, repeats and damage never change the account: every row is read once and ends somewhere."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from barfiles import generic_lines, histdata_lines, mt5_lines, quiet_bars, rows_of, write
from bqx.bars.merge import merge
from bqx.bars.parse import parse_file
from bqx.bars.parsed import ParsedFile, ReadOptions
from bqx.bars.report import FileReport
from bqx.bars.schema import PRICES
from synthetic import random_walk_bars

HEADER, *LINES = generic_lines(rows_of(quiet_bars("2024-02-29T23:00", 0.1)))
DAMAGE = ["", "x", "NaN", "-1", "inf", "1.1;", "\0"]
FEW = settings(max_examples=40, deadline=None)


def _parse(lines: list[str], name: str = "EURUSD.csv", zone: str | None = None) -> ParsedFile:
    with tempfile.TemporaryDirectory() as folder:
        (parsed,) = parse_file(write(Path(folder) / name, lines), ReadOptions(timezone=zone))
    return parsed


def _assert_account(parsed: ParsedFile, rows: int) -> None:
    """Check the tally against the frames and against the number of lines that were written."""
    totals = FileReport.of(parsed).totals
    assert totals.read == rows
    assert totals.accepted == parsed.bars.height
    assert totals.quarantined == parsed.quarantine.height == sum(parsed.reasons.values())
    assert totals.read == totals.accepted + totals.duplicate + totals.quarantined
    assert parsed.bars["ts_utc"].is_sorted()
    assert parsed.bars["ts_utc"].is_unique().all()


WHOLE = _parse([HEADER, *LINES])


@FEW
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, len(LINES) - 1), max_size=60))
def test_shuffling_and_repeating_rows_changes_no_bar(
    rng: random.Random, repeats: list[int]
) -> None:
    lines = LINES + [LINES[k] for k in repeats]
    rng.shuffle(lines)
    parsed = _parse([HEADER, *lines])
    assert_frame_equal(parsed.bars, WHOLE.bars)
    _assert_account(parsed, len(lines))
    assert parsed.tally["duplicate"].sum() == len(repeats)


@FEW
@given(
    st.randoms(use_true_random=False),
    st.dictionaries(
        st.integers(0, len(LINES) - 1),
        st.tuples(st.integers(0, 4), st.sampled_from(DAMAGE)),
        max_size=12,
    ),
)
def test_damaged_rows_are_all_accounted_for(
    rng: random.Random, damage: dict[int, tuple[int, str]]
) -> None:
    lines = list(LINES)
    for row, (field, value) in damage.items():
        fields = lines[row].split(",")
        fields[field] = value
        lines[row] = ",".join(fields)
    parsed = _parse([HEADER, *lines])
    _assert_account(parsed, len(lines))
    assert set(parsed.quarantine["line"]) == {row + 2 for row in damage}
    shuffled = rng.sample(lines, len(lines))
    again = _parse([HEADER, *shuffled])
    assert_frame_equal(again.bars, parsed.bars)
    assert sorted(again.quarantine["raw"]) == sorted(parsed.quarantine["raw"])


@FEW
@given(st.lists(st.sampled_from(LINES[:20]), min_size=1, max_size=40), st.integers(0, 39))
def test_conflicting_versions_do_not_depend_on_order(lines: list[str], changed: int) -> None:
    row = changed % len(lines)
    stamp = lines[row].split(",")[0]
    lines = [*LINES[20:], *lines]
    lines.append(f"{stamp},2,2,2,2")
    forward, backward = _parse([HEADER, *lines]), _parse([HEADER, *reversed(lines)])
    assert_frame_equal(forward.bars, backward.bars)
    assert forward.reasons == backward.reasons
    versions = sum(line.startswith(stamp) for line in lines)
    assert forward.reasons == {"conflicting_duplicate": versions}


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from(["eurusd", "usdjpy", "audchf"]),
    st.sampled_from(["generic", "histdata", "metatrader"]),
    st.integers(1, 300),
)
def test_what_is_written_is_read(seed: int, pair: str, form: str, day: int) -> None:
    start = pl.select(pl.datetime(2023, 1, 1) + pl.duration(days=day)).item()
    bars = random_walk_bars(pair, start, 2.5, seed)
    rows = rows_of(bars)
    if not rows:
        return
    lines = {
        "generic": lambda: generic_lines(rows, ";"),
        "histdata": lambda: histdata_lines(rows, "Europe/London", -5),
        "metatrader": lambda: mt5_lines(rows, "America/New_York", 7),
    }[form]()
    parsed = _parse(lines, f"{pair}.csv", "New York +7" if form == "metatrader" else None)
    assert parsed.format == form
    _assert_account(parsed, bars.height)
    kept = bars.join(parsed.quarantine, on="ts_utc", how="anti").select("ts_utc", *PRICES)
    assert_frame_equal(parsed.bars.select("ts_utc", *PRICES), kept, abs_tol=5e-6)
    assert set(parsed.reasons) <= {"outlier"}


@FEW
@given(st.sets(st.integers(0, 71)), st.sets(st.integers(0, 71)), st.sets(st.integers(0, 71)))
def test_merging_is_the_union_in_which_the_newer_bar_wins(
    old: set[int], new: set[int], changed: set[int]
) -> None:
    bars = WHOLE.bars.head(72).with_row_index("k")
    existing = bars.filter(pl.col("k").is_in(sorted(old))).drop("k")
    other = pl.when(pl.col("k").is_in(sorted(changed))).then(pl.col("close") + 1)
    incoming = bars.with_columns(other.otherwise("close").alias("close"))
    incoming = incoming.filter(pl.col("k").is_in(sorted(new))).drop("k")
    merged = merge(existing, incoming)
    prices = dict(existing.select("ts_utc", "close").iter_rows())
    prices |= dict(incoming.select("ts_utc", "close").iter_rows())
    assert dict(merged.bars.select("ts_utc", "close").iter_rows()) == prices
    assert merged.bars["ts_utc"].is_sorted()
    assert merged.duplicate == len((old & new) - changed)
    assert merged.superseded.height == len(old & new & changed)
    assert merged.accepted + merged.duplicate == len(new)
    again = merge(merged.bars, incoming)
    assert_frame_equal(again.bars, merged.bars)
    assert again.duplicate == len(new)
