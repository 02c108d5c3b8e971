"""An evaluation as plain values for JSON; what is not defined is None."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from bqx.models.calibration import Curve
from bqx.models.evaluation.groups import GROUPINGS
from bqx.models.evaluation.numbers import finite
from bqx.models.evaluation.scoring import Found
from bqx.models.evaluation.statement import conclusion, statement
from bqx.models.scoretable import ScoreTable

if TYPE_CHECKING:
    from bqx.models.evaluation.evaluation import Evaluation


def plain(found: Evaluation) -> dict[str, Any]:
    """All of it; every score stands beside the martingale's."""
    every = [*found.singles(), *(one.pooled for one in found.found.values())]
    return {
        "run": dict(found.run),
        "synthetic": found.synthetic,
        "conclusion": conclusion(found),
        "statement": list(statement(found)),
        "by_pair": _records(found.by_pair()),
        "pooled": _records(found.pooled()),
        **{f"by_{name}": _records(found.by_group(name)) for name in GROUPINGS},
        "decomposition": [one.parts.to_json() for one in every],
        "calibration": [_calibration(one) for one in every],
        "importances": found.importances.to_json(),
        "controls": {
            "verdicts": [control.verdict() for control in found.controls],
            "pooled": _records(found.beside_controls()),
            "by_pair": _records(found.beside_controls(pooled=False)),
        },
        "notes": list(found.notes),
    }


def _records(table: ScoreTable | None) -> list[dict[str, Any]]:
    return [] if table is None else list(table.records())


def _calibration(one: Found) -> dict[str, Any]:
    reliability = one.reliability
    return {
        "pair": one.pair,
        "target": str(one.target),
        "coverage_error": finite(one.coverage_error),
        "calibration_error": finite(one.error),
        "calibration_error_martingale": finite(one.martingale_error),
        "coverage": [asdict(c) for c in one.coverage],
        "reliability": None
        if reliability is None
        else {
            "edges": reliability.edges.tolist(),
            "zeros": reliability.zeros,
            "model": _curve(reliability.model),
            "martingale": _curve(reliability.martingale),
        },
    }


def _curve(curve: Curve) -> dict[str, Any]:
    names = ("forecast", "observed", "low", "high")
    numbers = {n: [finite(x) for x in np.asarray(getattr(curve, n)).tolist()] for n in names}
    return {"error": finite(curve.error), "counts": curve.counts.tolist(), **numbers}
