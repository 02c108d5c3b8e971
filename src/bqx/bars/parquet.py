"""Parquet files of bars, with or without a column map."""

from __future__ import annotations

import io

import polars as pl
from polars.exceptions import PolarsError

from bqx.bars.clock import UTC_CLOCK, Clock, place
from bqx.bars.columns import resolve
from bqx.bars.names import pair_in
from bqx.bars.parsed import ReadOptions
from bqx.bars.rows import Reading, complete
from bqx.bars.schema import PRICES, VALUES, Reason
from bqx.bars.source import MAX_BYTES, Member
from bqx.bars.timestamps import forbid_timezone, read_times, require_timezone

_MAGIC = b"PAR1"


def matches(member: Member) -> bool:
    """Whether the bytes start as a Parquet file."""
    return member.data.startswith(_MAGIC)


def read(member: Member, options: ReadOptions) -> Reading:
    """Read a Parquet file; the pair stands in its name.

    Raises:
        InputFileError: If it is damaged or too large, or a column is missing or of a wrong type.
        ClockError: If its timestamps are naive and no time zone is given.
    """
    table = _load(member)
    columns = resolve(member, table.columns, options.columns)
    for name in VALUES:
        if name in columns:
            _check_number(member, columns[name], table.schema[columns[name]])
    wall, clock = _times(member, table, columns, options.timezone)
    rows = table.select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"),
        pl.struct(pl.all()).struct.json_encode().alias("raw"),
        wall.alias("wall"),
        *(pl.col(columns[n]).cast(pl.Float64).alias(n) for n in VALUES if n in columns),
    )
    return Reading(complete(place(_mark_nulls(rows), clock)), str(clock), pair_in(member.stem))


def _load(member: Member) -> pl.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        meta = pq.ParquetFile(io.BytesIO(member.data)).metadata
    except (pa.ArrowException, OSError) as error:
        raise member.error(f"damaged Parquet file ({error})", hint="write it again") from error
    # Run-length encoding packs any number of equal values into a few bytes.
    cells = meta.num_rows * max(meta.num_columns, 1)
    if cells * 8 > MAX_BYTES:
        raise member.error(
            f"{meta.num_rows:,} rows", expected=f"at most {MAX_BYTES // 8:,} values a file"
        )
    names = [meta.schema.column(k).name for k in range(meta.num_columns)]
    if len(set(names)) < len(names):
        raise member.error(f"column names repeat: {', '.join(names)}", expected="each name once")
    if not meta.num_rows:
        raise member.error("the file holds no rows", expected="one row a bar")
    try:
        return pl.read_parquet(io.BytesIO(member.data))
    except PolarsError as error:
        raise member.error(f"unreadable Parquet file ({error})", hint="write it again") from error


def _check_number(member: Member, name: str, dtype: pl.DataType) -> None:
    if not (dtype.is_numeric() or dtype == pl.Null):
        raise member.error(f"column {name} is {dtype}", expected="a number")


def _times(
    member: Member, table: pl.DataFrame, columns: dict[str, str], timezone: str | None
) -> tuple[pl.Series, Clock]:
    if "ts_utc" not in columns:
        raise member.error("date and time are two columns", expected="one timestamp column")
    column = table[columns["ts_utc"]]
    if column.dtype == pl.String:
        return read_times(member, column, timezone)
    if not isinstance(column.dtype, pl.Datetime):
        raise member.error(f"column {column.name} is {column.dtype}", expected="a timestamp")
    if column.dtype.time_zone is None:
        return column.dt.cast_time_unit("us"), require_timezone(member, timezone)
    forbid_timezone(member, timezone)
    utc = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return utc.dt.cast_time_unit("us"), UTC_CLOCK


def _mark_nulls(rows: pl.DataFrame) -> pl.DataFrame:
    detail = pl.coalesce(
        pl.when(pl.col(name).is_null()).then(pl.lit(f"{name} is NULL"))
        for name in ("wall", *PRICES)
    )
    rows = rows.with_columns(detail.alias("detail"))
    reason = pl.when(pl.col("detail").is_not_null()).then(pl.lit(Reason.UNREADABLE))
    return rows.with_columns(reason.alias("reason"))
