"""A local server that speaks the part of AirTable's web API that trackers use.

As the public documentation has it: pages of at most 100 records, at most ten records in a write,
upserts by fields, five requests a second for a base and a pause of thirty seconds after more, empty
cells left out of answers, and errors in their three forms.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PER_SECOND = 5
PENALTY = 30.0
PAGE = 100
MOST = 10

FIELD_TYPES = {
    "stage_id": "text",
    "stage_code": "text",
    "status": "text",
    "description": "text",
    "duration": "text",
    "estimated_cost": "number",
    "workers": "number",
    "features_added": "number",
    "partitions_affected": "number",
    "backup_required": "checkbox",
    "validation_queries": "number",
}
_MODEL = (
    "Invalid permissions, or the requested model was not found. Check that both your user and your"
    " token have the required permissions, and that the model names and/or ids are correct."
)


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, error: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, error)
        self.status = status
        self.body = error if isinstance(error, str | bytes) else {"error": error}
        self.headers = headers or {}


def refused(status: int, kind: str, message: str) -> ApiError:
    return ApiError(status, {"type": kind, "message": message})


class Time:
    """A clock that only waiting moves; the client and the server share it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@dataclass
class AirTableTable:
    """A table: types of its fields, options of select fields, and its records."""

    types: dict[str, str] = field(default_factory=lambda: dict(FIELD_TYPES))
    options: dict[str, set[str]] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, **fields: Any) -> str:
        """Put a record into it, as somebody who types; its id."""
        identity = f"rec{len(self.records):014d}"
        self.records[identity] = fields
        return identity

    def cells(self, fields: dict[str, Any], *, typecast: bool) -> dict[str, Any]:
        """Values as the table keeps them."""
        return {name: self._cell(name, value, typecast) for name, value in fields.items()}

    def _cell(self, name: str, value: Any, typecast: bool) -> Any:
        kind = self.types.get(name)
        if kind is None:
            raise refused(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{name}"')
        if value is None:
            return None
        if kind == "select":
            return self._choice(name, str(value), typecast)
        good = {"text": str, "number": int | float, "checkbox": bool}[kind]
        if isinstance(value, good) and not (kind == "number" and isinstance(value, bool)):
            return value
        if typecast and kind == "text":
            return str(value)
        if typecast and kind == "number":
            try:
                return float(value)
            except ValueError:
                return None
        message = f'Field "{name}" cannot accept the provided value'
        raise refused(422, "INVALID_VALUE_FOR_COLUMN", message)

    def _choice(self, name: str, value: str, typecast: bool) -> str:
        if typecast:
            self.options[name].add(value)
        if value not in self.options[name]:
            message = f'Insufficient permissions to create new select option ""{value}""'
            raise refused(422, "INVALID_MULTIPLE_CHOICE_OPTIONS", message)
        return value

    def shown(self, identity: str, names: list[str] | None = None) -> dict[str, Any]:
        """A record as an answer has it: without its empty cells."""
        fields = {
            name: value
            for name, value in self.records[identity].items()
            if value not in (None, "", False) or (value == 0 and value is not False)
            if names is None or name in names
        }
        return {"id": identity, "createdTime": "2025-11-15T00:00:00.000Z", "fields": fields}


class AirTableServer(ThreadingHTTPServer):
    """The server.

    Args:
        token: The token that it accepts.
        clock: For the rate limit.
        page: Records in a page at most.
    """

    daemon_threads = True

    def __init__(self, token: str, clock: Callable[[], float], page: int = PAGE) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token = token
        self.clock = clock
        self.page = page
        self.base = "appSERVEROFTESTS0"
        self.tables: dict[str, AirTableTable] = {"Stages": AirTableTable()}
        self.calls: list[tuple[str, Any]] = []
        # For the next requests: an error, "hang up", "lose the answer", or "" for nothing.
        self.faults: deque[ApiError | str] = deque()
        self._moments: deque[float] = deque()
        self._closed_until = 0.0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def table(self) -> AirTableTable:
        return self.tables["Stages"]

    @property
    def writes(self) -> list[Any]:
        """Bodies of the requests that write."""
        return [body for method, body in self.calls if method != "GET"]

    def answer(self, method: str, target: str, headers: Any, body: Any) -> Any:
        """The answer to a request; one at a time."""
        with self._lock:
            self.calls.append((method, body))
            fault = self.faults.popleft() if self.faults else ""
            if isinstance(fault, ApiError):
                raise fault
            answer = self._answer(method, target, headers.get("Authorization", ""), body)
            if fault == "lose the answer":
                raise ApiError(502, b"<html>Bad Gateway</html>")
            return answer

    def _answer(self, method: str, target: str, authorization: str, body: Any) -> Any:
        self._limit()
        self._authenticate(authorization)
        parts = urlsplit(target)
        table = self._find(parts.path)
        if method == "GET":
            return self._list(table, parse_qs(parts.query))
        if method == "PATCH":
            return self._update(table, body)
        raise ApiError(404, "NOT_FOUND")

    def _limit(self) -> None:
        now = self.clock()
        while self._moments and self._moments[0] <= now - 1:
            self._moments.popleft()
        if len(self._moments) >= PER_SECOND:
            self._closed_until = now + PENALTY
        if now < self._closed_until:
            limit = {"error": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded."}
            fault = ApiError(429, "")
            fault.body = {"errors": [limit]}
            raise fault
        self._moments.append(now)

    def _authenticate(self, header: str) -> None:
        if not header.startswith("Bearer "):
            raise refused(401, "AUTHENTICATION_REQUIRED", "Authentication required")
        if header != f"Bearer {self.token}":
            raise refused(401, "UNAUTHORIZED", "Invalid authentication token")

    def _find(self, path: str) -> AirTableTable:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if len(parts) != 3 or parts[0] != "v0" or parts[1] != self.base:
            raise ApiError(404, "NOT_FOUND")
        if parts[2] not in self.tables:
            raise refused(403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", _MODEL)
        return self.tables[parts[2]]

    def _list(self, table: AirTableTable, query: dict[str, list[str]]) -> dict[str, Any]:
        names = query.get("fields[]")
        for name in names or ():
            if name not in table.types:
                raise refused(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{name}"')
        start = self._start(query.get("offset"))
        every = list(table.records)
        size = min(int(query.get("pageSize", [str(PAGE)])[0]), self.page)
        answer: dict[str, Any] = {
            "records": [table.shown(i, names) for i in every[start : start + size]]
        }
        if start + size < len(every):
            answer["offset"] = f"itrTESTSTESTSTEST/{start + size}"
        return answer

    def _start(self, offset: list[str] | None) -> int:
        if offset is None:
            return 0
        prefix, _, number = offset[0].partition("/")
        if prefix != "itrTESTSTESTSTEST":
            raise ApiError(422, {"type": "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"})
        return int(number)

    def _update(self, table: AirTableTable, body: Any) -> dict[str, Any]:
        records = body.get("records", [])
        if not 0 < len(records) <= MOST:
            raise refused(422, "INVALID_RECORDS", f"You must provide 1 to {MOST} records")
        keys = body.get("performUpsert", {}).get("fieldsToMergeOn", [])
        typecast = bool(body.get("typecast"))
        # All of a request or nothing: everything is looked at before anything is written.
        plans = [self._plan(table, record, keys, typecast=typecast) for record in records]
        named = [identity for identity, _ in plans if identity]
        if any(n > 1 for n in Counter(named).values()):
            raise refused(
                422, "INVALID_RECORDS", "You cannot update the same record multiple times"
            )
        answer: dict[str, Any] = {"records": [], "updatedRecords": [], "createdRecords": []}
        for identity, fields in plans:
            kind = "updatedRecords" if identity else "createdRecords"
            written = identity or table.add()
            table.records[written].update(fields)
            answer[kind].append(written)
            answer["records"].append(table.shown(written))
        return answer

    def _plan(
        self, table: AirTableTable, record: dict[str, Any], keys: list[str], *, typecast: bool
    ) -> tuple[str | None, dict[str, Any]]:
        fields = table.cells(record["fields"], typecast=typecast)
        if "id" in record:
            if record["id"] not in table.records:
                raise ApiError(404, {"type": "ROW_DOES_NOT_EXIST", "message": "Record not found"})
            return record["id"], fields
        if not keys or any(key not in fields for key in keys):
            raise refused(422, "INVALID_RECORDS", "A record without an id or fields to merge on")
        found = [
            identity
            for identity, stored in table.records.items()
            if all(stored.get(key) == fields[key] for key in keys)
        ]
        if len(found) > 1:
            raise refused(422, "INVALID_RECORDS", "Multiple records match the fields to merge on")
        return (found[0] if found else None), fields


class _Handler(BaseHTTPRequestHandler):
    server: AirTableServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._reply("GET", None)

    def do_PATCH(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self._reply("PATCH", json.loads(self.rfile.read(length)))

    def _reply(self, method: str, body: Any) -> None:
        if self.server.faults and self.server.faults[0] == "hang up":
            self.server.faults.popleft()
            self.server.calls.append((method, body))
            self.close_connection = True
            return
        try:
            answer = self.server.answer(method, self.path, self.headers, body)
        except ApiError as fault:
            self._write(fault.status, fault.body, fault.headers)
        else:
            self._write(200, answer, {})

    def _write(self, status: int, body: Any, headers: dict[str, str]) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        if isinstance(body, str):
            text = json.dumps({"error": body}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def airtable(
    token: str, clock: Callable[[], float] = monotonic, page: int = PAGE
) -> Iterator[AirTableServer]:
    """A server that runs."""
    server = AirTableServer(token, clock, page)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
