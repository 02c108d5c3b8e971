"""Which source column is which column of a bar."""

from __future__ import annotations

from collections.abc import Sequence

from bqx.bars.schema import PRICES, VALUES
from bqx.bars.source import Member

TIME = ("ts_utc", "date", "time")
_ALIASES = {
    "ts_utc": ("ts_utc", "timestamp", "datetime", "date_time", "date time", "time_utc", "ts"),
    "date": ("date", "day", "dtyyyymmdd"),
    "time": ("time", "hour"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c", "last"),
    "volume": ("volume", "vol", "v", "tickvol", "tick_volume", "tickvolume"),
}


def recognise(names: Sequence[str]) -> dict[str, str]:
    """Schema name -> source column, by the usual names.

    A lone date or time column holds the whole timestamp.
    """
    plain = {name.strip('<>" \t').lower(): name for name in reversed(names)}
    found = {}
    for column in (*TIME, *VALUES):
        alias = next((a for a in _ALIASES.get(column, (column,)) if a in plain), None)
        if alias is not None:
            found[column] = plain[alias]
    return _one_time(found)


def _one_time(found: dict[str, str]) -> dict[str, str]:
    parts = [found[name] for name in ("date", "time") if name in found]
    if "ts_utc" in found or len(parts) == 1:
        whole = found.get("ts_utc") or parts[0]
        return {"ts_utc": whole} | {k: v for k, v in found.items() if k not in TIME}
    return found


def resolve(member: Member, names: Sequence[str], given: dict[str, str] | None) -> dict[str, str]:
    """Schema name -> source column; what the user gives precedes what is recognised.

    Raises:
        InputFileError: If the given map names unknown columns, names repeat, or the time or a
            price is missing.
    """
    if len(set(names)) < len(names):
        raise member.error(f"column names repeat: {', '.join(names)}", expected="each name once")
    chosen = recognise(names)
    if given is not None:
        _check_given(member, names, given)
        kept = {k: v for k, v in chosen.items() if not (k in TIME and set(given) & set(TIME))}
        chosen = _one_time(kept | given)
    _check_complete(member, names, chosen)
    return chosen


def _check_given(member: Member, names: Sequence[str], given: dict[str, str]) -> None:
    unknown = sorted(set(given) - {*TIME, *VALUES})
    if unknown:
        raise member.error(
            f"the column map names {', '.join(unknown)}", expected=", ".join((*TIME, *VALUES))
        )
    absent = sorted(set(given.values()) - set(names))
    if absent:
        raise member.error(
            f"there is no column {', '.join(absent)}", expected="one of " + ", ".join(names)
        )


def _check_complete(member: Member, names: Sequence[str], chosen: dict[str, str]) -> None:
    missing = [name for name in PRICES if name not in chosen]
    if not {"date", "time"} <= chosen.keys() and "ts_utc" not in chosen:
        missing.insert(0, "ts_utc")
    if missing:
        raise member.error(
            f"no column for {', '.join(missing)} among {', '.join(names)}",
            expected="ts_utc (or date and time), open, high, low, close",
            hint="check the delimiter and the header, or give a column map",
        )
