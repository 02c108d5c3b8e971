"""How much of a future BQX is known already, although the price is a random walk.

BQX over W minutes at t + h overlaps the past of t when h < W. The share that is known follows from
the triangular weights of the returns in it: R² = m(m+1)(2m+1) / (W(W+1)(2W+1)) with m = W - h.
Every score of a model belongs beside this value.

    python examples/honest_score.py
"""

from __future__ import annotations

import numpy as np
import polars as pl

import bqx
from bqx.bars.synthetic import synthetic_bars

WINDOW = 60
HORIZONS = (15, 30, 45, 60)


def known_share(window: int, horizon: int) -> float:
    """R² of the best forecast of a random walk's BQX."""
    m = max(window - horizon, 0)
    return m * (m + 1) * (2 * m + 1) / (window * (window + 1) * (2 * window + 1))


def known_part(closes: pl.Series, horizon: int) -> pl.Series:
    """The forecast: BQX at t + h if the price stayed where it is at t."""
    m = WINDOW - horizon
    past = closes.shift(1).rolling_mean(m) if m else closes
    return m * (past / closes - 1)


def main() -> None:
    """Compare measured and expected shares on three months of generated bars."""
    bars = synthetic_bars("eurusd", days=92)["eurusd"]
    table = bqx.compute("bqx", bars, pair="eurusd", columns=["rate_index", f"w{WINDOW}_bqx_return"])
    future = table[f"w{WINDOW}_bqx_return"]
    print("horizon  measured  random walk")
    for horizon in HORIZONS:
        pairs = pl.DataFrame(
            {"known": known_part(table["rate_index"], horizon), "future": future.shift(-horizon)}
        ).drop_nulls()
        error = np.mean((pairs["future"] - pairs["known"]).to_numpy() ** 2)
        measured = 1 - error / np.mean(pairs["future"].to_numpy() ** 2)
        print(f"{horizon:7}  {measured:8.3f}  {known_share(WINDOW, horizon):11.3f}")


if __name__ == "__main__":
    main()
