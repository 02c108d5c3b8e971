"""What a selection is made with: quotas, limits of the filters, rankings and their effort."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bqx.errors import ConfigError

METHODS = ("gain", "permutation", "information", "correlation", "stability")
"""Rankings that are made here; others may be given with their scores."""


@dataclass(frozen=True)
class Effort:
    """How much work the rankings by trees and the resamples are.

    Attributes:
        rounds: Trees of a model.
        parts: Parts of the rows in time; each is left out of one model and judges it.
        repeats: Permutations of each feature.
        resamples: Block-bootstrap resamples of stability selection.
        information: Whether mutual information, too, is computed on each resample.
        small: Trees of a small model on each resample; none when 0.
    """

    rounds: int
    parts: int
    repeats: int
    resamples: int
    information: bool
    small: int


EFFORTS = {
    "fast": Effort(20, 2, 1, 20, information=False, small=0),
    "standard": Effort(40, 2, 1, 20, information=True, small=0),
    "thorough": Effort(100, 4, 3, 40, information=True, small=10),
}


def effort_named(name: str) -> Effort:
    """The numbers behind the name of an effort.

    Raises:
        ConfigError: If there is no such effort.
    """
    if name not in EFFORTS:
        raise ConfigError(f"effort {name!r}", expected=f"one of {', '.join(EFFORTS)}")
    return EFFORTS[name]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a selection depends on, beside its samples.

    Attributes:
        k: Features that are selected.
        min_rate: Of them, at least so many of the rate domain.
        min_bqx: Of them, at least so many of the BQX domain.
        methods: Rankings, of `METHODS`.
        effort: Name of one of `EFFORTS`.
        max_nulls: Greatest share of NULLs of a feature.
        max_share: Greatest share of a feature's values that may be equal.
        max_drift: Greatest share of a feature's variance between stretches of time.
        max_correlation: Greatest absolute rank correlation of two features.
        bins: Quantile bins for mutual information.
        max_rows: Most samples that are looked at.
        block: Grid rows of a block; by the length of the sample when None.
        margin: Grid rows between the rows that a tree model learns from and those that judge it.
        seed: Of all random choices.

    Raises:
        ConfigError: If a number is out of its range, or a name is unknown.
    """

    k: int = 250
    min_rate: int = 100
    min_bqx: int = 100
    methods: tuple[str, ...] = METHODS
    effort: str = "standard"
    max_nulls: float = 0.1
    max_share: float = 0.99
    max_drift: float = 0.4
    max_correlation: float = 0.95
    bins: int = 16
    max_rows: int = 20_000
    block: int | None = None
    margin: int = 150
    seed: int = 0

    def __post_init__(self) -> None:
        _check_numbers(self)
        unknown = [m for m in self.methods if m not in METHODS]
        if unknown or not self.methods or len(set(self.methods)) < len(self.methods):
            raise ConfigError(
                f"rankings {', '.join(self.methods) or 'none'}",
                expected=f"some of {', '.join(METHODS)}, each once",
            )
        effort_named(self.effort)

    @property
    def work(self) -> Effort:
        """The numbers behind the effort."""
        return effort_named(self.effort)

    @property
    def quotas(self) -> dict[str, int]:
        """The least number of features of each domain."""
        return {"rate": self.min_rate, "bqx": self.min_bqx}

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values."""
        return {**asdict(self), "methods": list(self.methods)}


def _check_numbers(settings: Settings) -> None:
    least = {"k": 1, "min_rate": 0, "min_bqx": 0, "max_rows": 100, "margin": 0, "seed": 0}
    for name, low in least.items():
        if getattr(settings, name) < low:
            raise ConfigError(f"{name} of {getattr(settings, name)}", expected=f"at least {low}")
    if settings.min_rate + settings.min_bqx > settings.k:
        raise ConfigError(
            f"{settings.min_rate} of rate and {settings.min_bqx} of bqx among {settings.k}",
            expected="quotas that add up to no more than k",
        )
    if not 2 <= settings.bins <= 64:
        raise ConfigError(f"{settings.bins} bins", expected="2 to 64")
    if settings.block is not None and settings.block < 1:
        raise ConfigError(f"blocks of {settings.block} rows", expected="at least 1")
    for name in ("max_nulls", "max_share", "max_drift", "max_correlation"):
        if not 0.0 <= getattr(settings, name) <= 1.0:
            raise ConfigError(f"{name} of {getattr(settings, name)}", expected="0 to 1")
