"""The values are the first version's, with its faults: off by one bar, and cold every month."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bqx.legacy.schema import BQX_WINDOWS, COEFFICIENTS, KINDS, RATE_WINDOWS, TERMS
from bqx.postgres.connect import Connection, connect
from legacy.databases import template
from servers import Server

Floats = NDArray[np.float64]
MONTH = "2024_08"


@pytest.fixture(scope="module")
def small(server: Server) -> Iterator[Connection]:
    with connect(template(server, "small"), autocommit=True) as connection:
        yield connection


def table(connection: Connection, name: str) -> dict[str, Floats]:
    """Columns of a month of eurusd; NaN for NULL."""
    cursor = connection.execute(f"SELECT * FROM bqx.{name}_eurusd_{MONTH} ORDER BY 1".encode())
    rows = cursor.fetchall()
    names = [column.name for column in cursor.description or ()]
    return {
        n: np.array(values, float)
        for n, values in list(zip(names, zip(*rows, strict=True), strict=True))[1:]
    }


def parabola(y: Floats) -> Floats:
    return np.polyfit(np.arange(len(y), dtype=float), y, 2)


def test_fits_of_the_rate_end_one_bar_early(small: Connection) -> None:
    reg, index = table(small, "reg"), table(small, "m1")["rate_index"]
    assert np.array_equal(reg["rate_index"], index)
    for w in RATE_WINDOWS:
        end = reg[f"w{w}_yhat_end"]
        assert np.isnan(end[:w]).all()
        assert not np.isnan(end[w:]).any()
        before = np.abs(reg[f"w{w}_resid_end"][w:] - (index[w - 1 : -1] - end[w:]))
        own = np.abs(reg[f"w{w}_resid_end"][w:] - (index[w:] - end[w:]))
        assert before.max() < 1e-10
        assert np.median(own) > 1e-4
        for t in (w, 5_000, len(index) - 1):
            a2, a1, a0 = parabola(index[t - w : t])
            terms = (a2 * (w - 1) ** 2, a1 * (w - 1), a0)
            found = [reg[f"w{w}_{name}"][t] for name in TERMS[:3]]
            assert np.allclose(found, terms, atol=1e-8)
            assert np.isclose(sum(found), end[t], atol=1e-10)


def test_fits_of_the_bqx_side_end_at_the_row(small: Connection) -> None:
    found, index = table(small, "reg_bqx"), table(small, "m1")["rate_index"]
    t = 4_000
    for name in BQX_WINDOWS:
        lag, w = (75, 75) if name == "agg" else (15, int(name))
        series = np.array(
            [(index[s - lag : s] - index[s]).sum() / index[s] for s in range(t - w + 1, t + 1)]
        )
        a2, a1, a0 = parabola(series)
        row = {c: found[f"w{name}_{c}"][t] for c in COEFFICIENTS}
        assert np.allclose([row["a2"], row["a1"], row["b"]], [a2, a1, a0], atol=1e-10)
        end = a2 * (w - 1) ** 2 + a1 * (w - 1) + a0
        assert np.isclose(row["yhat_end"], end, atol=1e-10)
        assert np.isclose(row["vertex"], -a1 / (2 * a2), rtol=1e-4)
        cold = np.isnan(found[f"w{name}_r2"]).sum()
        assert cold == lag + w - 1


def test_columns_that_never_were_filled(small: Connection) -> None:
    for kind, filled in (("statistics_features", 5), ("bollinger_features", 5)):
        columns = table(small, kind)
        full = {name for name, values in columns.items() if not np.isnan(values).all()}
        assert full == set(KINDS[kind].filled)
        assert len(full) == filled
    assert 23 - 5 == 18
    assert 20 - 5 == 15


def test_some_of_the_filled_ones(small: Connection) -> None:
    index = table(small, "m1")["rate_index"]
    statistics, bands = table(small, "statistics_features"), table(small, "bollinger_features")
    window = index[941:1001]
    assert np.isclose(statistics["mean_60min"][1000], window.mean())
    assert np.isclose(statistics["std_60min"][1000], window.std(ddof=1))
    assert np.isclose(statistics["range_60min"][1000], np.ptp(window))
    last = index[981:1001]
    assert np.isclose(bands["bb_upper_20"][1000], last.mean() + 2 * last.std())


def test_fibonacci_lost_240_rows_each_month(small: Connection) -> None:
    rows = {
        kind: small.execute(f"SELECT count(*) FROM bqx.{kind}_eurusd".encode()).fetchall()[0][0]
        for kind in ("statistics_features", "fibonacci_features", "correlation_features", "reg")
    }
    assert rows["fibonacci_features"] == rows["statistics_features"] - 2 * 240
    assert rows["reg"] == rows["statistics_features"]
    assert rows["correlation_features"] == 0


def test_the_index_is_100_at_the_first_bar_of_july(small: Connection) -> None:
    def one(query: str) -> tuple[Any, ...]:
        return small.execute(query.encode()).fetchall()[0]

    first = one("SELECT ts_utc::text, rate_index FROM bqx.m1_eurusd_2024_07 ORDER BY 1 LIMIT 1")
    assert first == ("2024-07-01 00:00:00+00", 100.0)
    wrong = one(
        "SELECT count(*) FROM bqx.m1_eurusd WHERE abs(rate_index - 100 * close / (SELECT close FROM"
        " bqx.m1_eurusd WHERE ts_utc = '2024-07-01 00:00+00')) > 1e-10"
    )
    assert wrong == (0,)
    assert one("SELECT count(*) FROM bqx.m1_eurusd_2024_06")[0] > 20_000
