"""Generated bars: a market without arbitrage, inside the week, the same every time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from bqx.bars.schema import ASK, BAR_SCHEMA, BID, PRICES
from bqx.bars.synthetic import iter_synthetic_bars, synthetic_bars
from bqx.errors import ConfigError, UnknownNameError
from bqx.market import FX_WEEK, PAIRS, TRIANGLES, Calendar

MINUTE = 60_000_000
Bars = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def month() -> Bars:
    return synthetic_bars(days=31)


def minutes(frame: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return frame["ts_utc"].dt.epoch("us").to_numpy() // MINUTE


def test_every_pair_in_the_schema_of_bars(month: Bars) -> None:
    assert set(month) == set(PAIRS)
    for frame in month.values():
        assert frame.schema == BAR_SCHEMA
        assert frame.null_count().sum_horizontal().item() == 0
        assert frame["ts_utc"].is_sorted()
        assert frame["ts_utc"].is_unique().all()


def test_no_bar_outside_the_week_or_the_span(month: Bars) -> None:
    calendar = Calendar(FX_WEEK)
    for frame in month.values():
        assert calendar.is_open(minutes(frame)).all()
        assert frame["ts_utc"].min() >= datetime(2024, 7, 1, tzinfo=UTC)  # type: ignore[operator]
        assert frame["ts_utc"].max() < datetime(2024, 8, 1, tzinfo=UTC)  # type: ignore[operator]


@pytest.mark.parametrize("side", [PRICES, BID, ASK], ids=["mid", "bid", "ask"])
def test_open_and_close_lie_between_low_and_high(month: Bars, side: tuple[str, ...]) -> None:
    start, high, low, end = (pl.col(name) for name in side)
    for frame in month.values():
        ordered = frame.select(
            ((low <= start) & (low <= end) & (start <= high) & (end <= high)).all()
        )
        assert ordered.item()


def test_the_mid_price_lies_between_bid_and_ask(month: Bars) -> None:
    for frame in month.values():
        for mid, bid, ask in zip(PRICES, BID, ASK, strict=True):
            assert (frame[bid] <= frame[mid]).all()
            assert (frame[mid] <= frame[ask]).all()
            assert (frame[bid] < frame[ask]).all()


def test_quotes_have_the_digits_of_the_market(month: Bars) -> None:
    for pair, frame in month.items():
        points = 1e3 if pair.endswith("jpy") else 1e5
        for name in (*PRICES, *BID, *ASK):
            values = frame[name].to_numpy()
            assert np.array_equal(values, np.rint(values * points) / points), (pair, name)


def test_volume_is_a_number_of_ticks_that_follows_the_range(month: Bars) -> None:
    for frame in month.values():
        volume = frame["volume"].to_numpy()
        assert (volume >= 1).all()
        assert np.array_equal(volume, np.rint(volume))
        reach = (frame["high"] - frame["low"]).to_numpy()
        assert np.corrcoef(volume, reach)[0, 1] > 0.5


def test_every_triangle_holds_within_the_rounding_of_its_three_quotes(month: Bars) -> None:
    for triangle in TRIANGLES:
        frames = [
            month[pair].select("ts_utc", pl.col("close").alias(pair)) for pair, _ in triangle.legs
        ]
        joined = frames[0].join(frames[1], on="ts_utc").join(frames[2], on="ts_utc")
        assert joined.height > 25_000
        total = np.zeros(joined.height)
        bound = np.zeros(joined.height)
        for pair, exponent in triangle.legs:
            close = joined[pair].to_numpy()
            total += exponent * np.log(close)
            bound += 0.5 / (1e3 if pair.endswith("jpy") else 1e5) / close
        assert (np.abs(total) <= bound * 1.0001).all(), triangle
        assert np.abs(total).max() > 0  # rounded one by one, not derived from one another


def test_minutes_are_missing_one_by_one_and_in_outages(month: Bars) -> None:
    rows = Calendar(FX_WEEK).row_range(
        int(datetime(2024, 7, 1, tzinfo=UTC).timestamp()) // 60,
        int(datetime(2024, 8, 1, tzinfo=UTC).timestamp()) // 60,
    )
    total = rows[1] - rows[0]
    lengths: list[int] = []
    for frame in month.values():
        assert 0.94 * total < frame.height < 0.995 * total
        at = Calendar(FX_WEEK).row_at_or_after(minutes(frame))
        lengths += [int(gap) - 1 for gap in np.diff(at) if gap > 1]
    assert lengths.count(1) > 2_000
    assert sum(10 <= length <= 80 for length in lengths) > 28 * 2


def test_all_pairs_share_one_outage(month: Bars) -> None:
    calendar = Calendar(FX_WEEK)
    seen = np.unique(np.concatenate([minutes(frame) for frame in month.values()]))
    lengths = np.diff(calendar.row_at_or_after(seen)) - 1
    assert ((lengths >= 10) & (lengths <= 80)).sum() == 1


def test_quiet_hours_move_less_and_cost_more(month: Bars) -> None:
    frame = month["eurusd"].with_columns(hour=pl.col("ts_utc").dt.hour())

    def mean(value: pl.Expr, *hours: int) -> float:
        return float(frame.filter(pl.col("hour").is_in(hours)).select(value.mean()).item())

    reach, spread = pl.col("high") - pl.col("low"), pl.col("ask_close") - pl.col("bid_close")
    assert mean(reach, 13, 14) > 2 * mean(reach, 20, 21)
    assert mean(spread, 20, 21) > 2 * mean(spread, 13, 14)


def test_returns_have_fat_tails_and_cluster(month: Bars) -> None:
    for pair in ("eurusd", "usdjpy", "audnzd"):
        changes = month[pair]["close"].log().diff().drop_nulls().to_numpy()
        changes = changes[np.abs(changes) < 5e-3]
        assert np.mean(changes**4) / np.mean(changes**2) ** 2 > 4
        size = np.abs(changes)
        assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.1


def test_weekends_jump(month: Bars) -> None:
    jumps, steps = [], []
    for frame in month.values():
        change = np.abs(np.diff(np.log(frame["close"].to_numpy())))
        weekend = np.diff(minutes(frame)) > 24 * 60
        jumps += change[weekend].tolist()
        steps.append(float(np.median(change[~weekend])))
    assert np.median(jumps) > 4 * np.median(steps)


def test_equal_arguments_give_equal_bytes() -> None:
    first, again = (synthetic_bars("eurusd,usdjpy", "2024-07-01", 3, seed=11) for _ in range(2))
    other = synthetic_bars("eurusd,usdjpy", "2024-07-01", 3, seed=12)
    for pair in ("eurusd", "usdjpy"):
        assert first[pair].equals(again[pair])
        assert not first[pair].equals(other[pair])


def test_the_bars_of_a_seed_stay_the_same_between_releases() -> None:
    frame = synthetic_bars("eurusd", "2024-07-01", 2, seed=7)["eurusd"]
    digest = hashlib.sha256(frame.write_csv(include_header=False).encode()).hexdigest()
    assert digest[:16] == "7c8c1b6537c71b63"


def test_a_pair_does_not_depend_on_the_others() -> None:
    alone = synthetic_bars("eurgbp", days=4)["eurgbp"]
    among = synthetic_bars(["gbpusd", "eurusd", "eurgbp"], days=4)["eurgbp"]
    assert alone.equals(among)


def test_pairs_come_one_at_a_time() -> None:
    pairs = iter_synthetic_bars(days=2)
    assert [name for name, _ in (next(pairs), next(pairs))] == ["audcad", "audchf"]


@pytest.mark.parametrize(
    "start", ["2024-07-03", date(2024, 7, 3), datetime(2024, 7, 3, tzinfo=UTC)], ids=str
)
def test_a_start_may_be_text_a_date_or_a_time(start: str | date) -> None:
    frame = synthetic_bars("eurusd", start, 1)["eurusd"]
    assert frame["ts_utc"].dt.date().unique().to_list() == [date(2024, 7, 3)]


def test_what_cannot_be_generated_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no trading minute"):
        synthetic_bars("eurusd", "2024-07-06", 1)
    with pytest.raises(ConfigError, match="unreadable time 'July'"):
        synthetic_bars("eurusd", "July")
    with pytest.raises(UnknownNameError, match="unknown pair 'abcdef'"):
        synthetic_bars("abcdef")


def test_a_month_of_all_pairs_is_small() -> None:
    code = """
import re
from bqx.bars.synthetic import synthetic_bars
rows = sum(frame.height for frame in synthetic_bars().values())
# Not ru_maxrss, which begins with the size of the process that started this one.
peak = re.search("VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
print(rows, int(peak) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rows, peak = map(float, done.stdout.split())
    assert rows > 28 * 30_000
    assert peak < 600  # MiB
