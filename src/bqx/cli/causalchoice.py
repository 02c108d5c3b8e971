"""What the commands of causality were asked for: rows, series, columns, settings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bqx.causality.conditional import conditional_network
from bqx.causality.entropies import EntropySettings, Estimator, entropy_network
from bqx.causality.false_discovery import Adjustment
from bqx.causality.granger import Settings
from bqx.causality.lagorder import Criterion
from bqx.causality.network import Names, granger_network
from bqx.causality.ranking import feature_entropies, feature_links
from bqx.causality.results import Links
from bqx.causality.robust import Robust
from bqx.causality.series import Panel
from bqx.causality.sources import (
    SeriesKind,
    dataset_study,
    store_panel,
    store_study,
    within_pairs,
)
from bqx.causality.study import Study
from bqx.causality.surrogates import Scheme, Surrogates
from bqx.causality.transfer import Bins
from bqx.cli.common import open_store
from bqx.dataset.dataset import Dataset
from bqx.dataset.lengths import row_of
from bqx.dataset.ranges import Ranges
from bqx.dataset.storefolds import store_rows
from bqx.errors import ConfigError
from bqx.market import Calendar, epoch_minute, read_moment

if TYPE_CHECKING:
    from bqx.api import Store

Wanted = list[Names] | None
OnPanel = Callable[[Panel, Wanted, "Asked"], Links]
OnStudy = Callable[[Study, "Asked"], Links]
Run = tuple[OnPanel, OnStudy]
"""How links of series are tested, and links of columns."""


@dataclass(frozen=True)
class Asked:
    """Rows and series of a command; see its options."""

    store: str
    pairs: str | None
    period: tuple[str | None, str | None]
    within: bool
    between: bool
    series: str
    columns: str | None
    dataset: Path | None
    pair: str | None
    target: str | None
    every: int
    fdr: str
    workers: int

    @property
    def adjustment(self) -> Adjustment:
        """How p values are adjusted."""
        return cast("Adjustment", self.fdr)

    def run(self, run: Run) -> Links:
        """Test what was asked for.

        Raises:
            ConfigError: If options contradict each other, or rows cannot be read.
        """
        of_columns = self.columns is not None or self.dataset is not None
        if of_columns + self.within + self.between > 1:
            raise ConfigError(
                "several of --within, --between, --columns and --dataset", expected="one of them"
            )
        if of_columns:
            return run[1](self._study(), self)
        panel, links = self._panel()
        return run[0](panel, links, self)

    def _panel(self) -> tuple[Panel, Wanted]:
        store = open_store(self.store)
        pairs = store.select_pairs(self.pairs)
        kinds: list[str] = ["rate", "bqx"] if self.within else [self.series]
        rows = self._rows(store.calendar, store_rows(store, pairs))
        chosen = cast("list[SeriesKind]", kinds)
        panel = store_panel(store, pairs, chosen, within=rows, every=self.every)
        return panel, within_pairs(pairs) if self.within else None

    def _study(self) -> Study:
        if self.pair is None or self.target is None:
            raise ConfigError("columns without --pair or --target", hint="--target 60:15:level")
        if self.dataset is not None:
            dataset = Dataset.open(self.dataset)
            rows = self._rows(dataset.calendar, dataset.extent(self.pair))
            return dataset_study(dataset, self.pair, self.target, within=rows)
        store: Store = open_store(self.store)
        rows = self._rows(store.calendar, store_rows(store, [self.pair]))
        return store_study(store, self.pair, self.columns or "", self.target, within=rows)

    def _rows(self, calendar: Calendar, extent: tuple[int, int]) -> Ranges:
        """The rows of the period that there are."""
        low, high = (
            default if text is None else row_of(calendar, epoch_minute(read_moment(text)))
            for text, default in zip(self.period, extent, strict=True)
        )
        low, high = max(low, extent[0]), min(high, extent[1])
        if low >= high:
            raise ConfigError(
                f"no rows from {self.period[0]} to {self.period[1]}",
                expected="a period with bars, the start before the end",
            )
        return Ranges.of((low, high))


def granger_run(
    *,
    lags: str,
    max_lag: int,
    criterion: str,
    robust: str | None,
    bridge: bool,
    conditional: bool,
) -> Run:
    """Granger's tests as options say; see `bqx.causality.granger.Settings`.

    Raises:
        ConfigError: If an option cannot be used.
    """
    if lags != "auto" and not lags.isdecimal():
        raise ConfigError(f"lags {lags!r}", expected="a number, or auto")
    settings = Settings(
        lags="auto" if lags == "auto" else int(lags),
        max_lag=max_lag,
        criterion=cast("Criterion", criterion),
        robust=cast("Robust", robust or "hc"),
        bridge=bridge,
    )

    def on_panel(panel: Panel, links: Wanted, asked: Asked) -> Links:
        if conditional:
            return conditional_network(panel, settings, fdr=asked.adjustment)
        return granger_network(
            panel,
            settings,
            links=links,
            fdr=asked.adjustment,
            workers=asked.workers,
            progress=_told,
        )

    def on_study(study: Study, asked: Asked) -> Links:
        least = 2 * study.ahead - 1
        own = Settings(lags=1, robust=cast("Robust", robust or "hac"), hac_least=least)
        return feature_links(
            study, own, fdr=asked.adjustment, workers=asked.workers, progress=_told
        )

    return on_panel, on_study


def entropy_run(
    *,
    estimator: str,
    bins: int,
    lags: int,
    points: int,
    surrogates: tuple[int, str, int, int],
    bridge: bool,
) -> Run:
    """Transfer entropy as options say; see `bqx.causality.entropies.EntropySettings`.

    Raises:
        ConfigError: If an option cannot be used.
    """
    count, scheme, block, seed = surrogates
    settings = EntropySettings(
        cast("Estimator", estimator),
        Bins(bins, lags, lags),
        most_points=points,
        surrogates=Surrogates(count, cast("Scheme", scheme), block, seed=seed),
        bridge=bridge,
    )

    def on_panel(panel: Panel, links: Wanted, asked: Asked) -> Links:
        return entropy_network(
            panel,
            settings,
            links=links,
            fdr=asked.adjustment,
            workers=asked.workers,
            progress=_told,
        )

    def on_study(study: Study, asked: Asked) -> Links:
        return feature_entropies(
            study, settings, fdr=asked.adjustment, workers=asked.workers, progress=_told
        )

    return on_panel, on_study


def _told(done: int, total: int) -> None:
    """A line on stderr now and then."""
    step = max(total // 10, 1)
    if done % step == 0 or done == total:
        sys.stderr.write(f"{done:,}/{total:,} links\n")
