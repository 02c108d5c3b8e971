"""The newest minute alone gives the same bits as the whole history.

A live system appends a bar and wants one row. It needs no state: the look-back that the table
declares is enough.

    python examples/newest_minute.py
"""

from __future__ import annotations

import polars as pl

import bqx
from bqx.bars.synthetic import synthetic_bars


def main() -> None:
    """Compare the last row of a long history with that of a short one."""
    bars = synthetic_bars("eurusd", days=19)["eurusd"]
    spec = bqx.registry().table("reg_bqx")
    # Closed minutes do not count, so a day of spare minutes is more than the look-back needs.
    short = bars.tail(spec.memory + 1440)
    baseline = bars["close"][0]
    rows = [
        bqx.compute("reg_bqx", frame, pair="eurusd", baseline=baseline).tail(1)
        for frame in (bars, short)
    ]
    print("look-back:", spec.memory, "minutes")
    print("columns:", len(spec.columns))
    print("equal to the last bit:", rows[0].equals(rows[1]))
    print(rows[1].select("ts_utc", pl.col("^w60_.*$")))


if __name__ == "__main__":
    main()
