"""The coverage heat map as inline SVG: pairs by months."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from bqx.checks.report import Cell, percent

STEPS = (50.0, 80.0, 90.0, 95.0, 99.0, 99.9)
"""Lower bounds of the classes of colour, in percent of all values."""

LABEL, HEAD, GAP = 78, 24, 3
WIDE, NARROW = (75, 36), (22, 22)
MANY_MONTHS = 14


def heat_map(cells: Iterable[Cell]) -> str | None:
    """Each cell's colour is the share of values that are not NULL; its text says what was expected.

    Returns:
        None when there is no coverage cell.
    """
    found = {(c.pair, c.month): c for c in cells if c.check == "coverage" and c.size}
    if not found:
        return None
    pairs = sorted({pair for pair, _ in found})
    months = sorted({month for _, month in found})
    narrow = len(months) > MANY_MONTHS
    width, height = NARROW if narrow else WIDE
    total = LABEL + len(months) * width, HEAD + len(pairs) * height + 4
    size = f'viewBox="0 0 {total[0]} {total[1]}" width="{total[0]}" height="{total[1]}"'
    title = "<title>Coverage by pair and month</title>"
    parts = [f'<svg {size} role="img" class="heat">{title}', *_months(months, width, narrow=narrow)]
    for row, pair in enumerate(pairs):
        y = HEAD + row * height
        middle = y + (height - GAP) / 2 + 4
        parts.append(f'<text class="name" x="0" y="{middle}">{escape(pair)}</text>')
        for k, month in enumerate(months):
            place = LABEL + k * width, y, width - GAP, height - GAP
            parts.append(_cell(found.get((pair, month)), place, narrow=narrow))
    return "".join([*parts, "</svg>"])


def _months(months: Sequence[str], width: int, *, narrow: bool) -> Iterator[str]:
    """Labels above the columns; where these are narrow, the first one's and each January's."""
    shift, anchor = (0.0, "start") if narrow else ((width - GAP) / 2, "middle")
    for k, month in enumerate(months):
        if not narrow or k == 0 or month.endswith("_01"):
            x, text = LABEL + k * width + shift, month.replace("_", "-")
            yield f'<text class="tick" x="{x}" y="15" text-anchor="{anchor}">{text}</text>'


def _cell(cell: Cell | None, place: tuple[float, float, float, float], *, narrow: bool) -> str:
    x, y, width, height = place
    box = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="3"'
    if cell is None:
        return f'<rect {box} class="none"><title>nothing to check</title></rect>'
    has, due = (100.0 * n / cell.size for n in (cell.found, cell.expected))
    bad = " bad" if cell.failures else ""
    title = (
        f"{cell.pair} {cell.month.replace('_', '-')}: {cell.found:,} of {cell.size:,} values "
        f"({has:.4f} %), expected {cell.expected:,} ({due:.4f} %), {cell.failures:,} wrong"
    )
    level = sum(has >= step for step in STEPS)
    parts = [f'<g class="c{level}{bad}"><title>{escape(title)}</title><rect {box}/>']
    if not narrow:
        middle = x + width / 2
        parts.append(
            f'<text x="{middle}" y="{y + 15}" text-anchor="middle">{percent(has)}</text>'
            f'<text class="due" x="{middle}" y="{y + 27}" text-anchor="middle">'
            f"{'of' if not bad else 'not'} {percent(due)}</text>"
        )
    return "".join([*parts, "</g>"])


def legend() -> list[tuple[str, str]]:
    """Class and text of each colour."""
    bounds = ("0", *(f"{s:g}" for s in STEPS), "100")
    return [(f"c{k}", f"{bounds[k]} to {bounds[k + 1]} %") for k in range(len(STEPS) + 1)]
