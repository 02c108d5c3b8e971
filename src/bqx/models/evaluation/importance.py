"""What the models of a run used: importance by domain, family and feature, and its stability."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.dataset import Dataset
from bqx.dataset.naming import parse_feature
from bqx.features.registry import Registry, registry
from bqx.models.evaluation.numbers import finite
from bqx.models.learning.samples import PAIR
from bqx.selection.quotas import domain_of
from bqx.selection.stability import stability

if TYPE_CHECKING:
    from bqx.models.runs.run import Run

OTHER = "other"
DOMAINS = ("rate", "bqx", OTHER)
IDENTITY = "pair identity"
TOP = 20


@dataclass(frozen=True)
class Part:
    """A domain, a family or a feature.

    Attributes:
        name: Its name.
        selected: Features of it that a model has, mean over models.
        share: Its share of all importance, mean over models that have any.
        low: Least share of a fold's mean.
        high: Greatest.
    """

    name: str
    selected: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Importances:
    """What the models used.

    Attributes:
        domains: The domains.
        families: Families, by falling share.
        features: The features with the greatest shares.
        models: Models that were looked at: units, folds and shapes.
        unused: Models among them that use no feature at all.
        silent: Models among them that calibration shrank to the martingale's forecast.
        skipped: Units and folds without a model.
        quotas: Quotas of the selection by domain; empty without one.
        stability: By unit, stability of the selection over folds (Nogueira, Sechidis and Brown
            2018): 1 when it is always the same, 0 when it is as by chance; NaN for one fold.
    """

    domains: tuple[Part, ...]
    families: tuple[Part, ...]
    features: tuple[Part, ...]
    models: int
    unused: int
    silent: int
    skipped: int
    quotas: Mapping[str, int]
    stability: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = asdict(self)
        for name in ("domains", "families", "features"):
            plain[name] = [
                {k: finite(v) if isinstance(v, float) else v for k, v in part.items()}
                for part in plain[name]
            ]
        return {**plain, "stability": {k: finite(v) for k, v in self.stability.items()}}


@dataclass(frozen=True)
class _Used:
    """One model: where it is, and the share of each of its features; None if it uses none."""

    unit: str
    fold: int
    features: tuple[str, ...]
    shares: Mapping[str, float] | None
    silent: bool


def importances(run: Run, dataset: Dataset) -> Importances:
    """Read all models of the folds and add their importances up.

    Importances of a model are divided by their sum first, so that every model counts alike.
    """
    places = [(unit, fold.number) for unit in run.spec.units for fold in run.folds]
    skipped = [place for place in places if run.unit(*place).skipped]
    used = [one for place in places if place not in skipped for one in _models(run, *place)]
    extra = tuple(dataset.manifest.settings.get("families", ()))
    families = registry(extra)
    names = sorted({name for one in used for name in one.features})
    kinds = {name: _kind(name, families) for name in names}
    selection = run.spec.selection
    return Importances(
        domains=_parts(used, {n: d for n, (d, _) in kinds.items()}, DOMAINS),
        families=_ranked(_parts(used, {n: f for n, (_, f) in kinds.items()})),
        features=_ranked(_parts(used, {n: n for n in names}))[:TOP],
        models=len(used),
        unused=sum(one.shares is None for one in used),
        silent=sum(one.silent for one in used),
        skipped=len(skipped),
        quotas={} if selection is None else {"rate": selection.min_rate, "bqx": selection.min_bqx},
        stability=_stability(used, len(dataset.features)),
    )


def _models(run: Run, unit: str, fold: int) -> Iterator[_Used]:
    fitted = run.model(unit, fold)
    for shape in run.spec.shapes:
        gains = fitted.importances(shape)
        total = sum(gains.values())
        shares = {name: gain / total for name, gain in gains.items()} if total > 0.0 else None
        silent = fitted.calibration(shape).shrinkage.factor == 0.0
        yield _Used(unit, fold, fitted.columns, shares, silent)


def _kind(name: str, families: Registry) -> tuple[str, str]:
    """Domain, as the selection counts it, and family of a feature."""
    if name == PAIR:
        return OTHER, IDENTITY
    feature = parse_feature(name, families)
    column = families.tables[feature.table].column(feature.column)
    return domain_of(name, families) or OTHER, column.family


def _parts(
    used: Sequence[_Used], kinds: Mapping[str, str], names: Sequence[str] | None = None
) -> tuple[Part, ...]:
    wanted = list(dict.fromkeys(kinds.values())) if names is None else list(names)
    counts = [Counter(kinds[f] for f in one.features) for one in used]
    with_shares = [one for one in used if one.shares is not None]
    sums = [_sums(one.shares or {}, kinds) for one in with_shares]
    folds = np.array([one.fold for one in with_shares])
    return tuple(
        Part(
            name,
            float(np.mean([c[name] for c in counts])) if counts else 0.0,
            *_spread(np.array([s.get(name, 0.0) for s in sums]), folds),
        )
        for name in wanted
    )


def _sums(shares: Mapping[str, float], kinds: Mapping[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, share in shares.items():
        found[kinds[name]] = found.get(kinds[name], 0.0) + share
    return found


def _spread(shares: NDArray[np.float64], folds: NDArray[np.int64]) -> tuple[float, float, float]:
    """Mean, and the least and greatest mean of a fold; NaN where no model uses anything."""
    if not len(shares):
        return float("nan"), float("nan"), float("nan")
    means = [float(shares[folds == number].mean()) for number in np.unique(folds)]
    return float(shares.mean()), min(means), max(means)


def _ranked(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda p: (-p.share if math.isfinite(p.share) else 0.0, p.name)))


def _stability(used: Sequence[_Used], candidates: int) -> dict[str, float]:
    found = {}
    for unit in dict.fromkeys(one.unit for one in used):
        by_fold = {one.fold: set(one.features) - {PAIR} for one in used if one.unit == unit}
        ever = sorted(set().union(*by_fold.values()))
        chosen = np.zeros((len(by_fold), candidates), np.bool_)
        for k, names in enumerate(by_fold.values()):
            chosen[k, : len(ever)] = [name in names for name in ever]
        found[unit] = stability(chosen).index if len(by_fold) > 1 else float("nan")
    return found
