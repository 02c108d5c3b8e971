"""Every table of features: speed on one core, size on disk, and the peers of its kernels.

Data: a year of synthetic bars of all 28 pairs; the tables of one of them are computed from its bars
in memory, as `bqx.compute` does it. Seconds are those of the processor, not of the clock on the
wall, and the best of some rounds after one that is not counted. In every round all is new, so that
nothing is known from the round before.

A table that compares pairs is measured twice. *Alone* it pays for the series of all pairs and for
everything that all pairs share. *Shared* it finds that done by another pair, as most units of a
build do. Parameters that are fitted once a month are known in both, and their fits have a column of
their own.
"""

from __future__ import annotations

import gc
import json
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bqx.bars.synthetic import iter_synthetic_bars
from bqx.domains.around import Fitter, Market
from bqx.domains.grid import BarArrays, open_bars
from bqx.domains.rate import first_baseline
from bqx.domains.together import PairBars, Together
from bqx.features.arrow import to_arrow
from bqx.features.compute import Slice, TableData, compute_tables
from bqx.features.counts import Counted, count
from bqx.features.registry import Registry, registry
from bqx.features.stateless import bar_arrays
from bqx.features.table import TableSpec
from bqx.market import Calendar
from bqx.store.parquet import write_file

PAIR, OTHER = "eurusd", "gbpusd"
FLOOR, GOAL = 2e6, 15e6
"""Values per second that no table may miss, and that all of the core have to reach on average."""

Bars = Mapping[str, PairBars]


class InMarket(Together):
    """A pair's surroundings in which all pairs, and what they share, are already there."""

    def __init__(
        self, pairs: Bars, calendar: Calendar, known: Market, fitter: Fitter | None
    ) -> None:
        super().__init__(PAIR, pairs, calendar, fitter)
        self._known = known

    def market(self, first: int, last: int) -> Market:
        """All pairs; a year has but one range of rows."""
        del first, last
        return self._known


@dataclass(frozen=True)
class Cost:
    """What some columns of one table cost for one pair and year.

    Attributes:
        columns: Number of columns.
        history: Rows before a value may be shown.
        memory: Rows that can influence a value.
        values: Rows times columns.
        alone: Seconds when everything is new.
        shared: Seconds when another pair has made what pairs share.
        fitting: Seconds of the fits of parameters, for all months.
        size: Bytes on disk.
    """

    columns: int
    history: int
    memory: int
    values: int
    alone: float
    shared: float
    fitting: float
    size: int


def market_bars(days: int) -> Bars:
    """Bars of all pairs."""
    calendar = Calendar()
    arrays = {name: bar_arrays(frame) for name, frame in iter_synthetic_bars(days=days)}
    return {name: _pair_bars(open_bars(bars, calendar)) for name, bars in arrays.items()}


def _pair_bars(bars: BarArrays) -> PairBars:
    first = first_baseline(bars)
    if first is None:
        raise SystemExit("the synthetic bars are empty")
    return PairBars(bars, first.rate)


class Bench:
    """Measures tables over the bars of a market."""

    def __init__(self, pairs: Bars, rounds: int, folder: Path) -> None:
        self.registry: Registry = registry()
        self._pairs = pairs
        self.rounds = rounds
        self._folder = folder
        self._calendar = Calendar()
        self._rows = self._new(PAIR).rows(PAIR)

    def cost(self, spec: TableSpec) -> Cost:
        """What a table costs."""
        # The first round compiles, and shows what fits take beside the rest.
        self._once(spec, self._new(PAIR))
        fitter = self._fitter(PAIR) if spec.fits else None
        first, data = self._once(spec, self._new(PAIR, fitter))
        alone = self._alone(spec, fitter)
        shared = self._shared(spec, fitter) if spec.peers and not spec.single else alone
        size = write_file(to_arrow(data), self._folder / f"{spec.name}.parquet")
        columns, rows = len(spec.columns), len(data.minutes)
        fitting = first - alone if spec.fits else 0.0
        look_back = (spec.history, spec.memory)
        return Cost(columns, *look_back, rows * columns, alone, shared, fitting, size)

    def _new(self, pair: str, fitter: Fitter | None = None) -> Together:
        return Together(pair, self._pairs, self._calendar, fitter)

    def _fitter(self, pair: str) -> Fitter:
        """What knows fitted parameters from one round to the next."""
        past = self._new(pair)
        first = self._rows[0]
        return Fitter(past.month_starts(), lambda row: past.domains(pair, first, max(row, first)))

    def _once(self, spec: TableSpec, together: Together) -> tuple[float, TableData]:
        began = time.thread_time()
        piece = Slice(together.slice(*self._rows, single=spec.single), 0)
        data = compute_tables(self.registry, {spec.name: spec}, piece)[spec.name]
        return time.thread_time() - began, data

    def _alone(self, spec: TableSpec, fitter: Fitter | None) -> float:
        times = []
        for _ in range(self.rounds):
            times.append(self._once(spec, self._new(PAIR, fitter))[0])
            # Surroundings refer to themselves: hundreds of megabytes wait for the collector.
            gc.collect()
        return min(times)

    def _shared(self, spec: TableSpec, fitter: Fitter | None) -> float:
        times = []
        others = self._fitter(OTHER) if spec.fits else None
        for _ in range(self.rounds):
            other = self._new(OTHER, others)
            self._once(spec, other)
            known = InMarket(self._pairs, self._calendar, other.market(*self._rows), fitter)
            times.append(self._once(spec, known)[0])
            gc.collect()
        return min(times)


def part(bench: Bench, table: str, names: set[str], whole: Cost) -> Cost:
    """The cost of some columns of a table; measured apart where they are not all of it."""
    spec = bench.registry.table(table)
    chosen = tuple(name for name in spec.column_names if name in names)
    return whole if chosen == spec.column_names else bench.cost(spec.select(chosen))


def programme(bench: Bench, tables: Mapping[str, Cost]) -> dict[str, list[Cost]]:
    """Costs of the rows of the programme whose tables were measured, one per table."""
    found = {}
    for counted in count(bench.registry):
        own = by_table(counted)
        if counted.row.domain != "other" and own and own.keys() <= tables.keys():
            found[counted.row.key] = [part(bench, t, own[t], tables[t]) for t in own]
    return found


def by_table(counted: Counted) -> dict[str, set[str]]:
    """Names of a row's columns by table, without those that need data which nobody has."""
    found: dict[str, set[str]] = {}
    for table, column in counted.columns:
        if not column.absent:
            found.setdefault(table, set()).add(column.name)
    return found


def core(bench: Bench, tables: Mapping[str, Cost]) -> list[Cost]:
    """Costs of the columns of the core, table by table."""
    wanted: dict[str, set[str]] = {}
    for counted in count(bench.registry):
        if counted.row.in_core:
            for table, names in by_table(counted).items():
                wanted.setdefault(table, set()).update(names)
    return [part(bench, t, names, tables[t]) for t, names in wanted.items() if t in tables]


def families(bench: Bench, table: str) -> dict[str, Cost]:
    """Costs of the families of a table, each computed without the others."""
    spec = bench.registry.table(table)
    names = dict.fromkeys(column.family for column in spec.columns)
    if len(names) < 2:
        return {}
    return {
        name: bench.cost(spec.select(tuple(c.name for c in spec.columns if c.family == name)))
        for name in names
    }


def verdict(passed: object) -> str:
    return "PASS" if passed else "FAIL"


HEAD = (
    f"{'':26}{'columns':>8}{'history':>9}{'memory':>8}{'alone':>8}{'shared':>8}"
    f"{'seconds':>9}{'fits':>7}{'MB':>7}"
)


def line(name: str, costs: Sequence[Cost], bar: float) -> str:
    """Millions of values per second, alone and shared, and the rest of a row."""
    values, alone = sum(c.values for c in costs), sum(c.alone for c in costs)
    shared = sum(c.shared for c in costs)
    history, memory = max(c.history for c in costs), max(c.memory for c in costs)
    return (
        f"{name:26}{sum(c.columns for c in costs):8,}{history:9,}{memory:8,}"
        f"{values / alone / 1e6:8.1f}{values / shared / 1e6:8.1f}{alone:9.3f}"
        f"{sum(c.fitting for c in costs):7.1f}{sum(c.size for c in costs) / 1e6:7.1f}"
        f"  {verdict(values / alone >= bar)}"
    )


def measure(bench: Bench, names: Sequence[str], *, split: bool) -> dict[str, object]:
    """Measure and print tables, rows of the programme and the core."""
    print(f"\nTables of one pair and year, best of {bench.rounds} rounds")
    print("alone, shared: million values per second of one core; seconds: alone; fits: seconds")
    print(f"PASS from {FLOOR / 1e6:g} M/s alone")
    print(HEAD)
    tables, parts = {}, {}
    for name in names:
        tables[name] = bench.cost(bench.registry.table(name))
        print(line(name, [tables[name]], FLOOR), flush=True)
        for family, cost in families(bench, name).items() if split else ():
            parts[f"{name} {family}"] = cost
            print(line(f"  {family}", [cost], FLOOR), flush=True)
    print("\nThe same by the rows of the programme")
    rows = programme(bench, tables)
    for key, costs in rows.items():
        print(line(key, costs, FLOOR))
    of_core = core(bench, tables)
    if of_core:
        print(f"\nThe core, as far as it was measured; PASS from {GOAL / 1e6:g} M/s on average")
        print(line("core", of_core, GOAL))
    return {
        "tables": {name: asdict(cost) for name, cost in tables.items()},
        "families": {name: asdict(cost) for name, cost in parts.items()},
        "programme": {key: [asdict(c) for c in costs] for key, costs in rows.items()},
        "core": [asdict(cost) for cost in of_core],
    }


def main(args: list[str]) -> None:
    """Run and print."""
    from benchmarks import peers

    parser = ArgumentParser(prog="benchmarks features")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--families", default="all", help="families, tables and groups")
    parser.add_argument("--split", action="store_true", help="every family of a table, too")
    parser.add_argument("--days", type=int, default=365, help="of synthetic bars")
    parser.add_argument("--only", choices=("tables", "peers"))
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(args)
    found: dict[str, object] = {}
    pairs = market_bars(options.days)
    if options.only != "peers":
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(pairs, options.rounds, Path(folder))
            names = bench.registry.resolve(options.families.split(","))
            found |= measure(bench, names, split=options.split)
    if options.only != "tables":
        found["peers"] = peers.measure(pairs[PAIR], pairs[OTHER], 5 * options.rounds)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main([])
