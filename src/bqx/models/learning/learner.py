"""What is to be fitted: a kind of learner and its parameters, as a value with a name and a hash."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, cast, get_args

from bqx.errors import ConfigError

Kind = Literal["lightgbm", "ridge", "elastic_net", "xgboost", "catboost", "stack"]
Setting = float | int | str | bool

KINDS: tuple[Kind, ...] = get_args(Kind)

# The share of a BQX surprise that can be forecast is close to nothing, so all defaults are few and
# strongly regularised pieces: small trees with hundreds of rows in a leaf and a heavy penalty.
_BOOSTING: dict[str, Setting] = {"rounds": 60, "learning_rate": 0.05}
DEFAULTS: Mapping[Kind, Mapping[str, Setting]] = MappingProxyType(
    {
        "lightgbm": _BOOSTING
        | {
            "num_leaves": 15,
            "max_depth": -1,
            "min_data_in_leaf": 300,
            "feature_fraction": 0.5,
            "feature_fraction_bynode": 1.0,
            "lambda_l1": 0.0,
            "lambda_l2": 100.0,
            "min_gain_to_split": 0.0,
            "max_bin": 63,
            "extra_trees": False,
            "path_smooth": 0.0,
        },
        "ridge": {"penalty": 0.0, "blocks": 4, "clip": 5.0},
        "elastic_net": {"penalty": 0.0, "blocks": 4, "clip": 5.0, "l1_ratio": 0.5},
        "xgboost": _BOOSTING
        | {
            "max_depth": 4,
            "min_child_weight": 300.0,
            "colsample_bytree": 0.5,
            "reg_lambda": 100.0,
            "max_bin": 64,
        },
        "catboost": _BOOSTING | {"depth": 4, "l2_leaf_reg": 100.0, "rsm": 0.5, "max_bin": 63},
        "stack": {"bases": "lightgbm+ridge+elastic_net", "blocks": 3},
    }
)
"""Every parameter of each kind with its default. ``penalty`` 0 means: chosen on inner blocks."""


@dataclass(frozen=True)
class Learner:
    """A kind of learner with its parameters.

    Args:
        kind: ``lightgbm``, ``ridge``, ``elastic_net``, ``xgboost``, ``catboost`` or ``stack``.
        parameters: Those that differ from `DEFAULTS`. A stack's also name parameters of its bases:
            ``lightgbm.rounds``.

    Raises:
        ConfigError: If the kind or a parameter is unknown, or a value has the wrong type.
    """

    kind: Kind = "lightgbm"
    parameters: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the parts, and keep what differs from the defaults, as read-only."""
        if self.kind not in KINDS:
            raise ConfigError(
                f"unknown learner {self.kind!r}", expected=f"one of {', '.join(KINDS)}"
            )
        given = {k: _typed(self.kind, k, v) for k, v in sorted(self.parameters.items())}
        object.__setattr__(self, "parameters", MappingProxyType(given))
        if self.kind == "stack":
            self.bases()

    def __hash__(self) -> int:
        """By the identity."""
        return hash(self.identity)

    def __reduce__(self) -> tuple[object, ...]:
        """Copies and other processes get the parts: a read-only view of a dict has no copy."""
        return (Learner, (self.kind, dict(self.parameters)))

    @classmethod
    def parse(cls, text: str) -> Learner:
        """Read ``lightgbm`` or ``lightgbm:num_leaves=15,learning_rate=0.05``.

        Raises:
            ConfigError: If the text has another form, or a part is unknown.
        """
        kind, _, rest = text.strip().partition(":")
        given: dict[str, Setting] = {}
        for part in filter(None, (p.strip() for p in rest.split(","))):
            name, equals, value = (p.strip() for p in part.partition("="))
            if not equals or name in given:
                raise ConfigError(
                    f"unreadable parameter {part!r} of learner {kind!r}",
                    expected="NAME=VALUE, each name once",
                    hint="for example lightgbm:num_leaves=15,learning_rate=0.05",
                )
            given[name] = value
        return cls(cast("Kind", kind), given)

    def __str__(self) -> str:
        """The form that ``parse`` reads."""
        parts = ",".join(f"{k}={v}" for k, v in self.parameters.items())
        return f"{self.kind}:{parts}" if parts else self.kind

    @property
    def settings(self) -> dict[str, Setting]:
        """All parameters, with the defaults of those that are not given."""
        own = {k: v for k, v in self.parameters.items() if "." not in k}
        return {**DEFAULTS[self.kind], **own}

    @property
    def identity(self) -> str:
        """Sixteen hexadecimal digits: the hash of the kind and of all parameters in force."""
        bases = [base.identity for base in self.bases()]
        text = json.dumps([self.kind, self.settings, bases], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def bases(self) -> tuple[Learner, ...]:
        """The learners that a stack combines; none for the other kinds.

        Raises:
            ConfigError: If one is unknown, twice, or a stack itself, or there are fewer than two.
        """
        if self.kind != "stack":
            return ()
        kinds = [part.strip() for part in str(self.settings["bases"]).split("+")]
        if len(kinds) < 2 or len(set(kinds)) < len(kinds) or "stack" in kinds:
            raise ConfigError(
                f"a stack of {'+'.join(kinds)}",
                expected="two or more different learners, none a stack",
                hint="bases=lightgbm+ridge",
            )
        return tuple(Learner(cast("Kind", kind), self._of_base(kind)) for kind in kinds)

    def _of_base(self, kind: str) -> dict[str, Setting]:
        prefix = f"{kind}."
        own = self.parameters.items()
        return {k.removeprefix(prefix): v for k, v in own if k.startswith(prefix)}

    def to_json(self) -> dict[str, object]:
        """Kind and parameters."""
        return {"kind": self.kind, "parameters": dict(self.parameters)}


def _typed(kind: Kind, name: str, value: Setting) -> Setting:
    """A parameter in the type of its default; texts are read."""
    base, _, own = name.rpartition(".")
    known = DEFAULTS.get(cast("Kind", base), {}) if base and kind == "stack" else DEFAULTS[kind]
    default = known.get(own if base else name)
    if default is None:
        raise ConfigError(
            f"unknown parameter {name!r} of learner {kind}",
            expected=f"one of {', '.join(sorted(known or DEFAULTS[kind]))}",
        )
    if isinstance(default, bool):
        found: Setting | None = {"true": True, "false": False}.get(str(value).lower())
    else:
        found = _number_or_text(value, type(default))
    if found is None:
        raise ConfigError(
            f"parameter {name} = {value!r} of learner {kind}", expected=f"like {default!r}"
        )
    return found


def _number_or_text(value: Setting, wanted: type[Setting]) -> Setting | None:
    if wanted is str:
        return value if isinstance(value, str) else None
    try:
        number = float(value)
    except ValueError:
        return None
    if isinstance(value, bool) or not math.isfinite(number):
        return None
    if wanted is int:
        return int(number) if number == int(number) else None
    return number
