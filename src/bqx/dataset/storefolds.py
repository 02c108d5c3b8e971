"""Folds over the rows of a store, and their audit."""

from __future__ import annotations

from collections.abc import Sequence

from bqx.checks.scan import Names, stored_tables
from bqx.dataset.foldcheck import check_folds
from bqx.dataset.foldreport import FoldReport
from bqx.dataset.folds import Splitter
from bqx.dataset.lengths import minute_of
from bqx.dataset.reach import Reach, Reaching
from bqx.errors import ConfigError, StoreError
from bqx.market import moment_of, select_months
from bqx.store.base import BaseStore
from bqx.store.slices import extent, month_rows


def store_rows(store: BaseStore, pairs: Names = None, months: Names = None) -> tuple[int, int]:
    """Rows from the first to the last bar of some pairs, as a half-open range.

    Args:
        store: The store.
        pairs: Pairs; all with bars when None.
        months: Months; all with bars when None.

    Raises:
        UnknownNameError: If a pair is unknown or has no bars.
        ConfigError: If a month cannot be read.
        StoreError: If there are no bars.
    """
    found = []
    for pair in store.select_pairs(pairs):
        span = extent(store, pair)
        if span is not None:
            chosen = select_months(months, store.bars.months(pair))
            found += [month_rows(store, span, month) for month in chosen]
    if not found:
        raise StoreError("no bars in these pairs and months", hint="bqx ingest FILES")
    return min(low for low, _ in found), max(high for _, high in found)


def check_store_folds(
    store: BaseStore,
    splitter: Splitter,
    targets: Sequence[Reaching],
    *,
    tables: Sequence[str] | None = None,
    lags: Sequence[int] = (),
    pairs: Names = None,
    months: Names = None,
) -> FoldReport:
    """Make the folds of a store's rows and audit them.

    Args:
        store: The store.
        splitter: Makes the folds; they hold for all pairs.
        targets: Their label intervals count.
        tables: Tables or families whose look-backs count; those stored when None, or else the base
            tables.
        lags: Lags of columns, in rows.
        pairs: Pairs; all with bars when None.
        months: Months; all with bars when None.

    Raises:
        UnknownNameError: If a pair, family or table is unknown.
        ConfigError: If no target is given, or no fold fits.
        LeakError: If the splitter's purge or embargo is smaller than needed.
        StoreError: If there are no bars.
    """
    if not targets:
        raise ConfigError("no target", expected="at least one", hint="--targets 60:15:level")
    default = stored_tables(store) or store.registry.resolve(["base"])
    names = default if tables is None else store.registry.resolve(tables)
    specs = [store.tables[name] for name in names]
    reach = Reach.of(targets, specs, lags)
    longest = max(specs, key=lambda spec: spec.history)
    first, stop = store_rows(store, pairs, months)
    folds = splitter.split(first, stop, reach, store.calendar)
    last = minute_of(store.calendar, stop - 1)
    facts = {
        "store": store.name,
        "splitter": str(splitter),
        "targets": [str(target) for target in targets],
        "tables": len(names),
        "longest history": f"{longest.name}, {longest.history:,} rows",
        "tables fitted on all of their past": [spec.name for spec in specs if spec.fits],
        "lags": list(lags),
        "rows": stop - first,
        "from": f"{moment_of(minute_of(store.calendar, first)):%Y-%m-%d %H:%M}",
        "to": f"{moment_of(last):%Y-%m-%d %H:%M}",
        "purge": folds[0].purge,
        "embargo": folds[0].embargo,
    }
    return check_folds(folds, reach, strict=splitter.strict, calendar=store.calendar, facts=facts)
