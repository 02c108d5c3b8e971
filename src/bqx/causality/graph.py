"""A directed graph of links as a picture that needs nothing else: one SVG text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bqx.causality.results import Links
from bqx.market import CURRENCIES, PAIRS

SIZE = 760
_RADIUS, _NODE, _LABEL = 270.0, 6.0, 18.0
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2933}.edge{fill:none;stroke:#2563a8}"
    ".node{fill:#1f2933}.note{fill:#52606d;font-size:11px}"
)


@dataclass(frozen=True)
class Edge:
    """An arrow.

    Attributes:
        source: Where it begins.
        target: Where it ends.
        p: Adjusted p value: the surer, the darker.
        effect: The greater, the wider.
        title: What a pointer over it shows.
    """

    source: str
    target: str
    p: float
    effect: float
    title: str


def to_svg(links: Links, *, level: float = 0.05, by_currency: bool = False) -> str:
    """The links that are significant, as arrows between series on a circle.

    Args:
        links: The links.
        level: Greatest adjusted p value.
        by_currency: Whether links of pairs are added up over the currencies of both.
    """
    edges = list(_edges(links, level))
    names: tuple[str, ...] = links.names()
    if by_currency:
        edges = _by_currency(edges)
        names = tuple(c for c in CURRENCIES if any(c in _currencies(n) for n in names))
    places = _circle(names)
    most = max((edge.effect for edge in edges), default=1.0)
    arrows = [_arrow(edge, places, most) for edge in sorted(edges, key=lambda e: -e.p)]
    dots = [_dot(name, place) for name, place in places.items()]
    note = f"{len(edges)} arrows, adjusted p at most {level:g}. {links.caption()}"
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img">',
            f"<title>{escape(note)}</title><style>{_STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"',
            ' markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">',
            '<path d="M0 0L8 4L0 8Z" fill="#2563a8"/></marker></defs>',
            *arrows,
            *dots,
            f'<text class="note" x="12" y="{SIZE - 12}">{escape(note)}</text></svg>\n',
        ]
    )


def _edges(links: Links, level: float) -> Iterable[Edge]:
    for r in links.significant(level).to_dicts():
        told = f"{r['source']} to {r['target']}: lag {r['lag']}, effect {r['effect']:.3g}"
        title = f"{told}, adjusted p {r['p_adjusted']:.3g}"
        # A significant link may have an estimated effect of at most nothing after correction.
        effect = max(float(r["effect"]), 0.0)
        yield Edge(r["source"], r["target"], float(r["p_adjusted"]), effect, title)


def _currencies(name: str) -> tuple[str, ...]:
    pair = PAIRS.get(name.split(":", maxsplit=1)[0])
    return () if pair is None else (pair.base, pair.quote)


def _by_currency(edges: Iterable[Edge]) -> list[Edge]:
    """Effects added up from every currency of the source to every other one of the target."""
    sums: dict[tuple[str, str], tuple[int, float, float]] = {}
    for edge in edges:
        for one in _currencies(edge.source):
            for other in _currencies(edge.target):
                if one != other:
                    count, effect, p = sums.get((one, other), (0, 0.0, 1.0))
                    sums[one, other] = count + 1, effect + edge.effect, min(p, edge.p)
    return [
        Edge(one, other, p, effect, f"{one} to {other}: {count} links of pairs")
        for (one, other), (count, effect, p) in sums.items()
    ]


def _circle(names: tuple[str, ...]) -> dict[str, tuple[float, float, float]]:
    """Place and angle of each name, clockwise from the top."""
    found = {}
    for k, name in enumerate(names):
        angle = 2.0 * math.pi * k / len(names) - math.pi / 2.0
        x, y = (SIZE / 2 + _RADIUS * f(angle) for f in (math.cos, math.sin))
        found[name] = (x, y, angle)
    return found


def _arrow(edge: Edge, places: dict[str, tuple[float, float, float]], most: float) -> str:
    (x0, y0, _), (x1, y1, angle) = places[edge.source], places[edge.target]
    # Bent towards the centre, and a little to one side, so that both directions are seen.
    middle = SIZE / 2
    side = 0.06
    cx = middle + 0.35 * ((x0 + x1) / 2 - middle) + side * (y1 - y0)
    cy = middle + 0.35 * ((y0 + y1) / 2 - middle) - side * (x1 - x0)
    ex, ey = x1 - (_NODE + 2) * math.cos(angle), y1 - (_NODE + 2) * math.sin(angle)
    width = 0.8 + 4.2 * math.sqrt(edge.effect / most if most > 0.0 else 0.0)
    dark = min(0.25 + 0.1 * -math.log10(max(edge.p, 1e-12)), 0.9)
    curve = f"M{x0:.1f} {y0:.1f}Q{cx:.1f} {cy:.1f} {ex:.1f} {ey:.1f}"
    return (
        f'<path class="edge" d="{curve}" stroke-width="{width:.2f}" stroke-opacity="{dark:.2f}"'
        f' marker-end="url(#tip)"><title>{escape(edge.title)}</title></path>'
    )


def _dot(name: str, place: tuple[float, float, float]) -> str:
    x, y, angle = place
    tx, ty = x + _LABEL * math.cos(angle), y + _LABEL * math.sin(angle) + 4
    anchor = "middle" if abs(math.cos(angle)) < 0.2 else "start" if math.cos(angle) > 0 else "end"
    return (
        f'<circle class="node" cx="{x:.1f}" cy="{y:.1f}" r="{_NODE}"/>'
        f'<text x="{tx:.1f}" y="{ty:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
    )
