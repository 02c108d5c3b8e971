"""The one way to declare a feature family: a class with features, windows and ``compute``.

From the class alone come the tables, their comments and catalogue page, the look-back, the
fingerprint, the validity mask, the batch and the live path, and the contract tests. A wrong
declaration is an error at import.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import ClassVar

from bqx.domains.domain import TRAITS, Domain, DomainName
from bqx.domains.grid import FloatArray
from bqx.errors import FamilyError
from bqx.features.feature import Column, Feature, Precision, in_domain

WHOLE = "int16"
"""Type in which flags, categories and counts are kept."""

Columns = Mapping[str, FloatArray]
"""Arrays by feature name, each with one value per row of the domain's slice."""


class Family:
    """Base of all feature families.

    A value at row t is a function of the rows up to t. A family returns NaN where it has no value;
    it need not care about gaps, months or the start of the history.

    Attributes:
        table: Table that the columns belong to; ``{domain}`` stands for the domain's name. Several
            families may contribute to one table.
        domains: Domains that the family is computed over.
        windows: Windows in rows.
        from_closes: True if histories count rows of closes in the BQX domain too, because the
            values are made from the rate index and not from the domain's series.
        precision: Type in which its numbers are kept; they are always computed in float64.
        single: True for one table of the whole store: its rows depend on no pair of their own.
        fits: True if parameters are fitted on all of the past, so that everything before a row
            counts, however long ago.
        raw_prices: True if values compare the raw prices of different pairs, so that prices times
            a constant give other values.
        features: The declared features by attribute name, in order.
    """

    table: ClassVar[str]
    domains: ClassVar[tuple[DomainName, ...]] = ("rate", "bqx")
    windows: ClassVar[tuple[int, ...]] = ()
    from_closes: ClassVar[bool] = False
    precision: ClassVar[Precision] = "float32"
    single: ClassVar[bool] = False
    fits: ClassVar[bool] = False
    raw_prices: ClassVar[bool] = False
    features: ClassVar[dict[str, Feature]]

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Collect and check the declaration."""
        super().__init_subclass__(**kwargs)
        cls.features = {k: v for k, v in vars(cls).items() if isinstance(v, Feature)}
        _check(cls)

    def compute(self, d: Domain, w: int) -> Columns:
        """Windowed features (``{w}`` in the name) for one window."""
        raise NotImplementedError

    def compute_fixed(self, d: Domain) -> Columns:
        """Features without a window."""
        raise NotImplementedError

    @classmethod
    def name(cls) -> str:
        """Name of the family: the class name in snake case."""
        name = cls.__name__
        return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")

    @classmethod
    def table_of(cls, domain: DomainName) -> str:
        """Name of the table for a domain."""
        return cls.table.format(domain=domain)

    @classmethod
    def columns(cls, domain: DomainName) -> tuple[Column, ...]:
        """The columns that can be made for a domain."""
        return tuple(c for c in cls.declared(domain) if not c.absent)

    @classmethod
    def declared(cls, domain: DomainName) -> tuple[Column, ...]:
        """The columns for a domain: all features of a window, window after window.

        Those that need data which nobody has are among them.
        """
        fixed = [
            _column(cls, domain, k, f, None) for k, f in cls.features.items() if not f.windowed
        ]
        windowed = [
            _column(cls, domain, k, f, w)
            for w in cls.windows
            for k, f in cls.features.items()
            if f.windowed
        ]
        return (*fixed, *windowed)


def _column(
    cls: type[Family], domain: DomainName, key: str, feature: Feature, window: int | None
) -> Column:
    traits = TRAITS[domain]
    lead = 0 if cls.from_closes else traits.lead
    history, memory = feature.rows(window or 1, domain)
    fills = {"w": window, "d": traits.tag}
    return Column(
        name=feature.name.format(**fills),
        key=key,
        family=cls.name(),
        window=window,
        description=in_domain(feature.description, domain).format(**fills),
        unit=feature.unit,
        formula=in_domain(feature.formula, domain).format(**fills),
        low=feature.low,
        high=feature.high,
        history=history + lead,
        memory=memory + lead,
        null_rule=feature.null_rule,
        source=feature.source,
        kind=feature.kind,
        requires=feature.requires,
        dtype=cls.precision if feature.kind == "float" else WHOLE,
        steady=feature.steady,
    )


def _check(cls: type[Family]) -> None:
    if not cls.features:
        raise _error(cls, "declares no feature", "at least one `Feature` attribute")
    if not isinstance(getattr(cls, "table", None), str):
        raise _error(cls, "names no table", "a `table`, for example 'reg_{domain}'")
    if not inspect.getdoc(cls):
        raise _error(cls, "has no docstring", "a docstring that says what it computes")
    silent = [f.name for f in cls.features.values() if f.requires and not f.null_rule]
    if silent:
        raise _error(cls, f"requires data for {silent}", "a null_rule that says when it is NULL")
    _check_domains(cls)
    _check_windows(cls)
    _check_differences(cls)
    for domain in cls.domains:
        _check_names(cls, [c.name for c in cls.declared(domain)])


def _check_domains(cls: type[Family]) -> None:
    unknown = [d for d in cls.domains if d not in TRAITS]
    if unknown or not cls.domains:
        raise _error(cls, f"has the domains {cls.domains}", f"some of {tuple(TRAITS)}")
    if len(cls.domains) > 1 and "{domain}" not in cls.table:
        raise _error(cls, "writes two domains into one table", "'{domain}' in `table`")
    if cls.single and len(cls.domains) > 1:
        raise _error(cls, "is one table for the store in two domains", "one domain")


def _check_windows(cls: type[Family]) -> None:
    windowed = [f.windowed for f in cls.features.values()]
    if any(windowed) != bool(cls.windows) or any(w < 1 for w in cls.windows):
        raise _error(cls, f"has the windows {cls.windows}", "positive windows iff names have '{w}'")
    if any(windowed) and cls.compute is Family.compute:
        raise _error(cls, "has windowed features but no `compute`", "compute(self, d, w)")
    if not all(windowed) and cls.compute_fixed is Family.compute_fixed:
        raise _error(cls, "has features without a window but no `compute_fixed`", "compute_fixed")


def _check_differences(cls: type[Family]) -> None:
    for key, feature in cls.features.items():
        for what, given in feature.by_domain.items():
            if not set(cls.domains) <= given <= set(TRAITS):
                found = f"gives the {what} of {key!r} for {sorted(given)}"
                raise _error(cls, found, f"all of {cls.domains}")


def _check_names(cls: type[Family], names: list[str]) -> None:
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise _error(cls, f"has the columns {repeated} twice", "unique column names")
    odd = [n for n in names if not n.isidentifier() or n != n.lower() or "__" in n]
    if odd:
        raise _error(cls, f"has the column names {odd}", "lower case, no double underscore")


def _error(cls: type[Family], found: str, expected: str) -> FamilyError:
    return FamilyError(f"family {cls.__name__} {found}", expected=expected)
