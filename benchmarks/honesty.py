"""The whole pipeline on simulated random walks: nothing is to be found, and nothing must be.

Every walk is ingested, made into a dataset, and goes through selection, tuning and walk-forward
training; then the intervals of the skill are counted that contain 0, and R2 and the share of right
signs of the martingale are compared with their closed forms. Walks run in processes of their own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import bqx
from bqx.bars.schema import BAR_SCHEMA
from bqx.bars.synthetic import trading_minutes
from bqx.dataset.making import build_dataset
from bqx.dataset.martingale import closed_form_direction, closed_form_r2
from bqx.dataset.target import BQXTarget, parse_targets
from bqx.models.runs.run import Run
from bqx.models.runs.spec import RunSpec, SelectionSpec, SplitSpec, TuningSpec
from bqx.models.runs.training import train
from bqx.models.skill import Score, score

PAIR = "eurusd"
START = "2024-07-01"
SD = 1.1e-4
"""Standard deviation of a log return of one minute: about 7 % a year."""
COLUMNS = (
    "reg_rate__w60_*,reg_rate__w90_*,reg_bqx__w60_*,reg_bqx__w90_*,momentum_rate,momentum_bqx,"
    "statistics_rate,statistics_bqx,bqx"
)
TARGETS = "15,30,45,60,75:15,30,45,60,75:level,change"
Row = dict[str, Any]


def walk_bars(seed: int, days: int) -> pl.DataFrame:
    """Bars of a walk with normal returns of a constant volatility, its inverse a martingale."""
    minutes = trading_minutes(START, days)
    steps = np.random.default_rng(seed).normal(SD**2 / 2, SD, len(minutes))
    close = np.exp(np.cumsum(steps))
    opened = np.concatenate(([1.0], close[:-1]))
    found = pl.DataFrame(
        {
            "ts_utc": pl.from_epoch(pl.Series(minutes * 60), "s").dt.replace_time_zone("UTC"),
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
        }
    )
    absent = [pl.lit(None).alias(name) for name in BAR_SCHEMA if name not in found.columns]
    return found.with_columns(absent).cast(BAR_SCHEMA).select(BAR_SCHEMA.names())


def trained(folder: Path, seed: int, options: Namespace) -> Run:
    """The run of one walk."""
    file = folder / f"{PAIR}.parquet"
    walk_bars(seed, options.days).write_parquet(file)
    with bqx.open(folder / "store") as store:
        store.ingest([file], synthetic=True)
        dataset = build_dataset(
            store, folder / "set", columns=options.columns, lags=(1, 5), targets=options.targets
        )
    spec = RunSpec(
        targets=parse_targets(options.targets),
        pairs=(PAIR,),
        learner=options.learner,
        splits=SplitSpec(train="20D", test="10D"),
        selection=SelectionSpec(top=40, min_rate=15, min_bqx=15, max_rows=8_000),
        tuning=TuningSpec(options.trials) if options.trials else None,
        seed=seed,
    )
    return train(dataset, folder / "run", spec, threads=1)


def one(seed: int, options: Namespace) -> list[Row]:
    """Scores of all targets of one walk."""
    with tempfile.TemporaryDirectory() as temporary:
        run = trained(Path(temporary), seed, options)
        return list(scored(run, seed))


def scored(run: Run, seed: int) -> Iterator[Row]:
    """What the report of each target would say."""
    for target in run.targets:
        outcomes, forecast, _ = run.scored(PAIR, target)
        found = score(outcomes, forecast, horizon=target.horizon)
        yield {"seed": seed, "target": str(target), **facts(found, target)}


def facts(found: Score, target: BQXTarget) -> Row:
    """Skill and interval, and what the martingale scored beside its closed forms."""
    shape = target.window, target.horizon, target.kind
    low, high = found.mse.interval
    return {
        "skill": found.mse.skill,
        "low": low,
        "high": high,
        "r2": found.r2_mean.martingale,
        "r2_closed": closed_form_r2(*shape),
        "direction": found.direction.martingale,
        "direction_closed": closed_form_direction(*shape),
        "direction_model": found.direction.value,
        "n": found.n,
    }


def summary(rows: Sequence[Row]) -> Row:
    """How many intervals contain 0, with an error that counts walks, not intervals."""
    frame = pl.DataFrame(list(rows)).with_columns(
        inside=(pl.col("low") <= 0.0) & (pl.col("high") >= 0.0),
        silent=(pl.col("low") == 0.0) & (pl.col("high") == 0.0),
        above=pl.col("low") > 0.0,
    )
    walks = frame.group_by("seed").agg(pl.col("inside").mean())["inside"].to_numpy()
    spread = float(np.std(walks, ddof=1) / np.sqrt(len(walks))) if len(walks) > 1 else float("nan")
    return {
        "intervals": frame.height,
        "walks": len(walks),
        "contain_0": float(walks.mean()),
        "standard_error": spread,
        "silent": float(frame["silent"].cast(pl.Float64).mean()),  # type: ignore[arg-type]
        "above_0": float(frame["above"].cast(pl.Float64).mean()),  # type: ignore[arg-type]
        **closed_forms(frame),
    }


def closed_forms(frame: pl.DataFrame) -> Row:
    """Greatest distance of a mean over walks from its closed form, and in standard errors.

    Where a martingale knows nothing its signs are undecided and its R2 about the mean of the sample
    is below 0 by that mean's own error, so that errors are counted where it knows something.
    """
    found: Row = {}
    for name, nothing in (("r2", 0.0), ("direction", 0.5)):
        gap = pl.col(name) - pl.col(f"{name}_closed")
        means = frame.group_by("target").agg(
            gap.mean().alias("gap"),
            (gap.std() / gap.len().sqrt()).alias("error"),
            (pl.col(f"{name}_closed").first() != nothing).alias("known"),
        )
        known = means.filter("known")
        found[f"{name}_gap"] = float(np.abs(means["gap"].to_numpy()).max())
        found[f"{name}_z"] = float(np.abs((known["gap"] / known["error"]).to_numpy()).max())
    return found


def by_target(rows: Sequence[Row]) -> str:
    """Means over the walks, a line for each target."""
    frame = pl.DataFrame(list(rows)).with_columns(
        inside=((pl.col("low") <= 0.0) & (pl.col("high") >= 0.0)).cast(pl.Float64)
    )
    names = ("skill", "inside", "r2", "r2_closed", "direction", "direction_closed")
    means = frame.group_by("target", maintain_order=True).agg(pl.col(*names).mean())
    lines = [f"{'target':14}" + "".join(f"{n:>17}" for n in names)]
    lines += [
        f"{row['target']:14}" + "".join(f"{row[n]:17.4f}" for n in names)
        for row in means.to_dicts()
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run the walks and print what was found."""
    parser = ArgumentParser("honesty", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--days", type=int, default=75)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--learner", default="lightgbm")
    parser.add_argument("--columns", default=COLUMNS)
    parser.add_argument("--targets", default=TARGETS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with ProcessPoolExecutor(options.workers) as pool:
        for done in pool.map(partial(one, options=options), range(options.seeds)):
            rows += done
            sys.stderr.write(f"walk {done[0]['seed']} done\n")
    print(by_target(rows))
    print(json.dumps(summary(rows), indent=1))
    if options.json:
        options.json.write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
