"""What names a server, as against a folder."""

from __future__ import annotations

from bqx.redaction import REFERENCES

PREFIXES = ("postgresql://", "postgres://")
_TEXT = ("service=", "host=", "hostaddr=", "port=", "dbname=", "user=")


def is_address(text: str) -> bool:
    """Whether a text names a server: a URL, libpq's ``key=value`` text, or a secret reference."""
    return text.startswith((*PREFIXES, *_TEXT, *REFERENCES))
