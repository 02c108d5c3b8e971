"""Connections to a PostgreSQL server, with the secrets kept out of every message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bqx.errors import ConfigError, StoreError
from bqx.secrets import is_reference, resolve

PREFIXES = ("postgresql://", "postgres://", "service=")
OLDEST = 14
"""Major version of the oldest server that is supported."""
CONNECT_SECONDS = 10
_SECRET = re.compile(r"(://[^:/@\s]*:)[^@\s]*@|(\b(?:password|sslpassword)=)('[^']*'|[^\s&]+)")

Connection = psycopg.Connection[tuple[Any, ...]]


def is_address(text: str) -> bool:
    """Whether a text names a server, in the way that `connect` reads it."""
    return text.startswith(PREFIXES) or is_reference(text)


def redacted(text: str) -> str:
    """The text without passwords."""
    return _SECRET.sub(lambda m: f"{m[1]}***@" if m[1] else f"{m[2]}***", text)


def connect(address: str, *, autocommit: bool = False) -> Connection:
    """Open a connection.

    Args:
        address: ``postgresql://user@host:port/database?option=value``, libpq's ``key=value`` text,
            or a secret reference to one of them. What it leaves out comes from the ``PG*``
            variables, the service file and ``~/.pgpass``, as for any client of libpq. Its password
            may be a secret reference.
        autocommit: Whether every statement is a transaction of its own.

    Raises:
        ConfigError: If the address cannot be read, or a reference in it does not resolve.
        StoreError: If the server refuses or cannot be reached, or is too old.
    """
    options = _options(address)
    shown = redacted(make_conninfo("", **{k: v for k, v in options.items() if k != "password"}))
    try:
        connection = psycopg.connect(**options, autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise StoreError(
            f"cannot connect to PostgreSQL ({shown}): {_clean(error, options)}",
            expected="a server that accepts the connection",
            hint="check host, port, user and password; `psql` takes the same PG* variables",
        ) from None
    if connection.info.server_version < OLDEST * 10_000:
        version = connection.info.server_version // 10_000
        connection.close()
        raise StoreError(f"PostgreSQL {version} at {shown}", expected=f"version {OLDEST} or newer")
    connection.execute("SET TIME ZONE 'UTC'")
    connection.commit()
    return connection


def _options(address: str) -> dict[str, Any]:
    text = resolve(address) if is_reference(address) else address
    try:
        options: dict[str, Any] = conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        raise ConfigError(
            "unreadable PostgreSQL address",
            expected="postgresql://user@host:port/database or host=… dbname=…",
            hint="special characters in a URL are written as %xx",
        ) from None
    password = options.get("password")
    if password is not None and is_reference(password):
        options["password"] = resolve(password)
    return {"connect_timeout": CONNECT_SECONDS, "application_name": "bqx"} | options


def _clean(error: Exception, options: dict[str, Any]) -> str:
    text = " ".join(redacted(str(error)).split())
    password = options.get("password")
    return text.replace(password, "***") if password else text


@contextmanager
def reported(what: str, hint: str = "") -> Iterator[None]:
    """Turn errors of the server into a `StoreError` that says what was being done."""
    try:
        yield
    except psycopg.Error as error:
        detail = error.diag.message_primary or redacted(" ".join(str(error).split()))
        more = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
        raise StoreError(
            f"{what}: {detail}{more}", expected="a statement that succeeds", hint=hint
        ) from error


def run(connection: Connection, statement: str, parameters: Any = None) -> Any:
    """Run a statement that is put together from checked names; its cursor."""
    return connection.execute(statement, parameters)
