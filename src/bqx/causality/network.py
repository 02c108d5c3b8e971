"""All links among several series: Granger's test with products that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from bqx.causality.false_discovery import Adjustment
from bqx.causality.fit import Fit, fit, is_well, reordered, triangle_of
from bqx.causality.granger import GrangerTest, Settings, granger, link_of, of_fit
from bqx.causality.lagorder import order_by
from bqx.causality.moments import PairMoments, lags_of, pair_moments
from bqx.causality.results import Link, Links
from bqx.causality.robust import Design
from bqx.causality.series import Panel

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Names = tuple[str, str]
"""Source and target."""
Progress = Callable[[int, int], None]
"""Called with the number of tests that are done, and of all."""


def silent(_done: int, _total: int) -> None:
    """Say nothing."""


def directed(names: Sequence[str]) -> list[Names]:
    """Every series as the source of every other one: 756 links of 28 series."""
    return [(source, target) for target in names for source in names if source != target]


def granger_network(
    panel: Panel,
    settings: Settings | None = None,
    *,
    links: Iterable[Names] | None = None,
    fdr: Adjustment = "bh",
    workers: int = 1,
    progress: Progress = silent,
) -> Links:
    """Test links one by one, each with the past of its two series alone.

    The products of lags are added up once for all links, on the rows where both series of a link
    are complete. Where regressors are nearly dependent (a condition number beyond 1e3), the link is
    tested from the design itself. A series that drives two others at different delays makes a link
    between them too; `bqx.causality.conditional` takes such links out.

    Args:
        panel: The series.
        settings: How; the defaults when None.
        links: Sources and targets; all directed ones when None.
        fdr: How p values are adjusted for the number of links.
        workers: Threads.
        progress: Called after every link.

    Raises:
        UnknownNameError: If a series is not there.
    """
    asked = settings or Settings()
    wanted = directed(panel.names) if links is None else list(links)
    shared = _Shared(panel, asked)
    found = each_link(shared.link, wanted, workers, progress)
    facts = {"kind": "granger", **facts_of(panel, asked)}
    return Links(found, fdr, panel.synthetic, facts)


def each_link(
    test: Callable[[Names], Link], wanted: Sequence[Names], workers: int, progress: Progress
) -> tuple[Link, ...]:
    """Test links in the given order, some at a time."""
    found: list[Link] = []
    with ThreadPoolExecutor(workers) as pool:
        for link in pool.map(test, wanted):
            found.append(link)
            progress(len(found), len(wanted))
    return tuple(found)


def facts_of(panel: Panel, settings: Settings) -> dict[str, object]:
    """What was asked, for the reader."""
    lags = settings.lags if settings.lags != "auto" else f"{settings.criterion}, to"
    return {
        "series": list(panel.names),
        "lags": lags if settings.lags != "auto" else f"{lags} {settings.max_lag}",
        "robust": settings.robust,
        "every": panel.every,
        "bridge": settings.bridge,
    }


class _Shared:
    """What the links of a panel have in common."""

    def __init__(self, panel: Panel, settings: Settings) -> None:
        self._panel = panel
        self._settings = settings
        self._most = settings.greatest
        self._usable = panel.complete(self._most, bridge=settings.bridge)
        self._moments = self._made()

    def _made(self) -> PairMoments | None:
        if len(self._panel) <= self._most:
            return None
        return pair_moments(self._panel.standard, self._usable, self._most)

    def link(self, names: Names) -> Link:
        """Test one link."""
        source, target = (self._panel.place(name) for name in names)
        usable = self._usable[source] & self._usable[target]
        found = self._test(source, target, usable)
        return link_of(found, names, self._settings, span_of(self._panel, usable, self._most))

    def _test(self, source: int, target: int, usable: Flags) -> GrangerTest | None:
        moments, names = self._moments, self._panel.names
        if moments is None or moments.counts[target, source] <= 2 * self._most + 3:
            return None
        whole = triangle_of(moments.joint(target, source))
        order = None if whole is None else self._order(whole, int(moments.counts[target, source]))
        found = None if order is None or whole is None else self._fit(whole, order)
        if found is None or order is None or not is_well(found):
            return granger(self._panel, names[source], names[target], self._settings)
        views = [lags_of(self._panel.standard[k], self._most) for k in (target, source)]
        own, extra = (view[:, 1 : order + 1] for view in views)
        design = Design(own, extra, usable[self._most :])
        return of_fit(found, views[0][:, 0], design, self._settings)

    def _order(self, whole: Floats, rows: int) -> int:
        """The order of the bivariate VAR, from the triangle of 1, target and source at all lags."""
        if self._settings.lags != "auto":
            return self._most
        lags = [at for k in range(1, self._most + 1) for at in (1 + k, 2 + self._most + k)]
        triangle = reordered(whole, [0, *lags, 1, 2 + self._most])
        return order_by(triangle, rows, self._settings.criterion)

    def _fit(self, whole: Floats, order: int) -> Fit | None:
        own = range(2, 2 + order)
        extra = range(3 + self._most, 3 + self._most + order)
        return fit(reordered(whole, [0, *own, *extra, 1]))


def span_of(panel: Panel, usable: Flags, lags: int) -> tuple[int, int, int] | None:
    """Rows that count, the first that they reach back to, and the last; None without any."""
    at = np.flatnonzero(usable)
    if not len(at):
        return None
    return len(at), int(panel.rows[at[0] - lags]), int(panel.rows[at[-1]])
