"""The documentation is run: every console and Python block, in order, page by page.

A block is preceded by a comment where it is not simply run: ``<!-- not run: reason -->``,
``<!-- file: name -->`` (the block is the content of a file), ``<!-- exit: 1 -->`` (the status of
the block's last command). Lines under a command, and a ``text`` block under a Python block, are
output: each line must occur in the real output, in order; ``...`` stands for anything.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from bqx.bars.readers import READERS
from bqx.bars.schema import Reason
from bqx.cli.app import app
from bqx.cli.reference import command_page
from bqx.features.registry import registry
from servers import Server

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Pages that train models, or do other work of more than ten seconds.
SLOW = {
    "backtest.md",
    "causality.md",
    "evaluation.md",
    "models.md",
    "new-family.md",
    "operators-guide.md",
    "registry.md",
    "selection.md",
    "tutorial.md",
}
_BLOCK = re.compile(
    r"(?:^<!-- (?P<rule>not run|file|exit): (?P<value>.+?) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_RUN = ("console", "python")
# A bqx command without pipes, redirections and variables.
_PLAIN = re.compile(r"bqx (?:[^|<>&;$\"'`]|\"[^\"$`]*\"|'[^']*')+")


@dataclass(frozen=True)
class Block:
    """A fenced block and the comment before it."""

    language: str
    body: str
    rule: str
    value: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            m["language"],
            m["body"],
            m["rule"] or "",
            m["value"] or "",
            text.count("\n", 0, m.start()),
        )
        for m in _BLOCK.finditer(text)
    ]


def commands(body: str) -> Iterator[tuple[str, list[str]]]:
    """Commands of a console block, each with the output that is shown of it."""
    command, shown = "", list[str]()
    for line in body.splitlines():
        if command.endswith("\\") and not shown:
            command = command[:-1] + line.strip().removeprefix("> ")
        elif line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], []
        else:
            shown.append(line)
    if command:
        yield command, shown


def missing(shown: list[str], output: str) -> str | None:
    """The first shown line that the output lacks, or has too early."""
    left = [" ".join(line.split()) for line in output.splitlines()]
    for line in shown:
        wanted = " ".join(line.split())
        if not wanted or wanted == "...":
            continue
        form = re.compile(".*".join(re.escape(part) for part in wanted.split("...")))
        at = next((k for k, found in enumerate(left) if form.fullmatch(found)), None)
        if at is None:
            return line
        left = left[at + 1 :]
    return None


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("BQX_", "PYTEST_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return kept | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "120"}


def run_console(block: Block, place: str, folder: Path) -> None:
    steps = list(commands(block.body))
    for number, (command, shown) in enumerate(steps, 1):
        code, output = invoke(command) if quick(command, place) else call(command, folder)
        wanted = int(block.value) if block.rule == "exit" and number == len(steps) else 0
        assert code == wanted, f"{place}: {command}\n{output}"
        absent = missing(shown, output)
        assert absent is None, f"{place}: {command}\nlacks: {absent}\n{output}"


def quick(command: str, place: str) -> bool:
    """Whether a command may run inside this process; those of the README are all started."""
    return _PLAIN.fullmatch(command) is not None and not place.startswith("README")


def invoke(command: str) -> tuple[int, str]:
    """Run a plain bqx command inside this process, with the words that the shell makes of it."""
    code, words = call(f"printf '%s\\0' {command.removeprefix('bqx ')}", Path.cwd())
    assert code == 0, words
    result = CliRunner().invoke(app, words.split("\0")[:-1], env={"COLUMNS": "120"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def call(command: str, folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def run_python(block: Block, place: str, names: dict[str, object]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block.body, place, "exec"), names)  # noqa: S102 - our own documentation
    return out.getvalue()


def runnable(page: Path) -> bool:
    return any(b.language in _RUN and b.rule != "not run" for b in blocks(page))


def needs_server(page: Path) -> bool:
    run = [b.body for b in blocks(page) if b.language in _RUN and b.rule != "not run"]
    return any("postgresql:///" in body for body in run)


def reach(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands find the server and its programs, and nothing of an earlier page there."""
    options = conninfo_to_dict(server.address())
    monkeypatch.setenv("PGHOST", str(options["host"]))
    monkeypatch.setenv("PGUSER", str(options["user"]))
    monkeypatch.setenv("PATH", f"{server.programs}{os.pathsep}{os.environ['PATH']}")
    server.psql("DROP DATABASE IF EXISTS legacy")


def run_pages() -> Iterator[object]:
    for page in PAGES:
        if runnable(page):
            marks = [pytest.mark.slow] if page.name in SLOW else []
            yield pytest.param(page, id=str(page.relative_to(ROOT)), marks=marks)


@pytest.mark.parametrize("page", list(run_pages()))
def test_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if needs_server(page):
        reach(request.getfixturevalue("server"), monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    output: str | None = None
    for block in blocks(page):
        place = f"{page.name}:{block.line}"
        if block.rule == "not run":
            continue
        if block.rule == "file":
            (tmp_path / block.value).write_text(block.body, encoding="utf-8")
        elif block.language == "console":
            run_console(block, place, tmp_path)
        elif block.language == "python":
            output = run_python(block, place, names)
        elif block.language == "text" and output is not None:
            absent = missing(block.body.splitlines(), output)
            assert absent is None, f"{place}: lacks {absent}\n{output}"
        if block.language != "python":
            output = None


def test_a_shown_line_must_be_in_the_output_in_order() -> None:
    output = "first  line\nsecond 12.5 s\nthird\n"
    assert missing(["first line", "second ... s", "", "third"], output) is None
    assert missing(["...", "third"], output) is None
    assert missing(["first"], output) == "first"
    assert missing(["third", "first line"], output) == "first line"


def test_commands_are_split_from_their_output() -> None:
    body = "$ one \\\n    --two\nshown\n$ three\n"
    assert list(commands(body)) == [("one --two", ["shown"]), ("three", [])]


@pytest.mark.parametrize(
    ("body", "rule", "value"),
    [("$ bqx --version\nbqx 99\n", "", ""), ("$ false\n", "", ""), ("$ true\n", "exit", "1")],
)
def test_wrong_documentation_fails(body: str, rule: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="here:1"):
        run_console(Block("console", body, rule, value, 1), "here:1", tmp_path)


@pytest.mark.parametrize(
    ("example", "line"),
    [
        ("quick_start.py", "aligned: True 100.0"),
        ("newest_minute.py", "equal to the last bit: True"),
        ("honest_score.py", "30 0.12... 0.128"),
        pytest.param("honest_forecast.py", "audit: passed", marks=pytest.mark.slow),
    ],
)
def test_example_runs(example: str, line: str, tmp_path: Path) -> None:
    code, output = call(f"python {ROOT / 'examples' / example}", tmp_path)
    assert code == 0, output
    assert missing([line], output) is None, output


def test_all_examples_are_run_and_linked() -> None:
    names = {p.name for p in (ROOT / "examples").glob("*.py")}
    assert names == {"quick_start.py", "newest_minute.py", "honest_score.py", "honest_forecast.py"}
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert all(f"../examples/{name}" in index for name in names)


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    skipped = [b for p in PAGES for b in blocks(p) if b.rule == "not run" and b.language in _RUN]
    assert len(skipped) <= 8
    assert all(len(b.value) > 10 for b in skipped)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if target.startswith(("http://", "https://")):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        if anchor:
            assert anchor in anchors(file), link


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {title.replace(" ", "-") for title in plain}


def test_every_page_is_reachable_from_the_index() -> None:
    found: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in found or page.suffix != ".md":
            continue
        found.add(page)
        links = _LINK.findall(page.read_text(encoding="utf-8"))
        local = [link.partition("#")[0] for link in links if "://" not in link]
        waiting += [(page.parent / link).resolve() for link in local if link]
    assert {p.relative_to(ROOT) for p in PAGES} <= {p.relative_to(ROOT) for p in found}


def test_the_command_page_is_the_generated_one() -> None:
    committed = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert committed == command_page(), "run `bqx catalogue --commands --out docs`"


def test_the_command_page_names_every_command() -> None:
    text = command_page()
    named = re.findall(r"^## bqx (.+)$", text, re.MULTILINE)
    assert set(
        re.findall(r"^  (\w+)  ", CliRunner().invoke(app, ["--help"]).output, re.MULTILINE)
    ) == {name.split()[0] for name in named}
    assert "| `--store, -s STORE` | `bqx-store` |" in text
    assert "bqx read TABLE [PAIR] [OPTIONS]" in text


def test_pages_name_every_reason_format_and_count() -> None:
    quality, formats, readme = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("docs/quality.md", "docs/data-formats.md", "README.md")
    )
    assert set(re.findall(r"^\| `(\w+)` \|", quality, re.MULTILINE)) == set(Reason)
    named = formats[formats.index("## Formats") : formats.index("## Sources")]
    assert set(re.findall(r"^### (\w+)$", named, re.MULTILINE)) == set(READERS)
    columns = sum(len(spec.columns) for spec in registry().tables.values())
    assert f"{columns:,} columns per pair" in readme


def test_the_change_log_names_the_version() -> None:
    from bqx import __version__

    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert versions[1] == __version__
    assert all(a != b for a, b in pairwise(versions))
