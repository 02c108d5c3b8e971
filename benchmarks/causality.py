"""All 756 links among 28 pairs on a month of generated bars, and 2,641 columns to one target."""

from __future__ import annotations

import json
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import numpy as np

import bqx
from bqx.bars.synthetic import iter_synthetic_bars
from bqx.causality.entropies import EntropySettings, entropy_network
from bqx.causality.granger import Settings
from bqx.causality.network import granger_network
from bqx.causality.ranking import feature_links
from bqx.causality.results import Links
from bqx.causality.series import Panel
from bqx.causality.sources import store_panel
from bqx.causality.study import Study
from bqx.causality.surrogates import Surrogates
from bqx.dataset.ranges import Ranges
from bqx.dataset.storefolds import store_rows

COLUMNS = 2641


def month(root: Path) -> Panel:
    """One-row returns of 28 pairs over a month."""
    files = []
    for pair, bars in iter_synthetic_bars(days=31):
        files.append(root / f"{pair}.parquet")
        bars.write_parquet(files[-1])
    with bqx.open(root / "store") as store:
        store.ingest(files, synthetic=True)
        return store_panel(store, store.select_pairs(None), within=Ranges.of(store_rows(store)))


def study(rows: int) -> Study:
    """Persistent columns that tell nothing, and an overlapping label."""
    rng = np.random.default_rng(0)
    walks = np.cumsum(rng.standard_normal((rows, COLUMNS), np.float32), axis=0, dtype=np.float32)
    walks[60:] -= walks[:-60].copy()
    label = np.convolve(rng.standard_normal(rows + 59), np.ones(60), "valid")
    return Study.of(walks, label, names=[f"c{k}" for k in range(COLUMNS)], ahead=15)


def main(args: list[str]) -> None:
    """Run and print."""
    parser = ArgumentParser(prog="benchmarks causality")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ksg", action="store_true", help="nearest neighbours too: 10 links")
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(args)
    workers: int = options.workers
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        panel = month(Path(folder))
    granger_network(panel, Settings(1, robust="hac"), links=[("audcad", "audchf")])
    ways: dict[str, Callable[[], Links]] = {
        "Granger F, 5 lags": lambda: granger_network(
            panel, Settings(5, robust="none"), workers=workers
        ),
        "Granger HC, lags by BIC to 15": lambda: granger_network(panel, workers=workers),
        "Granger HAC, 5 lags": lambda: granger_network(
            panel, Settings(5, robust="hac"), workers=workers
        ),
        "transfer entropy, 3 bins": lambda: entropy_network(panel, workers=workers),
        "transfer entropy, blocks of a day": lambda: entropy_network(
            panel, EntropySettings(surrogates=Surrogates(scheme="block")), workers=workers
        ),
        "2,641 columns to a target, HAC": lambda: feature_links(study(30_000), workers=workers),
    }
    if options.ksg:
        some = [(panel.names[0], name) for name in panel.names[1:11]]
        ksg = EntropySettings("ksg", surrogates=Surrogates(99))
        ways["nearest neighbours, 10 links"] = lambda: entropy_network(
            panel, ksg, links=some, workers=workers
        )
    found = {}
    print(f"{len(panel):,} rows, {len(panel.names)} pairs, {workers} threads; synthetic bars")
    print(f"{'':36} {'s':>7} {'CPU s':>7} {'tests':>6} {'found':>6}")
    for name, way in ways.items():
        began, used = time.perf_counter(), time.process_time()
        links = way()
        took = time.perf_counter() - began, time.process_time() - used
        found[name] = {"seconds": took[0], "cpu": took[1], "tests": len(links)}
        print(
            f"{name:36} {took[0]:7.1f} {took[1]:7.1f} {len(links):6,} {len(links.significant()):6,}"
        )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main([])
