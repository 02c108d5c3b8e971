"""Libraries that bqx works without, until something needs one of them."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bqx.errors import ConfigError


def library(name: str, extra: str) -> Any:
    """A module of an optional library.

    Args:
        name: Of the module, such as ``scipy.special``.
        extra: The extra of bqx that brings it.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"{name.partition('.')[0]} is not installed",
            expected=f"the extra `{extra}`",
            hint=f"pip install bqx-ml[{extra}]",
        ) from error


def versions(*names: str) -> dict[str, str]:
    """Versions of bqx and of some distributions, ``absent`` for those that are not installed."""
    from bqx import __version__

    found = {"bqx": __version__}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
