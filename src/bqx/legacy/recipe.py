"""What a database of the first version is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bqx.errors import ConfigError, InputFileError
from bqx.legacy.bars import PairBars, few_bars, generated_bars, real_bars, with_few
from bqx.market import PAIRS, month_bounds, month_of, months_between, parse_month, parse_pairs

MONTHS = "2024_07:2025_06"
"""Months of the first version's feature tables."""
ROWS = 3
SEED = 7

Names = str | Sequence[str]


@dataclass(frozen=True)
class Recipe:
    """What a database of the first version is made of.

    Attributes:
        pairs: Pairs; all 28 when None.
        months: The months of the feature tables, ``2024_07:2025_06``.
        rows: Rows per partition where there are no bars to compute from.
        real: Vendor files, or folders of them: the pairs in them get all bars and rows.
        full: Pairs that get generated bars for all minutes.
        full_months: Months in which those pairs get all rows, the first one among them; all when
            None.
        shift_weeks: Weeks that are added to the times of the vendor files.
        history: Months before the first one from which bars are kept, where there are any.
        seed: Of everything that is generated.
    """

    pairs: Names | None = None
    months: str = MONTHS
    rows: int = ROWS
    real: Sequence[str | Path] = ()
    full: Names = ()
    full_months: str | None = None
    shift_weeks: int = 0
    history: int = 1
    seed: int = SEED

    def __post_init__(self) -> None:
        """Check what can be checked without a file or a server."""
        if self.rows < 1:
            raise ConfigError(f"{self.rows} rows per partition", expected="at least 1")
        full = self.full_month_names
        if full != self.month_names[: len(full)]:
            raise ConfigError(
                f"full months {self.full_months}",
                expected=f"the first of the months {self.months}",
                hint="features of full months need the bars before them",
            )
        strangers = sorted(set(self.full_names) - set(self.pair_names))
        if strangers:
            raise ConfigError(
                f"no tables for {', '.join(strangers)}, which shall have all bars",
                expected=f"some of {', '.join(self.pair_names)}",
            )

    @cached_property
    def pair_names(self) -> tuple[str, ...]:
        """The pairs."""
        return tuple(PAIRS) if self.pairs is None else _pairs(self.pairs)

    @cached_property
    def full_names(self) -> tuple[str, ...]:
        """The pairs with generated bars."""
        return _pairs(self.full)

    @cached_property
    def month_names(self) -> tuple[str, ...]:
        """The months."""
        return _months(self.months)

    @cached_property
    def full_month_names(self) -> tuple[str, ...]:
        """The months of which all bars are taken."""
        return _months(self.full_months or self.months)

    def sources(self) -> dict[str, PairBars]:
        """The pairs that get all bars, some months behind them perhaps only a few.

        Raises:
            ConfigError: If a file has no bar in the months.
            InputFileError: If a file cannot be read, or none has a pair that is wanted.
        """
        full = frozenset(self.full_month_names)
        found = real_bars(self.real, self.pair_names, self._span, full, self.shift_weeks)
        if self.real and not found:
            raise InputFileError(
                "the files hold none of the pairs", expected=", ".join(self.pair_names)
            )
        generated = [pair for pair in self.full_names if pair not in found]
        found |= generated_bars(generated, self._span, full, self.seed)
        return {pair: self._completed(pair, source) for pair, source in found.items()}

    def few(self, pair: str) -> PairBars:
        """A few bars in each month."""
        return few_bars(pair, self.month_names, self.rows, self.seed)

    def _completed(self, pair: str, source: PairBars) -> PairBars:
        rest = self.month_names[len(self.full_month_names) :]
        level = float(source.bars.close[-1])
        return (
            with_few(source, few_bars(pair, rest, self.rows, self.seed, level)) if rest else source
        )

    @property
    def _span(self) -> tuple[int, int]:
        """Epoch minutes of the bars that are wanted."""
        first = month_bounds(self.month_names[0])[0]
        for _ in range(self.history):
            first = month_bounds(month_of(first - 1))[0]
        return first, month_bounds(self.full_month_names[-1])[1]


def _pairs(names: Names) -> tuple[str, ...]:
    return parse_pairs(names if isinstance(names, str) else list(names))


def _months(spec: str) -> tuple[str, ...]:
    first, _, last = spec.partition(":")
    low, high = parse_month(first), parse_month(last or first)
    if high < low:
        raise ConfigError(f"months {spec!r} end before they start", expected="FIRST:LAST")
    return months_between(month_bounds(low)[0], month_bounds(high)[0])
