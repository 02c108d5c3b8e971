"""Series of a store, and columns of a store or a dataset, for tests of causality."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bqx.causality.network import Names
from bqx.causality.series import Panel
from bqx.causality.study import Matrix, Study
from bqx.dataset.columns import Names as ColumnNames
from bqx.dataset.columns import choose
from bqx.dataset.dataset import Dataset
from bqx.dataset.frames import read_columns, tables_by_owner
from bqx.dataset.labels import load_labels
from bqx.dataset.naming import owner
from bqx.dataset.narrow import raw
from bqx.dataset.ranges import Ranges
from bqx.dataset.target import BQXTarget
from bqx.domains.domain import PRIMARY_WINDOW, Domains
from bqx.errors import ConfigError, StoreError
from bqx.store.around import load_slice
from bqx.store.base import BaseStore
from bqx.store.slices import extent

Floats = NDArray[np.float64]

SeriesKind = Literal["rate", "bqx", "bqx_change"]
KINDS = ("rate", "bqx", "bqx_change")


def store_panel(
    store: BaseStore,
    pairs: Sequence[str],
    kinds: Sequence[SeriesKind] = ("rate",),
    *,
    within: Ranges,
    every: int = 1,
) -> Panel:
    """Series of some pairs from the bars of a store, called ``eurusd``, or ``eurusd:bqx``.

    ``rate`` is the log return of the rate index over ``every`` rows, where both minutes have a bar:
    a minute without one repeats the last price, and late prices would look like a lead (Lo and
    MacKinlay 1990). ``bqx`` is the level of BQX over 15 rows, ``bqx_change`` its difference over
    15 rows. Both are functions of the last 15 or 30 rates, so consecutive values overlap, and rates
    tell what a few lags of theirs leave out: that is how they are defined, and nothing of a market.
    With ``every=15`` levels of consecutive rows share nothing.

    Args:
        store: The store.
        pairs: The pairs.
        kinds: The series of each pair.
        within: Rows that may be used, such as the training rows of a fold.
        every: Only every k-th row; returns are over k rows.

    Raises:
        UnknownNameError: If a pair is unknown or has no bars.
        ConfigError: If a kind is unknown, or there is no row.
    """
    if set(kinds) - set(KINDS) or not kinds or every < 1:
        raise ConfigError(f"series {kinds}, every {every}", expected=f"{', '.join(KINDS)}, 1")
    first, stop = within.first, within.stop
    series = {}
    for pair in store.select_pairs(list(pairs)):
        made = _pair_series(store, pair, kinds, (first, stop), every)
        for kind, values in made.items():
            series[pair if tuple(kinds) == ("rate",) else f"{pair}:{kind}"] = values
    rows = np.arange(first, stop)
    panel = Panel.of(
        series,
        rows=rows,
        minutes=store.calendar.minutes(first, stop),
        within=within,
        synthetic=is_synthetic(store),
    )
    return panel.thinned(every) if every > 1 else panel


def _pair_series(
    store: BaseStore, pair: str, kinds: Sequence[str], rows: tuple[int, int], every: int
) -> dict[str, Floats]:
    """The series of a pair on some rows; NaN where there is no bar or no valid value."""
    span = extent(store, pair)
    found = {kind: np.full(rows[1] - rows[0], np.nan) for kind in kinds}
    if span is None or max(rows[0], span.first) >= min(rows[1], span.last):
        return found
    low, high = max(rows[0], span.first), min(rows[1], span.last)
    piece = load_slice(store, pair, span, (low, high), 2 * PRIMARY_WINDOW + every + 1)
    for kind in kinds:
        values = _values(piece.domains, kind, every)
        found[kind][low - rows[0] : high - rows[0]] = values[len(values) - (high - low) :]
    return found


def _values(domains: Domains, kind: str, every: int) -> Floats:
    """A series over a slice."""
    if kind == "rate":
        index, seen = domains["rate"].series, domains.grid.observed
        out = np.full(len(index), np.nan)
        out[every:] = np.log(index[every:] / index[: len(index) - every])
        both = np.zeros(len(index), np.bool_)
        both[every:] = seen[every:] & seen[: len(index) - every]
        return np.where(both & domains.validity(every + 1), out, np.nan)
    bqx = domains["bqx"]
    values = bqx.series if kind == "bqx" else bqx.change
    rows = PRIMARY_WINDOW + 1 if kind == "bqx" else 2 * PRIMARY_WINDOW + 1
    return np.where(domains.validity(rows) & domains.grid.observed, values, np.nan)


def within_pairs(
    pairs: Iterable[str], kinds: Sequence[SeriesKind] = ("rate", "bqx")
) -> list[Names]:
    """The links between the series of each pair, in both directions."""
    return [
        (f"{pair}:{source}", f"{pair}:{target}")
        for pair in pairs
        for source in kinds
        for target in kinds
        if source != target
    ]


def is_synthetic(store: BaseStore) -> bool:
    """Whether any bars of a store are generated."""
    return bool(store.state.query("SELECT COUNT(*) FROM sources WHERE synthetic = 1")[0][0])


def dataset_study(
    dataset: Dataset,
    pair: str,
    target: BQXTarget | str,
    *,
    within: Ranges,
    features: Sequence[str] | None = None,
    own_lags: int = 2,
) -> Study:
    """Features of a dataset beside a target.

    Args:
        dataset: The dataset.
        pair: The pair.
        target: The target.
        within: Rows that may be used, such as the training rows of a fold.
        features: Names; all when None.
        own_lags: See `Study.of`.

    Raises:
        UnknownNameError: If the dataset has no such pair, target or feature.
        ConfigError: If no row has a label and its past.
    """
    names = dataset.features if features is None else tuple(features)
    rows, matrix = dataset.matrix(pair, names, within.first, within.stop)
    labels = dataset.labels(pair, target, within.first, within.stop)
    return Study.of(
        matrix,
        labels.values,
        names=names,
        ahead=labels.target.horizon,
        rows=rows,
        expected=_telling(labels.expected),
        own_lags=own_lags,
        within=within,
        target=f"{pair} {labels.target}",
        synthetic=dataset.synthetic,
    )


def store_study(
    store: BaseStore,
    pair: str,
    columns: ColumnNames,
    target: BQXTarget | str,
    *,
    within: Ranges,
    own_lags: int = 2,
) -> Study:
    """Columns that are computed from the bars of a store, beside a target.

    Args:
        store: The store.
        pair: The pair.
        columns: As `bqx.dataset.columns.choose` reads them, without lags.
        target: The target.
        within: Rows that may be used, such as the training rows of a fold.
        own_lags: See `Study.of`.

    Raises:
        UnknownNameError: If the pair, a table or a column is unknown.
        StoreError: If the pair has no bars in these rows.
        ConfigError: If no row has a label and its past.
    """
    wanted = BQXTarget.parse(target) if isinstance(target, str) else target
    span = extent(store, store.select_pairs([pair])[0])
    low, high = within.first, within.stop
    if span is None or max(low, span.first) >= min(high, span.last):
        raise StoreError(f"no bars of {pair} in these rows", hint="`bqx plan` shows what there is")
    low, high = max(low, span.first), min(high, span.last)
    label = load_labels(store, pair, [wanted], (low, high))[wanted]
    names, matrix = _columns(store, pair, columns, (low, high))
    return Study.of(
        matrix,
        label.values,
        names=names,
        ahead=wanted.horizon,
        rows=np.arange(low, high),
        expected=_telling(label.expected),
        own_lags=own_lags,
        within=within,
        target=f"{pair} {wanted}",
        synthetic=is_synthetic(store),
    )


def _columns(
    store: BaseStore, pair: str, columns: ColumnNames, rows: tuple[int, int]
) -> tuple[tuple[str, ...], Matrix]:
    """Names and values of columns on some rows, as datasets hold them."""
    choice = choose(store.registry, columns, lags=())
    values = {
        (whose, *place): raw(array)
        for whose, specs in tables_by_owner(store.registry, choice, pair).items()
        for place, array in read_columns(store, whose, specs, rows, "computed").items()
    }
    found = [values[owner(f, pair, store.registry), *f.place] for f in choice.features]
    matrix: Matrix = np.column_stack(found).astype(np.float32, copy=False)
    return choice.names, matrix


def _telling(expected: Floats) -> Floats | None:
    """The martingale's mean, unless it says the same everywhere."""
    known = expected[np.isfinite(expected)]
    return expected if len(known) and np.ptp(known) > 0.0 else None
