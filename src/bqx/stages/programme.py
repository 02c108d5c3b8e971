"""The building stages of the original programme, and what each of them makes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bqx.features.counts import Counted, count
from bqx.features.registry import Registry, registry
from bqx.market import PAIRS

MONTHS = 12
"""Months of the original programme."""


@dataclass(frozen=True)
class Planned:
    """A row of the programme's tables of stages.

    Attributes:
        code: Code of the stage.
        title: A few words.
        row: Key of the row in `bqx.features.counts` that says which columns belong to it.
        features: Features that the programme planned.
        tables: Monthly tables that the programme planned, for 28 pairs and 12 months.
        duration: That the programme planned.
    """

    code: str
    title: str
    row: str
    features: int
    tables: int
    duration: str


PROGRAMME = (
    Planned("BQX-1.6.10", "Technical indicators, rate", "TECH-I", 56, 336, "6 hours"),
    Planned("BQX-1.6.11", "Technical indicators, BQX", "TECH-B", 56, 336, "6 hours"),
    Planned("BQX-1.6.12", "Statistics, BQX", "STAT-B", 56, 336, "6 hours"),
    Planned("BQX-1.6.13", "Bollinger bands, BQX", "BOLL-B", 56, 336, "6 hours"),
    Planned("BQX-1.6.14", "Fibonacci levels, BQX", "FIB-B", 56, 336, "6 hours"),
    Planned("BQX-1.6.15", "Volume, BQX", "VOL-B", 48, 336, "6 hours"),
    Planned("BQX-1.6.16", "Correlations, rate", "CORR-I", 28, 336, "6 hours"),
    Planned("BQX-1.6.17", "Correlations, BQX", "CORR-B", 28, 336, "6 hours"),
    Planned("BQX-1.6.18", "Error correction", "EC", 112, 336, "12 hours"),
    Planned("BQX-1.6.19", "Realized volatility", "RV", 112, 336, "12 hours"),
    Planned("BQX-1.6.20", "Regimes of a hidden Markov model", "HMM", 84, 336, "10 hours"),
    Planned("BQX-1.6.21", "Cross-sectional panel", "PAN", 42, 336, "6 hours"),
    Planned("BQX-1.7.1", "Momentum", "MOM", 168, 2688, "18 hours"),
    Planned("BQX-1.7.2", "Regimes", "RGM", 112, 1792, "12 hours"),
    Planned("BQX-1.7.3", "Returns", "RET", 56, 896, "6 hours"),
    Planned("BQX-1.8.1", "Time", "TIME", 10, 336, "4 hours"),
    Planned("BQX-1.8.2", "Spread", "SPR", 0, 336, "4 hours"),
    Planned("BQX-1.8.3", "Index of open, high and low", "OHLC", 0, 336, "4 hours"),
)


@cache
def _counted() -> dict[str, Counted]:
    return {found.row.key: found for found in count(registry())}


def tables_of(planned: Planned) -> tuple[str, ...]:
    """The tables of the registry that a stage builds."""
    return _counted()[planned.row].row.tables


def features_of(planned: Planned) -> int:
    """Features per pair that a stage adds by the programme's count, from the registry."""
    found = _counted()[planned.row]
    return found.number if found.row.in_1264 else 0


def columns_of(planned: Planned) -> int:
    """Columns that a stage stores per pair, whether the programme counts them or not."""
    families = registry()
    return sum(len(families.tables[table].columns) for table in tables_of(planned))


def partitions_of(planned: Planned, families: Registry, pairs: int, months: int) -> int:
    """Monthly tables that a stage makes: one for all pairs where a table is one for the store."""
    single = [families.tables[table].single for table in tables_of(planned)]
    return sum(months if one else pairs * months for one in single)


def as_markdown() -> str:
    """The programme as a table, counted from the registry."""
    families = registry()
    head = (
        "| stage | title | tables | features | columns | partitions | planned then |",
        "| --- | --- | --- | ---: | ---: | ---: | --- |",
    )
    rows = [
        f"| {p.code} | {p.title} | {', '.join(f'`{t}`' for t in tables_of(p))} | {features_of(p)}"
        f" | {columns_of(p)} | {partitions_of(p, families, len(PAIRS), MONTHS):,}"
        f" | {p.features} features, {p.tables:,} tables, {p.duration} |"
        for p in PROGRAMME
    ]
    return "\n".join([*head, *rows]) + "\n"
