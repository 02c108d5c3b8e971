"""Commands on the first version's database: make it, and damage it to practise."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bqx.cli.common import JsonOption, PairsOption, print_json, reported

if TYPE_CHECKING:
    from bqx.legacy import Created

app = typer.Typer(
    help="The first version's database: what the stages bring up to date.",
    no_args_is_help=True,
)
ToOption = Annotated[
    str,
    typer.Option("--to", envvar="BQX_STORE", help="Address of a PostgreSQL database."),
]


class Damage(StrEnum):
    """What `bqx legacy damage` can do."""

    MISSING = "missing-partition"
    DUPLICATE = "duplicate-timestamp"
    EXTRA = "extra-column"
    WRONG = "wrong-values"


@app.command("create")
def create(
    to: ToOption,
    pairs: PairsOption = None,
    months: Annotated[
        str, typer.Option("--months", "-m", help="Months of the feature tables, FIRST:LAST.")
    ] = "2024_07:2025_06",
    rows: Annotated[
        int, typer.Option(help="Rows per partition of pairs without bars of their own.")
    ] = 3,
    real: Annotated[
        list[str] | None,
        typer.Option("--real", help="Vendor file or folder; its pairs get all bars and rows."),
    ] = None,
    full: Annotated[
        str, typer.Option("--full", help="Pairs that get generated bars of all minutes.")
    ] = "",
    full_months: Annotated[
        str | None,
        typer.Option("--full-months", help="Only these months of those pairs get all rows."),
    ] = None,
    shift_weeks: Annotated[
        int, typer.Option("--shift-weeks", help="Weeks added to the times of vendor files.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of everything that is generated.")] = 7,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete the tables of an earlier call first.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make the first version's tables in a database: 28 pairs, 12 months, 8 kinds of tables."""
    with reported():
        from bqx.legacy import Recipe
        from bqx.legacy import create as make

        recipe = Recipe(
            pairs=pairs,
            months=months,
            rows=rows,
            real=tuple(real or ()),
            full=full,
            full_months=full_months,
            shift_weeks=shift_weeks,
            seed=seed,
        )
        made = make(to, recipe, replace=replace)
        if json:
            print_json(made.to_json())
        else:
            _show(made)


def _show(made: Created) -> None:
    typer.echo(
        f"{made.tables:,} tables, {made.partitions:,} partitions and {made.rows:,} rows"
        f" of {len(made.pairs)} pairs, {made.months[0]} to {made.months[-1]},"
        f" in {made.seconds:.1f} s"
    )
    for pair, origin in made.full.items():
        typer.echo(f"{pair}: {origin}")


@app.command("damage")
def damage(
    kind: Annotated[Damage, typer.Argument(help="What to break.")],
    table: Annotated[str, typer.Argument(help="Table of a pair, for example reg_eurusd.")],
    month: Annotated[str, typer.Argument(help="Month, for example 2024_07.")],
    to: ToOption,
) -> None:
    """Break one thing of a database made by `bqx legacy create`, to see what the stages say."""
    with reported():
        from bqx.legacy import defects

        break_it = {
            Damage.MISSING: defects.drop_partition,
            Damage.DUPLICATE: defects.duplicate_timestamp,
            Damage.EXTRA: defects.extra_column,
            Damage.WRONG: defects.wrong_values,
        }[kind]
        typer.echo(break_it(to, table, month))
