"""What is forecast: BQX at a later row, as an object that everything made from it can name.

Vocabulary: I is the rate index, W the window, h the horizon, both in rows of the trading-minute
grid, and ``B_W(t) = sum over i = 1 … W of (I[t-i] - I[t]) / I[t]``. Row t is known when its minute
has ended; a target at row t is what happens until row t + h.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from bqx.errors import ConfigError

Kind = Literal["level", "change", "vol_scaled", "direction", "innovation"]

KINDS: tuple[Kind, ...] = get_args(Kind)

HORIZONS = (15, 30, 45, 60, 75)
"""The horizons of the original programme, in rows."""

VOL_SPAN = 60
"""Returns behind the volatility that scales a target; see `bqx.dataset.martingale.ewma_vol`."""

MAX_GAP = 5
"""Missing minutes in a row that a label may contain."""

_FORMULAS: dict[Kind, str] = {
    "level": "B_W(t+h)",
    "change": "B_W(t+h) - B_W(t)",
    "vol_scaled": "(B_W(t+h) - B_W(t)) / ewma_vol_60(t)",
    "direction": "sign of B_W(t+h) - B_W(t)",
    "innovation": "B_W(t+h) - E[B_W(t+h) | bars <= t] with 1/I a martingale",
}

# What a label is, in words that the hash of a target covers. A change of the definition changes
# this text, and with it the identity of every dataset and model that uses a target.
_DEFINITION = (
    "B_W(t) = sum over i = 1..W of (I[t-i] - I[t]) / I[t]; unit rows of trading minutes; "
    f"ewma_vol_60 = root of the mean of the last {VOL_SPAN} squared log returns with weights "
    f"({VOL_SPAN - 1}/{VOL_SPAN + 1})^age; masked across closures, gaps of more than {MAX_GAP} "
    "rows, an unobserved row t+h, and where B_W(t+h) or the part known at t is not valid"
)

_TEXT = re.compile(r"(?P<window>\d+):(?P<horizon>\d+)(?::(?P<kind>\w+))?")
_NAME = re.compile(r"bqx_w(?P<window>\d+)_h(?P<horizon>\d+)_(?P<kind>\w+)")
_LISTS = re.compile(r"(?P<windows>\d+(,\d+)*):(?P<horizons>\d+(,\d+)*)(?::(?P<kinds>\w+(,\w+)*))?")


@dataclass(frozen=True, order=True)
class BQXTarget:
    """One target: BQX of a window, a horizon later, in one of five forms.

    Args:
        window: W, rows of the BQX window, at least 1.
        horizon: h, rows from the row of the forecast to the row of the label, at least 1.
        kind: ``level`` B_W(t+h); ``change`` B_W(t+h) - B_W(t); ``vol_scaled`` the change over the
            volatility known at t; ``direction`` its sign, -1, 0 or 1; ``innovation`` the level less
            its conditional mean under a martingale.

    Raises:
        ConfigError: If a number is below 1, or the kind is unknown.
    """

    window: int
    horizon: int
    kind: Kind = "level"

    def __post_init__(self) -> None:
        """Check the parts."""
        for part in ("window", "horizon"):
            value = getattr(self, part)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(
                    f"target {part} {value!r}",
                    expected="a whole number of rows, at least 1",
                    hint="BQXTarget(window=60, horizon=15)",
                )
        if self.kind not in KINDS:
            raise ConfigError(
                f"unknown kind of target {self.kind!r}",
                expected=f"one of {', '.join(KINDS)}",
                hint="for example 60:15:level",
            )

    @classmethod
    def parse(cls, text: str) -> BQXTarget:
        """Read ``60:15:level``, ``60:15`` (a level), or a name such as ``bqx_w60_h15_level``.

        Raises:
            ConfigError: If the text has another form, or names no target.
        """
        match = _TEXT.fullmatch(text.strip()) or _NAME.fullmatch(text.strip())
        if match is None:
            raise _text_error(text)
        kind = cast("Kind", match["kind"] or "level")
        return cls(int(match["window"]), int(match["horizon"]), kind)

    def __str__(self) -> str:
        """The form that ``parse`` reads: ``60:15:level``."""
        return f"{self.window}:{self.horizon}:{self.kind}"

    @property
    def name(self) -> str:
        """Name in columns and reports: ``bqx_w60_h15_level``."""
        return f"bqx_w{self.window}_h{self.horizon}_{self.kind}"

    @property
    def formula(self) -> str:
        """The formula, with W and h."""
        return _FORMULAS[self.kind]

    @property
    def identity(self) -> str:
        """Sixteen hexadecimal digits: the hash of the definition and the parameters."""
        text = f"{_DEFINITION}|{self.formula}|{self}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def behind(self) -> int:
        """Rows before t that a label touches: the label interval begins at row ``t - behind``."""
        if self.kind in {"level", "innovation"}:
            return max(self.window - self.horizon, 0)
        return max(self.window, VOL_SPAN) if self.kind == "vol_scaled" else self.window

    @property
    def ahead(self) -> int:
        """Rows after t that a label touches: the label interval ends at row ``t + ahead``."""
        return self.horizon

    @property
    def spans(self) -> tuple[int, int]:
        """Rows before and after t that a label touches."""
        return self.behind, self.ahead

    @property
    def known(self) -> int:
        """Rows back from t, with t, that the label, its mean or its spread need.

        It is at least the history of the volatility, `VOL_SPAN` returns.
        """
        return max(self.behind, VOL_SPAN) + 1

    def describe(self) -> dict[str, str | int]:
        """The target in plain values, for manifests and reports."""
        return {
            "name": self.name,
            "window": self.window,
            "horizon": self.horizon,
            "kind": self.kind,
            "unit": "rows (trading minutes)",
            "formula": self.formula,
            "behind": self.behind,
            "ahead": self.ahead,
            "identity": self.identity,
        }


def parse_targets(text: str | Sequence[str]) -> tuple[BQXTarget, ...]:
    """Read lists of targets: ``60:15,30,45:level,innovation`` stands for six.

    Args:
        text: Windows, horizons and kinds, each separated by commas; the kind is ``level`` where it
            is left out. Several such texts are separated by blanks or semicolons, or given as a
            sequence. Names of targets may stand among them.

    Returns:
        The targets in the order of the text: windows outermost, kinds innermost.

    Raises:
        ConfigError: If a part cannot be read, a target is named twice, or there is none.
    """
    joined = text if isinstance(text, str) else " ".join(text)
    parts = [part for part in re.split(r"[;\s]+", joined) if part]
    targets = [target for part in parts for target in _several(part)]
    if not targets:
        raise _text_error(joined)
    twice = sorted({target for target in targets if targets.count(target) > 1})
    if twice:
        raise ConfigError(
            f"named twice: {', '.join(map(str, twice))}",
            expected="each target once",
            hint="leave one of them out",
        )
    return tuple(targets)


def _several(part: str) -> list[BQXTarget]:
    match = _LISTS.fullmatch(part)
    if match is None:
        return [BQXTarget.parse(part)]
    kinds = match["kinds"] or "level"
    return [
        BQXTarget.parse(f"{window}:{horizon}:{kind}")
        for window in match["windows"].split(",")
        for horizon in match["horizons"].split(",")
        for kind in kinds.split(",")
    ]


def _text_error(text: str) -> ConfigError:
    return ConfigError(
        f"unreadable target {text!r}",
        expected="WINDOW:HORIZON[:KIND] with whole numbers of rows",
        hint=f"for example 60:15:level; kinds are {', '.join(KINDS)}",
    )
