"""Pages, as a browser on a desk and one on a telephone show them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from typer.testing import CliRunner

from bqx.cli.app import app
from bqx.models.evaluation.evaluate import evaluate
from evaluationruns import Maker, make_dataset

pytestmark = pytest.mark.slow

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)
WIDTHS = (1280, 390)
TOO_WIDE = """
() => [...document.querySelectorAll("body *")]
    .filter(part => part.getBoundingClientRect().right > window.innerWidth + 1)
    .filter(part => !part.closest(".wide"))
    .map(part => part.tagName + " " + part.textContent.trim().slice(0, 40))
"""
"""What reaches beyond the window, outside of what scrolls in itself."""

COVERED = """
() => [...document.querySelectorAll("svg")].flatMap(drawn => {
    const texts = [...drawn.querySelectorAll("text")].map(t => [t, t.getBoundingClientRect()]);
    return texts.flatMap(([a, p], i) => texts.slice(i + 1)
        .filter(([b, q]) => Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2
            && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 4)
        .map(([b, q]) => `${drawn.getAttribute("aria-label")}: ${a.textContent} | ${b.textContent}`)
    );
})
"""
"""Texts of a drawing that lie on each other."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of an evaluation and of a report of checks."""
    folder = tmp_path_factory.mktemp("pages")
    dataset = make_dataset(folder / "data", synthetic=True)
    run = Maker(gain=0.15, learned=True).make(dataset, folder / "run")
    control = Maker(control="shuffled_labels").make(dataset, folder / "control")
    found = evaluate(run, controls=[control], resamples=40)
    (folder / "evaluation.html").write_text(found.to_html(), encoding="utf-8")
    made = CliRunner().invoke(
        app, ["demo", str(folder / "demo"), "--pairs", "eurusd", "--days", "3"]
    )
    assert made.exit_code == 0, made.output
    (folder / "demo-alignment.html").rename(folder / "alignment.html")
    return folder


@pytest.fixture(params=WIDTHS)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": request.param, "height": 800})
    yield page
    page.close()


@dataclass
class Shown:
    """What a browser found on a page with all its parts unfolded."""

    wide: list[str]
    covered: list[str]
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def show(page: Page, file: Path) -> Shown:
    """Open a page, and all that is folded on it."""
    found = Shown([], [])
    page.on("console", lambda message: found.said.append(message.text))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("request", lambda request: found.asked.append(request.url))
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    found.wide = page.evaluate(TOO_WIDE)
    found.covered = page.evaluate(COVERED)
    return found


@pytest.mark.parametrize("name", ["evaluation", "alignment"])
def test_a_page_fits_its_window_and_asks_for_nothing(name: str, page: Page, folder: Path) -> None:
    file = folder / f"{name}.html"
    assert show(page, file) == Shown([], [], [], [file.as_uri()])
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("h1").count() == 1
    assert page.locator("svg").count() >= 1


def test_what_is_wrong_with_a_page_is_seen(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "wrong.html"
    text = '<text x="5" y="20">{}</text>'
    file.write_text(
        '<p style="width: 3000px">wide</p><img src="other.png"><script>nothing();</script>'
        f"<svg>{text.format('one')}{text.format('two')}</svg>"
    )
    found = show(page, file)
    assert found.wide == ["P wide"]
    assert len(found.covered) == 1
    assert found.asked == [file.as_uri(), (tmp_path / "other.png").as_uri()]
    assert any("nothing is not defined" in text for text in found.said)
