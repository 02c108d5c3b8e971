"""Transfer entropy of all links among several series, or of many columns to one target."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bqx.causality.false_discovery import Adjustment
from bqx.causality.moments import lags_of
from bqx.causality.nearest import NEIGHBOURS, conditional_information, untied
from bqx.causality.network import Names, Progress, directed, each_link, silent
from bqx.causality.results import Link, Links
from bqx.causality.series import Panel
from bqx.causality.surrogates import Places, Significance, Surrogates, significance
from bqx.causality.transfer import Bins, classes, counted, entropy_of, flat, history
from bqx.errors import ConfigError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

Estimator = Literal["bins", "ksg"]
ESTIMATORS = ("bins", "ksg")
MOST_POINTS = 3000
"""Rows of an estimate by nearest neighbours: evenly spread where there are more."""


@dataclass(frozen=True)
class EntropySettings:
    """How transfer entropy is estimated.

    Args:
        estimator: ``bins`` or ``ksg`` (nearest neighbours).
        bins: Bins, pasts and delay; nearest neighbours use the pasts and the delay.
        neighbours: Of ``ksg``.
        most_points: Rows that ``ksg`` uses at most.
        surrogates: How significance is found.
        bridge: Whether pasts may reach over a closure of the market.

    Raises:
        ConfigError: If the estimator is unknown, or a number is too small.
    """

    estimator: Estimator = "bins"
    bins: Bins = field(default_factory=Bins)
    neighbours: int = NEIGHBOURS
    most_points: int = MOST_POINTS
    surrogates: Surrogates = field(default_factory=Surrogates)
    bridge: bool = True

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS or self.neighbours < 1 or self.most_points < 10:
            raise ConfigError(
                f"estimator {self.estimator!r}, {self.neighbours} neighbours, "
                f"{self.most_points} points",
                expected="bins or ksg, at least 1 neighbour and 10 points",
            )

    @property
    def method(self) -> str:
        """As results name it."""
        if self.estimator == "bins":
            return f"{self.bins.bins} bins"
        return f"{self.neighbours} neighbours"


class Estimate(Protocol):
    """The estimate of one link, for the source as it is or taken from other places."""

    rows: int

    def __call__(self, places: Places) -> float:
        """Transfer entropy in nats; NaN without a complete row."""


class BinEstimate:
    """By bins: counts of states.

    Args:
        now: State of the target, -1 in holes.
        own: State of its past.
        source: State of the source's past.
        bins: How the states were made.
    """

    def __init__(self, now: Codes, own: Codes, source: Codes, bins: Bins) -> None:
        self._size = bins.bins, bins.bins**bins.own, bins.bins**bins.past
        self._cells, self._states = flat(now, own, source, self._size)
        complete = (now >= 0) & (own >= 0) & (source >= 0)
        self.rows = int(np.count_nonzero(complete))
        self.span = ends(complete)

    def __call__(self, places: Places) -> float:
        """Transfer entropy in nats."""
        return entropy_of(counted(self._cells, self._states, places, self._size))


class NearestEstimate:
    """By nearest neighbours, on at most so many rows.

    Args:
        now: The target, shape (n,), NaN in holes.
        own: Its past, shape (n, a).
        source: The source's past, shape (n, b).
        settings: Neighbours and points.
    """

    def __init__(self, now: Floats, own: Floats, source: Floats, settings: EntropySettings) -> None:
        self._known = now[:, None], own
        self._source, self._settings = source, settings
        self._alone = ~np.isnan(np.column_stack(self._known).sum(axis=1))
        self._told = ~np.isnan(source.sum(axis=1))
        complete = self._alone & self._told
        self.rows = min(int(np.count_nonzero(complete)), settings.most_points)
        self.span = ends(complete)

    def __call__(self, places: Places) -> float:
        """Transfer entropy in nats."""
        at = np.flatnonzero(self._alone & self._told[places])
        if len(at) > self._settings.most_points:
            at = at[np.linspace(0, len(at) - 1, self._settings.most_points).astype(np.int64)]
        now, own = self._known
        source = self._source[places[at]]
        return conditional_information(source, now[at], own[at], self._settings.neighbours)


def ends(complete: NDArray[np.bool_]) -> tuple[int, int] | None:
    """First and last place that is flagged; None without any."""
    at = np.flatnonzero(complete)
    return (int(at[0]), int(at[-1])) if len(at) else None


def entropy_network(
    panel: Panel,
    settings: EntropySettings | None = None,
    *,
    links: Iterable[Names] | None = None,
    fdr: Adjustment = "bh",
    workers: int = 1,
    progress: Progress = silent,
) -> Links:
    """Estimate transfer entropy link by link, with surrogates of the source.

    Args:
        panel: The series.
        settings: How; the defaults when None.
        links: Sources and targets; all directed ones when None.
        fdr: How p values are adjusted for the number of links.
        workers: Threads.
        progress: Called after every link.

    Raises:
        UnknownNameError: If a series is not there.
        ConfigError: If there are too few rows for surrogates.
    """
    asked = settings or EntropySettings()
    wanted = directed(panel.names) if links is None else list(links)
    make = (_bin_states if asked.estimator == "bins" else _near_states)(panel, asked)

    def one(names: Names) -> Link:
        source, target = (panel.place(name) for name in names)
        return link_by(make(source, target), names, panel.rows, asked, (source, target))

    found = each_link(one, wanted, workers, progress)
    facts = facts_of(asked, panel)
    return Links(found, fdr, panel.synthetic, facts, asked.surrogates.count)


def facts_of(asked: EntropySettings, panel: Panel) -> dict[str, object]:
    """What was asked, for the reader."""
    drawn = asked.surrogates
    return {
        "kind": "transfer_entropy",
        "series": list(panel.names),
        "estimator": asked.method,
        "past": [asked.bins.own, asked.bins.past, asked.bins.delay],
        "surrogates": [drawn.scheme, drawn.count, drawn.block, drawn.seed],
        "every": panel.every,
        "bridge": asked.bridge,
    }


def link_by(
    estimate: BinEstimate | NearestEstimate,
    names: Names,
    rows: NDArray[np.int64],
    asked: EntropySettings,
    key: tuple[int, ...],
) -> Link:
    """Estimate, significance and account of one link.

    Args:
        estimate: The estimate.
        names: Source and target.
        rows: Absolute rows of the places.
        asked: How.
        key: Numbers of the link, which its surrogates are drawn by.
    """
    value = estimate(np.arange(len(rows)))
    base = (*names, "transfer_entropy", asked.method, asked.bins.delay + asked.bins.past - 1)
    first, last = estimate.span or (None, None)
    reached = None if first is None else int(rows[max(first - asked.bins.reach, 0)])
    account = (estimate.rows, reached, None if last is None else int(rows[last]))
    if math.isnan(value):
        return Link(*base, value, value, value, *account)
    found: Significance = significance(value, estimate, len(rows), asked.surrogates, key)
    effect = value - found.mean
    return Link(*base, value, found.p, effect, *account, surrogates=found.count)


def _bin_states(panel: Panel, asked: EntropySettings) -> Callable[[int, int], BinEstimate]:
    bins, whole = asked.bins, _whole(panel, asked)
    now = [classes(series, bins.bins) for series in panel.values]
    own = [history(c, bins.own, 1, bins.bins) for c in now]
    past = [history(c, bins.past, bins.delay, bins.bins) for c in now]

    def make(source: int, target: int) -> BinEstimate:
        return BinEstimate(np.where(whole, now[target], -1), own[target], past[source], bins)

    return make


def _near_states(panel: Panel, asked: EntropySettings) -> Callable[[int, int], NearestEstimate]:
    bins, whole = asked.bins, _whole(panel, asked)
    rng = np.random.default_rng([asked.surrogates.seed, 0])
    series = [untied(values, rng) for values in panel.values]
    now = [np.where(whole, values, np.nan) for values in series]
    own = [_past(values, bins.own, 1) for values in series]
    past = [_past(values, bins.past, bins.delay) for values in series]

    def make(source: int, target: int) -> NearestEstimate:
        return NearestEstimate(now[target], own[target], past[source], asked)

    return make


def _whole(panel: Panel, asked: EntropySettings) -> NDArray[np.bool_]:
    """Rows whose pasts may be used as far as closures are concerned."""
    if asked.bridge:
        return np.ones(len(panel), np.bool_)
    bare = replace(panel, names=("",), values=np.zeros((1, len(panel))))
    whole: NDArray[np.bool_] = bare.complete(asked.bins.reach, bridge=False)[0]
    return whole


def _past(values: Floats, length: int, delay: int) -> Floats:
    """The values ``delay`` … rows earlier, shape (n, length); NaN before the first."""
    reach = delay + length - 1
    padded = np.concatenate((np.full(reach, np.nan), values))
    return np.ascontiguousarray(lags_of(padded, reach)[:, delay:])
