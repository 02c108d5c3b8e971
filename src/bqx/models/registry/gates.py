"""The gates that a model passes before it serves: each has a name, what was found, and its bound.

They read the record alone, which `bqx.models.registry.evidence` made when the run was registered,
and the files' hashes. There is no way around them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bqx.models.registry.artefacts import damaged
from bqx.models.registry.records import ModelRecord

COVERAGE_POINTS = 0.02
"""How far a quantile's observed share may be from its level, where the interval is narrower."""
CALIBRATION_ERROR = 0.03
"""Expected calibration error of direction probabilities, where the martingale's is smaller."""
SIGNIFICANCE = 0.05
"""Of p values adjusted over the whole table of the run."""
SHOWN = 5
"""Failures of a gate that a line of text tells."""
CONTROLS = ("shuffled_labels", "permuted_time")
"""Controls that must be there."""

Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Gate:
    """One gate.

    Attributes:
        name: Its name.
        passed: Whether the model passes.
        found: What was found, with the figure that decides.
        bound: What is needed.
        failures: Each thing that stops the model, all of them.
    """

    name: str
    passed: bool
    found: str
    bound: str
    failures: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The gate in a line, and its first failures in others."""
        mark = "passed" if self.passed else "FAILED"
        shown = [f"    {failure}" for failure in self.failures[:SHOWN]]
        more = len(self.failures) - SHOWN
        shown += [f"    and {more} more"] if more > 0 else []
        return "\n".join([f"  {mark} {self.name}: {self.found}; needed: {self.bound}", *shown])

    def to_json(self) -> dict[str, Any]:
        """The gate as plain values."""
        return {**asdict(self), "failures": list(self.failures)}


def check_gates(record: ModelRecord, folder: Path) -> tuple[Gate, ...]:
    """All gates of a model.

    Args:
        record: Its record.
        folder: Its artefacts.
    """
    gates = [gate(record.card) for gate in GATES]
    return (*gates, _intact(record, folder))


def _skill(card: Mapping[str, Any]) -> Gate:
    rows = _served(card)
    low = [(_low(r), _place(r)) for r in rows]
    worst, place = min(low, default=(float("-inf"), "nothing that it serves"))
    failures = [f"{p}: interval begins at {_figure(v)}" for v, p in low if not v > 0.0]
    failures += [f"{place}: no score" for place in _unscored(card)]
    found = f"lowest bound {_figure(worst)}, {place}"
    return _gate("skill", found, "skill interval above 0 for every pair and target", failures, low)


def _significance(card: Mapping[str, Any]) -> Gate:
    rows = _served(card)
    values = [(_or(r["p_adjusted"], 1.0), _place(r)) for r in rows]
    worst, place = max(values, default=(1.0, "nothing that it serves"))
    failures = [f"{p}: adjusted p {v:.4f}" for v, p in values if v > SIGNIFICANCE]
    found = f"greatest adjusted p {worst:.4f} of {len(card['metrics'])} tests, {place}"
    bound = f"at most {SIGNIFICANCE}, adjusted over all pairs and targets of the run"
    return _gate("significance", found, bound, failures, values)


def _coverage(card: Mapping[str, Any]) -> Gate:
    known = [(r, c) for r in _served(card) for c in r["coverage"]]
    worst, place, failures = 0.0, "", []
    for row, c in known:
        off = abs(c["observed"] - c["level"])
        where = f"{_place(row)} quantile {c['level']:g}: observed {c['observed']:.3f}"
        if off >= worst:
            worst, place = off, where
        inside = _or(c["low"], 1.0) <= c["level"] <= _or(c["high"], 0.0)
        if off > COVERAGE_POINTS and not inside:
            failures.append(where)
    bound = f"within {COVERAGE_POINTS:.0%} of the level, or the level in the share's interval"
    return _gate("coverage", f"{worst:.3f} off at most, {place}", bound, failures, known)


def _calibration(card: Mapping[str, Any]) -> Gate:
    rows = [r for r in _served(card) if r["calibration_error"] is not None]
    failures = []
    for row in rows:
        bound = max(CALIBRATION_ERROR, row["martingale_calibration_error"])
        if not row["calibration_error"] <= bound:
            failures.append(f"{_place(row)}: {row['calibration_error']:.4f}, bound {bound:.4f}")
    worst = max((r["calibration_error"] for r in rows), default=float("nan"))
    bound = f"at most {CALIBRATION_ERROR}, or the martingale's where that is greater"
    return _gate("calibration", f"error {worst:.4f} at most", bound, failures, rows)


def _leaks(card: Mapping[str, Any]) -> Gate:
    return _audited("leak audit", card["audits"]["leaks"], "no leak in the dataset")


def _folds(card: Mapping[str, Any]) -> Gate:
    return _audited("fold audit", card["audits"]["folds"], "no training row knows a test row")


def _audited(name: str, audit: Mapping[str, Any], bound: str) -> Gate:
    failures = [] if audit["passed"] else list(audit["failures"]) or ["it did not pass"]
    return _gate(name, str(audit["found"]), bound, failures, [audit])


def _controls(card: Mapping[str, Any]) -> Gate:
    there = {c["kind"]: c for c in card["controls"]}
    failures = [f"no control of the kind {kind}" for kind in CONTROLS if kind not in there]
    tested = 0
    for kind, control in there.items():
        for row in control["metrics"]:
            tested += 1
            if _low(row) > 0.0 and _or(row["p_adjusted"], 1.0) <= SIGNIFICANCE:
                failures.append(
                    f"{kind} has skill: {_place(row)}, interval from {_figure(_low(row))}"
                )
    found = f"{', '.join(sorted(there)) or 'none'}; {tested} scores"
    bound = f"{' and '.join(CONTROLS)}, of the same data and settings, without skill"
    return _gate("controls", found, bound, failures, [card])


def _real(card: Mapping[str, Any]) -> Gate:
    failures = ["it learned from generated bars"] if card["synthetic"] else []
    found = "synthetic bars" if card["synthetic"] else "real bars"
    return _gate("real data", found, "no generated bars", failures, [card])


def _intact(record: ModelRecord, folder: Path) -> Gate:
    hashes = record.card["files"]
    failures = list(damaged(folder, hashes))
    found = f"{len(hashes) - len(failures)} of {len(hashes)} files as registered"
    return _gate("artefacts", found, "every file with its hash", failures, list(hashes))


GATES: tuple[Callable[[Mapping[str, Any]], Gate], ...] = (
    _skill,
    _significance,
    _coverage,
    _calibration,
    _leaks,
    _folds,
    _controls,
    _real,
)


def _gate(
    name: str, found: str, bound: str, failures: Sequence[str], looked_at: Sequence[object]
) -> Gate:
    """A gate that nothing was looked at for is not passed."""
    told = tuple(failures) if looked_at else ("nothing to look at",)
    return Gate(name, not told, found, bound, told)


def _served(card: Mapping[str, Any]) -> list[Measured]:
    """Scores of the pairs and targets that the model is registered for."""
    return [
        m for m in card["metrics"] if m["pair"] in card["pairs"] and m["target"] in card["targets"]
    ]


def _unscored(card: Mapping[str, Any]) -> Iterator[str]:
    """Pairs and targets that are served and have no score."""
    there = {(m["pair"], m["target"]) for m in card["metrics"]}
    for pair in card["pairs"]:
        for target in card["targets"]:
            if (pair, target) not in there:
                yield f"{pair} {target}"


def _place(row: Measured) -> str:
    return f"{row['pair']} {row['target']}"


def _low(row: Measured) -> float:
    return _or(row["low"], float("-inf"))


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _figure(value: float) -> str:
    return f"{value:.5g}" if value > float("-inf") else "undefined"
