"""Where compiled kernels are kept: by the sources of everything that they call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bqx.kernels import jit


def test_a_file_reaches_what_it_imports() -> None:
    assert {"covariance", "products", "borders", "arrays", "jit"} <= jit.reached("covariance")
    assert "levelfit" in jit.reached("cointegration")
    assert jit.reached("jit") == {"jit"}


def test_a_changed_callee_gives_its_callers_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("covariance", "elementwise")
    before = [jit.cache_folder(name) for name in names]
    source = jit._source
    changed = {"borders": "# another line\n"}
    monkeypatch.setattr(jit, "_source", lambda name: source(name) + changed.get(name, ""))
    jit.cache_folder.cache_clear()
    after = [jit.cache_folder(name) for name in names]
    jit.cache_folder.cache_clear()
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_a_named_folder_is_used(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from bqx.kernels.elementwise import log\nlog(np.ones(3), np.ones(3))"
    )
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": ""}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    (folder,) = [p for p in tmp_path.iterdir() if p.name.startswith("elementwise-")]
    assert list(folder.rglob("*.nbc"))
