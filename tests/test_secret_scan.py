"""No secret is in the repository, and no command shows one that it was given."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bqx import redaction
from bqx.cli.app import app
from scram import ENCODED, PASSWORD, USER, Guarded, free_port, guard
from secretscan import findings
from servers import running
from stages.airtable_server import AirTableServer, airtable

ROOT = Path(__file__).parents[1]
TOKEN = "patPLANTEDPLANTED." + "0f" * 32
WRONG = "wr0ng-" + "51c2e8"


# The repository


def tracked() -> list[Path]:
    """Files of the repository, and those that are about to be added."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no checkout")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_file_of_the_repository_holds_a_secret() -> None:
    files = tracked()
    assert ROOT / "pyproject.toml" in files
    found = [
        f"{path.relative_to(ROOT)}:{line}: {kind}"
        for path in files
        for line, kind in findings(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found


# Put together here, so that the scan does not find them in this file.
PLANTED = {
    "token = '" + TOKEN + "'": "AirTable token",
    "key" + "Ab3dEf6hIj9kLm": "AirTable key",
    "AK" + "IAIOSFODNN7EXAMPLE": "AWS key",
    "gh" + "p_" + "a1B2" * 9: "GitHub token",
    "xo" + "xb-123456789012-abcdef": "Slack token",
    "AI" + "za" + "a1B2c" * 7: "Google key",
    "py" + "pi-" + "a1B2" * 12: "PyPI token",
    "-----BEGIN RSA " + "PRIVATE KEY-----": "private key",
    "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0In0.abc": "signed token",
    "postgresql://keeper:" + "Tr0ub4dor@db.example/fx": "password in a URL",
    "'postgresql://keeper:" + "correcthorse@db.example/fx'": "password in a URL",
    "def connect(pass" + "word: str = 'Tr0ub4dor&3'):": "literal under a telling name",
    "PGPASS" + "WORD=Tr0ub4dor&3 psql": "literal under a telling name",
    '{"aws_secret_access_' + 'key": "wJalrXUtnFEMI/K7MDENG"}': "literal under a telling name",
    "        return_to" + "ken = '" + "a1b2c3d4e5f6" + "'": "literal under a telling name",
}


@pytest.mark.parametrize(("text", "kind"), PLANTED.items(), ids=range(len(PLANTED)))
def test_the_scan_finds_what_is_planted(text: str, kind: str) -> None:
    assert (3, kind) in list(findings(f"one\ntwo\n{text}\nfour\n"))


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://keeper@db.example/fx?password=env:PGPASSWORD",
        "postgresql://keeper:{password}@db.example/fx",
        "postgresql://keeper:***@db.example/fx",
        "password = os.environ['NAME']",
        "--token env:AIRTABLE_TOKEN",
        "token: str = 'keyring:service/name'",
        "secret = resolve(reference)",
        "password authentication failed for user",
    ],
)
def test_the_scan_lets_references_pass(text: str) -> None:
    assert not list(findings(text))


# The commands


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    with running() as server:
        yield guard(server)


@pytest.fixture(scope="module")
def tracker() -> Iterator[AirTableServer]:
    with airtable(TOKEN) as server:
        yield server


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    monkeypatch.setenv("PLANTED_WRONG", WRONG)
    for name in ("PGPASSWORD", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


SECRETS = (PASSWORD, ENCODED, TOKEN, WRONG, PASSWORD[-8:])
STORES = {
    "good": "postgresql://{user}:{encoded}@127.0.0.1:{port}/postgres",
    "wrong": "postgresql://{user}:{wrong}@127.0.0.1:{port}/postgres",
    "wrong by reference": "postgresql://{user}@127.0.0.1:{port}/postgres?password=env:PLANTED_WRONG",
    "unreachable": "postgresql://{user}:{wrong}@127.0.0.1:{closed}/postgres",
    "misspelt": "postgre://{user}:{wrong}@127.0.0.1:{port}/postgres",
    "torn": "postgresql://{user}:a@{wrong}@127.0.0.1:{port}/postgres",
}
COMMANDS = (
    "doctor",
    "config show",
    "plan",
    "verify",
    "sql SELECT+1",
    "read reg_rate EURUSD",
    "legacy create --pairs eurusd --months 2024_07:2024_07",
    "stage list --json",
    "stage plan 1.6.9 --json",
    "stage apply 1.6.9 --yes",
    "stage rollback 1.6.9 --yes",
    "stage verify 2.11",
    "stage board --format json",
    "stage history --json",
    "stage push --base {base} --table Stages --token env:PLANTED_TOKEN --endpoint {url}",
    "stage push --base {base} --table Other --token env:PLANTED_TOKEN --endpoint {url}",
    "stage push --base {base} --table Stages --token env:PLANTED_WRONG --endpoint {url}",
    "stage push --base {base} --table Stages --token {token} --endpoint {url}",
)


def run(command: str, store: str, guarded: Guarded, tracker: AirTableServer) -> str:
    """Everything that a command shows, its traceback included."""
    address = STORES[store].format(
        user=USER, encoded=ENCODED, wrong=WRONG, port=guarded.port, closed=free_port()
    )
    names = {"base": tracker.base, "url": tracker.url, "token": TOKEN}
    words = [word.replace("+", " ").format(**names) for word in command.split()]
    result = CliRunner().invoke(app, words, env={"BQX_STORE": address})
    if result.exception is None:
        return result.output
    return result.output + "".join(traceback.format_exception(result.exception))


@pytest.mark.parametrize(
    "store",
    [pytest.param(name, marks=pytest.mark.slow) if name == "good" else name for name in STORES],
)
def test_no_command_shows_a_secret(
    store: str, guarded: Guarded, tracker: AirTableServer, caplog: pytest.LogCaptureFixture
) -> None:
    for command in COMMANDS:
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            shown = run(command, store, guarded, tracker) + caplog.text
        assert not [secret for secret in SECRETS if secret in shown], command


def test_the_record_on_the_server_holds_no_secret(
    guarded: Guarded, tracker: AirTableServer
) -> None:
    run("legacy create --pairs eurusd --months 2024_07:2024_07 --replace", "good", guarded, tracker)
    run("stage apply 1.6.9 --yes", "good", guarded, tracker)
    run("stage rollback 1.6.9 --yes", "good", guarded, tracker)
    record = guarded.dump("bqx_meta")
    assert "BQX-1.6.9\trollback" in record
    for text in (record, guarded.log()):
        assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize(
    "words",
    [
        ["stage", "list", "--store", f"postgresql://u:{WRONG}@127.0.0.1:1/x"],
        ["stage", "list", f"--stoer=postgresql://u:{WRONG}@127.0.0.1:1/x"],
        ["stage", f"postgresql://u:{WRONG}@127.0.0.1:1/x"],
        ["stage", "plan", "1.6.9", f"postgresql://u:{WRONG}@127.0.0.1:1/x"],
    ],
)
def test_the_program_shows_no_secret_on_stderr(words: list[str]) -> None:
    program = "from bqx.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr
    assert WRONG not in done.stdout + done.stderr
