"""Connections to a PostgreSQL server, with the secrets kept out of every message."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bqx.errors import ConfigError, StoreError
from bqx.postgres.address import PREFIXES, is_address
from bqx.redaction import redacted
from bqx.secrets import Secret, is_reference, resolve

__all__ = ["Connection", "connect", "conninfo", "is_address", "redacted", "reported", "run"]

OLDEST = 14
"""Major version of the oldest server that is supported."""
CONNECT_SECONDS = 10
_SHOWN = ("service", "user", "host", "hostaddr", "port", "dbname")
_SECRET = ("password", "sslpassword", "oauth_client_secret")

Connection = psycopg.Connection[tuple[Any, ...]]


def connect(address: str, *, autocommit: bool = False) -> Connection:
    """Open a connection.

    Args:
        address: ``postgresql://user@host:port/database?option=value``, libpq's ``key=value`` text,
            or a secret reference to one of them. What it leaves out comes from the ``PG*``
            variables, the service file and ``~/.pgpass``, as for any client of libpq. Its password
            may be a secret reference: ``postgresql://user@host/database?password=env:NAME``.
        autocommit: Whether every statement is a transaction of its own.

    Raises:
        ConfigError: If the address cannot be read, or a reference in it does not resolve.
        StoreError: If the server refuses or cannot be reached, or is too old.
    """
    options = _options(address)
    try:
        connection = psycopg.connect(**_revealed(options), autocommit=autocommit)
    except psycopg.Error as error:
        raise StoreError(
            f"cannot connect to PostgreSQL ({_shown(options)}): {_clean(error, options)}",
            expected="a server that accepts the connection",
            hint="check host, port, user and password; `psql` takes the same PG* variables",
        ) from None
    try:
        _prepare(connection, _shown(options))
    except StoreError:
        connection.close()
        raise
    return connection


def conninfo(address: str) -> Secret:
    """An address as libpq's text with its secrets, for clients that want one text."""
    return Secret(make_conninfo("", **_revealed(_options(address))))


def _prepare(connection: Connection, shown: str) -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise StoreError(f"PostgreSQL {version} at {shown}", expected=f"version {OLDEST} or newer")
    with reported(f"preparing the connection to {shown}"):
        connection.execute("SET TIME ZONE 'UTC'")
        connection.commit()


def _options(address: str) -> dict[str, Any]:
    """What libpq is told; secrets are still wrapped."""
    text = resolve(address).reveal() if is_reference(address) else address
    try:
        options: dict[str, Any] = conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        raise _unreadable("unreadable PostgreSQL address") from None
    _check_places(text, options)
    for name in _SECRET:
        if value := options.get(name):
            options[name] = resolve(value) if is_reference(value) else Secret(value)
    if password := os.environ.get("PGPASSWORD"):
        Secret(password)
    return _defaults(options) | options


def _check_places(text: str, options: Mapping[str, Any]) -> None:
    """Refuse addresses where libpq took a part of the password for a host, port or database."""
    scheme, _, rest = text.partition("://")
    before, at, after = rest.partition("?")[0].partition("@")
    torn = scheme + "://" in PREFIXES and at and ("@" in after or "/" in before)
    ports = str(options.get("port", "")).replace(",", "")
    if torn or (ports and not ports.isdigit()):
        raise _unreadable("a PostgreSQL address whose host or port cannot be right")


def _unreadable(found: str) -> ConfigError:
    # Never with the text: nobody knows where in it the password is.
    return ConfigError(
        found,
        expected="postgresql://user@host:port/database or host=… dbname=…",
        hint="in a URL, special characters of a password are written as %xx; better, name it:"
        " ?password=env:NAME",
    )


def _defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"fallback_application_name": "bqx"}
    named = "service" in options or "PGSERVICE" in os.environ
    if not named and "PGCONNECT_TIMEOUT" not in os.environ:
        found["connect_timeout"] = CONNECT_SECONDS
    return found


def _revealed(options: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.reveal() if isinstance(v, Secret) else v for k, v in options.items()}


def _shown(options: Mapping[str, Any]) -> str:
    parts = [f"{name}={options[name]}" for name in _SHOWN if options.get(name)]
    return " ".join(parts) or "as the PG* variables say"


def _clean(error: Exception, options: Mapping[str, Any]) -> str:
    text = " ".join(redacted(str(error)).split())
    for secret in options.values():
        if isinstance(secret, Secret):
            text = text.replace(secret.reveal(), str(secret))
    return text


@contextmanager
def reported(what: str, hint: str = "") -> Iterator[None]:
    """Turn errors of the server into a `StoreError` that says what was being done."""
    try:
        yield
    except psycopg.Error as error:
        detail = error.diag.message_primary or " ".join(str(error).split())
        more = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
        raise StoreError(
            f"{what}: {detail}{more}", expected="a statement that succeeds", hint=hint
        ) from error


def run(connection: Connection, statement: str, parameters: Any = None) -> Any:
    """Run a statement that is put together from checked names; its cursor."""
    return connection.execute(statement, parameters)
