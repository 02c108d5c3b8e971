"""Requests that keep to a rate, wait where they are told to, and try again."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from time import time
from typing import Any

from requests import ConnectionError as NoConnection
from requests import PreparedRequest, Response, Timeout
from requests.adapters import HTTPAdapter

INTERVAL = 0.21
"""Seconds between two requests: AirTable allows five a second for a base."""
TOO_MANY = 429
PENALTY = 30.0
"""Seconds that AirTable wants after too many requests, where it does not say."""
LONGEST = 120.0
"""A server that asks for a longer wait is not waited for."""
TRIES = 6
CONNECTIONS = 3
AGAIN = (TOO_MANY, 500, 502, 503, 504)
BILLING = "PUBLIC_API_BILLING_LIMIT_EXCEEDED"


class PatientAdapter(HTTPAdapter):
    """Sends requests one after the other; only for requests that may be repeated.

    Args:
        sleep: Waits for a number of seconds.
        clock: Seconds since some moment.
    """

    def __init__(self, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        super().__init__()
        self.requests = 0
        self._sleep = sleep
        self._clock = clock
        # Another push may have ended just now.
        self._next = clock() + INTERVAL

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """The last response: a good one, or one that trying again will not change."""
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES
            try:
                response = self._send_in_turn(request, *args, **options)
            except (NoConnection, Timeout):
                if attempt >= CONNECTIONS:
                    raise
                self._sleep(backoff(attempt))
                continue
            wait = waiting(response, attempt)
            if last or wait is None:
                break
            response.close()
            self._sleep(wait)
        return response

    def _send_in_turn(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        pause = self._next - self._clock()
        if pause > 0:
            self._sleep(pause)
        self._next = self._clock() + INTERVAL
        self.requests += 1
        return super().send(request, *args, **options)


def backoff(attempt: int) -> float:
    """Seconds to wait after that many attempts: 1, 2, 4 and so on."""
    return float(2 ** (attempt - 1))


def waiting(response: Response, attempt: int) -> float | None:
    """Seconds to wait before trying again, or None when that is of no use."""
    if response.status_code not in AGAIN or error_type(response)[0] == BILLING:
        return None
    told = _told(response.headers.get("Retry-After", ""))
    if told is not None:
        return told if told <= LONGEST else None
    return PENALTY if response.status_code == TOO_MANY else backoff(attempt)


def _told(text: str) -> float | None:
    """Seconds of a Retry-After header, which may be a number or a date."""
    if text.strip().isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time(), 0.0)
    except ValueError:
        return None


def error_type(response: Response) -> tuple[str, str]:
    """Type and message of an error in any of the three forms that AirTable uses."""
    try:
        body = response.json()
    except (JSONDecodeError, UnicodeDecodeError):
        return "", ""
    found = body.get("error") or body.get("errors") if isinstance(body, dict) else None
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return str(found or ""), ""
    kind = found.get("type") or found.get("error") or ""
    return str(kind), str(found.get("message") or "")
