"""The command that shows everything at once: bars, ingest, build, alignment."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bqx.cli.common import JsonOption, PairsOption, console, print_json, reported

if TYPE_CHECKING:
    from bqx.api import Store
    from bqx.bars.report import IngestReport
    from bqx.build.report import BuildReport
    from bqx.checks.report import Report
    from bqx.demo import Recipe


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder of the demo store.")] = Path("demo-store"),
    data: Annotated[
        Path | None, typer.Option("--data", help="Real vendor files under this folder instead.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace an earlier demo store.")] = False,
    pairs: PairsOption = None,
    start: Annotated[str, typer.Option(help="First day of the generated bars.")] = "2024-07-01",
    days: Annotated[int, typer.Option(help="Days of generated bars.")] = 31,
    seed: Annotated[int, typer.Option(help="Seed of the generated bars.")] = 7,
    workers: Annotated[
        int, typer.Option("--workers", "-w", envvar="BQX_WORKERS", help="Work units at a time.")
    ] = 2,
    export_bars: Annotated[
        Path | None,
        typer.Option("--export-bars", help="Only write the generated bars, as files, here."),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", help="Of exported bars: parquet or metatrader.")
    ] = "parquet",
    json: JsonOption = False,
) -> None:
    """Generate bars of all pairs, ingest them, build every table, and check the alignment.

    Exit code 0 only if the alignment report passes.
    """
    with reported():
        from bqx.demo import Recipe, day_of

        recipe = Recipe(pairs, day_of(start), days, seed, str(data.resolve()) if data else None)
        if export_bars is not None:
            _export(export_bars, recipe, format)
            return
        show = _Show(json=json)
        passed = _run(folder, recipe, show, fresh=fresh, workers=workers)
        raise typer.Exit(0 if passed else 1)


def _export(folder: Path, recipe: Recipe, form: str) -> None:
    from bqx.demo import export_bars

    for path in export_bars(folder, recipe, form):
        typer.echo(path)


def _run(folder: Path, recipe: Recipe, show: _Show, *, fresh: bool, workers: int) -> bool:
    """All steps of the demonstration; whether the alignment passed."""
    from bqx import demo as steps

    store = steps.prepare(folder, recipe, fresh=fresh)
    report = _ingest(store, recipe, show)
    show.ingested(report)
    week = steps.agreed_week(report)
    if week is not None and week != str(store.calendar.week):
        store = steps.declare_week(store, week)
        show.say(f"All sources agree on a shorter week; the store's week is now {week}.")
    with show.step("build"):
        built = _build(store, workers)
    show.built(built)
    with show.step("align"):
        aligned = store.align()
        page = steps.page_of(folder)
        page.write_text(aligned.to_html(), encoding="utf-8")
    show.aligned(aligned, page)
    pairs = store.state.pairs()
    show.finish(folder, "eurusd" if "eurusd" in pairs else pairs[0])
    return built.passed and aligned.passed


def _ingest(store: Store, recipe: Recipe, show: _Show) -> IngestReport:
    from bqx import demo as steps

    if recipe.data is not None:
        files = steps.find_files(Path(recipe.data))
        with show.step("ingest"):
            return steps.ingest(store, files, synthetic=False)
    with tempfile.TemporaryDirectory(prefix="bqx-demo-") as temporary:
        with show.step("generate"):
            files = list(steps.export_bars(Path(temporary), recipe))
        show.say(
            f"{len(files)} files of generated bars: {recipe.days} days from {recipe.start},"
            f" seed {recipe.seed}. They are marked as synthetic."
        )
        with show.step("ingest"):
            return steps.ingest(store, files, synthetic=True)


def _build(store: Store, workers: int) -> BuildReport:
    from bqx.build.progress import shown
    from bqx.build.run import run

    plan = store.plan()
    with shown(plan) as progress:
        return run(store, plan, workers=workers, progress=progress)


class _Show:
    """What the demonstration prints: texts as it goes on, or one JSON object at the end."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._out = console()
        self._found: dict[str, Any] = {}
        self._seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step."""
        began = time.perf_counter()
        yield
        self._seconds[name] = round(time.perf_counter() - began, 2)

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._json:
            self._out.print(text, soft_wrap=True)

    def ingested(self, report: IngestReport) -> None:
        """The account of the ingest."""
        from bqx.cli.tables import show_ingest

        self._found["ingest"] = report.to_json()
        if not self._json:
            show_ingest(self._out, report)

    def built(self, report: BuildReport) -> None:
        """The account of the build."""
        from bqx.cli.tables import show_build

        self._found["build"] = report.to_json()
        if not self._json:
            show_build(self._out, report)

    def aligned(self, report: Report, page: Path) -> None:
        """The verdict, and where the page is."""
        self._found |= {"alignment": report.to_json(), "page": str(page)}
        if not self._json:
            typer.echo("\n" + report.to_text())

    def finish(self, folder: Path, pair: str) -> None:
        """Timings, and what to try next."""
        if self._json:
            print_json(self._found | {"seconds": self._seconds})
            return
        times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self._seconds.items())
        self.say(f"Timings: {times}")
        self.say(f"Open in a browser: {self._found['page']}")
        self.say("Try next:")
        command = "bqx" if shutil.which("bqx") else sys.argv[0]
        for line in _NEXT:
            self.say(f"  {command} " + line.format(store=folder, pair=pair))


_NEXT = (
    "read reg_bqx {pair} --store {store} --columns w60_r2,w240_r2 --limit 5",
    "sql 'SELECT count(*) FROM bqx.reg_rate_{pair}' --store {store}",
    "check leakage --store {store} --pairs {pair} --samples 20",
    "catalogue regression",
)
