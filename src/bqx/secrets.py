"""Secret references: settings name a secret, they never contain one."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bqx.errors import ConfigError
from bqx.redaction import MASK, REFERENCES, remember

_FORMS = "env:NAME, file:/path, keyring:service/name or aws-sm:id#key"
_LONGEST = 64 * 1024
_SECONDS = 10
_EXTRA = "pip install bqx-ml[secrets]"


class Secret:
    """A secret that shows itself only when it is asked to.

    Text, repr and format of it are a mask. Pickling keeps the reference, which is resolved again
    where it is loaded; without a reference it cannot be pickled.

    Args:
        value: The secret; it is masked in messages and logs from now on.
        reference: The reference that gave it.
    """

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str = "") -> None:
        self._value = value
        self.reference = reference
        remember(value)

    def reveal(self) -> str:
        """The secret itself. Hand it on; do not keep it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference or MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _: str) -> str:
        return MASK

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.reference:
            raise ConfigError(
                "a secret that no reference names cannot leave this process",
                expected="a secret reference",
                hint=f"name the secret as {_FORMS}",
            )
        return (resolve, (self.reference,))


def is_reference(text: str) -> bool:
    """Whether a text is a secret reference."""
    return text.startswith(REFERENCES)


def resolve(reference: str) -> Secret:
    """The secret that a reference names, looked up now.

    Args:
        reference: ``env:NAME``, ``file:/path``, ``keyring:service/name``, ``aws-sm:id`` or, for
            one value of a JSON secret, ``aws-sm:id#key``.

    Raises:
        ConfigError: If it does not resolve; the message names the reference, never a secret.
    """
    scheme, colon, name = reference.partition(":")
    source = {"env": _variable, "file": _file, "keyring": _keyring, "aws-sm": _aws}.get(scheme)
    if source is None or not colon:
        # What is no reference may be a secret, so that it is not repeated.
        raise ConfigError("not a secret reference", expected=_FORMS)
    if not name:
        raise _unresolved(reference, "it names nothing", f"write {_FORMS}")
    value = source(reference, name)
    if not value:
        raise _unresolved(reference, "it is empty", "store the secret there")
    return Secret(value, reference)


def _unresolved(reference: str, why: str, hint: str) -> ConfigError:
    return ConfigError(
        f"secret {reference} does not resolve: {why}",
        expected="a reference to a secret that is there",
        hint=hint,
    )


def _variable(reference: str, name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise _unresolved(reference, "the variable is not set", f"export {name}=…")
    return value


def _file(reference: str, name: str) -> str:
    path = Path(name).expanduser()
    try:
        # Without waiting: a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _check_private(reference, path, os.fstat(descriptor).st_mode)
            content = os.read(descriptor, _LONGEST + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise _unresolved(reference, why, "name a file that this user can read") from None
    return _text(reference, content).removesuffix("\n").removesuffix("\r")


def _check_private(reference: str, path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise _unresolved(reference, "it is no file", "name a file that holds the secret alone")
    if mode & 0o077:
        why = f"others may use the file (mode {stat.S_IMODE(mode):o})"
        raise _unresolved(reference, why, f"chmod 600 {path}")


def _text(reference: str, content: bytes) -> str:
    try:
        if len(content) <= _LONGEST:
            return content.decode("utf-8")
        why = f"it is longer than {_LONGEST:,} bytes"
    except UnicodeDecodeError:
        why = "it is no UTF-8 text"
    raise _unresolved(reference, why, "store the secret alone, as text")


def _keyring(reference: str, name: str) -> str:
    service, _, user = name.rpartition("/")
    if not service or not user:
        raise _unresolved(reference, "service or name is missing", "keyring:service/name")
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise _unresolved(reference, "keyring is not installed", _EXTRA) from None
    try:
        value = keyring.get_password(service, user)
    except KeyringError as error:
        why = f"the keyring refuses ({type(error).__name__})"
        raise _unresolved(
            reference, why, "unlock it, or choose one with `keyring --list-backends`"
        ) from None
    if value is None:
        hint = f"keyring set {service} {user}"
        raise _unresolved(reference, "the keyring has no such entry", hint)
    return value


def _aws(reference: str, name: str) -> str:
    identifier, _, key = name.partition("#")
    response = _aws_response(reference, identifier)
    text = response.get("SecretString")
    if text is None:
        text = _text(reference, response.get("SecretBinary", b""))
    return _member(reference, text, key)


def _aws_response(reference: str, identifier: str) -> Mapping[str, Any]:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise _unresolved(reference, "boto3 is not installed", _EXTRA) from None
    # arn:aws:secretsmanager:REGION:account:secret:name
    region = identifier.split(":")[3] if identifier.count(":") >= 6 else None
    settings = Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"mode": "standard"})
    try:
        # A session of its own: boto3's default one keeps the first credentials that it found.
        client = boto3.Session().client("secretsmanager", region_name=region, config=settings)
        found: Mapping[str, Any] = client.get_secret_value(SecretId=identifier)
    except ClientError as error:
        why = f"Secrets Manager answers {error.response.get('Error', {}).get('Code', 'an error')}"
        hint = "check its name and region, and that secretsmanager:GetSecretValue is allowed"
        raise _unresolved(reference, why, hint) from None
    except BotoCoreError as error:
        why = f"Secrets Manager cannot be asked ({type(error).__name__})"
        hint = "AWS credentials and region come from AWS_* variables or ~/.aws"
        raise _unresolved(reference, why, hint) from None
    return found


def _member(reference: str, text: str, key: str) -> str:
    """One value of a JSON secret, or the whole of one that is no JSON object."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        if key:
            raise _unresolved(reference, "it is no JSON object", "leave out the #key")
        return text
    remember(text)
    if key in values and isinstance(values[key], str | int):
        return str(values[key])
    why = f"no text under the key {key!r}" if key else "it is a JSON object"
    hint = f"{reference.partition('#')[0]}#KEY with one of {', '.join(sorted(values))}"
    raise _unresolved(reference, why, hint)
