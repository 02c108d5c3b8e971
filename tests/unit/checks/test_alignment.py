"""Alignment passes on what a build made, and each kind of damage fails in the right place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from bqx.api import FolderStore
from bqx.checks.alignment import alignment
from bqx.checks.report import Finding, Report
from damage import MONTHS, Change, edit, put, values
from stores import open_store

PAIR, MONTH = "usdjpy", "2019_02"
ROW = 3000


def failed(report: Report) -> set[str]:
    return {c.name for c in report.checks if c.failures}


def first(report: Report, check: str) -> Finding:
    (result,) = [c for c in report.checks if c.name == check]
    assert result.findings, f"{check} found nothing; failed: {failed(report)}"
    return result.findings[0]


def test_an_intact_store_is_aligned(store: FolderStore) -> None:
    report = alignment(store)
    assert report.passed
    assert report.score == 100.0
    assert failed(report) == set()
    assert all(c.units for c in report.checks)
    assert {(c.pair, c.month) for c in report.cells} == {
        (p, m) for p in ("eurusd", "usdjpy") for m in MONTHS
    }


def test_the_columns_own_null_rules_apply_in_the_intact_store(store: FolderStore) -> None:
    """Otherwise the tests below would say nothing of flat windows and constant terms."""
    r2 = store.read("reg_rate", "eurusd", columns=["w60_r2", "w60_rmse"])
    flat = r2.filter(pl.col("w60_r2").is_null(), pl.col("w60_rmse").is_not_null())
    assert flat.height > 100
    columns = ["corr_quad_lin_idx_60min", "cov_quad_lin_idx_60min"]
    terms = store.read("correlation_rate", "eurusd", columns=columns)
    still = terms.filter(pl.col(columns[0]).is_null(), pl.col(columns[1]).is_not_null())
    assert still.height > 50


def _without_comment(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({"fingerprint": "kept"})


def _field(column: str, **changes: object) -> Change:
    """Change a field's comment or type, or its place."""

    def apply(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(column)
        old = table.schema.field(at)
        kind = changes.get("type", old.type)
        metadata = changes.get("metadata", old.metadata)
        new = pa.field(str(changes.get("name", column)), kind, old.nullable, metadata)
        return table.set_column(at, new, table.column(at).cast(kind))

    return apply


def _extra(table: pa.Table) -> pa.Table:
    return table.append_column("w60_vertex", table.column("w60_r2"))


def _swapped(table: pa.Table) -> pa.Table:
    names = table.schema.names
    names[1], names[2] = names[2], names[1]
    return table.select(names)


def _drop(row: int) -> Change:
    return lambda t: pa.concat_tables([t.slice(0, row), t.slice(row + 1)])


def _twice(row: int) -> Change:
    return lambda t: pa.concat_tables([t.slice(0, row + 1), t.slice(row)])


def _backwards(row: int) -> Change:
    swapped = [row + 1, row]
    return lambda t: pa.concat_tables([t.slice(0, row), t.take(swapped), t.slice(row + 2)])


def _later(seconds: int) -> Change:
    """Move all times."""

    def apply(table: pa.Table) -> pa.Table:
        kind = table.schema.field(0).type
        micros = table.column(0).cast(pa.int64()).to_numpy() + seconds * 1_000_000
        moved = pa.array(micros, pa.int64()).cast(kind)
        return table.set_column(0, table.schema.field(0), moved)

    return apply


def _shifted(table: pa.Table) -> pa.Table:
    """All values one row too late."""
    moved = pa.concat_tables([table.slice(0, 1), table.slice(0, table.num_rows - 1)])
    return moved.set_column(0, table.schema.field(0), table.column(0))


def _cold(rows: int) -> Change:
    def apply(table: pa.Table) -> pa.Table:
        for name in table.schema.names[1:]:
            table = values(name, lambda v: np.where(np.arange(len(v)) < rows, np.nan, v))(table)
        return table

    return apply


@dataclass(frozen=True)
class Damage:
    """A change to a table's file, the checks that must fail, and where the first one says so."""

    table: str
    change: Change
    checks: set[str]
    check: str
    column: str | None


NAN = float("nan")
DAMAGES = {
    "wrong term": Damage(
        "reg_rate", put("w60_linear_term", ROW, 1.0), {"terms"}, "terms", "w60_prediction"
    ),
    "wrong residual": Damage(
        "reg_bqx", put("w630_residual", ROW, 1e-6), {"residuals"}, "residuals", "w630_residual"
    ),
    "stored infinity": Damage(
        "reg_rate", put("w90_rmse", ROW, float("inf")), {"ranges"}, "ranges", "w90_rmse"
    ),
    "infinite prediction": Damage(
        "reg_rate",
        put("w90_prediction", ROW, float("inf")),
        {"terms", "residuals", "ranges"},
        "terms",
        "w90_prediction",
    ),
    "wrong index": Damage("bqx", put("rate_index", ROW, 100.0), {"base"}, "base", "rate_index"),
    "wrong base series": Damage(
        "bqx", put("w15_bqx_return", ROW, 1e-6), {"base"}, "base", "w15_bqx_return"
    ),
    "aggregate apart from its window": Damage(
        "bqx", put("agg_bqx_avg_index", ROW, 99.0), {"base"}, "base", "agg_bqx_avg_index"
    ),
    "value lost": Damage(
        "reg_bqx", put("w150_rmse", ROW, NAN), {"coverage", "join"}, "coverage", "w150_rmse"
    ),
    "nullable value lost": Damage(
        "reg_rate", put("w60_r2", ROW, NAN), {"coverage"}, "coverage", "w60_r2"
    ),
    "correlation lost": Damage(
        "correlation_bqx",
        put("corr_resid_lin_bqx_60min", ROW, NAN),
        {"coverage", "covariance"},
        "covariance",
        "corr_resid_lin_bqx_60min",
    ),
    "covariance lost": Damage(
        "covariance_rate",
        put("w240_cov_lin_resid", ROW, NAN),
        {"coverage", "covariance", "join"},
        "covariance",
        "w240_cov_lin_resid",
    ),
    "correlation out of range": Damage(
        "correlation_rate",
        put("corr_quad_lin_idx_60min", ROW, -1.01),
        {"ranges", "covariance"},
        "covariance",
        "corr_quad_lin_idx_60min",
    ),
    "empty column": Damage(
        "covariance_bqx",
        values("w60_cov_quad_lin", lambda v: v * NAN),
        {"coverage", "continuity", "covariance", "join"},
        "coverage",
        "w60_cov_quad_lin",
    ),
    "values one row late": Damage(
        "reg_rate", _shifted, {"residuals", "coverage"}, "residuals", "w60_residual"
    ),
    "times one minute late": Damage("reg_bqx", _later(60), {"rows"}, "rows", None),
    "times within a minute": Damage("bqx", _later(7), {"rows"}, "rows", "ts_utc"),
    "row dropped": Damage(
        "reg_rate", _drop(ROW), {"partitions", "rows", "coverage", "join"}, "rows", None
    ),
    "row twice": Damage(
        "covariance_rate", _twice(ROW), {"partitions", "rows", "join"}, "rows", None
    ),
    "rows out of order": Damage("bqx", _backwards(ROW), {"rows"}, "rows", None),
    "cold month": Damage(
        "reg_rate",
        _cold(59),
        {"continuity", "coverage", "join"},
        "continuity",
        "w60_quadratic_term",
    ),
    "no table comment": Damage("reg_bqx", _without_comment, {"comments"}, "comments", None),
    "no column comment": Damage(
        "bqx", _field("rate_index", metadata=None), {"comments"}, "comments", "rate_index"
    ),
    "other column comment": Damage(
        "bqx",
        _field("rate_index", metadata={"comment": "Close."}),
        {"comments"},
        "comments",
        "rate_index",
    ),
    "extra column": Damage("reg_rate", _extra, {"schema"}, "schema", "w60_vertex"),
    "column dropped": Damage(
        "reg_bqx",
        lambda t: t.drop_columns(["w390_r2"]),
        {"schema", "coverage", "continuity", "comments"},
        "schema",
        "w390_r2",
    ),
    "columns swapped": Damage("reg_rate", _swapped, {"schema"}, "schema", None),
    "other type": Damage(
        "covariance_bqx",
        _field("w60_cov_quad_lin", type=pa.float32()),
        {"schema"},
        "schema",
        "w60_cov_quad_lin",
    ),
    "other window": Damage(
        "reg_bqx",
        _field("w60_r2", name="w61_r2"),
        {"schema", "windows", "coverage", "continuity", "comments"},
        "windows",
        "w61_*",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_fails_in_the_right_check_and_place(store: FolderStore, name: str) -> None:
    damage = DAMAGES[name]
    edit(store, damage.table, PAIR, MONTH, damage.change)
    report = alignment(store)
    assert not report.passed
    assert report.score < 100.0
    assert damage.checks <= failed(report)
    places = {(f.table, f.pair, f.month) for f in report.findings}
    family = damage.table.removesuffix("_rate").removesuffix("_bqx")
    assert {str(p[0]).removesuffix("_rate").removesuffix("_bqx") for p in places} == {family}
    assert {p[1:] for p in places} == {(PAIR, MONTH)}
    columns = {(f.table, f.column) for f in report.findings if f.check == damage.check}
    assert (damage.table, damage.column) in columns


@pytest.mark.parametrize(
    ("name", "alone"),
    [
        ("wrong term", "terms"),
        ("stored infinity", "ranges"),
        ("wrong index", "base"),
        ("nullable value lost", "coverage"),
        ("no table comment", "comments"),
        ("extra column", "schema"),
    ],
)
def test_damage_of_one_kind_fails_one_check(store: FolderStore, name: str, alone: str) -> None:
    damage = DAMAGES[name]
    edit(store, damage.table, PAIR, MONTH, damage.change)
    assert failed(alignment(store)) == {alone}


def test_the_wrong_value_is_shown_with_its_time_and_deviation(store: FolderStore) -> None:
    before = store.read("reg_rate", PAIR, start="2019-02-01", columns=["w60_prediction"])
    edit(store, "reg_rate", PAIR, MONTH, put("w60_prediction", ROW, 101.0))
    report = alignment(store)
    (terms,) = [c for c in report.checks if c.name == "terms"]
    (finding,) = terms.findings
    assert "101.0" in finding.found
    assert f"{before['ts_utc'][ROW]:%Y-%m-%d %H:%M}" in finding.found
    right = before["w60_prediction"][ROW]
    assert float(finding.expected) == pytest.approx(right, rel=1e-12)
    assert terms.failures == 1
    assert terms.worst == pytest.approx(abs(101.0 - right) / 100, rel=0.1)


def _gone(store: FolderStore) -> None:
    store.path("reg_bqx", PAIR, MONTH).unlink()


def _forgotten(store: FolderStore) -> None:
    store.state.forget([("reg_bqx", PAIR, MONTH)])


def _garbage(store: FolderStore) -> None:
    path = store.path("reg_bqx", PAIR, MONTH)
    path.unlink()
    path.write_bytes(b"no parquet")


def _no_key(store: FolderStore) -> None:
    edit(store, "reg_bqx", PAIR, MONTH, lambda t: t.drop_columns(["ts_utc"]))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_gone, "no file"),
        (_forgotten, "does not know"),
        (_garbage, "cannot read"),
        (_no_key, "ts_utc"),
    ],
)
def test_a_partition_that_is_not_there_is_named(
    store: FolderStore, damage: Callable[[FolderStore], None], said: str
) -> None:
    damage(store)
    report = alignment(store)
    finding = first(report, "partitions")
    assert (finding.table, finding.pair, finding.month) == ("reg_bqx", PAIR, MONTH)
    assert said in finding.found
    assert "bqx build" in finding.expected


def test_checks_that_cannot_look_at_a_missing_partition_do_not_pass(store: FolderStore) -> None:
    _gone(store)
    needed = {c.name for c in alignment(store).checks if c.failures}
    assert {"terms", "residuals", "coverage", "join", "schema", "rows"} <= needed


def test_a_partition_made_by_other_code_is_outdated(store: FolderStore) -> None:
    with store.state.transaction() as connection:
        connection.execute(
            "UPDATE partitions SET fingerprint = 'old' WHERE tbl = 'covariance_rate'"
        )
    report = alignment(store)
    assert failed(report) == {"partitions"}
    (result,) = [c for c in report.checks if c.name == "partitions"]
    assert result.failures == 4
    assert "other code" in result.findings[0].found


def test_a_partition_made_from_other_bars_is_outdated(store: FolderStore) -> None:
    bars = store.bars.frame(PAIR, MONTH)
    dearer = pl.when(pl.int_range(pl.len()) == ROW).then(pl.col("close") + 0.5).otherwise("close")
    store.bars.replace(PAIR, MONTH, bars.with_columns(dearer.alias("close")))
    report = alignment(store)
    finding = first(report, "partitions")
    assert "other bars" in finding.found
    assert {"partitions", "residuals", "base"} <= failed(report)
    assert {f.pair for f in report.findings} == {PAIR}


def test_bars_outside_the_week_are_counted_and_lose_no_row(store: FolderStore) -> None:
    bars = store.bars.frame(PAIR, MONTH)
    saturday = bars.head(3).with_columns(
        pl.datetime_range(
            pl.datetime(2019, 2, 2, 12, 0, time_zone="UTC"),
            pl.datetime(2019, 2, 2, 12, 2, time_zone="UTC"),
            "1m",
        ).alias("ts_utc")
    )
    store.bars.replace(PAIR, MONTH, pl.concat([bars, saturday]).sort("ts_utc"))
    store.build()
    report = alignment(store)
    assert report.passed
    (rows,) = [c for c in report.checks if c.name == "rows"]
    assert rows.notes[0].startswith("3 bars outside the trading week")


def test_a_month_named_without_bars_fails(store: FolderStore) -> None:
    report = alignment(store, pairs="eurusd", months="2019-02,2019-07")
    finding = first(report, "partitions")
    assert (finding.pair, finding.month) == ("eurusd", "2019_07")
    assert alignment(store, pairs="eurusd", months="2019-02:2019-07").passed


def test_the_selection_is_what_is_checked(store: FolderStore) -> None:
    edit(store, "reg_rate", PAIR, MONTH, put("w60_linear_term", ROW, 1.0))
    assert alignment(store, pairs="eurusd").passed
    assert alignment(store, pairs=PAIR, months="2019-01").passed
    assert not alignment(store, pairs=PAIR, months="2019-02").passed


def test_an_empty_store_is_not_aligned(tmp_path: Path) -> None:
    report = alignment(open_store(tmp_path / "empty"))
    assert not report.passed
    assert report.score == 0.0
    assert report.cells == ()
