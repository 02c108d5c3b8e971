"""What must hold before a remediation starts: each item tried, nothing of it kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bqx.checks.contract import PER_WINDOW, WINDOWS
from bqx.checks.expected import Truth
from bqx.domains.grid import FloatArray
from bqx.errors import BqxError
from bqx.features.registry import registry
from bqx.features.table import KEY
from bqx.market import Calendar
from bqx.postgres.partitioned import copy_in
from bqx.stages.alignment_judge import PairFacts
from bqx.stages.checklist import REMEDIATION
from bqx.stages.estimate import disk_condition
from bqx.stages.legacy_bars import read_bars
from bqx.stages.mapping import BARS, BQX, SIDES, column
from bqx.stages.pair_features import Content, PairFeatures
from bqx.stages.partition_scan import Found
from bqx.stages.rebuild import RebuildBqx
from bqx.stages.registry import stages
from bqx.stages.stage import Condition, Plan, Selection
from bqx.stages.target import SCHEMA, PostgresTarget

TRIAL = "trial_"
HOURS = 9
"""Longest maintenance window that the programme asked for."""
SAMPLES = 5
FIT_TOLERANCE = 1e-9
_FOREIGN = f"""
SELECT count(*), count(*) FILTER (WHERE pg_has_role(c.relowner, 'USAGE')) FROM pg_class c
 WHERE c.relnamespace = to_regnamespace('{SCHEMA}') AND c.relkind IN ('r', 'p')
   AND c.relname ~ '^({"|".join(side.kind for side in SIDES)})_'
"""


def preflight(
    target: PostgresTarget, facts: Mapping[str, PairFacts], selection: Selection
) -> tuple[Condition, ...]:
    """The five items; the trial partition is made in a transaction that is rolled back."""
    plans, problem = _plans(target, selection)
    trial = _trial(target, facts)
    return (
        _backup(target, plans),
        trial.built,
        trial.validated,
        _reviewed(trial),
        _window(plans, problem),
    )


def _plans(target: PostgresTarget, selection: Selection) -> tuple[list[Plan], str]:
    """Plans of the remediation, and why they cannot all be made."""
    plans: list[Plan] = []
    for stage in stages():
        if stage.code in REMEDIATION:
            try:
                plans.append(stage.plan(target, selection))
            except BqxError as error:
                return plans, f"{stage.code} cannot be planned: {error.found}"
    return plans, ""


def _backup(target: PostgresTarget, plans: list[Plan]) -> Condition:
    """Whether tables can be moved aside, and there is room for those that are built beside."""
    may = target.query("SELECT has_database_privilege(current_database(), 'CREATE')")[0][0]
    total, owned = target.query(_FOREIGN)[0]
    room = disk_condition(target, sum(plan.estimate.bytes for plan in plans))
    good = bool(may) + (0 < total == owned) + room.passed
    schema = "a backup schema can be made" if may else "no right to make a schema"
    return Condition(
        "backup possible",
        f"{schema}; {owned:,} of {total:,} tables can be moved; {room.found}",
        f"the right to make a schema and to move the tables; {room.expected} free",
        good,
        3,
        "run as the owner of the tables, on a disk with room for the new ones",
    )


@dataclass(frozen=True)
class _Trial:
    """One partition, built and looked at.

    Attributes:
        built: Whether it could be.
        validated: Whether it is what it must be.
        truth: The bars behind it, laid on trading minutes; None where it could not be built.
        content: What it was made from.
    """

    built: Condition
    validated: Condition
    truth: Truth | None = None
    content: Content | None = None


def _trial(target: PostgresTarget, facts: Mapping[str, PairFacts]) -> _Trial:
    """Build the partition with the most rows."""
    places = [
        (rows.expected, pair, month)
        for pair, known in facts.items()
        for month, rows in known.rows.get(BQX.kind, {}).items()
    ]
    _, pair, month = max(places, default=(0, "", ""))
    name, names = f"{BQX.kind}_{pair}_{month}", ("trial partition", "trial validated")
    if not pair:
        return _failed(names, "no partition whose bars are there", f"{BARS}_* and {BQX.kind}_*")
    try:
        features = PairFeatures(read_bars(target.connection, pair, Calendar()))
        return _built(target, features, names, name, month)
    except BqxError as error:
        return _failed(names, f"{name}: {error.found}", error.expected)


def _failed(names: tuple[str, str], found: str, expected: str) -> _Trial:
    built, validated = (Condition(name, found, expected, 0, 1) for name in names)
    return _Trial(built, validated)


def _built(
    target: PostgresTarget, features: PairFeatures, names: tuple[str, str], name: str, month: str
) -> _Trial:
    stage = RebuildBqx()
    content = features.content(stage.spec, month, source=True)
    columns = ", ".join(f"{c} double precision" for c in content.table.column_names[1:])
    table = f"{SCHEMA}.{TRIAL}{name}"
    # An error inside is raised; without one, the transaction is undone all the same.
    with target.connection.transaction(force_rollback=True):
        target.execute(f"CREATE TABLE {table} ({KEY} timestamptz PRIMARY KEY, {columns})")
        copy_in(target.connection, table, content.table)
        looked = f"SELECT {', '.join(stage.scan.expressions)} FROM {table} t"
        found = stage.scan.read(target.query(looked)[0])
    wrong = _wrong(found, content)
    rows = content.table.num_rows
    built = Condition(
        names[0],
        f"{name}: {found.rows:,} rows built, then rolled back",
        f"{rows:,} rows",
        int(found.rows == rows > 0),
        1,
    )
    columns_right = sum(
        column(w, feature) in content.table.column_names for w in WINDOWS for feature in PER_WINDOW
    )
    validated = Condition(
        names[1],
        wrong[0] if wrong else f"{columns_right} features, identities within {found.worst:.3g}",
        f"{len(WINDOWS) * len(PER_WINDOW)} features, NULLs and identities as they must be",
        int(not wrong and columns_right == len(WINDOWS) * len(PER_WINDOW)),
        1,
    )
    return _Trial(built, validated, features.bars.truth, content)


def _wrong(found: Found, content: Content) -> list[str]:
    """What the server holds that differs from what the bars ask for."""
    wrong = [
        f"{found.rows - found.counts[name]:,} NULLs in {name} instead of {nulls:,}"
        for name, nulls in content.nulls.items()
        if found.rows - found.counts[name] != nulls
    ]
    if found.identities != len(found.errors):
        wrong.append(f"an identity is off by {found.worst:.3g}")
    return wrong


def _reviewed(trial: _Trial) -> Condition:
    """Whether the code that will run fits what a plain least-squares fit gives."""
    prints = ", ".join(f"{s.table} {registry().table(s.table).fingerprint}" for s in SIDES)
    name, expected = "code reviewed", f"a plain fit gives the same terms within {FIT_TOLERANCE:g}"
    if trial.truth is None or trial.content is None:
        return Condition(name, f"{prints}; no trial to compare with", expected, 0, 1)
    compared, good, worst = _against_plain_fits(trial.truth, trial.content)
    found = f"{prints}; {good} of {compared} fits agree, worst difference {worst:.3g}"
    return Condition(name, found, expected, good, compared)


def _against_plain_fits(truth: Truth, content: Content) -> tuple[int, int, float]:
    """Fits compared, fits that agree, and the greatest difference, over rows of the trial."""
    minutes = content.table.column(KEY).cast("int64").to_numpy() // 60_000_000
    compared = good = 0
    worst = 0.0
    for window in WINDOWS:
        fitted = [content.table.column(column(window, f)) for f in PER_WINDOW]
        known = np.flatnonzero(fitted[0].is_valid().to_numpy())
        for row in known[np.linspace(0, len(known) - 1, SAMPLES, dtype=int)] if len(known) else ():
            at = int(np.searchsorted(truth.minutes, minutes[row]))
            plain = _plain_fit(truth.bqx[at - window + 1 : at + 1])
            values = np.array([fitted[k][int(row)].as_py() for k in (0, 1, 2, 6)])
            difference = float(np.abs(values - plain).max())
            compared, good = compared + 1, good + (difference <= FIT_TOLERANCE)
            worst = max(worst, difference)
    return compared, good, worst


def _plain_fit(values: FloatArray) -> FloatArray:
    """Quadratic, linear and constant term and prediction at the last of some values."""
    end = len(values) - 1
    a2, a1, a0 = np.polynomial.polynomial.polyfit(np.arange(len(values)), values, 2)[::-1]
    terms = np.array([a2 * end**2, a1 * end, a0])
    return np.append(terms, terms.sum())


def _window(plans: list[Plan], problem: str) -> Condition:
    seconds = sum(plan.estimate.seconds for plan in plans)
    each = ", ".join(f"{plan.code} {plan.estimate.seconds:,.1f} s" for plan in plans)
    return Condition(
        "maintenance window",
        problem or f"about {seconds:,.1f} s by rates measured on this server: {each}",
        f"{HOURS} hours at most",
        len(plans) if seconds <= HOURS * 3600 else 0,
        len(REMEDIATION),
        "choose fewer pairs at a time",
    )
