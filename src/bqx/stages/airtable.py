"""The ledger in a table of an AirTable base."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bqx.errors import ConfigError
from bqx.extras import library
from bqx.secrets import is_reference, resolve
from bqx.stages.board import FIELDS, board_rows
from bqx.stages.ledger import Target
from bqx.stages.tracker import (
    KEY,
    Change,
    PushReport,
    Row,
    TrackerError,
    differing,
    unique,
)

if TYPE_CHECKING:
    from pyairtable import Table
    from requests import HTTPError

ENDPOINT = "https://api.airtable.com"
BATCH = 10
_BASE = re.compile(r"app[A-Za-z0-9]{14}")
_HERE = ("127.0.0.1", "localhost", "::1")
_TIMEOUT = (10, 30)
_ITERATOR = "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"
_RESTARTS = 3
_HINTS = {
    401: "make a token at airtable.com/create/tokens and name it with --token",
    403: "the token needs the scopes data.records:read and data.records:write, access to this base,"
    " and a user who may edit the table; look at both names too",
    404: "the id of a base begins with app; it is in the address of its page",
    422: f"the table needs the fields {', '.join(FIELDS)}: number for counts and cost, checkbox for"
    " backup_required, text for the others; --typecast lets AirTable convert",
    429: "wait for a minute; something else uses this base, or the month's calls are used up",
}


@dataclass(frozen=True)
class AirTableOptions:
    """Where and how to push.

    Attributes:
        base: Id of the base, ``app…``.
        table: Name or id of the table.
        token: Reference to a personal access token; resolved when it is used.
        dry_run: Whether only to say what would be written.
        allow_lower: Whether a status may be written that claims less than the table's.
        typecast: Whether AirTable may convert values, and add options to select fields.
        endpoint: Address of the API.
    """

    base: str
    table: str
    token: str
    dry_run: bool = False
    allow_lower: bool = False
    typecast: bool = False
    endpoint: str = ENDPOINT

    def check(self) -> None:
        """Refuse what cannot be right.

        Raises:
            ConfigError: If an option is wrong; a token is never repeated.
        """
        if not is_reference(self.token):
            raise ConfigError(
                "the token is not a secret reference",
                expected="env:NAME, file:/path, keyring:service/name or aws-sm:id#key",
                hint="export AIRTABLE_TOKEN=… and write --token env:AIRTABLE_TOKEN",
            )
        if not _BASE.fullmatch(self.base):
            raise ConfigError(
                f"{self.base!r} is no id of a base", expected="app and 14 letters and digits"
            )
        if not self.table.strip():
            raise ConfigError("no table", expected="its name, or its id tbl…")
        address = urlsplit(self.endpoint)
        if address.scheme != "https" and address.hostname not in _HERE:
            raise ConfigError(
                f"endpoint {self.endpoint}", expected="https, so that the token is not readable"
            )


class AirTable:
    """A tracker in AirTable.

    Args:
        options: Where and how.
        sleep: Waits for a number of seconds.
        clock: Seconds since some moment.

    Raises:
        ConfigError: If an option is wrong, the token does not resolve, or the extra is missing.
    """

    def __init__(
        self,
        options: AirTableOptions,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options.check()
        self._options = options
        self._table = _table(options, sleep, clock)

    @property
    def place(self) -> str:
        """The table in words."""
        return f"AirTable {self._options.base}/{self._options.table}"

    def push(self, rows: Sequence[Row]) -> PushReport:
        """Make the table show these rows; a second push changes nothing.

        Raises:
            ConfigError: If the rows are not one for each stage.
            TrackerError: If AirTable cannot be reached or refuses.
        """
        wanted = unique(rows)
        records = self._records(wanted)
        report = self._compare(wanted, records)
        if not report.dry_run:
            lowered = () if report.held else report.lowered
            ids = {code: record[0]["id"] for code, record in records.items()}
            self._write([*report.created, *report.updated, *lowered], wanted, ids)
        return report

    def _records(self, codes: Iterable[str]) -> dict[str, list[Any]]:
        """Records of the table by the code that they stand for, however it is typed there."""
        known = {code.casefold(): code for code in codes}
        found = defaultdict(list)
        with self._explained("reading"):
            for record in self._listed(_RESTARTS):
                code = str(record["fields"].get(KEY, "")).strip()
                found[known.get(code.casefold(), code)].append(record)
        return found

    def _listed(self, restarts: int) -> list[Any]:
        from requests import HTTPError

        try:
            return list(self._table.all(fields=list(FIELDS)))
        except HTTPError as error:
            # A list that was begun too long ago must be begun again.
            if restarts == 0 or _answer(error)[1] != _ITERATOR:
                raise
        return self._listed(restarts - 1)

    def _compare(
        self, wanted: dict[str, dict[str, Any]], records: dict[str, list[Any]]
    ) -> PushReport:
        created: list[Change] = []
        updated: list[Change] = []
        lowered: list[Change] = []
        unchanged: list[Change] = []
        for code, row in wanted.items():
            found = records.get(code, [])
            if not found:
                created.append(Change(code, {}, row))
            elif len(found) == 1:
                fields = found[0]["fields"]
                names = differing(fields, row)
                change = Change(code, {n: fields.get(n) for n in names}, {n: row[n] for n in names})
                kind = unchanged if not names else lowered if change.lowers else updated
                kind.append(change)
        return PushReport(
            place=self.place,
            dry_run=self._options.dry_run,
            created=tuple(created),
            updated=tuple(updated),
            lowered=tuple(lowered),
            held=not self._options.allow_lower,
            unchanged=tuple(change.code for change in unchanged),
            duplicates={
                code: tuple(str(record["id"]) for record in found)
                for code, found in records.items()
                if code in wanted and len(found) > 1
            },
            unknown=tuple(sorted(code or "(no code)" for code in records if code not in wanted)),
        )

    def _write(
        self, changes: Sequence[Change], wanted: dict[str, dict[str, Any]], ids: dict[str, str]
    ) -> None:
        for start in range(0, len(changes), BATCH):
            batch = changes[start : start + BATCH]
            sent = [_sent(change, ids.get(change.code)) for change in batch]
            with self._explained(f"writing, {start} of {len(changes)} rows are written"):
                answer = self._table.batch_upsert(
                    sent, key_fields=[KEY], typecast=self._options.typecast
                )
            self._check(answer["records"], [wanted[change.code] for change in batch])

    def _check(self, stored: Sequence[Any], rows: Sequence[dict[str, Any]]) -> None:
        """Whether the table holds what was sent; else the next push would change it again."""
        fields = {record["fields"].get(KEY): record["fields"] for record in stored}
        for row in rows:
            names = differing(fields.get(row[KEY], {}), row)
            if names:
                raise TrackerError(
                    f"{self.place} stored {', '.join(names)} of {row[KEY]} differently",
                    expected="fields that keep what is written to them",
                    hint=_HINTS[422],
                )

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        """Turn errors of the network and of AirTable into one that says what to do."""
        from requests import HTTPError, RequestException

        try:
            yield
        except HTTPError as error:
            status, kind, message = _answer(error)
            raise TrackerError(
                f"{self.place}, {doing}: {status} {kind} {message}".rstrip(),
                expected="an answer without an error",
                hint=_HINTS.get(status, "AirTable has a problem; push again later"),
            ) from None
        except RequestException as error:
            raise TrackerError(
                f"{self.place}, {doing}: no answer of {self._options.endpoint}"
                f" ({type(error).__name__})",
                expected="a connection",
                hint="pushing again later continues where this stopped",
            ) from None


def push(target: Target, options: AirTableOptions) -> PushReport:
    """Push the board of a store, looked up now, to AirTable.

    Raises:
        ConfigError: If an option is wrong, or the token does not resolve.
        TrackerError: If AirTable cannot be reached or refuses.
    """
    tracker = AirTable(options)
    return tracker.push(board_rows(target))


def _table(
    options: AirTableOptions, sleep: Callable[[float], None], clock: Callable[[], float]
) -> Table:
    pyairtable = library("pyairtable", "tracker")
    from bqx.stages.patience import PatientAdapter

    token = resolve(options.token)
    api = pyairtable.Api(
        token.reveal(), timeout=_TIMEOUT, retry_strategy=None, endpoint_url=options.endpoint
    )
    adapter = PatientAdapter(sleep, clock)
    api.session.mount("https://", adapter)
    api.session.mount("http://", adapter)
    table: Table = api.table(options.base, options.table)
    return table


def _sent(change: Change, identity: str | None) -> dict[str, Any]:
    """A record of a request: cells that differ, and the row that has them."""
    fields = {**change.after, KEY: change.code}
    return {"fields": fields} if identity is None else {"id": identity, "fields": fields}


def _answer(error: HTTPError) -> tuple[int, str, str]:
    """Status, type and message of an error."""
    from bqx.stages.patience import error_type

    response = error.response
    return (0, "", "") if response is None else (response.status_code, *error_type(response))
