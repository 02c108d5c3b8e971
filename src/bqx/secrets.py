"""Secret references: settings name a secret, they never contain one."""

from __future__ import annotations

import os
from pathlib import Path

from bqx.errors import ConfigError

SCHEMES = ("env:", "file:", "keyring:", "aws-sm:")


def is_reference(text: str) -> bool:
    """Whether a text is a secret reference."""
    return text.startswith(SCHEMES)


def resolve(reference: str) -> str:
    """The secret that a reference names.

    Args:
        reference: ``env:NAME``, ``file:PATH``.

    Raises:
        ConfigError: If it does not resolve; the message names the reference, never a secret.
    """
    scheme, _, name = reference.partition(":")
    found = os.environ.get(name) if scheme == "env" else None
    if scheme == "file" and Path(name).is_file():
        found = Path(name).read_text(encoding="utf-8").strip()
    if not found:
        raise ConfigError(f"secret {reference} is not set", expected="a reference that resolves")
    return found
