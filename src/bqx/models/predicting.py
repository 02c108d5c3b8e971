"""Predictions of registered models, for given times or for the newest minute of a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bqx.dataset.frames import Rows
from bqx.dataset.target import MAX_GAP, BQXTarget
from bqx.errors import BqxError, StoreError, UnknownNameError
from bqx.features.table import KEY
from bqx.market import epoch_minute, moment_of, parse_pairs, read_moment
from bqx.models.registry.matching import require_match
from bqx.models.registry.records import ModelRecord
from bqx.models.registry.registry import ModelRegistry
from bqx.models.runs.folder import FINAL, MODEL, quantile_column, unit_folder
from bqx.models.runs.spec import GLOBAL
from bqx.models.serving import Said, Served, forecast_rows
from bqx.store.base import BaseStore
from bqx.store.opening import open_base
from bqx.store.reading import Moment
from bqx.store.slices import extent

if TYPE_CHECKING:
    from bqx.models.learning.fitted import FittedModels

SHOWN = 5
"""Names of missing features that a message shows."""
STAMP = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class _Wanted:
    """Rows of a pair that are wanted.

    Attributes:
        pair: The pair.
        rows: Absolute rows, half open.
        single: Whether it is one row, which must have a forecast.
        current: The newest row that could have a bar by now, where the newest one is wanted.
    """

    pair: str
    rows: Rows
    single: bool
    current: int | None = None


def predict(
    store: BaseStore | str | Path,
    model: str,
    pairs: str | Sequence[str] | None = None,
    *,
    at: Moment | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    registry: BaseStore | str | Path | None = None,
) -> pl.DataFrame:
    """Forecasts of a registered model from the bars of a store.

    Features are computed by the code that makes datasets, those alone that the model reads and on
    as few rows as they need. Without a time the newest minute of each pair is forecast.

    Args:
        store: The store with the bars, or its address.
        model: ``NAME`` or ``NAME@champion`` for the promoted version, ``NAME@2`` for any other.
        pairs: Pairs; all of the model when None.
        at: One minute, by its opening time.
        start: First minute of several, included.
        end: Where they end, excluded; the newest minute is the last one when None.
        registry: The store that the model is registered in; ``store`` when None.

    Returns:
        One line for each pair, minute and target: ``pair``, ``ts_utc``, ``target``, ``point``,
        quantiles (``q10`` …), ``probability`` of a value above 0, ``expected`` and ``scale`` (what
        a martingale lets expect), ``data_ts`` (the newest bar behind it), ``model``, ``stage``,
        ``stale`` (more than 5 trading minutes lie between that bar and the minute, or now where the
        newest minute is wanted), ``synthetic``, ``nulls`` (features without a value) and
        ``refused``: why a minute of several has no forecast.

    Raises:
        UnknownNameError: If there is no such model, or it does not know a pair.
        StoreError: If the store has other tables, settings or a calendar than the model's; or a
            single minute cannot be forecast.
        IntegrityError: If artefacts of the model are damaged.
        BqxError: If times cannot be read or contradict each other.
    """
    with ExitStack() as opened:
        bars = _opened(store, opened)
        models = ModelRegistry(bars if registry is None else _opened(registry, opened))
        record = models.named(model)
        wanted = _rows_of(bars, _pairs(record, pairs), (at, start, end))
        require_match(bars, record.card, [w.pair for w in wanted], record.label)
        return pl.concat(frame for one in wanted for frame in _predicted(bars, models, record, one))


def _opened(store: BaseStore | str | Path, stack: ExitStack) -> BaseStore:
    if isinstance(store, BaseStore):
        return store
    return stack.enter_context(open_base(str(store), create=False))


def _pairs(record: ModelRecord, pairs: str | Sequence[str] | None) -> tuple[str, ...]:
    wanted = (
        record.pairs
        if pairs is None
        else parse_pairs(pairs if isinstance(pairs, str) else list(pairs))
    )
    absent = [pair for pair in wanted if pair not in record.pairs]
    if absent:
        raise UnknownNameError(
            f"{record.label} does not know {', '.join(absent)}",
            expected=f"some of {', '.join(record.pairs)}",
            hint="train a model of this pair",
        )
    return tuple(wanted)


def _rows_of(
    store: BaseStore, pairs: Sequence[str], times: tuple[Moment | None, ...]
) -> list[_Wanted]:
    at, start, end = (None if t is None else epoch_minute(read_moment(t)) for t in times)
    if at is not None and (start is not None or end is not None):
        raise BqxError("a time and a range together", expected="--at, or --start and --end")
    store.select_pairs(pairs)
    return [_rows(store, pair, at, start, end) for pair in pairs]


def _rows(
    store: BaseStore, pair: str, at: int | None, start: int | None, end: int | None
) -> _Wanted:
    span = extent(store, pair)
    if span is None:
        raise StoreError(f"no bar of {pair} inside trading minutes", expected="bars")
    if at is None and start is None and end is None:
        now = epoch_minute(datetime.now(UTC))
        current = store.calendar.row_range(now - 1, now)[1] - 1
        return _Wanted(pair, (span.last - 1, span.last), single=True, current=current)
    low, high = (start or 0, end or 2**40) if at is None else (at, at + 1)
    found = store.calendar.row_range(low, high)
    rows = max(int(found[0]), span.first), min(int(found[1]), span.last)
    if rows[0] >= rows[1]:
        raise _nothing(store, pair, low, high, (span.first, span.last))
    return _Wanted(pair, rows, single=at is not None)


def _nothing(store: BaseStore, pair: str, low: int, high: int, span: Rows) -> StoreError:
    first, last = (int(store.calendar.minutes(r, r + 1)[0]) for r in (span[0], span[1] - 1))
    asked = f"{moment_of(low):%Y-%m-%d %H:%M}" if high == low + 1 else "the range"
    return StoreError(
        f"no trading minute of {pair} at {asked}",
        expected=f"{moment_of(first):%Y-%m-%d %H:%M} to {moment_of(last):%Y-%m-%d %H:%M}, "
        "while the market is open",
        hint="`bqx update FILES` brings newer bars",
    )


def _predicted(
    store: BaseStore, registry: ModelRegistry, record: ModelRecord, wanted: _Wanted
) -> Iterator[pl.DataFrame]:
    models = load_model(registry, record, wanted.pair)
    targets = [BQXTarget.parse(text) for text in record.targets]
    for served in forecast_rows(store, models, targets, wanted.pair, wanted.rows):
        if wanted.single:
            _require_forecast(served, record)
        facts = _facts(store, served, record, wanted.current)
        for target, said in served.said.items():
            yield _frame(target, said, facts, served, models.levels)


def load_model(registry: ModelRegistry, record: ModelRecord, pair: str) -> FittedModels:
    """The models of a pair that serve, after their files were compared with the record.

    Raises:
        IntegrityError: If a file is missing or has another content.
    """
    from bqx.models.learning.fitted import FittedModels

    unit = GLOBAL if record.card["run"]["spec"]["scope"] == GLOBAL else pair
    folder = registry.folder(record)
    place = unit_folder(folder, unit, FINAL)
    registry.verify(record, f"{place.relative_to(folder).as_posix()}/")
    return FittedModels.load(place / MODEL)


def _require_forecast(served: Served, record: ModelRecord) -> None:
    for target, said in served.said.items():
        reason = _reasons(served, said)[0]
        if reason is not None:
            raise StoreError(
                f"{record.label} cannot forecast {target} of {served.pair}: {reason}",
                expected="a minute after enough bars without large gaps",
                hint="choose another minute, or ask for a range: it says which minutes have one",
            )


def _reasons(served: Served, said: Said) -> list[str | None]:
    """Why each row has no forecast; None where it has one."""
    found: list[str | None] = []
    for k, known in enumerate(said.known):
        names = served.absent.get(k, ())
        if known:
            found.append(None)
        elif names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            found.append(f"features are NULL: {', '.join(names[:SHOWN])}{more}")
        else:
            found.append("the martingale's mean is not known: too few bars before it")
    return found


def _facts(
    store: BaseStore, served: Served, record: ModelRecord, current: int | None
) -> dict[str, pl.Series | pl.Expr]:
    """What is the same for all targets of the rows."""
    rows = np.arange(*served.rows)
    minutes = store.calendar.minutes(*served.rows)
    bars = store.bars.load(served.pair, int(minutes[0]), int(minutes[-1])).minutes
    newest = bars[np.searchsorted(bars, minutes, side="right") - 1]
    until = rows if current is None else np.maximum(rows, current)
    age = until - store.calendar.row_at_or_after(newest)
    return {
        "pair": pl.lit(served.pair),
        KEY: _stamps(minutes),
        "data_ts": _stamps(newest),
        "model": pl.lit(record.label),
        "stage": pl.lit(record.stage),
        "stale": pl.Series(age > MAX_GAP),
        "synthetic": pl.lit(record.synthetic),
        "nulls": pl.Series(served.nulls),
    }


def _stamps(minutes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Series:
    return pl.Series(minutes * 60_000_000).cast(STAMP)


def _frame(
    target: BQXTarget,
    said: Said,
    facts: dict[str, pl.Series | pl.Expr],
    served: Served,
    levels: Sequence[float],
) -> pl.DataFrame:
    quantiles, n = said.forecast.quantiles or {}, len(said.known)
    values = {
        "point": said.forecast.point,
        **{quantile_column(level): quantiles.get(level) for level in levels},
        "probability": said.forecast.probability,
    }

    def spread(part: np.ndarray[tuple[int], np.dtype[np.float64]] | None) -> pl.Series:
        out = np.full(n, np.nan)
        if part is not None:
            out[said.known] = part
        return pl.Series(out).fill_nan(None)

    labels = said.labels
    columns = {name: spread(part) for name, part in values.items()}
    beside = {"expected": labels.expected, "scale": labels.scale}
    columns |= {name: pl.Series(part).fill_nan(None) for name, part in beside.items()}
    refused = pl.Series("refused", _reasons(served, said), dtype=pl.String)
    order = ["pair", KEY, "target", *columns, "data_ts", "model", "stage", "stale", "synthetic"]
    frame = pl.DataFrame(columns).with_columns(**facts, target=pl.lit(str(target)), refused=refused)
    return frame.select(*order, "nulls", "refused")
