"""Leaks of a dataset: whether its columns could have been known in their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from bqx import __version__
from bqx.checks.report import Finding, Report
from bqx.checks.tally import Check, Tally, summarise
from bqx.dataset.dataset import Dataset
from bqx.dataset.disguised import DISGUISED, check_columns
from bqx.dataset.naming import Feature, parse_feature
from bqx.dataset.rewritten import Cause
from bqx.dataset.smoothing import FUTURE_VALUE, SCALED, SMOOTHED, Column, diagnose
from bqx.dataset.spine import SPINE, check_spine
from bqx.dataset.truncating import Around, differing
from bqx.errors import ConfigError, UnknownNameError
from bqx.features.table import ALL
from bqx.market import moment_of
from bqx.store.base import BaseStore
from bqx.store.state import now

BLOCK = 32
"""Rows before a tried one, itself included, that are compared."""
ROWS_A_FILE = 4
ROWS_DIAGNOSED = 3
DIAGNOSED = 40
"""Columns whose difference is explained; further ones are only named."""

FUTURE_CHECK = Check(
    name=FUTURE_VALUE,
    title="Every value is the one that bars up to its row give, whatever comes after them",
)
SMOOTHED_CHECK = Check(
    name=SMOOTHED, title="No column keeps changing when later bars come", unit="columns"
)
SCALED_CHECK = Check(
    name=SCALED, title="No column is scaled by what is known of the whole sample", unit="columns"
)
CUT = (FUTURE_CHECK, SMOOTHED_CHECK, SCALED_CHECK)


@dataclass
class _Trouble:
    """Where a column differs from what bars up to the row give."""

    pair: str
    month: str
    rows: list[int] = field(default_factory=list)
    values: int = 0
    shocked: int = 0
    example: str = ""
    reason: str = ""


@dataclass
class _Cut:
    """What the tried rows of all pairs have shown."""

    store: BaseStore
    dataset: Dataset
    features: tuple[Feature, ...]
    values: int = 0
    troubles: dict[int, _Trouble] = field(default_factory=dict)

    def try_row(self, pair: str, month: str, row: int, noise: np.random.Generator) -> None:
        """Compute the features of a row, and of some before it, from bars up to it."""
        first = max(row - BLOCK + 1, self.dataset.extent(pair)[0])
        rows, stored = self.dataset.matrix(pair, None, first, row + 1)
        around = Around(self.store, self.features, pair, row, BLOCK)
        cut, shocked = around.values(), around.values(noise=noise)
        truth = cut.values[rows - row + BLOCK - 1]
        self.values += stored.size
        wrong = differing(stored, truth)
        for k in np.flatnonzero(wrong.any(axis=0)).tolist():
            at = int(np.flatnonzero(wrong[:, k])[-1])
            example = f"{_text(stored[at, k])} where bars up to the row give {_text(truth[at, k])}"
            trouble = self.troubles.setdefault(k, _Trouble(pair, month))
            trouble.values += int(wrong[:, k].sum())
            trouble.example = trouble.example or f"{example}, at {self._moment(int(rows[at]))}"
            trouble.reason = trouble.reason or cut.failed.get(k, "")
            if trouble.pair == pair:
                trouble.rows.append(int(rows[at]))
        for k in np.flatnonzero(differing(cut.values[-1], shocked.values[-1])).tolist():
            trouble = self.troubles.setdefault(k, _Trouble(pair, month))
            trouble.shocked += 1
            trouble.example = trouble.example or f"another value at {self._moment(row)}"

    def _moment(self, row: int) -> str:
        minute = int(self.store.calendar.minutes(row, row + 1)[0])
        return f"{moment_of(minute):%Y-%m-%d %H:%M}"

    def tallies(self) -> list[Tally]:
        """One tally for each check, with a finding for each column."""
        found = {c.name: Tally(c.name, ALL, "") for c in CUT}
        found[FUTURE_VALUE].count(self.values)
        for name in (SMOOTHED, SCALED):
            found[name].count(len(self.features))
        for number, (k, trouble) in enumerate(sorted(self.troubles.items())):
            cause = self._cause(k, trouble, explained=number < DIAGNOSED)
            count = trouble.values + trouble.shocked if cause.check == FUTURE_VALUE else 1
            text = f"{cause.text}; {trouble.values:,} values differ: {trouble.example}"
            tally = found[cause.check]
            place = (cause.check, None, trouble.pair, trouble.month, str(self.features[k]))
            tally.failures += count
            tally.findings.append(Finding(*place, text, "what bars up to the row give", count))
        return list(found.values())

    def _cause(self, k: int, trouble: _Trouble, *, explained: bool) -> Cause:
        if not trouble.values:
            return Cause(FUTURE_VALUE, "changes when the bars after the row are other ones")
        if trouble.reason:
            text = f"cannot be computed from the bars up to the row: {trouble.reason}"
            return Cause(FUTURE_VALUE, text)
        if not explained:
            return Cause(FUTURE_VALUE, "differs, and was not looked into, as many do")
        feature = self.features[k]
        start, _ = self.dataset.extent(trouble.pair)
        _, values = self.dataset.matrix(trouble.pair, [str(feature)])
        rows = sorted(set(trouble.rows), reverse=True)[:ROWS_DIAGNOSED]
        return diagnose(self.store, Column(feature, trouble.pair, rows, start, values[:, 0]))


def _text(value: np.float32) -> str:
    return "NULL" if np.isnan(value) else f"{value:.7g}"


def check_dataset(
    dataset: Dataset,
    store: BaseStore | None = None,
    *,
    pairs: Sequence[str] | None = None,
    samples: int = 24,
    seed: int = 0,
) -> Report:
    """Look for leaks in a dataset.

    At some rows all features are computed again from bars that end there, and from bars that go on
    otherwise, and compared with the dataset, as are the `BLOCK` - 1 rows before. What differs is
    explained: a later row's value, a value that keeps changing when more bars come, a column that
    was standardised on everything. All rows and columns are searched for targets under another
    name; all targets are computed again.

    Args:
        dataset: The dataset.
        store: The store that it was made from; without it only targets under another name are
            looked for.
        pairs: Pairs; all when None.
        samples: Rows at which features are computed again, spread over pairs and months.
        seed: Of the choice of the rows.

    Raises:
        ConfigError: If no row shall be tried.
        UnknownNameError: If a pair is not in the dataset, or its features not in the store's
            registry.
        IntegrityError: If a file cannot be read.
    """
    if samples < 1:
        raise ConfigError(f"{samples} samples", expected="at least one")
    chosen = _pairs(dataset, pairs)
    checks: list[Check] = []
    tallies: list[Tally] = []
    if store is not None:
        checks += [*CUT, SPINE]
        tallies += _cut(dataset, store, chosen, samples, seed)
        tallies += [t for pair in chosen for t in check_spine(dataset, store, pair)]
    checks.append(DISGUISED)
    tallies += [check_columns(dataset, pair) for pair in chosen]
    return Report(
        title="Leaks of a dataset",
        checks=tuple(summarise(c, [t for t in tallies if t.check == c.name]) for c in checks),
        facts=_facts(dataset, store, chosen, samples, seed),
    )


def _pairs(dataset: Dataset, pairs: Sequence[str] | None) -> tuple[str, ...]:
    unknown = sorted(set(pairs or ()) - set(dataset.pairs))
    if unknown:
        raise UnknownNameError(
            f"the dataset has no pairs {', '.join(unknown)}",
            expected=f"some of {', '.join(dataset.pairs)}",
        )
    return dataset.pairs if pairs is None else tuple(pairs)


def _cut(
    dataset: Dataset, store: BaseStore, pairs: Sequence[str], samples: int, seed: int
) -> list[Tally]:
    features = tuple(parse_feature(name, store.registry) for name in dataset.features)
    run = _Cut(store, dataset, features)
    noise = np.random.default_rng([seed, 1])
    for pair, month, row in _drawn(dataset, pairs, samples, seed):
        run.try_row(pair, month, row, noise)
    return run.tallies()


def _drawn(
    dataset: Dataset, pairs: Sequence[str], samples: int, seed: int
) -> Iterator[tuple[str, str, int]]:
    """Random rows of random files, some of each, and of each pair at least one file.

    Tables that are fitted month by month make another month dearer than another row.
    """
    rng = np.random.default_rng(seed)
    shuffled = [[f[k] for k in rng.permutation(len(f))] for f in map(dataset.manifest.of, pairs)]
    turns = [file for turn in zip_longest(*shuffled) for file in turn if file is not None]
    files = turns[: max(-(-samples // ROWS_A_FILE), len(pairs))]
    for number, file in enumerate(files):
        count = samples * (number + 1) // len(files) - samples * number // len(files)
        for row in np.sort(rng.integers(file.first, file.stop, count)).tolist():
            yield file.pair, file.month, row


def _facts(
    dataset: Dataset, store: BaseStore | None, pairs: Sequence[str], samples: int, seed: int
) -> dict[str, object]:
    facts: dict[str, object] = {
        "dataset": str(dataset.folder),
        "identity": dataset.manifest.identity,
        "pairs": len(pairs),
        "features": len(dataset.features),
        "targets": len(dataset.targets),
    }
    if store is None:
        facts["store"] = "none: only targets under another name are looked for"
    else:
        made = dataset.manifest
        changed = [t for t, v in made.fingerprints.items() if store.fingerprint(t) != v]
        facts |= {
            "store": store.name,
            "bars since": "the same" if made.bars == store.bars.version() else "others",
            "tables of other code": changed,
            "rows tried": samples,
            "rows compared for each": BLOCK,
            "seed": seed,
        }
    return {**facts, "synthetic": dataset.synthetic, "generated": now(), "bqx version": __version__}
