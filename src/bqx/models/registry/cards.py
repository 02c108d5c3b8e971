"""Model cards: what a model is, what it was trained on, what it is worth, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from bqx.models.registry.gates import Gate
from bqx.models.registry.records import Event, ModelRecord

if TYPE_CHECKING:
    from jinja2 import Template

WARNING = "SYNTHETIC DATA: no figure of it is real."
NOTE = (
    "skill = 1 - MSE/MSE of the martingale; low and high: its 95 % interval by the stationary"
    " bootstrap; p: Diebold-Mariano, adjusted over all pairs and targets of the run."
)
HEAD = (
    "target",
    "n",
    "worth",
    "MSE",
    "martingale",
    "skill",
    "low",
    "high",
    "p",
    "direction",
    "of it",
)


def card_text(record: ModelRecord, history: Sequence[Event], gates: Sequence[Gate]) -> str:
    """The card for a terminal.

    Args:
        record: The model.
        history: Of its name.
        gates: What a promotion would say.
    """
    facts = card_facts(record)
    width = max(map(len, facts))
    lines = [WARNING, ""] if record.synthetic else []
    lines += [f"{name:<{width}}  {value}" for name, value in facts.items()]
    lines += ["", "scores of served targets, beside the martingale's"]
    lines += aligned([("pair", *HEAD), *score_rows(record)])
    lines += ["", NOTE, "", "gates", *(gate.to_text() for gate in gates)]
    limits = list(record.card["limits"]) or ["none that its figures show"]
    lines += ["", "limits", *(f"  {limit}" for limit in limits)]
    return "\n".join([*lines, "", "history", *(f"  {line}" for line in event_lines(history))])


def card_html(record: ModelRecord, history: Sequence[Event], gates: Sequence[Gate]) -> str:
    """The card as one HTML page that needs nothing else; see `card_text` for the arguments."""
    return _template().render(
        record=record,
        warning=WARNING if record.synthetic else "",
        facts=card_facts(record),
        head=("pair", *HEAD),
        rows=list(score_rows(record)),
        coverage=list(coverage_rows(record)),
        controls=list(control_rows(record)),
        note=NOTE,
        gates=gates,
        limits=record.card["limits"],
        history=list(event_lines(history)),
        features=record.card["features"],
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("bqx.models.registry", "templates")
    return Environment(loader=loader, autoescape=True, trim_blocks=True).get_template(
        "card.html.j2"
    )


def card_facts(record: ModelRecord) -> dict[str, str]:
    """What the model is, by name."""
    card = record.card
    run, data = card["run"], card["dataset"]
    spec, folds = run["spec"], run["folds"]
    split = spec["splits"]
    return {
        "model": f"{record.label} ({record.stage})",
        "registered": f"{record.created} by bqx {card['code']}",
        "run": f"{run['name']} {run['identity']}, trained {run['created']}",
        "learner": f"{spec['learner']}, one for each pair"
        if spec["scope"] == "pair"
        else f"{spec['learner']}, one for all pairs",
        "pairs": ", ".join(card["pairs"]),
        "targets": ", ".join(card["targets"]),
        "features": ", ".join(f"{unit} {len(f):,}" for unit, f in card["features"].items()),
        "folds": f"{len(folds)}, {split['method']}, purge {folds[0]['purge']:,} rows",
        "seed": str(spec["seed"]),
        "dataset": f"{data['identity']}, {data['rows']:,} rows, {data['features']:,} features",
        "months": f"{data['months'][0]} to {data['months'][-1]}",
        "bars": str(data["bars"]),
        "tables": f"{len(data['fingerprints'])}, each with its fingerprint",
        "synthetic": "yes: nothing of it is real" if card["synthetic"] else "no",
        "artefacts": f"{len(card['files']):,} files",
    }


def score_rows(record: ModelRecord) -> Iterator[tuple[str, ...]]:
    """Scores of the served pairs and targets, as texts under `HEAD`."""
    for m in _served(record):
        numbers = (m["mse"], m["martingale_mse"], m["skill"], m["low"], m["high"])
        worth = "undefined" if m["effective_n"] is None else f"{m['effective_n']:,.0f}"
        signs = (m["direction"], m["martingale_direction"])
        yield (
            m["pair"],
            m["target"],
            f"{m['n']:,}",
            worth,
            *map(_number, numbers),
            _number(m["p_adjusted"], ".4f"),
            *(_number(sign, ".3f") for sign in signs),
        )


def coverage_rows(record: ModelRecord) -> Iterator[tuple[str, ...]]:
    """Observed shares below the quantiles, with intervals, beside the martingale's."""
    for m in _served(record):
        for c in m["coverage"]:
            numbers = (c["observed"], c["low"], c["high"], c["martingale"])
            level = f"{c['level']:g}"
            yield (m["pair"], m["target"], level, *(_number(n, ".3f") for n in numbers))


def control_rows(record: ModelRecord) -> Iterator[tuple[str, ...]]:
    """Skill of the controls, with intervals."""
    for control in record.card["controls"]:
        for m in control["metrics"]:
            numbers = (m["skill"], m["low"], m["high"])
            yield (control["kind"], m["pair"], m["target"], *map(_number, numbers))


def event_lines(history: Sequence[Event]) -> Iterator[str]:
    """The history in lines."""
    for e in history:
        what = f"{e.name}@{e.version}" if e.version else f"{e.name}: no champion any more"
        failed = [str(g["name"]) for g in e.gates if not g["passed"]]
        gates = f"; gates failed: {', '.join(failed)}" if failed else ""
        reason = f"; {e.reason}" if e.reason else ""
        yield f"{e.at} {e.action} {what} by {e.who}{gates}{reason}"


def _served(record: ModelRecord) -> list[Mapping[str, Any]]:
    rows = record.card["metrics"]
    return [m for m in rows if m["pair"] in record.pairs and m["target"] in record.targets]


def _number(value: float | None, form: str = ".5g") -> str:
    return "undefined" if value is None else format(value, form)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of texts as lines with columns, indented."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
