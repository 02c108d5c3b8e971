"""Settings of a store: ``bqx.toml`` in its folder."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from bqx.errors import ConfigError
from bqx.market import FX_WEEK, Calendar, as_utc, calendar, epoch_minute

FILE = "bqx.toml"


class StoreSettings(BaseModel):
    """What determines the values in a store; kept in its ``bqx.toml``.

    Attributes:
        week: Trading week of the grid, as `TradingWeek.parse` reads it.
        holidays: Closures taken out of the grid, as `Closure.parse` reads them.
        baseline_start: The first bar at or after this time stands for a rate index of 100; the
            first bar of all when None. Rows before the baseline have no index.
        families: Modules with feature families beside the built-in ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    week: str = str(FX_WEEK)
    holidays: tuple[str, ...] = ()
    baseline_start: datetime | None = None
    families: tuple[str, ...] = ()

    @field_validator("baseline_start")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        return None if value is None else as_utc(value)

    def calendar(self) -> Calendar:
        """The trading-minute grid.

        Raises:
            ConfigError: If the week or a holiday cannot be read.
        """
        return calendar(self.week, self.holidays)

    @property
    def baseline_minute(self) -> int | None:
        """``baseline_start`` as an epoch minute."""
        return None if self.baseline_start is None else epoch_minute(self.baseline_start)

    def to_toml(self) -> str:
        """The settings as TOML."""
        start = self.baseline_start
        lines = [
            f"week = {json.dumps(self.week)}",
            f"holidays = {json.dumps(list(self.holidays))}",
            f"families = {json.dumps(list(self.families))}",
        ]
        if start is not None:
            lines.append(f"baseline_start = {start.astimezone(UTC).isoformat()}")
        return "\n".join(lines) + "\n"


def read_store_settings(path: Path) -> StoreSettings:
    """Read a store's ``bqx.toml``.

    Raises:
        ConfigError: If it is no TOML, or holds an unknown or unreadable setting.
    """
    return parse_settings(path.read_bytes(), str(path))


def parse_settings(text: bytes, where: str) -> StoreSettings:
    """Settings from TOML.

    Args:
        text: The TOML, in UTF-8.
        where: Where it stands, for messages.

    Raises:
        ConfigError: If it is no TOML, or holds an unknown or unreadable setting.
    """
    try:
        settings = StoreSettings(**tomllib.loads(text.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise ConfigError(
            f"cannot read {where}: {error}",
            expected=f"TOML with some of {', '.join(StoreSettings.model_fields)}",
        ) from error
    settings.calendar()
    return settings


def change(root: Path, settings: StoreSettings, name: str, value: str) -> StoreSettings:
    """Change one setting in a store's ``bqx.toml``.

    Args:
        root: Folder of the store.
        settings: The present settings.
        name: Name of the setting.
        value: New value; lists are separated by commas, an empty text is no value.

    Raises:
        ConfigError: If there is no such setting, or the value cannot be read.
    """
    found = changed(settings, name, value)
    temporary = root / f"{FILE}.tmp"
    temporary.write_text(found.to_toml(), encoding="utf-8")
    temporary.replace(root / FILE)
    return found


def changed(settings: StoreSettings, name: str, value: str) -> StoreSettings:
    """Settings with another value of one of them.

    Args:
        settings: The present settings.
        name: Name of the setting.
        value: New value; lists are separated by commas, an empty text is no value.

    Raises:
        ConfigError: If there is no such setting, or the value cannot be read.
    """
    if name not in StoreSettings.model_fields:
        raise ConfigError(
            f"unknown setting {name!r}", expected=", ".join(StoreSettings.model_fields)
        )
    parsed: object = value or None
    if isinstance(getattr(settings, name), tuple):
        parsed = [part.strip() for part in value.split(",") if part.strip()]
    try:
        found = StoreSettings(**{**settings.model_dump(), name: parsed})
    except ValidationError as error:
        raise ConfigError(f"cannot set {name} to {value!r}: {error}") from error
    found.calendar()
    return found
