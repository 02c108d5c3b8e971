"""Targets under another name: columns that are, or know, what nobody can know in their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bqx.checks.report import Report
from bqx.checks.tally import Check, Tally, summarise
from bqx.dataset.dataset import BATCH, Dataset
from bqx.dataset.outlook import Exact, Surprises, exact, ranks, surprises
from bqx.dataset.surprise import LabelColumns
from bqx.domains.grid import FloatArray, Int64Array
from bqx.errors import ConfigError

DISGUISED = Check(
    name="target under another name",
    title="No column is a function of a target, or knows more of its surprise than can be known",
    unit="columns",
)
LEAK = 0.5
"""Rank correlation with a surprise above which a column is a leak: it explains a quarter of it."""
ERROR = 1e-3
"""Chance that any column of no information is called suspicious."""
EXACTLY = 1e-6
"""By how much a correlation may miss 1 to be one."""
NEARLY = 0.98
"""Correlation on a few rows from which all rows are looked at."""
FEW = 100
"""Values that a column must have on the compared rows."""
NAMED = 5
"""Suspicious columns that a note names."""

Column = NDArray[np.float32] | FloatArray


@dataclass
class _Search:
    """What columns are compared with, and what was found so far."""

    exact: Exact | None
    surprises: Surprises | None
    comparisons: int
    tally: Tally
    suspicious: dict[str, tuple[float, str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, rows: Int64Array, labels: Sequence[LabelColumns], columns: int, tally: Tally
    ) -> _Search:
        """Prepare the search of a number of columns on some rows."""
        known = surprises(labels)
        count = columns * len(known.targets) if known is not None else 0
        return cls(exact(rows, labels), known, count, tally)

    def look(self, name: str, column: Column) -> None:
        """Compare one column, given on all rows."""
        self.tally.count(1)
        relation = self._relation(column)
        strongest = self._strongest(column)
        text = "" if strongest is None else strongest[2]
        if relation is not None:
            self.tally.fail(None, name, relation, "what is known in the row")
        elif strongest is not None and abs(strongest[0]) > max(strongest[1], LEAK):
            expected = f"at most {max(strongest[1], LEAK):.2f}, whatever the model"
            self.tally.fail(None, name, text, expected)
        elif strongest is not None and abs(strongest[0]) > strongest[1]:
            self.suspicious[name] = (abs(strongest[0]), text)

    def _relation(self, column: Column) -> str | None:
        """Of which later value the column is a function, if it is one."""
        if self.exact is None:
            return None
        values = np.asarray(column[self.exact.places], np.float64)
        there = np.flatnonzero(np.isfinite(values))
        if len(there) < FEW:
            return None
        # A few rows show that nearly every column is none of the many series.
        few = there[:: max(len(there) // FEW, 1)]
        if max(np.abs(near).max() for near in self._near(values, few)) < NEARLY:
            return None
        plain, ranked = self._near(values, there)
        best = int(np.abs(plain).argmax())
        if abs(plain[best]) > 1.0 - EXACTLY:
            return _said(values[there], self.exact.series[best, there], self.exact.names[best])
        best = int(np.abs(ranked).argmax())
        if abs(ranked[best]) > 1.0 - EXACTLY:
            way = "rising" if ranked[best] > 0 else "falling"
            return f"is a {way} function of {self.exact.names[self.exact.targets[best]]}"
        return None

    def _near(self, values: FloatArray, rows: Int64Array) -> Iterator[FloatArray]:
        """Correlations with all series, then those of ranks with the targets."""
        assert self.exact is not None  # noqa: S101
        yield _correlations(values[rows], self.exact.series[:, rows])
        ranked = np.array([ranks(self.exact.series[k, rows]) for k in self.exact.targets])
        yield _correlations(ranks(values[rows]), ranked)

    def _strongest(self, column: Column) -> tuple[float, float, str] | None:
        """The greatest rank correlation with a surprise against its bound: it, the bound, words.

        Beside the column itself, what it holds beyond the expected value is correlated: a level
        that is known in part shows only there.
        """
        known = self.surprises
        if known is None:
            return None
        values = column[known.places]
        there = np.isfinite(values)
        share = float(there.mean())
        if there.sum() < FEW:
            return None
        ranked = ranks(values[there])
        best: tuple[float, float, str] | None = None
        for k, target in enumerate(known.targets):
            bound = self._bound(known.effective[k] * share)
            rho = _knowledge(ranked, known.surprises[k, there], known.expected[k, there])
            if best is None or abs(rho) / bound > abs(best[0]) / best[1]:
                text = (
                    f"rank correlation {rho:.3f} with the surprise of {target} (chance {bound:.3f})"
                )
                best = rho, bound, text
        return best

    def _bound(self, effective: float) -> float:
        """What a column of no information exceeds with the chance `ERROR`, over all columns."""
        # Two correlations are taken of each column and target, and both signs count.
        level = NormalDist().inv_cdf(1.0 - ERROR / (4.0 * max(self.comparisons, 1)))
        return float(level / np.sqrt(max(effective, 1.0)))

    def close(self) -> Tally:
        """The tally, with notes on what is suspicious and what could not be looked at."""
        if self.exact is None or self.surprises is None:
            self.tally.units = 0
            self.tally.note(1, "pairs have too few rows with targets")
        order = sorted(self.suspicious.items(), key=lambda item: -item[1][0])
        named = "; ".join(f"{name}, {text}" for name, (_, text) in order[:NAMED])
        whose = f"columns of {self.tally.pair}" if self.tally.pair else "columns"
        found = f"{whose} know more than chance, by skill or by a leak (suspicious): {named}"
        self.tally.note(len(order), found)
        return self.tally


def _knowledge(ranked: FloatArray, surprise: FloatArray, expected: FloatArray) -> float:
    """The greater of two rank correlations with a surprise: of the column, and beyond the mean."""
    own = ranked - ranked.mean()
    norm = float(own @ own)
    if norm == 0.0:
        return 0.0
    mean = expected - expected.mean()
    size = float(mean @ mean)
    beyond = own - (own @ mean) / size * mean if size > 0.0 else own
    both = [own] if float(beyond @ beyond) < EXACTLY * norm else [own, beyond]
    found = [float(_correlations(part, surprise[None])[0]) for part in both]
    return max(found, key=abs)


def _correlations(values: FloatArray, series: FloatArray) -> FloatArray:
    """Correlation of one series with each of several; 0 where one of them is constant."""
    own = values - values.mean()
    others = series - series.mean(axis=1, keepdims=True)
    sizes = np.sqrt(np.einsum("ij,ij->i", others, others) * float(own @ own))
    found: FloatArray = np.divide(others @ own, sizes, out=np.zeros(len(series)), where=sizes > 0.0)
    return found


def _said(values: FloatArray, series: FloatArray, name: str) -> str:
    """Whether a column that goes with a series is equal to it."""
    if np.allclose(values, series, rtol=1e-5, atol=1e-6 * float(np.std(series))):
        return f"holds {name}"
    slope = float(np.cov(values, series)[0, 1] / np.var(series, ddof=1))
    start = float(values.mean() - slope * series.mean())
    return f"is {start:.4g} + {slope:.4g} times {name}"


def check_matrix(
    rows: Int64Array,
    matrix: NDArray[np.float32] | FloatArray,
    names: Sequence[str],
    labels: Sequence[LabelColumns],
    *,
    pair: str = "",
) -> Report:
    """Look for targets under another name among columns of any origin.

    A column fails if it is equal to, an affine or a monotone function of, a target, of BQX at any
    later row, of a change, a direction or a surprise; or if its rank correlation with the surprise
    of a target exceeds both `LEAK` and what chance allows. One that exceeds only the latter is
    suspicious: a note says so, and it may be skill.

    Args:
        rows: Absolute rows, ascending, each once, of one pair.
        matrix: Shape (rows, columns), NaN where there is no value.
        names: Names of the columns.
        labels: Targets on the same rows, as `Dataset.labels` or `load_labels` give them.
        pair: The pair, for the report.

    Raises:
        ConfigError: If there are no labels, or the shapes do not belong together.
    """
    if matrix.shape != (len(rows), len(names)) or not labels:
        raise ConfigError(
            f"a matrix of shape {matrix.shape}, {len(labels)} targets",
            expected=f"{len(rows)} rows, {len(names)} names, at least one target",
        )
    columns = ((name, matrix[:, k]) for k, name in enumerate(names))
    tally = _searched(rows, columns, len(names), labels, pair)
    facts = {"columns": len(names), "rows": len(rows), "targets": len(labels)}
    return Report("Targets under another name", (summarise(DISGUISED, [tally]),), facts=facts)


def check_columns(dataset: Dataset, pair: str) -> Tally:
    """The same for all columns of a pair of a dataset."""
    if not dataset.targets:
        tally = Tally(DISGUISED.name, pair, "")
        tally.note(1, "pairs without a target")
        return tally
    labels = [dataset.labels(pair, target) for target in dataset.targets]
    columns = _columns(dataset, pair)
    return _searched(dataset.rows(pair), columns, len(dataset.features), labels, pair)


def _columns(dataset: Dataset, pair: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for at in range(0, len(dataset.features), BATCH):
        names = dataset.features[at : at + BATCH]
        _, matrix = dataset.matrix(pair, names)
        yield from ((name, matrix[:, k]) for k, name in enumerate(names))


def _searched(
    rows: Int64Array,
    columns: Iterator[tuple[str, Column]],
    count: int,
    labels: Sequence[LabelColumns],
    pair: str,
) -> Tally:
    search = _Search.of(rows, labels, count, Tally(DISGUISED.name, pair, ""))
    for name, column in columns:
        search.look(name, column)
    return search.close()
