"""The first version's database, made again: what the stages bring up to date."""

from bqx.errors import ConfigError

try:
    from bqx.legacy.creation import Created, create
    from bqx.legacy.recipe import Recipe
except ModuleNotFoundError as error:
    raise ConfigError(
        f"a database in PostgreSQL without {error.name}",
        expected="the extra `postgres`",
        hint="pip install bqx-ml[postgres]",
    ) from error

__all__ = ["Created", "Recipe", "create"]
