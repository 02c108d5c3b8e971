"""What the catalogue says of relations, on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqx.errors import StoreError, UnknownNameError
from bqx.stages import catalog
from bqx.stages.catalog import Parts
from bqx.stages.dependents import views
from bqx.stages.target import PostgresTarget

TABLES = """
CREATE SCHEMA bqx;
CREATE TABLE bqx.reg_eurusd (ts_utc timestamptz PRIMARY KEY, a float8, b float8 DEFAULT 1)
  PARTITION BY RANGE (ts_utc);
CREATE TABLE bqx.reg_eurusd_2024_07 PARTITION OF bqx.reg_eurusd
  FOR VALUES FROM ('2024-07-01+00') TO ('2024-08-01+00');
CREATE TABLE bqx.reg_eurusd_2024_08 PARTITION OF bqx.reg_eurusd
  FOR VALUES FROM ('2024-08-01+00') TO ('2024-09-01+00');
CREATE VIEW bqx.seen AS SELECT ts_utc, a FROM bqx.reg_eurusd;
COMMENT ON TABLE bqx.reg_eurusd IS 'fits';
COMMENT ON COLUMN bqx.reg_eurusd.a IS 'a term';
INSERT INTO bqx.reg_eurusd VALUES ('2024-07-02+00', 1, 2), ('2024-07-03+00', 3, 4),
  ('2024-08-01+00', NULL, 5)
"""


@pytest.fixture
def target(database: str) -> Iterator[PostgresTarget]:
    with PostgresTarget(database) as found:
        found.execute(TABLES)
        yield found


def test_relations_have_kinds_parents_and_bounds(target: PostgresTarget) -> None:
    parent, july, _, view = catalog.relations(target, ".*")
    assert (parent.name, parent.kind, parent.parent) == ("reg_eurusd", "parent", None)
    assert (july.name, july.kind, july.parent) == ("reg_eurusd_2024_07", "partition", "reg_eurusd")
    assert "2024-07-01" in july.bounds
    assert (view.name, view.kind) == ("seen", "view")
    assert catalog.relations(target, "reg") == []  # the whole name must match


def test_rows_are_counted_also_in_many_relations(target: PostgresTarget) -> None:
    assert catalog.count(target, "reg_eurusd") == 3
    names = [f"t{i}" for i in range(catalog.BATCH + 5)]
    target.execute(";".join(f"CREATE TABLE bqx.{name} AS SELECT 1 AS x" for name in names))
    assert catalog.counts(target, names) == dict.fromkeys(names, 1)
    assert catalog.counts(target, []) == {}


def test_a_hash_knows_every_value_but_not_the_order(target: PostgresTarget) -> None:
    before = catalog.content_hash(target, "reg_eurusd")
    assert before.startswith("3:")
    target.execute("CREATE TABLE bqx.turned AS SELECT * FROM bqx.reg_eurusd ORDER BY ts_utc DESC")
    assert catalog.content_hash(target, "turned") == before
    seen = {before}
    for change in (
        "UPDATE bqx.turned SET a = '-0'::float8 WHERE a = 1",
        "UPDATE bqx.turned SET a = 0 WHERE a = 0",
        "UPDATE bqx.turned SET b = a, a = b WHERE b = 4",
        "UPDATE bqx.turned SET a = 7 - a WHERE a IS NOT NULL",
        "INSERT INTO bqx.turned SELECT * FROM bqx.turned LIMIT 1",
    ):
        target.execute(change)
        found = catalog.content_hash(target, "turned")
        assert found not in seen, change
        seen.add(found)


def test_values_that_change_places_change_the_hash(target: PostgresTarget) -> None:
    """A column whose values moved to other rows has the same values, but other rows."""
    before = catalog.content_hash(target, "reg_eurusd")
    target.execute("UPDATE bqx.reg_eurusd SET b = 6 - b WHERE b IN (2, 4)")
    assert catalog.content_hash(target, "reg_eurusd") != before


def test_columns_that_were_dropped_are_not_in_the_hash(target: PostgresTarget) -> None:
    before = catalog.content_hash(target, "reg_eurusd")
    target.execute("ALTER TABLE bqx.reg_eurusd ADD COLUMN c float8 DEFAULT 9")
    assert catalog.content_hash(target, "reg_eurusd") != before
    target.execute("ALTER TABLE bqx.reg_eurusd DROP COLUMN c")
    assert catalog.content_hash(target, "reg_eurusd") == before


def test_an_empty_table_has_a_hash(target: PostgresTarget) -> None:
    target.execute("TRUNCATE bqx.reg_eurusd")
    assert catalog.content_hash(target, "reg_eurusd") == "0:0"


def test_columns_keys_and_comments(target: PostgresTarget) -> None:
    key, a, b = catalog.columns(target, "reg_eurusd")
    assert (key.name, key.type, key.required) == ("ts_utc", "timestamp with time zone", True)
    assert (a.comment, a.required) == ("a term", False)
    assert (b.type, b.default) == ("double precision", "1")
    assert catalog.columns(target, "nothing") == ()
    assert sorted(catalog.columns_of(target, "reg_eurusd.*")) == [
        "reg_eurusd", "reg_eurusd_2024_07", "reg_eurusd_2024_08",
    ]  # fmt: skip
    ((name, text),) = catalog.keys(target, "reg_eurusd_2024_07")
    assert name == "reg_eurusd_2024_07_pkey"
    assert "UNIQUE INDEX" in text
    assert "PRIMARY KEY (ts_utc)" in text
    assert catalog.comment(target, "reg_eurusd") == "fits"
    assert catalog.comment(target, "reg_eurusd_2024_07") is None


def test_views_on_tables_are_found(target: PostgresTarget) -> None:
    (view,) = views(target, ["reg_eurusd"])
    assert (view.schema, view.name, view.reads) == ("bqx", "seen", ("reg_eurusd",))
    assert "SELECT" in view.definition
    assert views(target, ["reg_eurusd_2024_07"]) == []


def test_sizes_are_of_partitions(target: PostgresTarget) -> None:
    assert catalog.size(target, ["reg_eurusd"]) == 0
    assert catalog.size(target, ["reg_eurusd_2024_07"]) > 0
    assert catalog.size(target, []) == 0


def test_the_text_of_a_schema_tells_relations_apart(target: PostgresTarget) -> None:
    before = catalog.schema_text(target, "reg_eurusd_2024_07")
    target.execute("COMMENT ON COLUMN bqx.reg_eurusd_2024_07.b IS 'more'")
    assert catalog.schema_text(target, "reg_eurusd_2024_07") != before
    with pytest.raises(StoreError, match="does not exist"):
        catalog.schema_text(target, "nothing")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("reg_eurusd", Parts("reg", "eurusd", None)),
        ("reg_bqx_eurusd_2024_07", Parts("reg_bqx", "eurusd", "2024_07")),
        ("reg_usdeur", None),
        ("ledger", None),
    ],
)
def test_names_are_taken_apart(name: str, parts: Parts | None) -> None:
    assert catalog.parts(name) == parts


def test_a_name_that_is_none_stands_in_no_statement(target: PostgresTarget) -> None:
    with pytest.raises(UnknownNameError, match="relation 'x; DROP"):
        catalog.count(target, "x; DROP TABLE bqx.reg_eurusd")


def test_the_hash_is_of_values_not_of_pages(target: PostgresTarget) -> None:
    before = catalog.content_hash(target, "reg_eurusd")
    target.execute("VACUUM FULL bqx.reg_eurusd_2024_07")
    assert catalog.content_hash(target, "reg_eurusd") == before
