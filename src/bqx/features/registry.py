"""All families and the tables that they make."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache

from bqx.domains.domain import TRAITS, DomainName
from bqx.errors import FamilyError, UnknownNameError
from bqx.features.family import Family
from bqx.features.feature import Column
from bqx.features.fingerprint import code_hash
from bqx.features.table import TableSpec

# Code that every table depends on beside its family: grid, fill, series, validity.
BASE = (
    "reg_rate",
    "reg_bqx",
    "correlation_rate",
    "correlation_bqx",
    "covariance_rate",
    "covariance_bqx",
    "bqx",
)
"""Tables that the alignment report asks of every store."""
GROUPS = ("base", "all")
PACKAGE = "bqx.families"

COMMON_MODULES = ("bqx.domains.domain", "bqx.domains.validity")


def group_of(table: str) -> str:
    """Tables of one group are computed and checked together.

    The base tables share their fits; twins share a family.
    """
    return "base" if table in BASE else table.removesuffix("_rate").removesuffix("_bqx")


class Registry:
    """Families by name, tables by name.

    Args:
        families: Family classes; their order is the order of columns in a shared table.

    Raises:
        FamilyError: If two families share a name, or two columns of a table do.
    """

    def __init__(self, families: Iterable[type[Family]]) -> None:
        self.families: dict[str, type[Family]] = {}
        for family in families:
            if family.name() in self.families:
                raise FamilyError(f"two families are called {family.name()}", expected="one")
            self.families[family.name()] = family
        self.tables: dict[str, TableSpec] = {}
        for name, parts in _parts(self.families.values()).items():
            self.tables[name] = _table(name, parts)

    def table(self, name: str) -> TableSpec:
        """The table of that name.

        Raises:
            UnknownNameError: If there is none; the hint names the nearest.
        """
        if name not in self.tables:
            raise _unknown("table", name, list(self.tables))
        return self.tables[name]

    def family(self, name: str) -> type[Family]:
        """The family of that name.

        Raises:
            UnknownNameError: If there is none; the hint names the nearest.
        """
        if name not in self.families:
            raise _unknown("family", name, list(self.families))
        return self.families[name]

    def tables_of(self, family: str) -> tuple[str, ...]:
        """Names of the tables that a family contributes to."""
        return tuple(self.family(family).table_of(d) for d in self.family(family).domains)

    def resolve(self, names: Iterable[str]) -> tuple[str, ...]:
        """Table names from a mix of names of families, tables and groups.

        ``all`` stands for every table, ``base`` for `BASE` and the tables of further families.

        Raises:
            UnknownNameError: If a name is neither.
        """
        found: list[str] = []
        for name in names:
            if name == "all":
                found += self.tables
            elif name == "base":
                found += self._base()
            elif name in self.tables:
                found.append(name)
            elif name in self.families:
                found += self.tables_of(name)
            else:
                raise _unknown("family or table", name, [*self.families, *self.tables, *GROUPS])
        wanted = set(found)
        return tuple(t for t in self.tables if t in wanted)

    def _base(self) -> list[str]:
        own = {name for name, f in self.families.items() if not f.__module__.startswith(PACKAGE)}
        return [
            name
            for name, spec in self.tables.items()
            if name in BASE or not own.isdisjoint(c.family for c in spec.columns)
        ]

    def declared(self, table: str) -> tuple[Column, ...]:
        """Columns of a table, with those that need data which nobody has.

        Raises:
            UnknownNameError: If there is no such table.
        """
        self.table(table)
        return tuple(
            column
            for family in self.families.values()
            for domain in family.domains
            if family.table_of(domain) == table
            for column in family.declared(domain)
        )


def _parts(
    families: Iterable[type[Family]],
) -> dict[str, list[tuple[type[Family], DomainName]]]:
    parts: dict[str, list[tuple[type[Family], DomainName]]] = {}
    for family in families:
        for domain in family.domains:
            parts.setdefault(family.table_of(domain), []).append((family, domain))
    return parts


def _table(name: str, parts: list[tuple[type[Family], DomainName]]) -> TableSpec:
    columns = [c for family, domain in parts for c in family.columns(domain)]
    names = [c.name for c in columns]
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise FamilyError(f"table {name} gets the columns {repeated} twice", expected="unique")
    domain = parts[0][1]
    summaries = [_summary(family) for family, _ in parts]
    comment = f"{' '.join(summaries)} Domain: {TRAITS[domain].label}. {len(columns)} columns."
    families = [family for family, _ in parts]
    if len({family.single for family in families}) > 1:
        raise FamilyError(f"table {name} is of one pair and of all", expected="one of the two")
    return TableSpec(
        name,
        domain,
        tuple(columns),
        comment,
        _fingerprint(columns, parts),
        single=families[0].single,
        fits=any(family.fits for family in families),
    )


def _summary(family: type[Family]) -> str:
    return " ".join((family.__doc__ or "").strip().split("\n\n")[0].split())


def _fingerprint(columns: list[Column], parts: list[tuple[type[Family], DomainName]]) -> str:
    digest = hashlib.sha256()
    for module in (*COMMON_MODULES, *(family.__module__ for family, _ in parts)):
        digest.update(code_hash(module).encode())
    for c in columns:
        digest.update(
            f"{c.name}|{c.window}|{c.history}|{c.memory}|{c.nullable}|{c.dtype}\n".encode()
        )
    return digest.hexdigest()[:16]


def _unknown(kind: str, name: str, known: list[str]) -> UnknownNameError:
    close = get_close_matches(name, known, n=1, cutoff=0.3)
    return UnknownNameError(
        f"unknown {kind} {name!r}",
        expected=f"one of {', '.join(sorted(known))}",
        hint=f"did you mean {close[0]}?" if close else "",
    )


def families_in(module: str) -> list[type[Family]]:
    """The families that a module defines, in the order of their definition.

    Raises:
        FamilyError: If the module cannot be imported, or defines none.
    """
    try:
        names = vars(importlib.import_module(module))
    except ImportError as error:
        raise FamilyError(
            f"cannot import the family module {module!r}: {error}",
            expected="an importable module",
            hint="is its folder on PYTHONPATH?",
        ) from error
    found = [
        v
        for v in names.values()
        if isinstance(v, type) and issubclass(v, Family) and v.__module__ == module
    ]
    if not found:
        raise FamilyError(f"module {module!r} defines no family", expected="a Family subclass")
    return found


@cache
def registry(extra: tuple[str, ...] = ()) -> Registry:
    """All families of ``bqx.families``, and those of further modules.

    Args:
        extra: Modules with families of the user's own.

    Raises:
        FamilyError: If a module is not importable or a declaration is wrong.
    """
    package = importlib.import_module(PACKAGE)
    found = pkgutil.iter_modules(package.__path__)
    # A folder beside the files holds what families share.
    modules = sorted(f"{PACKAGE}.{m.name}" for m in found if not m.ispkg)
    return Registry([f for module in (*modules, *extra) for f in families_in(module)])
