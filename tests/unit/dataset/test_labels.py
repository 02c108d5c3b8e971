"""Labels: their values, from slow references and from the table, and which bars they depend on."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import bqx
from bqx.dataset.labels import Labels, labels, load_labels
from bqx.dataset.target import KINDS, BQXTarget, Kind, parse_targets
from bqx.errors import BqxError, PostConditionError, UnknownNameError
from bqx.kernels.backward import BQX_WINDOWS
from bqx.store.slices import extent
from gridwalks import FloatArray, domains_of, walk
from stores import filled_store

SHAPES = ((60, 15), (15, 60), (7, 7), (20, 3), (75, 1))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    return filled_store(tmp_path_factory.mktemp("labels") / "store", days=12)


def path(rows: int, seed: int = 5) -> FloatArray:
    return walk(np.random.default_rng(seed), rows, 1e-4)


def same(a: FloatArray, b: FloatArray) -> bool:
    return np.array_equal(a, b, equal_nan=True)


def slow_backward(index: FloatArray, t: int, w: int) -> float:
    return math.fsum((index[t - i] - index[t]) / index[t] for i in range(1, w + 1))


def slow_vol(index: FloatArray, t: int) -> float:
    squares = [math.log(index[t - a] / index[t - a - 1]) ** 2 for a in range(60)]
    weights = [(59 / 61) ** a for a in range(60)]
    return math.sqrt(math.fsum(map(float.__mul__, squares, weights)) / math.fsum(weights))


def slow(target: BQXTarget, index: FloatArray, t: int) -> tuple[float, float, float]:
    """Label, mean and spread of one row, by the definitions."""
    w, h, sd = target.window, target.horizon, slow_vol(index, t)
    later, now = slow_backward(index, t + h, w), slow_backward(index, t, w)
    kept = slow_backward(index, t, w - h)
    terms = [sum(t + h - i < t + j for i in range(1, w + 1)) for j in range(1, h + 1)]
    spread = sd * math.sqrt(sum(c * c for c in terms))
    rise = 0.5 * (1.0 + math.erf((kept - now) / spread / math.sqrt(2.0)))
    change, known = later - now, kept - now
    return {
        "level": (later, kept, spread),
        "change": (change, known, spread),
        "vol_scaled": (change / sd, known / sd, spread / sd),
        "direction": (math.copysign(1, change), 2 * rise - 1, 2 * math.sqrt(rise * (1 - rise))),
        "innovation": (later - kept, 0.0, spread),
    }[target.kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_labels_follow_their_definitions(shape: tuple[int, int], kind: Kind) -> None:
    target = BQXTarget(*shape, kind)
    domains = domains_of(path(300))
    found = labels(target, domains)
    index = domains["rate"].series
    for t in (80, 81, 120, 200, 224):
        wanted = slow(target, index, t)
        got = found.values[t], found.expected[t], found.scale[t]
        assert got == pytest.approx(wanted, rel=1e-9, abs=1e-13)
    assert found.valid[80:225].all()


@pytest.mark.parametrize("window", BQX_WINDOWS)
def test_levels_are_the_table_some_rows_later(store: bqx.FolderStore, window: int) -> None:
    column = f"w{window}_bqx_return"
    table = store.read("bqx", "eurusd", columns=[column])
    targets = parse_targets(f"{window}:15,60:level")
    for target, found in load_labels(store, "eurusd", targets).items():
        assert len(found) == len(table)
        assert (found.minutes * 60 == table["ts_utc"].dt.epoch("s").to_numpy()).all()
        at = np.flatnonzero(found.valid)
        later = table[column].gather(at + target.horizon)
        assert len(at) > 1000
        assert later.null_count() == 0
        assert same(later.to_numpy(), found.values[at])


def test_innovations_are_levels_less_their_means(store: bqx.FolderStore) -> None:
    targets = parse_targets("60:15:level,innovation,change")
    level, innovation, change = load_labels(store, "eurusd", targets).values()
    assert same(level.values - level.expected, innovation.values)
    both = change.valid & level.valid
    assert np.allclose(
        (change.values - change.expected)[both], innovation.values[both], rtol=0, atol=1e-15
    )


def test_any_range_of_rows_gives_the_same_bits(store: bqx.FolderStore) -> None:
    targets = parse_targets("60:15:level,vol_scaled,direction; 15:75:change; 20:7:innovation")
    span = extent(store, "eurusd")
    assert span is not None
    whole = load_labels(store, "eurusd", targets)
    borders = [span.first, span.first + 1, span.first + 3_001, span.last - 40, span.last]
    pieces = [load_labels(store, "eurusd", targets, (a, b)) for a, b in itertools.pairwise(borders)]
    for target, found in whole.items():
        parts = [piece[target] for piece in pieces]
        for name in ("values", "expected", "scale", "valid", "minutes"):
            joined = np.concatenate([getattr(part, name) for part in parts])
            assert same(joined, getattr(found, name)), (target, name)
        for reason, count in found.masked.items():
            assert sum(part.masked[reason] for part in parts) == count


def touching(target: BQXTarget) -> set[int]:
    """Rows, counted from t, whose closes a label is made from, by its formula."""
    w, h = target.window, target.horizon
    later = set(range(h - w, h + 1))
    if target.kind == "innovation":
        return later | (set(range(h - w, 1)) if h < w else set())
    if target.kind == "level":
        return later
    return later | set(range(-w if target.kind == "change" else -max(w, 60), 1))


@pytest.mark.parametrize("kind", ["level", "change", "vol_scaled", "innovation"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_label_depends_on_exactly_the_bars_that_it_says(
    shape: tuple[int, int], kind: Kind
) -> None:
    target, t, closes = BQXTarget(*shape, kind), 100, path(200)
    before = labels(target, domains_of(closes))
    moved = set()
    for row in range(1, len(closes)):
        other = closes.copy()
        other[row] *= 1.001
        after = labels(target, domains_of(other))
        if after.values[t] != before.values[t]:
            moved.add(row - t)
        if row > t:
            assert after.expected[t] == before.expected[t]
            assert after.scale[t] == before.scale[t]
    assert moved == touching(target)
    assert -target.behind <= min(moved)
    assert max(moved) == target.ahead
    # The reach is not wider than it must be, where the window is not shorter than the horizon.
    assert min(moved) == -target.behind or shape[0] < shape[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_future_changes_no_expected_value(kind: Kind) -> None:
    target, closes = BQXTarget(60, 15, kind), path(400)
    found = labels(target, domains_of(closes))
    other = closes.copy()
    other[251:] *= walk(np.random.default_rng(9), 149, 1e-2)
    redone, ended = labels(target, domains_of(other)), labels(target, domains_of(closes[:251]))
    for name in ("expected", "scale"):
        assert same(getattr(redone, name)[:251], getattr(found, name)[:251])
        assert same(getattr(ended, name), getattr(found, name)[:251])
    assert (redone.values[236:251] != found.values[236:251]).any()
    assert same(redone.values[:236], found.values[:236])


def test_the_newest_rows_have_a_mean_and_no_label() -> None:
    found = labels(BQXTarget(60, 15), domains_of(path(200)))
    assert not found.valid[185:].any()
    assert np.isnan(found.values[185:]).all()
    assert np.isfinite(found.expected[185:]).all()
    assert np.isfinite(found.scale[185:]).all()


def test_the_probability_of_a_rise() -> None:
    found = labels(BQXTarget(60, 60, "direction"), domains_of(path(400)))
    known = ~np.isnan(found.expected)
    assert ((found.rise[known] >= 0.0) & (found.rise[known] <= 1.0)).all()
    assert set(np.unique(found.values[found.valid])) <= {-1.0, 0.0, 1.0}
    with pytest.raises(BqxError, match="probability of a rise of bqx_w60_h60_level"):
        _ = labels(BQXTarget(60, 60), domains_of(path(400))).rise


def test_a_market_that_stands_still() -> None:
    closes = np.concatenate([path(100), np.full(300, 2.0)])
    rows = np.arange(250, 300)
    scaled = labels(BQXTarget(60, 15, "vol_scaled"), domains_of(closes))
    assert scaled.masked["still"] > 0
    assert not scaled.valid[rows].any()
    assert np.isnan(scaled.expected[rows]).all()
    for kind in ("level", "change", "direction", "innovation"):
        found = labels(BQXTarget(60, 15, kind), domains_of(closes))
        assert found.valid[rows].all()
        assert (found.values[rows] == 0.0).all()
        assert (found.expected[rows] == 0.0).all()


def test_errors_name_what_was_asked_for(store: bqx.FolderStore) -> None:
    span = extent(store, "eurusd")
    assert span is not None
    one = [BQXTarget(60, 15)]
    for rows in ((span.first - 1, span.last), (span.first, span.last + 1), (span.first,) * 2):
        with pytest.raises(BqxError, match="labels of eurusd for the rows"):
            load_labels(store, "eurusd", one, rows)
    with pytest.raises(UnknownNameError, match="no bars of gbpusd"):
        load_labels(store, "gbpusd", one)
    with pytest.raises(BqxError, match="labels for the rows 0 to 5"):
        labels(one[0], domains_of(path(100)), (0, 5))
    assert load_labels(store, "eurusd", []) == {}


def test_a_price_of_zero_is_no_label() -> None:
    closes = path(200)
    closes[120] = 0.0
    with (
        np.errstate(divide="ignore", invalid="ignore"),
        pytest.raises(PostConditionError, match="is not finite"),
    ):
        labels(BQXTarget(15, 15), domains_of(closes))


def account_of(found: Labels) -> NDArray[np.int64]:
    return np.array(list(found.masked.values()))


def test_the_account_says_why_rows_are_masked() -> None:
    found = labels(BQXTarget(60, 15), domains_of(path(200)))
    assert found.account() == "masked 75 of 200 rows: end of data 15, history 60"
    assert account_of(found).sum() == np.count_nonzero(~found.valid)


def test_a_store_in_two_months_has_labels_over_their_border(tmp_path: Path) -> None:
    two = filled_store(tmp_path / "store", start="2019-01-29", days=6)
    found = load_labels(two, "eurusd", [BQXTarget(60, 15)])[BQXTarget(60, 15)]
    border = pl.datetime(2019, 2, 1, time_zone="UTC")
    february = int(pl.select(border.dt.epoch("s")).item()) // 60
    near = (found.minutes > february - 30) & (found.minutes < february + 30)
    assert near.sum() == 59
    assert found.valid[near].any()
