"""A fingerprint changes with what determines the values, and with nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bqx.features.fingerprint import _normalised, code_hash
from bqx.features.registry import Registry, families_in

Fingerprint = Callable[..., str]

FAMILY = '''
"""{docstring}"""
import numpy as np
from bqx.features.family import Family
from bqx.features.feature import Feature

# {comment}
class Lagged(Family):
    """A lag."""
    table = "lagged_{{domain}}"
    windows = ({windows})
    lag = Feature("lag_{{w}}", "{description}", history=lambda w: w + 1)

    def compute(self, d, w):
        out = np.full(len(d), np.nan)
        out[w:] = {factor} * d.series[:-w]
        return {{"lag": out}}
'''
DEFAULTS = {
    "docstring": "Lags.",
    "comment": "a comment",
    "windows": "5,",
    "description": "A lag.",
    "factor": "1.0",
}


@pytest.fixture
def fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fingerprint]:
    monkeypatch.syspath_prepend(tmp_path)

    def of(**changes: str) -> str:
        (tmp_path / "lagged_family.py").write_text(FAMILY.format(**(DEFAULTS | changes)))
        sys.modules.pop("lagged_family", None)
        importlib.invalidate_caches()
        _normalised.cache_clear()
        return Registry(families_in("lagged_family")).table("lagged_rate").fingerprint

    yield of
    sys.modules.pop("lagged_family", None)
    _normalised.cache_clear()


@pytest.mark.parametrize("change", [{"comment": "another"}, {"docstring": "More.\n\nText."}])
def test_words_do_not_count(fingerprint: Fingerprint, change: dict[str, str]) -> None:
    assert fingerprint(**change) == fingerprint()


@pytest.mark.parametrize("change", [{"factor": "2.0"}, {"windows": "5, 6"}])
def test_code_and_windows_count(fingerprint: Fingerprint, change: dict[str, str]) -> None:
    assert fingerprint(**change) != fingerprint()


def test_the_same_code_has_the_same_fingerprint(fingerprint: Fingerprint) -> None:
    assert fingerprint() == fingerprint()


def test_kernels_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_hash("bqx.families.covariance")
    real = _normalised.__wrapped__

    def changed(module: str) -> tuple[str, tuple[str, ...]]:
        source, imports = real(module)
        return source + ("#" if module == "bqx.kernels.quadratic" else ""), imports

    monkeypatch.setattr("bqx.features.fingerprint._normalised", changed)
    assert code_hash("bqx.families.covariance") != before  # through the regression's terms
    assert code_hash("bqx.families.backward_return") == code_hash("bqx.families.backward_return")
