"""Tables of the first version: names, columns and statements.

Every kind of table has one parent per pair, range-partitioned by month. The names of columns are
those of the first version's SQL; where it had several lists, the one of its newest schema is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from bqx.market import moment_of, month_bounds

SCHEMA = "bqx"
RATE_WINDOWS = (60, 90, 150, 240, 390, 630)
"""Windows of ``reg_``, in bars."""
BQX_WINDOWS = ("15", "30", "45", "60", "75", "agg")
"""Windows of ``reg_bqx_``; ``agg`` is 75 bars of the 75-minute return."""
TERMS = ("a_term", "b_term", "c_coef", "yhat_end", "resid_end", "r2", "rmse")
COEFFICIENTS = ("a2", "a1", "b", "r2", "rmse", "yhat_end", "vertex")
FAMILIES = (
    "statistics_features",
    "bollinger_features",
    "fibonacci_features",
    "correlation_features",
)
"""Kinds of tables that were renamed later, and took ``rate`` for ``features``."""

_LEVELS = ("236", "382", "500", "618", "786")
_EXTENSIONS = ("1272", "1618", "2618", "4236")
_SPANS = (5, 15, 30, 60, 120)
_BANDS = ("middle", "upper", "lower", "width", "percent_b")

# Of the 50 names in the first version's SQL, the 23 of its worker.
_STATISTICS = (
    *(f"mean_{w}min" for w in _SPANS),
    *(f"std_{w}min" for w in _SPANS),
    *(f"{name}_{w}min" for name in ("skew", "kurt", "range") for w in (15, 30, 60)),
    "iqr_60min",
    "mad_60min",
    "entropy_60min",
    "autocorr_lag1",
)
_BOLLINGER = tuple(f"bb_{name}_{w}" for w in (20, 30, 50, 60) for name in _BANDS)
_FIBONACCI = (
    *(f"fib_retracement_{level}" for level in _LEVELS),
    *(f"fib_ext_{level}" for level in _EXTENSIONS),
    *(f"fib_fan_{name}" for name in ("upper", "middle", "lower")),
    "fib_arc_radius",
    "pivot_point",
    "resistance_1",
    "support_1",
    *(f"dist_to_{level}" for level in ("382", "500", "618", "pivot")),
)
_CORRELATION = (
    *(f"corr_{g}_pairs_{w}min" for g in ("base", "quote", "cross") for w in (15, 30, 60, 120)),
    *(f"corr_change_{w}min" for w in (5, 15, 30, 60, 120, 240)),
    *(f"corr_zscore_{g}_{w}min" for g in ("base", "quote", "cross") for w in (15, 60)),
    *(f"divergence_{g}_{w}min" for g in ("base", "quote") for w in (15, 60)),
)
# The 45 columns of the BQX side: those 28 and 17 more.
_CORRELATION_BQX = (
    *_CORRELATION,
    "rel_strength_base",
    "rel_strength_quote",
    *(f"corr_stability_{w}min" for w in (15, 60, 240)),
    *(f"{name}_{g}" for name in ("lead_lag", "cointegration") for g in ("base", "quote", "cross")),
    *(f"pair_spread_{w}min" for w in (15, 60, 240)),
    *(f"vol_ratio_{g}" for g in ("base", "quote", "cross")),
)


@dataclass(frozen=True)
class Kind:
    """A kind of table.

    Attributes:
        name: What stands before the pair: ``m1``, ``reg``, ``statistics_features``.
        columns: Names of the columns behind ``ts_utc``.
        filled: Columns that the first version ever wrote to; the others are NULL everywhere.
    """

    name: str
    columns: tuple[str, ...]
    filled: tuple[str, ...]

    def parent(self, pair: str) -> str:
        """Name of a pair's table."""
        return f"{self.name}_{pair}"

    def partition(self, pair: str, month: str) -> str:
        """Name of a month of a pair's table."""
        return f"{self.name}_{pair}_{month}"

    def statements(self, pair: str, months: tuple[str, ...]) -> list[str]:
        """What makes a pair's table and its partitions."""
        columns = ", ".join(f"{name} {type_of(name)}" for name in self.columns)
        parent = f"{SCHEMA}.{self.parent(pair)}"
        key = "ts_utc timestamptz PRIMARY KEY"
        made = [f"CREATE TABLE {parent} ({key}, {columns}) PARTITION BY RANGE (ts_utc)"]
        for month in months:
            first, end = (moment_of(minute).isoformat() for minute in month_bounds(month))
            made.append(
                f"CREATE TABLE {SCHEMA}.{self.partition(pair, month)} PARTITION OF {parent}"
                f" FOR VALUES FROM ('{first}') TO ('{end}')"
            )
        return made


def type_of(column: str) -> str:
    """PostgreSQL's type of a column behind ``ts_utc``."""
    return "bigint" if column == "volume" else "double precision"


def _all(name: str, columns: tuple[str, ...]) -> Kind:
    return Kind(name, columns, columns)


M1 = _all("m1", ("open", "high", "low", "close", "volume", "rate_index"))
STATISTICS = Kind(
    FAMILIES[0],
    _STATISTICS,
    ("mean_15min", "mean_60min", "std_15min", "std_60min", "range_60min"),
)
BOLLINGER = Kind(FAMILIES[1], _BOLLINGER, _BOLLINGER[: len(_BANDS)])
# The pivots and the distances had columns, but no code.
FIBONACCI = Kind(FAMILIES[2], _FIBONACCI, _FIBONACCI[:13])
CORRELATION = Kind(FAMILIES[3], _CORRELATION, ())
REG = _all("reg", ("rate_index", *(f"w{w}_{name}" for w in RATE_WINDOWS for name in TERMS)))
REG_BQX = _all("reg_bqx", tuple(f"w{w}_{name}" for w in BQX_WINDOWS for name in COEFFICIENTS))
CORRELATION_BQX = _all("correlation_bqx", _CORRELATION_BQX)
KINDS = {
    kind.name: kind
    for kind in (M1, STATISTICS, BOLLINGER, FIBONACCI, CORRELATION, REG, REG_BQX, CORRELATION_BQX)
}
"""All kinds of tables by name."""
