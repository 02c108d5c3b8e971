"""What was found: one row per tested link, with what a reader must know beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from bqx.causality.false_discovery import ADJUSTMENTS, Adjustment, adjusted


@dataclass(frozen=True)
class Link:
    """One test of whether a source leads a target; NaN where it could not be made.

    Attributes:
        source: The series whose past is asked.
        target: The series that it may lead.
        kind: ``granger`` or ``transfer_entropy``.
        method: How it was tested.
        lag: Lags of the source.
        statistic: F of Granger's test, or transfer entropy in nats.
        p: P value.
        effect: Granger: ln of the ratio of the residual variances without and with the source
            (Geweke 1982). Transfer entropy: what is left of it after the mean of the surrogates, in
            nats. For Gaussian series the former is twice the latter (Barnett, Barrett and Seth
            2009).
        rows: Rows that count.
        first_row: Earliest absolute row that was read.
        last_row: Latest absolute row that was read.
        condition: Condition number of the regressors; NaN where there are none.
        surrogates: Surrogates that were made; 0 where none are needed.
    """

    source: str
    target: str
    kind: str
    method: str
    lag: int
    statistic: float
    p: float
    effect: float
    rows: int
    first_row: int | None
    last_row: int | None
    condition: float = math.nan
    surrogates: int = 0


@dataclass(frozen=True)
class Links:
    """Tested links, with p values adjusted for their number.

    Args:
        links: The tests.
        fdr: How p values are adjusted.
        synthetic: Whether any value comes from generated bars.
        facts: What was asked.
        most_surrogates: Surrogates of a link at most; 0 where none are needed.
    """

    links: tuple[Link, ...]
    fdr: Adjustment = "bh"
    synthetic: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)
    most_surrogates: int = 0

    def __len__(self) -> int:
        """Number of tests."""
        return len(self.links)

    @property
    def p_adjusted(self) -> pl.Series:
        """Adjusted p values in the order of the links; NULL where no test could be made."""
        p = np.array([link.p for link in self.links], np.float64)
        return pl.Series("p_adjusted", adjusted(p, self.fdr)).fill_nan(None)

    def frame(self) -> pl.DataFrame:
        """One row per link, the fields of `Link` and ``p_adjusted``; NULL where there is none."""
        records = [asdict(link) for link in self.links]
        schema = {
            **dict.fromkeys(("source", "target", "kind", "method"), pl.String),
            **dict.fromkeys(("lag", "rows", "first_row", "last_row", "surrogates"), pl.Int64),
            **dict.fromkeys(("statistic", "p", "effect", "condition"), pl.Float64),
        }
        order = list(Link.__dataclass_fields__)
        frame = pl.DataFrame(records, schema={name: schema[name] for name in order})
        floats = pl.col(pl.Float64).fill_nan(None)
        found = frame.with_columns(floats).with_columns(self.p_adjusted)
        return found.select(*order[:7], "p_adjusted", *order[7:])

    def significant(self, level: float = 0.05) -> pl.DataFrame:
        """The links with an adjusted p value of at most ``level``, strongest first."""
        return self.ordered().filter(pl.col("p_adjusted") <= level)

    def ordered(self) -> pl.DataFrame:
        """All links, the surest first, and of equally sure ones the strongest."""
        order = ["p_adjusted", "statistic"]
        return self.frame().sort(order, descending=[False, True], nulls_last=True)

    def names(self) -> tuple[str, ...]:
        """All series, in the order in which they first appear."""
        return tuple(dict.fromkeys(n for link in self.links for n in (link.source, link.target)))

    def to_json(self) -> dict[str, Any]:
        """Facts and links as plain values; None where a number is undefined."""
        facts = {"synthetic": self.synthetic, "adjustment": self.fdr, **self.facts}
        return {**facts, "links": self.ordered().to_dicts()}

    def caption(self) -> str:
        """What a reader must know to read the numbers."""
        made = [link for link in self.links if not math.isnan(link.p)]
        mark = "SYNTHETIC DATA. " if self.synthetic else ""
        return (
            f"{mark}{len(made):,} of {len(self):,} tests could be made; p adjusted by"
            f" {ADJUSTMENTS[self.fdr]} over them.{self._resolution()}"
        )

    def _resolution(self) -> str:
        """A warning where the number of surrogates decides what can be found."""
        if not self.most_surrogates:
            return ""
        return f" No p value is below 1/{self.most_surrogates + 1:,}: there are no more surrogates."

    def to_text(self, top: int = 20) -> str:
        """Lines for a terminal: the surest links."""
        head = ("source", "target", "lag", "statistic", "effect", "p", "p adjusted", "rows")
        lines = [head, *(_line(record) for record in self.ordered().head(top).to_dicts())]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        body = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
        found = len(self.significant())
        said = f"{found:,} of {len(self):,} links at an adjusted p of at most 0.05"
        return "\n".join([*(line.rstrip() for line in body), "", said, self.caption()])

    def write_json(self) -> str:
        """The same as `to_json`, as text."""
        return json.dumps(self.to_json(), allow_nan=False)


def _line(record: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = (record[n] for n in ("statistic", "effect", "p", "p_adjusted"))
    told = ("undefined" if v is None else f"{v:.4g}" for v in numbers)
    return record["source"], record["target"], str(record["lag"]), *told, f"{record['rows']:,}"
