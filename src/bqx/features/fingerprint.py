"""Fingerprints: a hash of the code that determines a table's values.

Comments, docstrings and layout do not count. A module's hash includes the bqx modules that it
imports, so that a changed kernel changes every table that is made with it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

from bqx.errors import FamilyError

PACKAGE = "bqx"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# These decide how results are stored or reported, never what they are.
_IRRELEVANT = ("bqx.errors", "bqx.features", "bqx.market.pairs")


def code_hash(module: str) -> str:
    """Hash of a module's code and of the bqx modules that it imports.

    Raises:
        FamilyError: If the module has no source file.
    """
    seen: set[str] = set()
    _collect(module, seen)
    digest = hashlib.sha256()
    for name in sorted(seen):
        digest.update(f"{name}\n{_normalised(name)[0]}\n".encode())
    return digest.hexdigest()


def _collect(module: str, seen: set[str]) -> None:
    if module in seen:
        return
    seen.add(module)
    for imported in _normalised(module)[1]:
        if not imported.startswith(_IRRELEVANT):
            _collect(imported, seen)


@lru_cache(maxsize=256)
def _normalised(module: str) -> tuple[str, tuple[str, ...]]:
    """Source without comments and docstrings, and the bqx modules that it imports."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise FamilyError(
            f"module {module} has no source file",
            expected="a family in an importable .py file",
            hint="its fingerprint is the hash of its source",
        )
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    imports = tuple(sorted(set(_bqx_imports(tree))))
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree), imports


def _bqx_imports(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
            modules = [a.name for a in node.names if _is_module(node.module, a.name)]
            found += [f"{node.module}.{name}" for name in modules]
    return [name for name in found if name.split(".", 1)[0] == PACKAGE and name != PACKAGE]


def _is_module(package: str, name: str) -> bool:
    """Whether ``from package import name`` imports a module."""
    if package.split(".", 1)[0] != PACKAGE:
        return False
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return False
    return importlib.util.find_spec(f"{package}.{name}") is not None
