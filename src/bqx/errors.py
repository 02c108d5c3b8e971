"""The error tree: every message says what was found, what was expected, and what to do."""

from __future__ import annotations

from bqx.redaction import redacted


class BqxError(Exception):
    """Base of all errors that bqx raises on purpose; its texts never show a secret.

    Args:
        found: What was met, with the offending value.
        expected: What would have been right.
        hint: What the user can do about it.

    Attributes:
        exit_code: Exit status of the command line (2 = usage or input).
        http_status: Status of a response when the error reaches a client.
    """

    exit_code = 2
    http_status = 422

    def __init__(self, found: str, *, expected: str = "", hint: str = "") -> None:
        self.found = redacted(found)
        self.expected = redacted(expected)
        self.hint = redacted(hint)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole message: found, expected, hint."""
        parts = [self.found]
        if self.expected:
            parts.append(f"expected: {self.expected}")
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n  ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the parts when the error crosses a process boundary."""
        return (_rebuild, (type(self), self.found, self.expected, self.hint))


def _rebuild(cls: type[BqxError], found: str, expected: str, hint: str) -> BqxError:
    return cls(found, expected=expected, hint=hint)


class UnknownNameError(BqxError):
    """A pair, family, table, column or snapshot that does not exist."""

    http_status = 404


class ConfigError(BqxError):
    """A setting that cannot be used."""


class InputFileError(BqxError):
    """A vendor file that cannot be read, or whose content contradicts what it claims to be."""


class ClockError(InputFileError):
    """A vendor clock that contradicts its rule."""


class FamilyError(BqxError):
    """A family that is declared wrongly; raised at import."""


class StoreError(BqxError):
    """A store that cannot be opened or written."""

    http_status = 409


class IntegrityError(StoreError):
    """Stored data that differs from what the state says was written."""

    exit_code = 5
    http_status = 500


class PostConditionError(BqxError):
    """A work unit whose result breaks its contract; nothing of it was written."""

    exit_code = 3
    http_status = 500


class BudgetError(BqxError):
    """A request that does not fit its memory budget."""

    exit_code = 4


class LeakError(BqxError):
    """Something that knows, or could know, what it must not: rows outside of its fold."""

    exit_code = 1
    http_status = 409


class QuotaError(BqxError):
    """A selection that cannot have as many features of each domain as were asked for."""


class GateError(StoreError):
    """A model that is not promoted because it fails gates."""

    exit_code = 1
