"""What a run trains: plain values that determine it together with the dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from bqx.dataset.splits import Splitter, make_splitter
from bqx.dataset.target import BQXTarget, parse_targets
from bqx.errors import ConfigError
from bqx.selection.settings import effort_named

Learn = Literal["surprise", "whole"]
Scope = Literal["pair", "global"]
Control = Literal["shuffled_labels", "permuted_time"]
Shape = tuple[int, int]
"""Window and horizon of a target."""

GLOBAL = "global"
LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class SplitSpec:
    """How rows are split; see `bqx.dataset.splits.make_splitter`.

    Attributes:
        method: ``walk-forward``, ``kfold:6`` or ``combinatorial:6:2``.
        train: Length of a training block; walk-forward only, like the next three.
        test: Length of a test block.
        step: From one test block to the next; a test block when None.
        expanding: Whether training always begins at the first row.
    """

    method: str = "walk-forward"
    train: str | None = "6M"
    test: str | None = "1M"
    step: str | None = None
    expanding: bool = False

    @property
    def ordered(self) -> bool:
        """Whether all training rows come before the tested ones."""
        return self.method == "walk-forward"

    def splitter(self) -> Splitter:
        """The splitter.

        Raises:
            ConfigError: If there is no such splitter, or a length cannot be read.
        """
        return make_splitter(
            self.method,
            train=self.train,
            test=self.test,
            step=self.step,
            expanding=self.expanding,
        )


@dataclass(frozen=True)
class SelectionSpec:
    """How features are chosen inside a fold; see `bqx.selection`.

    Attributes:
        top: Features that are kept.
        min_rate: At least so many of the rate domain.
        min_bqx: At least so many of the BQX domain.
        max_rows: Rows that are read for it, at most.
        effort: How much work the rankings are: ``fast``, ``standard`` or ``thorough``.
    """

    top: int = 250
    min_rate: int = 100
    min_bqx: int = 100
    max_rows: int = 20_000
    effort: str = "standard"

    def __post_init__(self) -> None:
        """Check the effort, and that the quotas fit."""
        effort_named(self.effort)
        if min(self.min_rate, self.min_bqx) < 0 or self.min_rate + self.min_bqx > self.top:
            raise ConfigError(
                f"{self.top} features with at least {self.min_rate} and {self.min_bqx} of a domain",
                expected="quotas that fit into the number of features",
            )


@dataclass(frozen=True)
class TuningSpec:
    """How parameters of the learner are tuned inside a fold.

    Attributes:
        trials: Trials, at most.
        minutes: Time, at most; with it a run cannot be repeated bit for bit. No limit when None.
        folds: Purged folds inside the training rows.
    """

    trials: int
    minutes: float | None = None
    folds: int = 3

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.trials < 1 or self.folds < 2 or (self.minutes is not None and self.minutes <= 0.0):
            raise ConfigError(f"{self}", expected="a trial, two folds and some time at least")


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What determines a run, apart from the dataset.

    Attributes:
        targets: Targets; models are made for each of their shapes, not for each kind.
        pairs: Pairs.
        learner: Text of `bqx.models.learning.Learner`, such as ``lightgbm:num_leaves=15``.
        learn: ``surprise``, what is unknown at t in standard deviations; or ``whole``, for
            comparison.
        scope: One model for each pair, or one for all of them.
        splits: The folds.
        columns: Patterns of candidate features; all of the dataset when empty.
        max_lookback: Candidates look back so many rows at most; any number when None.
        selection: How features are chosen in a fold; all candidates are used when None.
        masks: Hashes of given masks by pair, instead of a selection.
        tuning: How parameters are tuned in a fold; as given when None.
        refresh: Selection and tuning are made again in every so many folds.
        stride: Every so many rows are learned from; labels of neighbours overlap.
        levels: Quantile levels.
        calibration: Share of the training rows, the last ones, that calibrate.
        seed: Of everything that is drawn.
        control: A run that must show no skill, or None.
    """

    targets: tuple[BQXTarget, ...]
    pairs: tuple[str, ...]
    learner: str = "lightgbm"
    learn: Learn = "surprise"
    scope: Scope = "pair"
    splits: SplitSpec = SplitSpec()
    columns: tuple[str, ...] = ()
    max_lookback: int | None = None
    selection: SelectionSpec | None = SelectionSpec()
    masks: tuple[tuple[str, str], ...] = ()
    tuning: TuningSpec | None = None
    refresh: int = 1
    stride: int = 7
    levels: tuple[float, ...] = LEVELS
    calibration: float = 0.2
    seed: int = 0
    control: Control | None = None

    def __post_init__(self) -> None:
        """Check the parts that do not need the dataset."""
        _require_choice("learn", self.learn, get_args(Learn))
        _require_choice("scope", self.scope, get_args(Scope))
        if self.control is not None:
            _require_choice("control", self.control, get_args(Control))
        if not self.targets or not self.pairs:
            raise ConfigError("a run without targets or pairs", expected="at least one of each")
        if self.stride < 1 or self.refresh < 1 or self.seed < 0:
            raise ConfigError(
                f"stride {self.stride}, refresh {self.refresh}, seed {self.seed}",
                expected="at least 1, 1 and 0",
            )
        if not self.levels or not all(0.0 < level < 1.0 for level in self.levels):
            raise ConfigError(f"quantile levels {self.levels}", expected="inside (0, 1)")
        if not 0.0 < self.calibration < 1.0:
            raise ConfigError(f"calibration share {self.calibration!r}", expected="inside (0, 1)")
        if self.refresh > 1 and not self.splits.ordered:
            raise ConfigError(
                f"refresh {self.refresh} with {self.splits.method}",
                expected="walk-forward: elsewhere earlier folds learn from later test rows",
            )
        if self.masks and self.selection is not None:
            raise ConfigError("masks and a selection together", expected="one of them")

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Windows and horizons of the targets, each once."""
        return tuple(dict.fromkeys((t.window, t.horizon) for t in self.targets))

    @property
    def units(self) -> tuple[str, ...]:
        """Folders of models: the pairs, or one for all."""
        return (GLOBAL,) if self.scope == "global" else self.pairs

    @property
    def repeatable(self) -> bool:
        """Whether the same spec gives the same bits again."""
        return self.tuning is None or self.tuning.minutes is None

    @property
    def identity(self) -> str:
        """Sixteen hexadecimal digits: the hash of all values."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The spec as plain values."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("splits", "selection", "tuning"):
            plain[name] = None if plain[name] is None else asdict(plain[name])
        plain["targets"] = [str(target) for target in self.targets]
        plain["masks"] = [list(pair) for pair in self.masks]
        for name in ("pairs", "columns", "levels"):
            plain[name] = list(plain[name])
        return plain

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunSpec:
        """Read what `to_json` made.

        Raises:
            ConfigError: If a part is missing, unknown, or cannot be used.
        """
        plain = dict(value)
        known = {f.name for f in fields(cls)}
        if set(plain) != known:
            odd = ", ".join(sorted(set(plain) ^ known))
            raise ConfigError(f"a run's spec differs in {odd}", expected=", ".join(sorted(known)))
        parts = {"splits": SplitSpec, "selection": SelectionSpec, "tuning": TuningSpec}
        for name, part in parts.items():
            plain[name] = None if plain[name] is None else part(**plain[name])
        plain["targets"] = parse_targets(plain["targets"])
        plain["masks"] = tuple((str(pair), str(found)) for pair, found in plain["masks"])
        for name in ("pairs", "columns", "levels"):
            plain[name] = tuple(plain[name])
        return cls(**plain)


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} {value!r}", expected=f"one of {', '.join(choices)}")
