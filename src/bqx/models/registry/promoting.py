"""Promotion through the gates, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bqx.errors import GateError, StoreError
from bqx.models.registry.comparing import Comparison, compare
from bqx.models.registry.gates import Gate, check_gates
from bqx.models.registry.records import ModelRecord
from bqx.models.registry.registry import CHAMPION, ModelRegistry


@dataclass(frozen=True)
class Promotion:
    """A promotion that went through.

    Attributes:
        record: The champion.
        gates: What it passed.
        former: The champion before, if there was one.
        comparison: The two side by side, likewise.
    """

    record: ModelRecord
    gates: tuple[Gate, ...]
    former: ModelRecord | None
    comparison: Comparison | None

    def to_json(self) -> dict[str, Any]:
        """The promotion as plain values."""
        return {
            "model": self.record.label,
            "gates": [g.to_json() for g in self.gates],
            "former": None if self.former is None else self.former.label,
            "comparison": None if self.comparison is None else self.comparison.to_json(),
        }


def promote(registry: ModelRegistry, name: str, version: int, reason: str = "") -> Promotion:
    """Make a model the champion of its name.

    Args:
        registry: The registry.
        name: Name of the model.
        version: Its version.
        reason: Why; needed where the model is worse than the champion.

    Raises:
        GateError: If it fails a gate; the refusal stays in the history.
        StoreError: If it is the champion already, or is worse and there is no reason.
        UnknownNameError: If there is no such model.
        IntegrityError: If artefacts of the champion are damaged.
    """
    with registry.writing():
        record, former = registry.find(name, version), registry.champion(name)
        if former is not None and former.version == record.version:
            raise StoreError(f"{record.label} is the champion already", expected="another version")
        gates = check_gates(record, registry.folder(record))
        if not all(g.passed for g in gates):
            registry.note(name, version, "refuse", reason, gates)
            raise _refused(record, gates)
        found = None if former is None else compare(registry, record, former)
        if found is not None and found.worse and not reason.strip():
            raise StoreError(
                f"{record.label} is worse than the champion: {found.verdict}",
                expected="a better one, or a reason",
                hint="--reason TEXT; it stays in the history",
            )
        registry.note(name, version, "promote", reason, gates)
    return Promotion(registry.find(name, version), gates, former, found)


def rollback(registry: ModelRegistry, name: str, reason: str = "") -> ModelRecord | None:
    """Bring back the champion before this one; None where there was none: then nothing serves.

    Raises:
        UnknownNameError: If there is no such model, or it has no champion.
        IntegrityError: If artefacts of the model that comes back are damaged.
    """
    with registry.writing():
        registry.find(name, CHAMPION)
        version = registry.former(name)
        if version is not None:
            registry.verify(registry.find(name, version))
        registry.note(name, version or 0, "rollback", reason)
    return registry.champion(name)


def _refused(record: ModelRecord, gates: tuple[Gate, ...]) -> GateError:
    failed = [gate for gate in gates if not gate.passed]
    told = "".join(f"\n{gate.to_text()}" for gate in failed)
    return GateError(
        f"{record.label} fails {len(failed)} of {len(gates)} gates{told}",
        expected="a model that passes all of them",
        hint="it stays a candidate; there is no way around the gates",
    )
