"""Finding the pair in the name of a file, a member or a folder."""

from __future__ import annotations

import re

from bqx.errors import InputFileError
from bqx.market import CURRENCIES, parse_pair

_CODE = "|".join(CURRENCIES)
_IN_NAME = re.compile(rf"(?<![a-z])(?:frx)?({_CODE})[ _/.-]?({_CODE})(?![a-z])")


def pair_in(name: str) -> str | None:
    """The pair that a name holds, or None.

    Raises:
        InputFileError: If the name holds several pairs.
        UnknownNameError: If it holds two currencies in an order that the market does not quote.
    """
    found = {parse_pair("".join(match)).name for match in _IN_NAME.findall(name.lower())}
    if len(found) > 1:
        raise InputFileError(
            f"the name {name!r} holds several pairs: {', '.join(sorted(found))}",
            expected="one pair a file",
        )
    return found.pop() if found else None


def settle_pair(label: str, given: str | None, found: str | None) -> str:
    """The pair of a file, from what the user says and what the file says.

    Raises:
        InputFileError: If both are silent, or they disagree.
        UnknownNameError: If the given name is none of the 28 pairs.
    """
    named = None if given is None else parse_pair(given).name
    if named is not None and found is not None and named != found:
        raise InputFileError(
            f"{label}: the file is {found}, but {named} was asked for",
            expected=f"a file of {named}",
            hint="leave the pair out, or rename the file if its name is wrong",
        )
    pair = named or found
    if pair is None:
        raise InputFileError(
            f"{label}: the pair cannot be told from the name",
            expected="one of the 28 pairs in the name of the file, for example EURUSD",
            hint="name the pair",
        )
    return pair
