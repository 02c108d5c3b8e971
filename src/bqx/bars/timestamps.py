"""Text timestamps of generic files: one form a file, with or without offsets."""

from __future__ import annotations

import polars as pl

from bqx.bars.clock import UTC_CLOCK, Clock, parse_clock
from bqx.bars.source import Member
from bqx.errors import ClockError

FORMS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y.%m.%d %H:%M:%S%.f",
    "%Y.%m.%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%Y%m%d %H:%M:%S%.f",
    "%Y%m%d %H%M%S",
    "%Y%m%d %H:%M",
    "%Y%m%d%H%M%S",
)
_OFFSET = r"\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2})$"
_EPOCH = r"^\d{10}(\d{3})?$"
_SAMPLE = 200


def read_times(member: Member, texts: pl.Series, timezone: str | None) -> tuple[pl.Series, Clock]:
    """Wall times and the clock that they follow.

    Timestamps with an offset are converted one by one and come back in UTC. Unreadable ones are
    NULL.

    Args:
        member: The file, for messages.
        texts: Timestamps as text.
        timezone: What the user says about the clock.

    Raises:
        InputFileError: If no timestamp can be read.
        ClockError: If some timestamps have an offset and others none, if none has one and the user
            names no time zone, or if all have one and the user names a time zone as well.
    """
    texts = texts.str.strip_chars().str.replace("T", " ", literal=True)
    offsets = texts.str.extract(_OFFSET)
    bare = texts.str.replace(_OFFSET, "")
    epoch = bare.str.contains(_EPOCH)
    walls = _epoch(bare, epoch) if epoch.any() else _parse(bare)
    if walls.is_null().all():
        raise member.error(
            f"no timestamp can be read, for example {texts.drop_nulls().first()!r}",
            expected="ISO 8601, or one of " + ", ".join(FORMS),
            hint="check the delimiter, and which column holds the time",
        )
    aware = (offsets.is_not_null() | epoch) & walls.is_not_null()
    naive = ~aware & walls.is_not_null()
    if aware.any() and naive.any():
        raise ClockError(
            f"{member.label}: {aware.sum():,} timestamps have an offset, {naive.sum():,} have none",
            expected="an offset in every row, or in none",
            hint="write all timestamps in UTC",
        )
    if aware.any():
        forbid_timezone(member, timezone)
        return walls - _offset(offsets), UTC_CLOCK
    return walls, require_timezone(member, timezone)


def forbid_timezone(member: Member, timezone: str | None) -> None:
    """Raise if the user names a time zone although the timestamps carry their own.

    Raises:
        ClockError: If a time zone is given.
    """
    if timezone is not None:
        raise ClockError(
            f"{member.label}: the timestamps carry their offset, and {timezone} was given too",
            hint="leave the time zone out",
        )


def require_timezone(member: Member, timezone: str | None) -> Clock:
    """The clock that the user names.

    Raises:
        ClockError: If none is named.
    """
    if timezone is None:
        raise ClockError(
            f"{member.label}: the timestamps have no offset and no time zone was given",
            expected="a time zone, for example UTC, America/New_York, UTC+3 or 'New York +7'",
            hint="name the time zone of the file",
        )
    return parse_clock(timezone)


def _parse(texts: pl.Series) -> pl.Series:
    sample = texts.drop_nulls().head(_SAMPLE)
    form = min(FORMS, key=lambda f: _to_datetime(sample, f).null_count())
    return _to_datetime(texts, form)


def _to_datetime(texts: pl.Series, form: str) -> pl.Series:
    return texts.str.to_datetime(form, time_unit="us", strict=False)


def _epoch(texts: pl.Series, epoch: pl.Series) -> pl.Series:
    """Seconds or milliseconds since 1970; other texts are NULL."""
    number = texts.set(~epoch, None).cast(pl.Int64)
    micros = (
        number
        * pl.select(
            pl.when(texts.str.len_bytes() == 10).then(1_000_000).otherwise(1_000)
        ).to_series()
    )
    return micros.cast(pl.Datetime("us"))


def _offset(texts: pl.Series) -> pl.Series:
    hours = texts.str.slice(0, 3).cast(pl.Int64, strict=False)
    minutes = texts.str.slice(-2).cast(pl.Int64, strict=False)
    signed = (
        hours * 60
        + minutes * pl.select(pl.when(texts.str.starts_with("-")).then(-1).otherwise(1)).to_series()
    )
    return (signed.fill_null(0) * 60_000_000).cast(pl.Duration("us"))
