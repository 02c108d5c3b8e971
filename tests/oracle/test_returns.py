"""Returns over fixed horizons against NumPy and TA-Lib."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import talib

import references_trend as slow
from bqx.domains.domain import Domain, DomainName
from bqx.families.returns import HORIZONS, NormalizedReturns, Returns
from references import Floats
from references_trend import assert_close, back

EACH = pytest.mark.parametrize(("name", "h"), [(d, h) for d in ("rate", "bqx") for h in HORIZONS])


@cache
def domain(name: DomainName) -> Domain:
    return slow.domain(name, 1.6)


@cache
def plain(name: DomainName, h: int) -> Floats:
    return Returns().compute(domain(name), h)["ret"]


def first_row(name: DomainName, h: int) -> int:
    return h + domain(name).traits.lead


@EACH
def test_returns(name: DomainName, h: int) -> None:
    u = domain(name).series.astype(np.longdouble)
    before = back(domain(name).series, h).astype(np.longdouble)
    exact = np.log(u / before) if name == "rate" else u - before
    assert_close(plain(name, h), np.asarray(exact, np.float64), 1e-15, first_row(name, h))


@EACH
def test_returns_agree_with_ta_lib(name: DomainName, h: int) -> None:
    lead = domain(name).traits.lead
    u = domain(name).series[lead:]
    other = np.log1p(talib.ROCP(u, timeperiod=h)) if name == "rate" else talib.MOM(u, timeperiod=h)
    assert_close(plain(name, h)[lead:], other, 1e-15, h)


@EACH
def test_the_deviation_ends_where_the_return_begins(name: DomainName, h: int) -> None:
    d = domain(name)
    series = d.series if name == "bqx" else np.log(d.series / back(d.series, 1))
    unit = back(slow.deviation(series, 60), h) * (np.sqrt(h) if name == "rate" else 1.0)
    exact = plain(name, h) / np.where(unit > 0, unit, np.nan)
    found = NormalizedReturns().compute(d, h)["norm"]
    error = np.abs(found - exact)[first_row(name, h + 60) :]
    assert (np.isnan(found) == np.isnan(exact))[first_row(name, h + 60) :].all()
    assert (
        float(np.nanmax(error / np.maximum(1.0, np.abs(exact[first_row(name, h + 60) :])))) <= 1e-9
    )


def test_returns_add_up() -> None:
    for name in ("rate", "bqx"):
        parts = plain(name, 30) + back(plain(name, 45), 30)
        assert_close(plain(name, 75), parts, 1e-15, first_row(name, 75))
