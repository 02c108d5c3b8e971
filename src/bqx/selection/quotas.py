"""The best features with a least number of each domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bqx.errors import QuotaError
from bqx.features.registry import Registry
from bqx.selection.screening import CONSTANT, CORRELATED, DRIFTING, DUPLICATE, NULLS

Ints = NDArray[np.int64]
Domain = str | None

FILTERS = {
    NULLS: "too many NULLs",
    CONSTANT: "constant",
    DUPLICATE: "duplicate",
    DRIFTING: "drifting",
    CORRELATED: "correlated with a better one",
}


def domain_of(name: str, families: Registry) -> Domain:
    """The domain of a feature: that of its table; None for what belongs to neither.

    Tables of time, of currencies, across pairs and across both domains belong to neither; they
    are those that do not carry the domain in their name. So do columns that no table has.
    """
    from bqx.dataset.naming import parse_feature
    from bqx.errors import UnknownNameError

    try:
        spec = families.tables[parse_feature(name, families).table]
    except UnknownNameError:
        return None
    return spec.domain if spec.name.split("_")[-1] == spec.domain else None


def pick(order: Ints, domains: Sequence[Domain], k: int, quotas: Mapping[str, int]) -> Ints:
    """The best features, so many of each domain as its quota wants, the others by place alone.

    Args:
        order: Positions of the features, the best first; enough of every domain.
        domains: Domain of each feature.
        k: Features in all.
        quotas: Least number of each domain.

    Returns:
        Their positions, the best first.
    """
    chosen: set[int] = set()
    for domain, least in quotas.items():
        chosen.update([j for j in order.tolist() if domains[j] == domain][:least])
    for j in order.tolist():
        if len(chosen) >= k:
            break
        chosen.add(j)
    return np.array([j for j in order.tolist() if j in chosen], np.int64)


def require_quotas(
    domains: Sequence[Domain],
    removed: Mapping[int, str],
    k: int,
    quotas: Mapping[str, int],
) -> None:
    """Refuse a selection that the features left by the filters cannot fill.

    Args:
        domains: Domain of each feature.
        removed: The filter by the position of each feature that one took.
        k: Features in all.
        quotas: Least number of each domain.

    Raises:
        QuotaError: If a domain, or all together, have too few left; it says which filter took
            how many.
    """
    left = Counter(d for j, d in enumerate(domains) if j not in removed)
    short = [d for d, least in quotas.items() if left[d] < least]
    if not short and left.total() >= k:
        return
    found = [
        f"{left[d]} of {domains.count(d)} features of the {d} domain are left "
        f"({_why(domains, removed, d)})"
        for d in short
    ] or [f"{left.total()} of {len(domains)} features are left ({_why(domains, removed)})"]
    wanted = ", ".join(f"{least} of {d}" for d, least in quotas.items())
    raise QuotaError(
        "; ".join(found),
        expected=f"{k} features, at least {wanted}",
        hint="smaller numbers, more columns or rows, or wider limits of the filters",
    )


def _why(domains: Sequence[Domain], removed: Mapping[int, str], only: str | None = None) -> str:
    counts = Counter(f for j, f in removed.items() if only is None or domains[j] == only)
    parts = [f"{counts[key]} {text}" for key, text in FILTERS.items() if counts[key]]
    return ", ".join(parts) or "none was taken by a filter"


def counts_by_domain(domains: Sequence[Domain]) -> dict[str, int]:
    """Features of each domain, and of neither."""
    found = Counter(d or "neither" for d in domains)
    return {d: found[d] for d in ("rate", "bqx", "neither")}
