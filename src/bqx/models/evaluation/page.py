"""An evaluation as one HTML page that needs nothing else: styles and drawings are inside."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from bqx.dataset.target import Kind
from bqx.models.evaluation import charts
from bqx.models.evaluation.importance import TOP
from bqx.models.evaluation.numbers import bounds, share, short, side
from bqx.models.evaluation.samples import EVERY_PAIR
from bqx.models.evaluation.statement import conclusion, statement, tone
from bqx.models.scoretable import ScoreTable
from bqx.models.skill import Measure

if TYPE_CHECKING:
    from bqx.models.evaluation.evaluation import Evaluation

METRICS = (
    "mse",
    "r2_mean",
    "direction",
    "correlation",
    "pinball",
    "crps",
    "log_loss",
    "brier",
    "auc",
)
GROUPED = ("session", "volatility", "trend", "month", "fold")
INTRODUCTIONS = {
    "session": "Trading sessions by UTC time of the forecast.",
    "volatility": "Terciles of the volatility known at the forecast, of each fold's training rows.",
    "trend": "The past move of the target's window, known at the forecast, in standard deviations:"
    " flat is the third of each fold's training rows that is nearest to none.",
    "month": "Calendar months in UTC.",
    "fold": "Walk-forward folds, each tested with models that had not seen it.",
}


def page(found: Evaluation) -> str:
    """The page."""
    return _template().render(
        name=found.name,
        synthetic=found.synthetic,
        tone=tone(found),
        conclusion=conclusion(found),
        statement=[s for s in statement(found) if s != conclusion(found)],
        facts={key: _shown(value) for key, value in found.run.items()},
        heats=list(_heats(found)),
        pooled=_table(found.pooled(), METRICS),
        decomposition=[one.pooled.parts for one in found.found.values()],
        calibration=list(_calibration(found)),
        months=list(_months(found)),
        groups=list(_groups(found)),
        importances=found.importances,
        importance_charts=list(_importances(found)),
        controls=_controls(found),
        by_pair=_table(found.by_pair(), ("mse", "r2_mean", "direction")),
        notes=found.notes,
    )


def _svg(drawn: str) -> Markup:
    return Markup(drawn)  # noqa: S704 - texts are escaped where it is drawn


def _table(table: ScoreTable | None, metrics: tuple[str, ...]) -> Markup | None:
    """The table's own HTML; it escapes what it shows."""
    if table is None:
        return None
    there = {record["metric"] for record in table.records()}
    return Markup(table.to_html([m for m in metrics if m in there]))  # noqa: S704


def _heats(found: Evaluation) -> Iterator[tuple[str, Markup]]:
    """Skill by pair and horizon, a picture for each kind and window."""
    families: dict[tuple[int, Kind], list[Any]] = {}
    for target in found.targets:
        families.setdefault((target.window, target.kind), []).append(target)
    for (window, kind), targets in families.items():
        rows = {
            pair: {f"h = {t.horizon}": found.found[t].pairs[pair].score.mse for t in targets}
            for pair in found.pairs
        }
        if len(rows) > 1:
            whole = {f"h = {t.horizon}": found.found[t].pooled.score.mse for t in targets}
            rows[EVERY_PAIR] = whole
        title = f"Skill of the {kind} of BQX over {window} minutes, by pair and horizon"
        yield title, _svg(charts.heat(rows, title))


def _calibration(found: Evaluation) -> Iterator[dict[str, Any]]:
    for target, one in found.found.items():
        whole = one.pooled
        drawn = []
        if whole.reliability is not None:
            title = f"Reliability of the probability of {target} above 0"
            drawn.append((title, _svg(charts.reliability_chart(whole.reliability, title))))
        if whole.coverage:
            title = f"Observed less nominal share below the quantiles of {target}"
            drawn.append((title, _svg(charts.coverage_chart(whole.coverage, title))))
        if drawn:
            yield {"target": target, "charts": drawn, "found": whole}


def _months(found: Evaluation) -> Iterator[tuple[str, Markup]]:
    for target, one in found.found.items():
        series: dict[str, Measure] = {k: s.mse for k, s in one.groups.get("month", {}).items()}
        if series:
            title = f"Skill of {target} by month, with intervals"
            yield title, _svg(charts.over_time(series, title))


def _groups(found: Evaluation) -> Iterator[tuple[str, str, Markup]]:
    for name in GROUPED:
        table = _table(found.by_group(name), ("mse", "r2_mean", "direction"))
        if table is not None:
            yield name, INTRODUCTIONS[name], table


def _importances(found: Evaluation) -> Iterator[tuple[str, Markup]]:
    used = found.importances
    if not used.models:
        return
    parts = (
        ("Importance by domain", used.domains),
        ("Importance by family, the greatest", used.families[:TOP]),
        ("The features with the greatest importance", used.features),
    )
    for title, part in parts:
        yield title, _svg(charts.bars(part, title))


def _controls(found: Evaluation) -> dict[str, Any] | None:
    if not found.controls:
        return None
    return {
        "verdicts": [control.verdict() for control in found.controls],
        "pooled": _table(found.beside_controls(), ("mse",)),
        "by_pair": _table(found.beside_controls(pooled=False), ("mse",)),
    }


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("bqx.models.evaluation", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": short, "share": share, "bounds": bounds, "side": side}
    return environment.get_template("evaluation.html.j2")
