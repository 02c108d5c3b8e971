"""How far labels and features of a row reach, and the distance between folds that follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Protocol

from bqx.errors import ConfigError


class Reaching(Protocol):
    """A target: which rows the label of row t touches."""

    @property
    def behind(self) -> int:
        """Rows before t that a label touches."""

    @property
    def ahead(self) -> int:
        """Rows after t that a label touches."""


class Remembering(Protocol):
    """A column, or a whole table: how many rows are behind a value, its own included."""

    @property
    def history(self) -> int:
        """Rows that must be valid before a value is shown."""

    @property
    def memory(self) -> int:
        """Rows that can influence a value to more than 1e-12."""


@dataclass(frozen=True)
class Reach:
    """Rows that the label and the features of row t touch.

    The label interval is ``[t - behind, t + ahead]``, the feature interval ``[t - lookback, t]``,
    both ends included. A grid row without a bar carries the close before it.

    Attributes:
        behind: Rows before t in the label.
        ahead: Rows after t in the label.
        lookback: Rows before t in the features.

    Raises:
        ConfigError: If a number is negative.
    """

    behind: int
    ahead: int
    lookback: int

    def __post_init__(self) -> None:
        if min(self.behind, self.ahead, self.lookback) < 0:
            raise ConfigError(f"{self}", expected="numbers of rows, at least 0")

    @classmethod
    def of(
        cls,
        targets: Iterable[Reaching],
        columns: Iterable[Remembering] = (),
        lags: Iterable[int] = (),
        *,
        memory: bool = False,
    ) -> Reach:
        """The reach of targets and features together.

        Args:
            targets: At least one target.
            columns: Specs of columns or tables; the greatest history counts.
            lags: Lags in rows; the greatest counts, on top of the history.
            memory: Whether the rows that can influence a value count, instead of those that it
                needs. Tables that are fitted on all of the past (``TableSpec.fits``) reach further
                still; they stay causal, but no purge keeps them apart from earlier labels.

        Raises:
            ConfigError: If there is no target, or a lag is negative.
        """
        spans = [(target.behind, target.ahead) for target in targets]
        if not spans:
            raise ConfigError("no target", expected="at least one", hint="for example 60:15:level")
        rows = [c.memory if memory else c.history for c in columns]
        shifts = list(lags)
        if min(shifts, default=0) < 0:
            raise ConfigError(f"lags {shifts}", expected="rows into the past, at least 0")
        # A history counts the row itself, a look-back does not.
        lookback = max(max(rows, default=1), 1) - 1 + max(shifts, default=0)
        return cls(max(b for b, _ in spans), max(a for _, a in spans), lookback)

    def combined(self, *others: Reach) -> Reach:
        """The least reach that covers this one and the others."""
        every = (self, *others)
        return Reach(
            max(r.behind for r in every),
            max(r.ahead for r in every),
            max(r.lookback for r in every),
        )

    @property
    def purge(self) -> int:
        """Rows that must lie between a training row and a later test row.

        Then no training label interval touches a label or feature interval of the test.
        """
        return self.ahead + max(self.behind, self.lookback)

    def embargo(self, *, strict: bool = True) -> int:
        """Rows that must lie between a test row and a later training row.

        Then no training label interval touches a label or feature interval of the test, and when
        strict no training feature interval touches a label interval of the test either.
        """
        return self.ahead + (max(self.behind, self.lookback) if strict else self.behind)

    def to_json(self) -> dict[str, int]:
        """The three numbers by name."""
        return asdict(self)
