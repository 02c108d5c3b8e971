"""The command that trains runs: bqx train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import AllPairsOption, JsonOption, PairsOption, one_of, print_json, reported
from bqx.cli.foldoptions import ExpandingOption, SplitterOption, StepOption

if TYPE_CHECKING:
    from bqx.dataset.dataset import Dataset
    from bqx.dataset.target import BQXTarget
    from bqx.models.runs.progress import Step
    from bqx.models.runs.spec import RunSpec, SelectionSpec, TuningSpec
    from bqx.selection.mask import Mask


@dataclass(frozen=True)
class _Selecting:
    """Options of the selection."""

    top: int
    min_rate: int
    min_bqx: int
    effort: str
    none: bool
    masks: Path | None


@dataclass(frozen=True)
class _How:
    """Options that leave the result as it is."""

    replace: bool
    threads: int
    max_memory: str
    json: bool


def train(
    dataset: Annotated[Path, typer.Argument(help="Folder of the dataset.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; DATASET/runs/run when absent.")
    ] = None,
    pairs: PairsOption = None,
    all_pairs: AllPairsOption = False,
    targets: Annotated[
        str | None, typer.Option("--targets", help="Targets of the dataset; all when absent.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", "-c", help="Patterns of candidates, with commas.")
    ] = None,
    max_lookback: Annotated[
        int | None, typer.Option("--max-lookback", help="Rows that candidates look back, at most.")
    ] = None,
    learner: Annotated[
        str,
        typer.Option("--learner", help="lightgbm, ridge, elastic_net, xgboost, catboost, stack."),
    ] = "lightgbm",
    learn: Annotated[
        str, typer.Option("--learn", help="surprise, or whole for comparison.")
    ] = "surprise",
    scope: Annotated[
        str, typer.Option("--scope", help="A model for each pair, or one global.")
    ] = "pair",
    splitter: SplitterOption = "walk-forward",
    train: Annotated[str | None, typer.Option(help="Training block: 6M, 30D or rows.")] = None,
    test: Annotated[str | None, typer.Option(help="Test block: 1M, 5D or rows.")] = None,
    step: StepOption = None,
    expanding: ExpandingOption = False,
    stride: Annotated[int, typer.Option("--stride", help="Learn from every k-th row.")] = 7,
    top: Annotated[int, typer.Option("--top", help="Features that are selected.")] = 250,
    min_rate: Annotated[int, typer.Option("--min-rate", help="Of the rate domain.")] = 100,
    min_bqx: Annotated[int, typer.Option("--min-bqx", help="Of the BQX domain.")] = 100,
    effort: Annotated[
        str, typer.Option("--effort", help="Of the selection: fast, standard or thorough.")
    ] = "standard",
    no_selection: Annotated[
        bool, typer.Option("--no-selection", help="Use all candidates.")
    ] = False,
    mask: Annotated[
        Path | None, typer.Option("--mask", help="Folder of masks, from `bqx select`.")
    ] = None,
    tune: Annotated[int, typer.Option("--tune", help="Trials of tuning in a fold.")] = 0,
    tune_minutes: Annotated[
        float | None, typer.Option("--tune-minutes", help="Time of tuning; not repeatable.")
    ] = None,
    refresh: Annotated[
        int, typer.Option("--refresh", help="Select and tune in every k-th fold.")
    ] = 1,
    levels: Annotated[str, typer.Option("--levels", help="Quantiles.")] = "0.1,0.5,0.9",
    control: Annotated[
        str | None, typer.Option("--control", help="shuffled_labels or permuted_time.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of everything that is drawn.")] = 0,
    threads: Annotated[int, typer.Option("--threads", help="Threads of the learner.")] = 2,
    max_memory: Annotated[
        str, typer.Option("--max-memory", envvar="BQX_MAX_MEMORY", help="Memory budget.")
    ] = "4GiB",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Folds, units, memory; nothing is trained.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace another run in the folder.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Train models fold by fold and forecast the test rows; running it again resumes.

    Selection, tuning, fitting and calibration see the training rows of their fold alone.
    """
    with reported():
        from bqx.dataset.dataset import Dataset
        from bqx.models.runs.spec import RunSpec, SplitSpec

        opened = Dataset.open(dataset)
        chosen = one_of(pairs, everything=all_pairs, option="pairs")
        names = opened.pairs if chosen is None else tuple(chosen.split(","))
        units = ("global",) if scope == "global" else names
        selecting = _Selecting(top, min_rate, min_bqx, effort, no_selection, mask)
        selection, masks = _selection(selecting), _masks(selecting, units)
        given = {name: found.identity for name, found in masks.items()}
        # Blocks have lengths by default only where the splitter takes any.
        lengths = ("6M", "1M") if splitter == "walk-forward" else (None, None)
        spec = RunSpec(
            targets=_targets(opened, targets),
            pairs=names,
            learner=learner,
            learn=learn,  # type: ignore[arg-type]
            scope=scope,  # type: ignore[arg-type]
            splits=SplitSpec(splitter, train or lengths[0], test or lengths[1], step, expanding),
            columns=tuple(columns.split(",")) if columns else (),
            max_lookback=max_lookback,
            selection=selection,
            masks=tuple(sorted(given.items())),
            tuning=_tuning(tune, tune_minutes),
            refresh=refresh,
            stride=stride,
            levels=_levels(levels),
            seed=seed,
            control=control,  # type: ignore[arg-type]
        )
        if dry_run:
            _show_plan(opened, spec, json=json)
            return
        how = _How(replace, threads, max_memory, json)
        _run(opened, out or dataset / "runs" / "run", spec, masks, how)


def _selection(wanted: _Selecting) -> SelectionSpec | None:
    from bqx.errors import ConfigError
    from bqx.models.runs.spec import SelectionSpec

    if wanted.none and wanted.masks is not None:
        raise ConfigError("--no-selection and --mask together", expected="one of them")
    if wanted.none or wanted.masks is not None:
        return None
    return SelectionSpec(wanted.top, wanted.min_rate, wanted.min_bqx, effort=wanted.effort)


def _masks(wanted: _Selecting, units: tuple[str, ...]) -> dict[str, Mask]:
    """The given masks, one for each unit."""
    if wanted.masks is None:
        return {}
    from bqx.selection.mask import Mask

    return {unit: Mask.read(wanted.masks / f"{unit}.json") for unit in units}


def _tuning(trials: int, minutes: float | None) -> TuningSpec | None:
    from bqx.errors import ConfigError
    from bqx.models.runs.spec import TuningSpec

    if not trials and minutes is not None:
        raise ConfigError("--tune-minutes without --tune", expected="a number of trials, too")
    return TuningSpec(trials, minutes) if trials else None


def _targets(dataset: Dataset, text: str | None) -> tuple[BQXTarget, ...]:
    from bqx.dataset.target import parse_targets

    return dataset.targets if text is None else parse_targets(text)


def _levels(text: str) -> tuple[float, ...]:
    from bqx.errors import ConfigError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"unreadable levels {text!r}", expected="numbers such as 0.1,0.5,0.9"
        ) from error


def _show_plan(dataset: Dataset, spec: RunSpec, *, json: bool) -> None:
    from bqx.cli.trainingtables import show_plan
    from bqx.models.runs.plan import RunPlan

    plan = RunPlan.of(dataset, spec)
    if json:
        print_json(plan.to_json())
    else:
        show_plan(plan)


def _run(dataset: Dataset, out: Path, spec: RunSpec, masks: dict[str, Mask], how: _How) -> None:
    from bqx.cli.trainingtables import run_json, show_run
    from bqx.models.runs.training import train

    run = train(
        dataset,
        out,
        spec,
        masks=masks,
        replace=how.replace,
        threads=how.threads,
        max_memory=how.max_memory,
        progress=_tell,
    )
    if how.json:
        print_json(run_json(run))
    else:
        show_run(run)


def _tell(step: Step) -> None:
    """A line on stderr for every unit, with the time to go."""
    import sys

    sys.stderr.write(f"{step}\n")
