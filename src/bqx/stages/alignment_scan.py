"""Counts, identities and windows of stored values: one scan per parent table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bqx.checks.contract import WINDOWS
from bqx.checks.expected import FLAT_SST
from bqx.checks.identity import TOLERANCE
from bqx.features.table import KEY
from bqx.stages.mapping import COVARIANCES, TERMS, Cell, Side
from bqx.stages.target import SCHEMA, PostgresTarget

IDENTITIES = ("terms", "residual")
EARLY = 0.99
"""Share of rows that must fit the row before for a window to count as ending one row early."""


@dataclass
class Identity:
    """What an identity says of one window of one partition.

    Attributes:
        rows: Rows in which all of its values are there.
        worst: Greatest deviation, relative to the greatest of 1 and the magnitudes involved.
        wrong: Rows that deviate by more than the tolerance.
        first: When the first of them is.
        early: Rows whose residual fits the row before, where that was looked at.
    """

    rows: int
    worst: float = 0.0
    wrong: int = 0
    first: str = ""
    early: int = 0

    @property
    def ends_early(self) -> bool:
        """Whether the window ends one row before the row that it stands in."""
        return self.wrong > 0 and self.early >= EARLY * self.rows


@dataclass
class Scanned:
    """What the rows of one partition hold.

    Attributes:
        rows: Number of rows.
        counts: Values that are not NULL, by column.
        identities: By name and window, where all columns are there.
        unexplained: Rows by column whose NULL no rule explains.
        scale: Mean size of the greatest window's prediction.
        outside: Correlations outside [-1, 1], by column.
    """

    rows: int
    counts: dict[str, int] = field(default_factory=dict)
    identities: dict[tuple[str, int], Identity] = field(default_factory=dict)
    unexplained: dict[str, int] = field(default_factory=dict)
    scale: float | None = None
    outside: dict[str, int] = field(default_factory=dict)


Measure = tuple[str, Callable[[Scanned, Any], None]]
"""An aggregate, and where its result belongs."""


def regression(
    target: PostgresTarget, side: Side, parent: str, columns: Mapping[str, str]
) -> dict[int, Scanned]:
    """Scan a regression table; results by number of the partition."""
    stored = side.stored(columns)
    measures = [_counted(name) for name in stored.values()]
    checks = {
        (name, window): sides
        for window in WINDOWS
        for name in IDENTITIES
        if (sides := _identity(name, side, window, stored, columns)) is not None
    }
    measures += [m for key, sides in checks.items() for m in _deviation(key, *sides)]
    measures += [_unexplained_r2(w, stored) for w in WINDOWS if _has(stored, w, "r2", "rmse")]
    if (WINDOWS[0], "prediction") in stored:
        text = f"avg(abs({stored[WINDOWS[0], 'prediction']}))"
        measures.append((text, _set_scale))
    found = _scan(target, parent, measures)
    _locate(target, parent, found, checks)
    return found


def covariances(target: PostgresTarget, parent: str, columns: Iterable[str]) -> dict[int, Scanned]:
    """Scan a table of term covariances; results by number of the partition."""
    there = [name for name in COVARIANCES if name in columns]
    measures = [_counted(name) for name in there]
    for name in there:
        if name.startswith("corr_"):
            measures.append((f"count(*) FILTER (WHERE abs({name}) > 1)", _into("outside", name)))
        covariance = name.replace("corr_", "cov_", 1)
        if covariance != name and covariance in there:
            # A term that is constant has no correlation; its covariance is no more than rounding.
            rule = f"{name} IS NULL AND abs({covariance}) > 1e-18"
            text = f"count(*) FILTER (WHERE {rule})"
            measures.append((text, _into("unexplained", name)))
    return _scan(target, parent, measures)


def _scan(target: PostgresTarget, parent: str, measures: Sequence[Measure]) -> dict[int, Scanned]:
    texts = ", ".join(["tableoid::bigint", "count(*)", *(text for text, _ in measures)])
    found = {}
    for part, rows, *values in target.query(f"SELECT {texts} FROM {SCHEMA}.{parent} GROUP BY 1"):
        scanned = Scanned(rows)
        for (_, put), value in zip(measures, values, strict=True):
            put(scanned, value)
        found[part] = scanned
    return found


def _into(name: str, key: str) -> Callable[[Scanned, Any], None]:
    def put(scanned: Scanned, value: Any) -> None:
        getattr(scanned, name)[key] = value

    return put


def _counted(name: str) -> Measure:
    return f"count({name})", _into("counts", name)


def _set_scale(scanned: Scanned, value: Any) -> None:
    scanned.scale = value


def _has(stored: Mapping[Cell, str], window: int, *features: str) -> bool:
    return all((window, feature) in stored for feature in features)


def _identity(
    name: str, side: Side, window: int, stored: Mapping[Cell, str], columns: Mapping[str, str]
) -> tuple[str, str, str] | None:
    """Both sides of an identity and its magnitude, as SQL; None where a column is missing."""
    if name == "terms" and _has(stored, window, "prediction", *TERMS):
        terms = [stored[window, term] for term in TERMS]
        sizes = ", ".join(f"abs({term})" for term in terms)
        return stored[window, "prediction"], " + ".join(terms), f"greatest(1, {sizes})"
    if (
        name == "residual"
        and side.source in columns
        and _has(stored, window, "residual", "prediction")
    ):
        explained = f"{stored[window, 'residual']} + {stored[window, 'prediction']}"
        return explained, side.source, f"greatest(1, abs({side.source}))"
    return None


def _off(left: str, right: str, size: str) -> str:
    return f"abs({left} - ({right})) / {size}"


def _deviation(key: tuple[str, int], left: str, right: str, size: str) -> list[Measure]:
    def count(scanned: Scanned, value: Any) -> None:
        scanned.identities[key] = Identity(value)

    def worst(scanned: Scanned, value: Any) -> None:
        scanned.identities[key].worst = 0.0 if value is None else value

    off = _off(left, right, size)
    return [(f"count({off})", count), (f"max({off})", worst)]


def _unexplained_r2(window: int, stored: Mapping[Cell, str]) -> Measure:
    """Rows without r2 although the window cannot be flat: SSE is at most SST."""
    r2, rmse = stored[window, "r2"], stored[window, "rmse"]
    most = math.sqrt(FLAT_SST / window)
    rule = f"{r2} IS NULL AND {rmse} > {most!r}"
    return f"count(*) FILTER (WHERE {rule})", _into("unexplained", r2)


def _locate(
    target: PostgresTarget,
    parent: str,
    found: Mapping[int, Scanned],
    checks: Mapping[tuple[str, int], tuple[str, str, str]],
) -> None:
    """Count the rows that break an identity, where the first scan saw that there are some."""
    broken = {
        key
        for scanned in found.values()
        for key, identity in scanned.identities.items()
        if not identity.worst <= TOLERANCE
    }
    keys = [key for key in checks if key in broken]
    if not keys:
        return
    # A sum with NULL is NULL; NaN compares as the greatest of all numbers.
    texts = [f"{_off(*checks[key])} > {TOLERANCE!r} AS wrong_{k}" for k, key in enumerate(keys)]
    texts += [
        f"{_off(left, f'lag({right}) OVER (ORDER BY {KEY})', size)} <= {TOLERANCE!r} AS early_{k}"
        for k, (left, right, size) in enumerate(checks[key] for key in keys)
        if keys[k][0] == "residual"
    ]
    measured = []
    for k, (name, _) in enumerate(keys):
        early = f"count(*) FILTER (WHERE early_{k})" if name == "residual" else "0"
        measured += [
            f"count(*) FILTER (WHERE wrong_{k})",
            f"min({KEY}) FILTER (WHERE wrong_{k})",
            early,
        ]
    rows = target.query(
        f"SELECT part, {', '.join(measured)} FROM (SELECT tableoid::bigint AS part, {KEY}, "
        f"{', '.join(texts)} FROM {SCHEMA}.{parent}) AS compared GROUP BY part"
    )
    for part, *values in rows:
        for k, key in enumerate(keys):
            identity = found[part].identities[key]
            identity.wrong, first, identity.early = values[3 * k : 3 * k + 3]
            identity.first = "" if first is None else f"{first:%Y-%m-%d %H:%M}"
