"""The alignment report as one HTML page that needs nothing else: styles and map are inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from html import escape

from jinja2 import ChoiceLoader, Environment, PackageLoader, Template
from markupsafe import Markup

from bqx.checks.heat import STEPS, legend
from bqx.checks.report import percent
from bqx.checks.text import show
from bqx.stages.alignment_report import DEFECTS, AlignmentReport, PartitionResult, share
from bqx.stages.alignment_text import MOST_GROUPS, TITLE, VERDICTS, sections, some
from bqx.stages.mapping import SIDES

LABEL, HEAD, WIDE, HIGH, GAP = 64, 40, 36, 20, 2


def to_html(report: AlignmentReport) -> str:
    """The page."""
    return _template().render(
        report=report,
        title=TITLE,
        score=percent(report.score),
        verdict=VERDICTS[report.verdict],
        cells=share(report.aligned, report.cells),
        facts={key: show(value) for key, value in report.facts.items()},
        layers=[(name, share(*counts)) for name, counts in report.layers.items()],
        sections=sections(report),
        kinds=[(DEFECTS[kind], count) for kind, count in report.kinds.items()],
        groups=report.groups[:MOST_GROUPS],
        more=max(len(report.groups) - MOST_GROUPS, 0),
        heat=Markup(heat_map(report.partitions)),  # noqa: S704 - escaped where it is made
        legend=legend(),
    )


def heat_map(partitions: Sequence[PartitionResult]) -> str:
    """Pairs by months, one block for each side; the colour is the share of aligned cells."""
    pairs = sorted({part.pair for part in partitions})
    months = sorted({part.month for part in partitions})
    block = LABEL + len(months) * WIDE
    width, height = len(SIDES) * block + LABEL // 2, HEAD + len(pairs) * HIGH + 4
    shape = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [f'<svg {shape} role="img" class="heat"><title>Aligned cells by partition</title>']
    for at, side in enumerate(SIDES):
        left = at * (block + LABEL // 2) + LABEL
        parts.append(f'<text class="name" x="{left}" y="14">{side.kind}_*</text>')
        parts += _labels(months, left)
    row = {pair: k for k, pair in enumerate(pairs)}
    for pair, k in row.items():
        for at in range(len(SIDES)):
            x, y = at * (block + LABEL // 2), HEAD + k * HIGH + HIGH - 6
            parts.append(f'<text class="name" x="{x}" y="{y}">{escape(pair)}</text>')
    kinds = [side.kind for side in SIDES]
    for part in partitions:
        left = kinds.index(part.table) * (block + LABEL // 2) + LABEL
        place = left + months.index(part.month) * WIDE, HEAD + row[part.pair] * HIGH
        parts.append(_cell(part, *place))
    return "".join([*parts, "</svg>"])


def _labels(months: Sequence[str], left: int) -> Iterator[str]:
    for k, month in enumerate(months):
        x = left + k * WIDE + (WIDE - GAP) / 2
        text = f"{month[2:4]}-{month[5:]}"
        yield f'<text class="tick" x="{x}" y="32" text-anchor="middle">{text}</text>'


def _cell(part: PartitionResult, x: int, y: int) -> str:
    score = 100.0 * part.aligned / part.cells
    level = sum(score >= step for step in STEPS)
    title = f"{part.name}: {share(part.aligned, part.cells)} cells, {part.rows:,} rows"
    if part.defects:
        first = part.defects[0]
        title += f"; {first.cell}: {first.found}"
    box = f'x="{x}" y="{y}" width="{WIDE - GAP}" height="{HIGH - GAP}" rx="2"'
    bad = " bad" if part.defects else ""
    text = f'<text x="{x + (WIDE - GAP) / 2}" y="{y + 13}" text-anchor="middle">{int(score)}</text>'
    return f'<g class="c{level}{bad}"><title>{escape(title)}</title><rect {box}/>{text}</g>'


@cache
def _template() -> Template:
    loader = ChoiceLoader([PackageLoader("bqx.stages"), PackageLoader("bqx.checks")])
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["some"] = some
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment.get_template("alignment.html.j2")
