"""Secrets are masked in texts, log records and what goes to stderr."""

from __future__ import annotations

import io
import logging
import pickle
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from bqx import redaction
from bqx.errors import BqxError, StoreError
from bqx.redaction import Redaction, install, redacted, remember

VALUE = "kn0b'\"%\\-\u00e9 77"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", set())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:pw@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql://u:p@w@h/d?x=y", "postgresql://u:***@h/d?x=y"),
        ("postgresql://:pw@h", "postgresql://:***@h"),
        ("no store at postgre:/u:pw@h/d", "no store at postgre:/u:***@h/d"),
        ("a://u:pw@h b://v:pw@i", "a://u:***@h b://v:***@i"),
        ("host=h password=pw user=u", "host=h password=*** user=u"),
        ("host=h password = 'p w\\' x' user=u", "host=h password = *** user=u"),
        ("postgresql://u@h?password=pw&sslmode=x", "postgresql://u@h?password=***&sslmode=x"),
        ("sslpassword=pw", "sslpassword=***"),
        ("PGPASSWORD=pw psql", "PGPASSWORD=*** psql"),
        ("{'password': 'pw', 'user': 'u'}", "{'password': ***, 'user': 'u'}"),
        ('{"password":"pw"}', '{"password":***}'),
        ("AWS_SECRET_ACCESS_KEY=pw", "AWS_SECRET_ACCESS_KEY=***"),
        ("Authorization: Bearer pw", "Authorization: Bearer ***"),
        (f"token pat{'A' * 14}.{'0' * 64} is old", "token *** is old"),
    ],
)
def test_secrets_are_found_where_they_stand(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u@h:5432/d?password=env:NAME",
        "postgresql://u:env:NAME@h/d",
        "host=h password='file:/run/secrets/pg' user=u",
        'password authentication failed for user "u"',
        "check host, port, user and password; psql takes the same",
        "2024-07-01 00:00:00 a@b",
        "http://localhost:8080/path",
        "",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_known_secret_is_masked_in_every_spelling() -> None:
    remember(VALUE)
    spellings = [VALUE, repr(VALUE), quote(VALUE, safe=""), f"{{'a': {VALUE!r}}}"]
    for spelling in spellings:
        shown = redacted(f"x {spelling} y")
        assert "kn0b" not in shown
        assert shown.startswith("x ")
        assert shown.endswith(" y")


def test_short_values_do_not_mask_words() -> None:
    remember("us")
    assert redacted("the user thus") == "the user thus"
    assert redacted("password=us") == "password=***"


def test_longer_secrets_first() -> None:
    remember("abcd")
    remember("abcdefgh")
    assert redacted("abcdefgh") == "***"


def test_errors_are_clean_by_construction() -> None:
    remember(VALUE)
    error = StoreError(f"found {VALUE}", expected=f"no {VALUE}", hint="postgresql://u:pw@h")
    for text in (error.message, str(error), repr(error), error.found, error.expected, error.hint):
        assert "kn0b" not in text
        assert ":pw@" not in text
    again: BqxError = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert again.message == error.message


# Logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What a handler with the filter writes."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(Redaction())
    logger = logging.getLogger("test_redaction")
    logger.addHandler(handler)
    logger.propagate = False
    yield text
    logger.removeHandler(handler)
    logger.propagate = True


def log_something(logger: logging.Logger) -> None:
    logger.warning("plain %s and %r and %d", VALUE, VALUE, 7)
    logger.warning(f"formatted {VALUE}", stack_info=True)  # noqa: G004
    logger.warning("an address postgresql://u:pw@h/d")
    try:
        int(VALUE)
    except ValueError:
        logger.exception("caught")


def test_the_filter_masks_messages_and_tracebacks(stream: io.StringIO) -> None:
    remember(VALUE)
    log_something(logging.getLogger("test_redaction"))
    text = stream.getvalue()
    assert "kn0b" not in text
    assert ":pw@" not in text
    assert "plain *** and '***' and 7" in text
    assert "ValueError: invalid literal for int() with base 10: " in text


@pytest.fixture
def _installed() -> Iterator[None]:
    factory = logging.getLogRecordFactory()
    stderr = sys.stderr
    install()
    install()
    yield
    logging.setLogRecordFactory(factory)
    sys.stderr = stderr


@pytest.mark.usefixtures("_installed")
def test_install_masks_every_record(caplog: pytest.LogCaptureFixture) -> None:
    remember(VALUE)
    log_something(logging.getLogger("another"))
    assert "kn0b" not in caplog.text
    assert "plain *** and" in caplog.text
    assert "ValueError: invalid literal" in caplog.text


PROGRAM = """
import sys, threading, warnings
from bqx.redaction import install, remember
install()
install()
secret = sys.argv[1]
remember(secret)
sys.stderr.write(f"1 progress of {secret}\\n")
sys.stderr.writelines([f"2 a line of {secret}\\n"])
print(f"3 printed {secret}", file=sys.stderr, flush=True)
warnings.warn(f"4 careful with {secret}")
def fail(): raise ValueError(f"5 in a thread {secret}")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
assert not sys.stderr.isatty()
raise ValueError(f"6 uncaught {secret}")
"""


def test_install_masks_stderr() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, VALUE], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert not run.stdout
    assert "kn0b" not in run.stderr
    for text in ("1 progress", "2 a line", "3 printed", "4 careful", "5 in a thread", "6 uncaught"):
        assert text in run.stderr
    assert run.stderr.count("***") == 6
