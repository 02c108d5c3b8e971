"""A search for texts that look like secrets."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

SHAPES = {
    "AirTable token": r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{32,}\b",
    "AirTable key": r"\bkey(?=[A-Za-z]*\d)(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{14}\b",
    "AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})",
    "Slack token": r"\bxox[abpors]-[A-Za-z0-9-]{10,}",
    "Google key": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "PyPI token": r"\bpypi-[A-Za-z0-9_-]{40,}",
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
}
_SHAPES = {name: re.compile(shape) for name, shape in SHAPES.items()}
_URL = re.compile(r"://[^:/@\s'\"]*:(?P<value>[^\s'\"/]{6,})@")
_NAMED = re.compile(
    r"(?i)(?:password|passwd|secret|token|api_?key|access_?key)\w*['\"]?\s*(?::\s*\w+\s*)?[:=]\s*"
    r"(?P<quote>['\"]?)(?P<value>[^\s'\"]{8,})(?P=quote)"
)
_NO_SECRET = re.compile(r"[{}<>$()\[\]…*]|^(?:env|file|keyring|aws-sm):|%s|xxx|XXX")


def findings(text: str) -> Iterator[tuple[int, str]]:
    """Line and kind of everything that looks like a secret."""
    for number, line in enumerate(text.splitlines(), start=1):
        for name, shape in _SHAPES.items():
            if shape.search(line):
                yield number, name
        if any(not _NO_SECRET.search(found["value"]) for found in _URL.finditer(line)):
            yield number, "password in a URL"
        if any(_random(found["value"]) for found in _NAMED.finditer(line)):
            yield number, "literal under a telling name"


def _random(value: str) -> bool:
    """Whether a value mixes letters and digits as words and paths do not."""
    if _NO_SECRET.search(value):
        return False
    mixed = re.search(r"[A-Za-z]", value) and re.search(r"\d", value)
    return bool(mixed) and _bits(value) > 2.7


def _bits(value: str) -> float:
    """Entropy of a character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
