"""Secrets kept out of what is written: messages, logs, tracebacks, records.

Two things are looked for: values that a secret reference gave in this process, and the places
where a secret stands in any text, such as the password of a URL.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable
from typing import Any, TextIO, cast
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
"""Shorter values are masked in their places only: anywhere else they would be parts of words."""
REFERENCES = ("env:", "file:", "keyring:", "aws-sm:")
"""A reference stands where a secret would, and is no secret."""
_NAMED = r"(?<![\w-])(?i:[\w-]*(?:password|passwd|client_secret|secret_access_key|session_token))"
# Everything up to the last @ of a word: a password may hold an @ too.
_WORD = re.compile(r"(?<![^\s'\"])[^\s'\"]*@")
# A path keeps one slash of the two of a URL.
_URL = re.compile(r":/{1,2}[^:/@]*:")
_PLACES = re.compile(
    # key=value, with quotes as in libpq's text, and "key": "value".
    rf"(?P<named>{_NAMED}(?:['\"]\s*:|\s*=)\s*)"
    r"(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s&'\"]+)"
    r"|(?P<bearer>\b[Bb]earer\s+)[^\s'\"]+"
    r"|\bpat[A-Za-z0-9]{14}\.[0-9a-f]{32,}\b"
)
_known: set[str] = set()


def remember(secret: str) -> None:
    """Have a value masked wherever it appears, from now on and in this process."""
    if len(secret) >= SHORTEST:
        _known.update(_spellings(secret))


def _spellings(secret: str) -> set[str]:
    quoted = secret.replace("\\", "\\\\").replace("'", "\\'")
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    return {secret, quoted, repr(secret)[1:-1], json.dumps(secret)[1:-1], *encoded}


def redacted(text: str) -> str:
    """The text without secrets."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _PLACES.sub(_masked, _WORD.sub(_masked_url, text))


def _masked_url(word: re.Match[str]) -> str:
    start = _URL.search(word[0])
    if start is None:
        return word[0]
    inside = word[0][start.end() : -1]
    return f"{word[0][: start.end()]}{inside if inside.startswith(REFERENCES) else MASK}@"


def _masked(found: re.Match[str]) -> str:
    if found["named"]:
        value = found["value"]
        return found[0] if value.strip("'\"").startswith(REFERENCES) else found["named"] + MASK
    return (found["bearer"] or "") + MASK


class Redaction(logging.Filter):
    """A filter for handlers of logging that masks secrets in a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the message, its arguments and the traceback; every record passes."""
        record.msg, record.args = redacted(record.getMessage()), None
        if record.exc_info:
            lines = traceback.format_exception(*record.exc_info)
            record.exc_text, record.exc_info = "".join(lines).rstrip("\n"), None
        if record.exc_text:
            record.exc_text = redacted(record.exc_text)
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        return True


class _Records:
    """A factory of log records that masks secrets before a handler sees them."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self._redaction = Redaction()

    def __call__(self, *arguments: Any, **named: Any) -> logging.LogRecord:
        record: logging.LogRecord = self.inner(*arguments, **named)
        self._redaction.filter(record)
        return record


class _Stream:
    """A text stream that masks secrets in what is written to it."""

    def __init__(self, inner: TextIO) -> None:
        self.inner = inner

    def write(self, text: str) -> int:
        self.inner.write(redacted(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def install() -> None:
    """Mask secrets in every log record and in everything that goes to stderr.

    For programs; a library leaves both to the program that uses it. A second call does nothing.
    """
    factory = logging.getLogRecordFactory()
    if not isinstance(factory, _Records):
        logging.setLogRecordFactory(_Records(factory))
    if not isinstance(sys.stderr, _Stream):
        sys.stderr = cast("TextIO", _Stream(sys.stderr))
