"""Run all benchmarks, or those that are named: ``python -m benchmarks kernels build``."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "kernels",
    "features",
    "oracles",
    "build",
    "copy",
    "rebuild",
    "stages",
    "dataset",
    "causality",
    "selection",
    "training",
    "planted",
    "honesty",
    "findings",
)


def main() -> None:
    """Run the benchmarks."""
    names = [a for a in sys.argv[1:] if a in NAMES] or list(NAMES)
    options = [a for a in sys.argv[1:] if a not in NAMES]
    for name in names:
        importlib.import_module(f"benchmarks.{name}").main(options)


if __name__ == "__main__":
    main()
