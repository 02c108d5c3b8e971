"""Options of the commands that split rows into folds."""

from __future__ import annotations

from typing import Annotated

import typer

SplitterOption = Annotated[
    str, typer.Option(help="walk-forward, kfold:FOLDS or combinatorial:GROUPS:TESTED.")
]
TrainOption = Annotated[str | None, typer.Option(help="Training block: 6M, 30D or rows.")]
TestOption = Annotated[str | None, typer.Option(help="Test block: 1M, 5D or rows.")]
StepOption = Annotated[str | None, typer.Option(help="From test to test; a test by default.")]
ExpandingOption = Annotated[
    bool, typer.Option("--expanding", help="Training begins at the first row.")
]


def parse_lags(text: str) -> tuple[int, ...]:
    """Rows of delay, separated by commas.

    Raises:
        ConfigError: If the text cannot be read.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        from bqx.errors import ConfigError

        raise ConfigError(f"unreadable lags {text!r}", expected="rows, such as 1,5,15,30; 0: none")
    return tuple(int(part) for part in parts)
