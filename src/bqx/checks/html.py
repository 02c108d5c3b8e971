"""Reports as one HTML page that needs nothing else: styles and drawings are inside."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, Template
from markupsafe import Markup

from bqx.checks.chart import week_charts
from bqx.checks.heat import heat_map, legend
from bqx.checks.report import Report, percent
from bqx.checks.text import VERDICTS, deviation, show


def render_html(report: Report) -> str:
    """The page."""
    heat = heat_map(report.cells)
    charts = week_charts(report.example) if report.example else []
    return _template().render(
        report=report,
        score=percent(report.score),
        facts={key: show(value) for key, value in report.facts.items()},
        synthetic=show(report.facts.get("synthetic pairs", [])),
        verdicts=VERDICTS,
        heat=None if heat is None else Markup(heat),  # noqa: S704 - escaped where it is made
        legend=legend(),
        charts=[(title, Markup(svg)) for title, svg in charts],  # noqa: S704 - no user's text
        example=report.example,
        notes=[(c.name, note) for c in report.checks for note in c.notes],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("bqx.checks", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["deviation"] = deviation
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment.get_template("report.html.j2")
