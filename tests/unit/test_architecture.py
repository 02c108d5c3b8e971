"""The layout keeps its direction: imports point one way only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "bqx"

# A package may import those before it in this chain, and what stands beside the chain.
CHAIN = (
    "market",
    "bars",
    "domains",
    "features",
    "families",
    "postgres",
    "store",
    "build",
    "checks",
    "legacy",
    "stages",
    "dataset",
    "causality",
    "selection",
    "models",
)
EVERYWHERE = {"errors", "extras", "redaction"}
# Modules below the chain, with what they may import.
BELOW: dict[str, set[str]] = {
    "redaction": set(),
    "errors": set(),
    "extras": {"errors", "__version__"},
    "secrets": {"errors"},
    "config": {"errors", "market"},
}
# PostgreSQL's rows are encoded by compiled code, and stages measure the speed of a kernel.
KERNEL_USERS = {
    "domains",
    "features",
    "families",
    "postgres",
    "checks",
    "legacy",
    "stages",
    "dataset",
    "causality",
    "selection",
    "models",
}
MAY_USE_CONFIG = {"store", "build", "checks", "stages", "dataset"}
MAY_USE_SECRETS = {"postgres", "stages"}
# The public names and the demo tie everything together; only the command line imports them.
TOP = {"api", "cli", "demo", "__init__"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Second part of every bqx module that a file imports: ``bars`` for ``bqx.bars.schema``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "bqx":
                names = [f"bqx.{a.name}" for a in node.names]
        found |= {n.split(".")[1] for n in names if n.startswith("bqx.")}
    return found


def allowed(part: str) -> set[str]:
    if part == "kernels":
        return {"kernels"}
    if part in BELOW:
        return {"redaction"} | BELOW[part]
    names = {*CHAIN[: CHAIN.index(part) + 1], *EVERYWHERE}
    names |= {"kernels"} if part in KERNEL_USERS else set()
    names |= {"config"} if part in MAY_USE_CONFIG else set()
    names |= {"secrets"} if part in MAY_USE_SECRETS else set()
    return names | {"__version__"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part not in TOP:
        assert imports(path) <= allowed(part)
    if part != "cli":
        assert "cli" not in imports(path)


def test_store_knows_tables_and_never_families() -> None:
    for path in (PACKAGE / "store").rglob("*.py"):
        assert "families" not in imports(path), path
    for path in (PACKAGE / "features").rglob("*.py"):
        assert "families" not in imports(path), path


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_importing_bqx_and_its_command_line_is_light() -> None:
    code = "import sys, bqx, bqx.cli.app; print(*sorted(m for m in sys.modules if '.' not in m))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "numba", "polars", "pyarrow", "duckdb", "pydantic", "jinja2"}
    assert heavy.isdisjoint(run.stdout.split())
