"""Memory is an input: how many units may run at once within a budget."""

from __future__ import annotations

import re

from bqx.build.plan import Plan, Unit
from bqx.errors import BudgetError, ConfigError

MIB = 2**20
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$", re.IGNORECASE)
# Interpreter, libraries and compiled kernels, measured; each process has its own.
BASE = 420 * MIB
LOOK_BACK = 10 * MIB


def parse_size(text: str) -> int:
    """Bytes from a text such as ``4GiB``, ``800M`` or ``1.5g``; all units are powers of 1024.

    Raises:
        ConfigError: If the text is no size.
    """
    match = _SIZE.match(text.strip())
    if match is None:
        raise ConfigError(f"unreadable size {text!r}", expected="a number and a unit", hint="4GiB")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def unit_bytes(unit: Unit) -> int:
    """Estimated peak memory of one unit."""
    return unit.peak + LOOK_BACK


def allowed_workers(plan: Plan, wanted: int, budget: int, *, processes: bool) -> int:
    """Workers that fit the budget, at most ``wanted``.

    Raises:
        BudgetError: If not even one does.
        ConfigError: If no worker is wanted.
    """
    if wanted < 1:
        raise ConfigError(f"{wanted} workers", expected="at least one")
    largest = max((unit_bytes(u) for u in plan.units), default=0)
    each = largest + (BASE if processes else 0)
    fitting = (budget - BASE) // each if each else wanted
    if fitting < 1:
        raise BudgetError(
            f"a memory budget of {budget // MIB} MiB",
            expected=f"at least {(BASE + each) // MIB} MiB for one unit of this plan",
            hint="raise --max-memory, or build fewer tables at a time",
        )
    return min(wanted, fitting)
