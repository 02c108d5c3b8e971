"""What must hold of the term covariances, looked up pair by pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bqx.stages.catalog import checked
from bqx.stages.covariance_tables import EXTENSIONS, FILL_SCAN, RATIOS, fill_spec
from bqx.stages.legacy_tables import MonthlyTable, key_micros
from bqx.stages.pair_features import PairFeatures, micros, selected
from bqx.stages.partition_scan import Scan, scan_table
from bqx.stages.rebuild_checks import Expected, Tallies, check_table, in_months
from bqx.stages.target import SCHEMA, PostgresTarget


def check_coverage(
    target: PostgresTarget, table: MonthlyTable, features: PairFeatures, tallies: Tallies
) -> None:
    """Each column of each partition has as many values as its times and the bars allow."""
    found = scan_table(target, table.name, FILL_SCAN, SCHEMA)
    times = key_micros(target.connection, f"{SCHEMA}.{checked(table.name)}")
    for month in table.months:
        here = found.get(f"{table.name}_{month}")
        asked = np.isin(micros(features.minutes(month)), in_months(times, [month]))
        for name, mask in features.masks(fill_spec(), month).items():
            wanted = int(np.count_nonzero(mask & asked))
            values = here.counts[name] if here else 0
            told = f"{table.name}_{month}.{name}: {values:,} values, {wanted:,} expected"
            tallies.add("coverage", "that of the bars", int(values == wanted), 1, told)
        within = here.within if here else 0
        told = f"{table.name}_{month} holds others"
        tallies.add("correlations", "from -1 to 1", within, len(RATIOS), told)


def check_extension(
    target: PostgresTarget,
    place: tuple[str, Sequence[str]],
    features: PairFeatures,
    tables: Mapping[str, MonthlyTable],
    known: tuple[Mapping[str, Any], Tallies],
) -> None:
    """Count what holds of a pair's tables of the extension.

    Args:
        target: The database.
        place: The pair, and the months that its tables must have.
        features: What makes their values.
        tables: The tables that are there, by name.
        known: Rows and hashes as they were built, and where to count.
    """
    pair, months = place
    noted, tallies = known
    for name in EXTENSIONS:
        spec = selected(name)
        table = tables.get(f"{name}_{pair}")
        good = table is not None and set(table.columns) == set(spec.column_names)
        told = f"{name}_{pair} is missing or has other columns"
        tallies.add("tables", f"{len(spec.columns)} columns", int(good), 1, told)
        if good and table is not None:
            scan = Scan(spec.column_names)
            nothing = np.zeros(0, np.int64)
            wanted = Expected(table, months, spec, scan, features, nothing, noted)
            check_table(target, wanted, tallies)
