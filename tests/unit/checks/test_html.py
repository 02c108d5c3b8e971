"""The page: complete, self-contained, and true to the report."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bqx.api import FolderStore
from bqx.checks.alignment import alignment
from bqx.checks.chart import week_charts
from bqx.checks.example import Curve, Example, Parabola
from bqx.checks.heat import STEPS, heat_map, legend
from bqx.checks.report import Cell, CheckResult, Finding, Report
from damage import edit, put


def drawing(svg: str) -> ET.Element:
    """The parsed drawing: our own text, so no attack is to be feared."""
    return ET.fromstring(svg)  # noqa: S314


VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Tags that are open, and what was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_of_an_aligned_store(store: FolderStore) -> None:
    page = alignment(store).to_html()
    seen = outline(page).seen
    assert "100 %" in page
    assert "Worst offenders" not in page
    assert seen.count("svg") == 5  # heat map, two weeks, two days
    assert "prefers-color-scheme: dark" in page
    for check in ("partitions", "terms", "residuals", "continuity", "comments"):
        assert f"<code>{check}</code>" in page


def test_the_page_needs_nothing_from_elsewhere(store: FolderStore) -> None:
    page = alignment(store).to_html()
    assert "<script" not in page
    assert "<link" not in page
    assert not re.search(r"https?://|url\(|@import|src=", page)


def test_the_page_of_a_damaged_store_lists_the_place(store: FolderStore) -> None:
    edit(store, "reg_rate", "usdjpy", "2019_02", put("w60_linear_term", 3000, 1.0))
    page = alignment(store).to_html()
    outline(page)
    assert "Worst offenders" in page
    assert "<code>w60_prediction</code>" in page
    assert "100 %</strong>" not in page


def test_what_was_found_is_escaped() -> None:
    finding = Finding("schema", "reg_rate", "eurusd", "2019_01", "<i>", "<b>bold</b>", "a & b")
    check = CheckResult("schema", "Columns", "columns", 2, 1, findings=(finding,))
    page = Report("Alignment", (check,), facts={"store": "<script>"}).to_html()
    outline(page)
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<script>" not in page


def test_an_empty_report_says_so() -> None:
    page = Report("Alignment", ()).to_html()
    outline(page)
    assert "nothing to check" in page
    assert "0.00 %" in page


def test_synthetic_bars_are_announced() -> None:
    report = Report("Alignment", (), facts={"synthetic pairs": ["eurusd"]})
    assert "Generated bars, not market data: eurusd." in report.to_html()
    assert "Generated bars" not in replace(report, facts={"synthetic pairs": []}).to_html()


def cell(pair: str, month: str, found: int, failures: int = 0) -> Cell:
    return Cell("coverage", pair, month, 1000, failures, found, 950, 1000)


def test_heat_map_cells_show_found_and_expected() -> None:
    svg = heat_map([cell("eurusd", "2019_01", 950), cell("usdjpy", "2019_02", 940, 10)])
    assert svg is not None
    root = drawing(svg)
    groups = root.findall("g")
    assert [g.get("class") for g in groups] == ["c4", "c3 bad"]
    assert [t.text for t in groups[0].findall("text")] == ["95.00 %", "of 95.00 %"]
    title = groups[1].find("title")
    assert title is not None
    assert title.text == (
        "usdjpy 2019-02: 940 of 1,000 values (94.0000 %), expected 950 (95.0000 %), 10 wrong"
    )
    assert len(root.findall("rect")) == 2  # two places without a cell


def test_heat_map_without_coverage_is_none() -> None:
    assert heat_map([Cell("terms", "eurusd", "2019_01", 5, 0)]) is None


def test_heat_map_of_many_months_keeps_its_tooltips() -> None:
    months = [f"20{y}_{m:02}" for y in (18, 19, 20) for m in range(1, 13)]
    svg = heat_map([cell("eurusd", month, 950) for month in months])
    assert svg is not None
    root = drawing(svg)
    assert len(root.findall("g/title")) == 36
    assert root.findall("g/text") == []
    assert [t.text for t in root.findall("text")][:3] == ["2018-01", "2019-01", "2020-01"]


@pytest.mark.parametrize(("found", "level"), [(0, 0), (500, 1), (949, 3), (989, 4), (1000, 6)])
def test_colours_follow_the_share(found: int, level: int) -> None:
    svg = heat_map([cell("eurusd", "2019_01", found)])
    assert svg is not None
    assert f'class="c{level}"' in svg
    assert len(legend()) == len(STEPS) + 1


def example(rows: int, window: int = 240) -> Example:
    rng = np.random.default_rng(1)
    minutes = np.arange(rows) + 25_771_680  # 2019-01-01 00:00 UTC
    values = 100 + np.cumsum(rng.normal(0, 0.01, rows))
    values[:15] = np.nan
    at = np.arange(300, 300 + window)
    fits = (Parabola(at, values[at]),)
    curves = tuple(Curve(name, f"{name} series", values, fits) for name in ("rate", "bqx"))
    return Example("eurusd", window, minutes, curves)


def test_charts_draw_the_series_and_the_fits_with_utc_days() -> None:
    charts = week_charts(example(7200))
    assert len(charts) == 4
    root = drawing(charts[0][1])
    lines, fits = root.findall("path[@class='line']"), root.findall("path[@class='fit']")
    assert len(lines) == 1
    assert len(fits) == 1
    labels = [t.text for t in root.findall("text[@class='tick']")]
    assert {"Tue 01 Jan", "Wed 02 Jan", "Thu 03 Jan"} <= set(labels)
    assert any(t and "UTC" in t for t in labels)
    title = fits[0].find("title")
    assert title is not None
    assert title.text == "fit from Tue 05:00 to Tue 08:59 UTC"


def test_charts_keep_the_extremes_of_the_series() -> None:
    made = example(7200)
    values = made.curves[0].values
    values[3001] = 200.0
    path = drawing(week_charts(made)[0][1]).find("path[@class='line']")
    assert path is not None
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path.get("d") or "")]
    assert len(heights) < 2200
    # The spike reaches the top, but for the margin of 5 % of the range.
    others = sorted(heights)[1:]
    assert min(heights) < min(others) - 100


def test_charts_of_a_short_or_flat_series() -> None:
    short = example(700, window=20)
    assert len(week_charts(short)) == 2  # there is no other day
    flat = replace(short.curves[0], values=np.full(700, 5.0), fits=())
    svg = week_charts(replace(short, curves=(flat,)))[0][1]
    drawing(svg)
    assert "no stored fits" in svg
