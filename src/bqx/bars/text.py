"""Delimited text into rows: line numbers are kept, and no bad field is lost."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from bqx.bars.rows import ROW_VALUES, Rows
from bqx.bars.schema import PRICES, Reason
from bqx.bars.source import Member
from bqx.errors import InputFileError

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# A control character that no text holds: it makes polars read whole lines as one column.
_WHOLE_LINE = "\x01"


@dataclass(frozen=True)
class Layout:
    """How the lines of a text file are divided.

    Args:
        separator: The delimiter.
        names: A name for each field, in order; fields that are not needed have any other name.
        header: Number of lines before the data.
    """

    separator: str
    names: tuple[str, ...]
    header: int = 0


def decode(member: Member) -> bytes:
    """The text as UTF-8 without byte order mark; MetaTrader writes UTF-16.

    Raises:
        InputFileError: If the bytes are no text.
    """
    data = member.data
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            data = _recode(member, encoding)
    if _WHOLE_LINE.encode() in data or data.count(b"\0") > len(data) // 10:
        raise member.error(
            "the content is binary", expected="text in UTF-8, or in UTF-16 with a byte order mark"
        )
    return data


def _recode(member: Member, encoding: str) -> bytes:
    try:
        return member.data.decode(encoding).encode()
    except UnicodeDecodeError as error:
        raise member.error(f"text is not {encoding} although it starts so ({error})") from error


def first_lines(member: Member, count: int = 5) -> list[str]:
    """The first lines that are not blank, for the detection of the format."""
    data = member.data[:4096]
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            data = data[: len(data) // 2 * 2].decode(encoding, errors="replace").encode()
    text = data.decode("utf-8", errors="replace")
    return [line for line in text.splitlines() if line.strip()][:count]


def header_line(member: Member) -> str:
    """The first line that is not blank.

    Raises:
        InputFileError: If there is none.
    """
    lines = first_lines(member, 1)
    if not lines:
        raise _no_rows(member)
    return lines[0]


def _no_rows(member: Member) -> InputFileError:
    return member.error("the file holds no rows", expected="one row a bar")


def read_lines(member: Member) -> pl.DataFrame:
    """All lines that are not blank: ``line`` (1-based) and ``raw``.

    Raises:
        InputFileError: If the file is no text, or empty.
    """
    data = decode(member)
    if not data:
        raise _no_rows(member)
    lines = pl.read_csv(
        io.BytesIO(data),
        has_header=False,
        separator=_WHOLE_LINE,
        quote_char=None,
        infer_schema=False,
        new_columns=["raw"],
        encoding="utf8-lossy",
    )
    lines = lines.with_row_index("line", offset=1).cast({"line": pl.Int64})
    return lines.filter(pl.col("raw").str.strip_chars() != "")


def split(member: Member, layout: Layout) -> pl.DataFrame:
    """Lines and their fields, stripped of spaces and quotes.

    Returns:
        ``line``, ``raw``, one text column for each name of the layout, and ``fields``, the number
        of fields found.
    """
    lines = read_lines(member).filter(pl.col("line") > layout.header)
    if lines.is_empty():
        raise _no_rows(member)
    parts = pl.col("raw").str.split_exact(layout.separator, len(layout.names) - 1)
    table = lines.with_columns(
        parts.struct.rename_fields(list(layout.names)).struct.unnest(),
        fields=pl.col("raw").str.count_matches(layout.separator, literal=True) + 1,
    )
    return table.with_columns(pl.col(layout.names).str.strip_chars(' \t\r"'))


def to_rows(
    table: pl.DataFrame, wall: pl.Expr, expected: int, required: tuple[str, ...] = PRICES
) -> Rows:
    """Convert text fields into rows; what cannot be read becomes `Reason.UNREADABLE`.

    Args:
        table: The result of `split`.
        wall: The time by the file's clock, NULL where it cannot be read.
        expected: Number of fields of a good line.
        required: Columns that may not be empty.

    Returns:
        The table with numbers, ``wall``, ``reason`` and ``detail``.
    """
    given = [name for name in ROW_VALUES if name in table.columns]
    rows = table.with_columns(
        wall.cast(pl.Datetime("us")).alias("wall"),
        *(_number(name).alias(f"{name}#") for name in given),
    )
    faults = pl.coalesce(
        pl.when(pl.col("fields") != expected).then(_fields_detail(expected)),
        pl.when(pl.col("wall").is_null()).then(pl.lit("the time is unreadable")),
        *(_fault(name, required=name in required) for name in given),
    )
    rows = rows.with_columns(detail=faults)
    rows = rows.with_columns(
        pl.when(pl.col("detail").is_not_null()).then(pl.lit(Reason.UNREADABLE)).alias("reason")
    )
    return rows.drop(given).rename({f"{name}#": name for name in given})


def _fields_detail(expected: int) -> pl.Expr:
    return pl.format("{} fields, expected {}", pl.col("fields"), pl.lit(expected))


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64, strict=False)


def _fault(name: str, *, required: bool) -> pl.Expr:
    text, number = pl.col(name), pl.col(f"{name}#")
    wrong = number.is_null() if required else number.is_null() & (text.fill_null("") != "")
    return pl.when(wrong).then(pl.format("{} is {}, not a number", pl.lit(name), _shown(text)))


def _shown(text: pl.Expr) -> pl.Expr:
    return pl.when(text.fill_null("") == "").then(pl.lit("empty")).otherwise(text)


def separator_of(line: str, candidates: Sequence[str] = ("\t", ";", "|", ",")) -> str | None:
    """The candidate that occurs most often in a line, if any occurs."""
    best = max(candidates, key=line.count)
    return best if best in line else None
