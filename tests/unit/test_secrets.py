"""Secret references, and secrets that do not show themselves."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from bqx import redaction
from bqx.errors import ConfigError
from bqx.secrets import Secret, is_reference, resolve

VALUE = "hunter2-9d41cc"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", set())


def refusal(reference: str) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(reference)
    error = caught.value
    assert reference in error.found
    assert error.expected
    assert error.hint
    assert VALUE not in error.message
    return error.message


# What a secret shows


@dataclass(frozen=True)
class Settings:
    base: str
    token: Secret


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret(VALUE, "env:TOKEN")
    settings = Settings("app", secret)
    texts = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", "%s" % secret]  # noqa: UP031
    texts += [repr(settings), str(asdict(settings)), json.dumps(asdict(settings), default=str)]
    texts += [repr(copy.deepcopy(settings)), repr([secret]), repr(copy.copy(secret))]
    assert not [text for text in texts if VALUE in text]
    assert repr(secret) == "Secret(env:TOKEN)"
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == VALUE


def test_pickling_carries_the_reference_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", VALUE)
    data = pickle.dumps(Settings("app", resolve("env:TOKEN")))
    assert VALUE.encode() not in data
    assert pickle.loads(data).token.reveal() == VALUE  # noqa: S301
    monkeypatch.delenv("TOKEN")
    with pytest.raises(ConfigError, match="env:TOKEN does not resolve"):
        pickle.loads(data)  # noqa: S301


def test_a_secret_without_a_reference_is_not_pickled() -> None:
    with pytest.raises(ConfigError, match="cannot leave this process"):
        pickle.dumps(Secret(VALUE))


# Variables and files


def test_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_reference("env:TOKEN")
    monkeypatch.setenv("TOKEN", VALUE)
    assert resolve("env:TOKEN").reveal() == VALUE
    monkeypatch.setenv("TOKEN", "")
    assert "it is empty" in refusal("env:TOKEN")
    monkeypatch.delenv("TOKEN")
    message = refusal("env:TOKEN")
    assert "the variable is not set" in message
    assert "export TOKEN=" in message


def private(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_without_its_last_line_end(tmp_path: Path, ending: str) -> None:
    path = private(tmp_path / "token", (VALUE + ending).encode())
    assert resolve(f"file:{path}").reveal() == VALUE


def test_other_white_space_of_a_file_stays(tmp_path: Path) -> None:
    path = private(tmp_path / "token", b" a b \n\n")
    assert resolve(f"file:{path}").reveal() == " a b \n"


def test_a_file_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    private(tmp_path / "token", VALUE.encode())
    assert resolve("file:~/token").reveal() == VALUE


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "token", VALUE.encode())
    path.chmod(mode)
    message = refusal(f"file:{path}")
    assert f"mode {mode:o}" in message
    assert f"chmod 600 {path}" in message


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "No such file" in refusal(f"file:{tmp_path}/none")
    assert "it is no file" in refusal(f"file:{tmp_path}")
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "it is no file" in refusal(f"file:{tmp_path}/pipe")
    assert "it is empty" in refusal(f"file:{private(tmp_path / 'empty', b'')}")
    binary = private(tmp_path / "binary", VALUE.encode() + b"\xff\xfe")
    assert "it is no UTF-8 text" in refusal(f"file:{binary}")
    long = private(tmp_path / "long", b"x" * 70_000)
    assert "longer than 65,536 bytes" in refusal(f"file:{long}")


@pytest.mark.parametrize("reference", ["env:", "file:", "keyring:", "aws-sm:"])
def test_a_reference_to_nothing(reference: str) -> None:
    assert "it names nothing" in refusal(reference)


@pytest.mark.parametrize("text", [VALUE, f"vault:{VALUE}", "", f"ENV:{VALUE}"])
def test_what_is_no_reference_is_not_repeated(text: str) -> None:
    assert not is_reference(text)
    with pytest.raises(ConfigError, match="not a secret reference") as caught:
        resolve(text)
    assert VALUE not in caught.value.message


# The keyring


class Memory(KeyringBackend):
    """A keyring of this process."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked(f"cannot show {VALUE}")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    found = Memory()
    monkeypatch.setattr(keyring.core, "_keyring_backend", found)
    return found


def test_the_keyring(memory: Memory) -> None:
    memory.set_password("bqx/postgres", "keeper", VALUE)
    assert resolve("keyring:bqx/postgres/keeper").reveal() == VALUE
    assert "keyring set bqx other" in refusal("keyring:bqx/other")
    assert "service or name is missing" in refusal("keyring:bqx")
    memory.locked = True
    assert "the keyring refuses (KeyringLocked)" in refusal("keyring:bqx/postgres/keeper")


@pytest.mark.parametrize(("reference", "name"), [("keyring:a/b", "keyring"), ("aws-sm:a", "boto3")])
def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch, reference: str, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    message = refusal(reference)
    assert f"{name} is not installed" in message
    assert "pip install bqx-ml[secrets]" in message


# AWS Secrets Manager


class Vault(HTTPServer):
    """A local server that answers as AWS Secrets Manager does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), VaultHandler)
        self.secrets: dict[str, dict[str, str]] = {}
        self.regions: list[str] = []


class VaultHandler(BaseHTTPRequestHandler):
    server: Vault

    def do_POST(self) -> None:
        assert self.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
        # The region is the third part of the credential's scope.
        self.server.regions.append(self.headers["Authorization"].split("/")[2])
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = self.server.secrets.get(body["SecretId"])
        if found is None:
            error = {"__type": "ResourceNotFoundException", "Message": "not there"}
            self.answer(400, error)
        else:
            self.answer(200, {"Name": body["SecretId"], "VersionId": "1", **found})

    def answer(self, status: int, value: dict[str, Any]) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def serving(server: HTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Vault]:
    found = Vault()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{found.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with serving(found):
        yield found


def test_secrets_manager(vault: Vault) -> None:
    vault.secrets["fx/plain"] = {"SecretString": VALUE}
    vault.secrets["fx/binary"] = {"SecretBinary": b64encode(VALUE.encode()).decode()}
    vault.secrets["fx/json"] = {"SecretString": json.dumps({"token": VALUE, "port": 5432})}
    assert resolve("aws-sm:fx/plain").reveal() == VALUE
    assert resolve("aws-sm:fx/binary").reveal() == VALUE
    assert resolve("aws-sm:fx/json#token").reveal() == VALUE
    assert resolve("aws-sm:fx/json#port").reveal() == "5432"
    assert set(vault.regions) == {"eu-central-1"}


def test_the_region_of_a_full_name(vault: Vault) -> None:
    name = f"arn:aws:secretsmanager:us-east-1:{10**11}:secret:fx-AbCdEf"
    vault.secrets[name] = {"SecretString": VALUE}
    assert resolve(f"aws-sm:{name}").reveal() == VALUE
    assert vault.regions == ["us-east-1"]


def test_what_secrets_manager_has_not(vault: Vault) -> None:
    vault.secrets["fx/plain"] = {"SecretString": VALUE}
    vault.secrets["fx/json"] = {"SecretString": json.dumps({"token": VALUE, "more": {"a": VALUE}})}
    assert "ResourceNotFoundException" in refusal("aws-sm:fx/none")
    assert "it is no JSON object" in refusal("aws-sm:fx/plain#token")
    assert "no text under the key 'other'" in refusal("aws-sm:fx/json#other")
    assert "no text under the key 'more'" in refusal("aws-sm:fx/json#more")
    assert "aws-sm:fx/json#KEY with one of more, token" in refusal("aws-sm:fx/json")


def test_secrets_manager_without_credentials(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "NoCredentialsError" in refusal("aws-sm:fx/plain")
    assert not vault.regions


def test_secrets_manager_without_a_region(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "NoRegionError" in refusal("aws-sm:fx/plain")
    assert not vault.regions
