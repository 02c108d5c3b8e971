"""Features as a family declares them, and columns as a table holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from bqx.domains.domain import TRAITS, DomainName

T = TypeVar("T")

History = int | Callable[[int], int]
"""Rows of the series behind a value, its own included: a number, or a function of the window."""

ByDomain: TypeAlias = T | Mapping[DomainName, T]
"""What is the same in both domains, or what holds in each."""

Bound = float | None

Kind = Literal["float", "flag", "category", "count"]
"""Numbers, or whole numbers: 0 and 1, codes, counts of rows."""

Precision = Literal["float32", "float64"]

Need = Literal["volume", "quotes", "peers", "depth"]
"""Data that a source may lack: tick volume, bid and ask, other pairs, order book sizes."""

MAY_DIFFER = ("description", "formula", "history", "memory")
"""Attributes of a feature that may differ by domain."""

NOBODY_HAS: frozenset[Need] = frozenset({"depth"})
"""Data that no reader delivers: a column that needs them is declared and never made."""


@dataclass(frozen=True)
class Feature:
    """One feature of a family, for all of its windows and domains.

    Args:
        name: Column name; ``{w}`` stands for the window, ``{d}`` for the domain's tag.
        description: One sentence; it, formula, history and memory may differ by domain.
        unit: ``series`` (unit of the domain's series), ``index``, ``ratio``, ``series^2`` …
        formula: In the notation of the catalogue.
        low: Least possible value, or None.
        high: Greatest possible value, or None.
        history: Rows of the series before a value may be shown; the window itself when None.
        memory: Rows that can influence the value, where they are more than the history.
        null_rule: When a value is NULL although its history is valid; empty if it never is.
        source: Literature.
        kind: Whether values are numbers, flags, categories or counts.
        requires: Data beside the pair's prices; where they are missing the value is NULL.
        steady: Whether one value for months is no fault, as of a count of errors.
    """

    name: str
    description: ByDomain[str]
    unit: str = "series"
    formula: ByDomain[str] = ""
    low: Bound = None
    high: Bound = None
    history: ByDomain[History] | None = None
    memory: ByDomain[History] | None = None
    null_rule: str = ""
    source: str = ""
    kind: Kind = "float"
    requires: tuple[Need, ...] = ()
    steady: bool = False

    @property
    def absent(self) -> bool:
        """Whether the column is declared only, because nobody has the data for it."""
        return not NOBODY_HAS.isdisjoint(self.requires)

    @property
    def windowed(self) -> bool:
        """Whether there is one column per window."""
        return "{w}" in self.name

    @property
    def by_domain(self) -> dict[str, set[str]]:
        """What differs by domain, with the domains that it is given for."""
        given = {name: getattr(self, name) for name in MAY_DIFFER}
        return {name: set(v) for name, v in given.items() if isinstance(v, Mapping)}

    def rows(self, window: int, domain: DomainName) -> tuple[int, int]:
        """History and memory of the column for a window in a domain."""
        history = _rows(in_domain(self.history, domain), window, window)
        return history, max(history, _rows(in_domain(self.memory, domain), window, history))


def by_step(make: Callable[[int], T]) -> dict[DomainName, T]:
    """What depends on the domain by the rows of a bar alone.

    Args:
        make: Makes it from the rows of a bar: 1 in the rate domain, 15 in the BQX domain.
    """
    return {traits.name: make(traits.step) for traits in TRAITS.values()}


def in_domain(value: ByDomain[T], domain: DomainName) -> T:
    """What holds in a domain."""
    return value[domain] if isinstance(value, Mapping) else value


def _rows(rule: History | None, window: int, default: int) -> int:
    if rule is None:
        return default
    return rule(window) if callable(rule) else rule


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Column name.
        key: Name of the feature within its family.
        family: Name of the family.
        window: Window in rows, or None.
        description: One sentence.
        unit: Unit of the values.
        formula: In the notation of the catalogue.
        low: Least possible value, or None.
        high: Greatest possible value, or None.
        history: Rows of closes that must be valid, the domain's lead included.
        memory: Rows of closes that can influence the value, the domain's lead included.
        null_rule: When a value is NULL although its history is valid; empty if it never is.
        source: Literature.
        kind: Whether values are numbers, flags, categories or counts.
        requires: Data beside the pair's prices; where they are missing the value is NULL.
        dtype: Name of the type in which the column is kept.
        steady: Whether one value for months is no fault.
    """

    name: str
    key: str
    family: str
    window: int | None
    description: str
    unit: str
    formula: str
    low: Bound
    high: Bound
    history: int
    memory: int
    null_rule: str
    source: str
    kind: Kind
    requires: tuple[Need, ...]
    dtype: str
    steady: bool = False

    @property
    def absent(self) -> bool:
        """Whether the column is declared only, because nobody has the data for it."""
        return not NOBODY_HAS.isdisjoint(self.requires)

    @property
    def nullable(self) -> bool:
        """Whether a value may be NULL although its history is valid."""
        return bool(self.null_rule)

    @property
    def comment(self) -> str:
        """The comment that stores keep beside the column."""
        parts = [self.description]
        if self.formula:
            parts.append(f"{self.formula}.")
        parts.append(f"Unit: {self.unit}; range: {_interval(self.low, self.high)}.")
        parts.append(f"History: {self.history} trading minutes.")
        if self.requires:
            parts.append(f"Requires {' and '.join(self.requires)}.")
        if self.null_rule:
            parts.append(f"NULL when {self.null_rule}.")
        return " ".join(parts)


def _interval(low: Bound, high: Bound) -> str:
    if low is None and high is None:
        return "real"
    left = "(-inf" if low is None else f"[{low:g}"
    right = "inf)" if high is None else f"{high:g}]"
    return f"{left}, {right}"
