"""Connections: where the password comes from, and that it goes nowhere else."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bqx import redaction
from bqx.errors import BqxError, ConfigError, StoreError
from bqx.postgres.connect import connect, conninfo, is_address, redacted
from bqx.postgres.database import PostgresDatabase
from bqx.stages.target import PostgresTarget
from scram import ENCODED, PASSWORD, USER, Guarded, free_port, guard
from servers import running

WRONG = "wr0ng-51c2e8"
VARIABLES = (
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGDATABASE",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSERVICE",
    "PGSERVICEFILE",
)


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    with running() as server:
        yield guard(server)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no file of this machine takes part, and no secret is remembered."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(redaction, "_known", set())


def user_of(address: str) -> str:
    connection = connect(address)
    try:
        row = connection.execute("SELECT current_user::text").fetchone()
    finally:
        connection.close()
    assert row is not None
    return str(row[0])


def failure(address: str) -> BqxError:
    with pytest.raises(BqxError) as caught:
        connect(address)
    return caught.value


def test_the_server_asks_for_a_password(guarded: Guarded) -> None:
    assert "no password supplied" in failure(guarded.url()).message


def test_a_password_in_a_url(guarded: Guarded) -> None:
    assert user_of(guarded.url(password=ENCODED)) == USER


def test_a_password_in_key_value_text(guarded: Guarded) -> None:
    text = f"host=127.0.0.1 port={guarded.port} user={USER} dbname=postgres password='{PASSWORD}'"
    assert user_of(text) == USER


@pytest.mark.parametrize(
    "form",
    [
        "postgresql://{user}@127.0.0.1:{port}/postgres?password=env:BQX_TEST_PASSWORD",
        "postgresql://{user}:env:BQX_TEST_PASSWORD@127.0.0.1:{port}/postgres",
        "host=127.0.0.1 port={port} user={user} dbname=postgres password=env:BQX_TEST_PASSWORD",
    ],
)
def test_a_reference_as_password(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    address = form.format(user=USER, port=guarded.port)
    assert is_address(address)
    monkeypatch.setenv("BQX_TEST_PASSWORD", PASSWORD)
    assert user_of(address) == USER
    assert redacted(address) == address
    monkeypatch.delenv("BQX_TEST_PASSWORD")
    error = failure(address)
    assert isinstance(error, ConfigError)
    assert "env:BQX_TEST_PASSWORD does not resolve: the variable is not set" in error.message


def test_a_file_as_password(guarded: Guarded, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    secret.chmod(0o600)
    assert user_of(guarded.url(f"?password=file:{secret}")) == USER


def test_a_reference_to_the_whole_address(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BQX_TEST_ADDRESS", guarded.url(password=ENCODED))
    assert is_address("env:BQX_TEST_ADDRESS")
    assert user_of("env:BQX_TEST_ADDRESS") == USER


def test_variables(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", str(guarded.port))
    monkeypatch.setenv("PGUSER", USER)
    monkeypatch.setenv("PGDATABASE", "postgres")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert user_of("postgresql://") == USER
    monkeypatch.setenv("PGPASSWORD", WRONG)
    message = failure("postgresql://").message
    assert "as the PG* variables say" in message
    assert WRONG not in message


def test_a_service_file(guarded: Guarded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    service = tmp_path / "services.conf"
    service.write_text(
        f"[fx]\nhost=127.0.0.1\nport={guarded.port}\nuser={USER}\ndbname=postgres\n"
        f"password={PASSWORD}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    assert is_address("service=fx")
    assert user_of("service=fx") == USER
    assert user_of("postgresql://?service=fx") == USER
    monkeypatch.setenv("PGSERVICE", "fx")
    assert user_of("postgresql://") == USER


def test_a_password_file(guarded: Guarded, tmp_path: Path) -> None:
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    file = tmp_path / ".pgpass"
    file.write_text(f"127.0.0.1:{guarded.port}:*:{USER}:{escaped}\n", encoding="utf-8")
    file.chmod(0o600)
    assert user_of(guarded.url()) == USER


def test_a_wrong_password_is_not_shown(guarded: Guarded) -> None:
    error = failure(guarded.url(password=WRONG))
    assert isinstance(error, StoreError)
    assert f"user={USER} host=127.0.0.1 port={guarded.port} dbname=postgres" in error.message
    assert "password authentication failed" in error.message
    assert WRONG not in "".join(traceback.format_exception(error))
    assert WRONG not in guarded.log()


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{WRONG}@127.0.0.1:{{port}}/x",
        f"postgresql://u:{WRONG}@no-such-host.invalid/x",
        f"host=127.0.0.1 port={{port}} user=u password={WRONG}",
        f"host=127.0.0.1 port={{port}} user=u password = '{WRONG}'",
        f"postgresql://u@127.0.0.1:{{port}}/x?password={WRONG}&sslmode=disable",
        f"postgresql://u@127.0.0.1:{{port}}/x?sslpassword={WRONG}&sslmode=disable",
    ],
)
def test_an_unreachable_host_does_not_show_the_password(address: str) -> None:
    error = failure(address.format(port=free_port()))
    assert isinstance(error, StoreError)
    assert "cannot connect to PostgreSQL" in error.message
    assert WRONG not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{WRONG}%zz@h/x",
        f"postgresql://u:p@{WRONG}@h/x",
        f"postgresql://u:12/{WRONG}@h/x",
        f"postgresql://u:{WRONG}/x",
        f"postgresql://u@h/x?password={WRONG}&no_such_option=1",
        f"host=h password=p {WRONG}",
        f"host=h port={WRONG}",
    ],
)
def test_an_unreadable_address_does_not_show_the_password(address: str) -> None:
    error = failure(address)
    assert WRONG not in "".join(traceback.format_exception(error))
    assert "%xx" in error.hint or "PG* variables" in error.hint


def test_nothing_that_holds_an_address_shows_its_password(guarded: Guarded) -> None:
    address = guarded.url(password=ENCODED)
    with PostgresTarget(address) as target:
        shown = [target.name, repr(target), str(target), repr(target.connection)]
        shown += [str(target.connection.info.dsn)]
    database = PostgresDatabase(address, "bqx_meta", "CREATE TABLE IF NOT EXISTS t (a INTEGER)")
    shown += [repr(database), str(database)]
    database.close()
    assert not [text for text in shown if PASSWORD in text or ENCODED in text]


def test_a_text_for_other_clients(guarded: Guarded) -> None:
    text = conninfo(guarded.url(password=ENCODED))
    assert str(text) == "***"
    with psycopg.connect(text.reveal()) as connection:
        assert connection.info.user == USER


def test_errors_of_statements_do_not_show_secrets(guarded: Guarded) -> None:
    with PostgresTarget(guarded.url(password=ENCODED)) as target:
        with pytest.raises(StoreError) as caught:
            target.execute(f"SELECT no_such_function('{PASSWORD}')")
        assert PASSWORD not in caught.value.message


def test_the_library_of_the_server_logs_no_password(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        failure(guarded.url(password=WRONG))
        assert user_of(guarded.url(password=ENCODED)) == USER
    assert WRONG not in caplog.text
    assert PASSWORD not in caplog.text


def test_what_is_an_address() -> None:
    for text in ("postgresql://h/d", "postgres://h", "service=fx", "host=h", "dbname=d", "env:A"):
        assert is_address(text)
    for text in ("bqx-store", "/data/store", "./host", "C:/store", "a=b"):
        assert not is_address(text)
