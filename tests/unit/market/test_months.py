from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bqx.errors import ConfigError
from bqx.market import epoch_minute, month_bounds, month_of, months_between, select_months

AVAILABLE = ["2018_11", "2018_12", "2019_01", "2019_03"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, AVAILABLE),
        ("2019-01", ["2019_01"]),
        ("2019_01", ["2019_01"]),
        ("2018-12:2019-02", ["2018_12", "2019_01"]),
        ("2018-12:", ["2018_12", "2019_01", "2019_03"]),
        (":2018-11,2019-03", ["2018_11", "2019_03"]),
        (["2019-03", "2018-11"], ["2018_11", "2019_03"]),
        ("2020-01", []),
    ],
)
def test_selections(spec: str | list[str] | None, expected: list[str]) -> None:
    assert list(select_months(spec, AVAILABLE)) == expected


@pytest.mark.parametrize("spec", ["2019-13", "January", "2019-03:2019-01", "", "2019-1"])
def test_unreadable_selections(spec: str) -> None:
    with pytest.raises(ConfigError):
        select_months(spec, AVAILABLE)


def test_bounds() -> None:
    first, end = month_bounds("2018_12")
    assert first == epoch_minute(datetime(2018, 12, 1, tzinfo=UTC))
    assert end == epoch_minute(datetime(2019, 1, 1, tzinfo=UTC))
    assert (month_of(first), month_of(end - 1), month_of(end)) == ("2018_12", "2018_12", "2019_01")
    assert months_between(first, end) == ("2018_12", "2019_01")
