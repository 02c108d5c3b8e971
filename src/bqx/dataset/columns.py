"""Columns of a dataset: how they are chosen, with their lags and those of other pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from bqx.dataset.lagged import CATALOGUE_LAGS, lagged_columns, lagged_tables
from bqx.dataset.naming import Feature, Place, parse_feature
from bqx.errors import ConfigError, UnknownNameError
from bqx.features.counts import count
from bqx.features.registry import Registry
from bqx.market import parse_pairs

STANDARD = "standard"
DOMAIN = "domain:"
_WILD = re.compile(r"[*?\[]")

Names = str | Sequence[str]


@dataclass(frozen=True)
class Choice:
    """The feature columns of a dataset, in order.

    Attributes:
        features: The columns: without a lag, then lagged, then those of other pairs.
        lags: Lags that were asked for.
    """

    features: tuple[Feature, ...]
    lags: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The qualified names."""
        return tuple(str(f) for f in self.features)

    @property
    def lead(self) -> int:
        """Rows before the first one that the lags reach."""
        return max((f.lag for f in self.features), default=0)


def select_features(families: Registry, names: Names) -> tuple[Feature, ...]:
    """The features that a selection names, in the order of the registry.

    Args:
        families: The registry.
        names: Any of: a table, a family, ``domain:rate`` or ``domain:bqx``, a pattern over
            ``{table}__{column}`` such as ``*__w60_*``, a qualified name (of a lag or of another
            pair too), and the sets ``core`` (1,388), ``programme`` (1,080), ``lagged`` (columns
            that are lagged), ``standard`` (the core and the whole tables of the lagged ones) and
            ``all``. One text has commas between them.

    Raises:
        UnknownNameError: If a name means nothing, or a pattern matches nothing.
        ConfigError: If a name stands there twice, or there is none.
    """
    items = _items(names)
    places: set[Place] = set()
    further: list[Feature] = []
    for item in items:
        found = _set(families, item) if item in SETS else _places(families, item)
        if found is None:
            feature = parse_feature(item, families)
            if feature.lag or feature.peer:
                further.append(feature)
                continue
            found = [feature.place]
        places.update(found)
    own = [Feature(*place) for place in _every(families) if place in places]
    return (*own, *further)


def _items(names: Names) -> list[str]:
    items = [n.strip() for n in (names.split(",") if isinstance(names, str) else names)]
    items = [n for n in items if n]
    if not items:
        raise ConfigError("no columns are chosen", expected="at least one", hint="core")
    twice = sorted({n for n in items if items.count(n) > 1})
    if twice:
        raise ConfigError(f"{', '.join(twice)} chosen twice", expected="each name once")
    return items


def _every(families: Registry) -> list[Place]:
    return [(t, c) for t, spec in families.tables.items() for c in spec.column_names]


SETS = ("all", "core", "programme", "lagged", STANDARD)
"""Names of sets."""


def _set(families: Registry, name: str) -> list[Place]:
    """The columns of a named set, those that the registry has."""
    if name == "lagged":
        return list(lagged_columns(families))
    every = _every(families)
    if name == "all":
        return every
    known = set(every)
    rows = [c for c in count(families) if (c.row.in_1080 if name == "programme" else c.row.in_core)]
    found = [(t, c.name) for row in rows for t, c in row.columns if (t, c.name) in known]
    if name == STANDARD:
        tables = lagged_tables(families)
        found += [(t, c) for t in tables for c in families.tables[t].column_names]
    return found


def _places(families: Registry, item: str) -> list[Place] | None:
    """Columns of a table, family, domain or pattern; None if the item is none of these."""
    if item in families.tables:
        return [(item, c) for c in families.tables[item].column_names]
    if item in families.families:
        return [
            (t, c.name)
            for t in families.tables_of(item)
            for c in families.tables[t].columns
            if c.family == item
        ]
    if item.startswith(DOMAIN) or _WILD.search(item):
        return _matching(families, item)
    if "__" not in item:
        raise _unknown(families, item)
    return None


def _matching(families: Registry, item: str) -> list[Place]:
    if item.startswith(DOMAIN):
        wanted = item.removeprefix(DOMAIN)
        found = [(t, c) for t, c in _every(families) if families.tables[t].domain == wanted]
    else:
        found = [(t, c) for t, c in _every(families) if fnmatchcase(f"{t}__{c}", item)]
    if not found:
        raise UnknownNameError(
            f"{item!r} matches no column",
            expected="domain:rate, domain:bqx, or a pattern over {table}__{column}",
            hint="for example *__w60_*",
        )
    return found


def _unknown(families: Registry, item: str) -> UnknownNameError:
    known = [*families.tables, *families.families, *SETS, f"{DOMAIN}rate"]
    close = get_close_matches(item, known, n=1, cutoff=0.3)
    return UnknownNameError(
        f"unknown selection {item!r}",
        expected="a set, table, family, domain:rate, domain:bqx, a pattern or {table}__{column}",
        hint=f"did you mean {close[0]}?" if close else "`bqx features list`",
    )


def choose(
    families: Registry,
    columns: Names = STANDARD,
    *,
    lags: Sequence[int] = CATALOGUE_LAGS,
    lag_columns: Names | None = None,
    peers: Names = (),
    peer_columns: Names | None = None,
) -> Choice:
    """The features of a dataset: columns, their lags, the same columns of other pairs.

    Args:
        families: The registry.
        columns: Selection as `select_features` reads it.
        lags: Rows of delay; none when empty.
        lag_columns: Which of the columns are lagged; the ``lagged`` set when None.
        peers: Other pairs whose columns stand beside the own ones at the same row.
        peer_columns: Their columns; the chosen ones without lags when None. Tables that are one
            for the store are not repeated.

    Raises:
        UnknownNameError: If a name means nothing.
        ConfigError: If a lag is not positive or given twice, or a column comes out twice.
    """
    _check_lags(lags)
    chosen = select_features(families, columns)
    delayed = set(_delayed(families, lag_columns)) if lags else set()
    lagged = [
        replace(f, lag=k)
        for f in chosen
        if f.place in delayed and not (f.lag or f.peer)
        for k in lags
    ]
    others = _of_peers(families, chosen, peers, peer_columns)
    features = (*chosen, *lagged, *others)
    _check_unique(features)
    return Choice(features, tuple(lags))


def _delayed(families: Registry, names: Names | None) -> Iterable[Place]:
    if names is None:
        return lagged_columns(families)
    return [f.place for f in select_features(families, names)]


def _of_peers(
    families: Registry, chosen: Sequence[Feature], peers: Names, names: Names | None
) -> list[Feature]:
    pairs = parse_pairs(peers if isinstance(peers, str) else list(peers)) if peers else ()
    own = chosen if names is None else select_features(families, names)
    return [
        replace(f, peer=pair)
        for pair in pairs
        for f in own
        if not (f.peer or (f.lag and names is None) or families.tables[f.table].single)
    ]


def _check_lags(lags: Sequence[int]) -> None:
    if any(k < 1 for k in lags) or len(set(lags)) < len(lags):
        raise ConfigError(
            f"lags {list(lags)}", expected="different whole numbers from 1 on", hint="1,5,15,30"
        )


def _check_unique(features: Sequence[Feature]) -> None:
    names = [str(f) for f in features]
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = [n for n in names if n in seen or seen.add(n)]  # type: ignore[func-returns-value]
        raise ConfigError(
            f"{len(twice)} columns come out twice: {', '.join(twice[:5])}",
            expected="unique names",
            hint="leave out either the lagged name or its lag",
        )
