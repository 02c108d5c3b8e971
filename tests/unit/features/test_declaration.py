"""A wrong declaration is an error at import; a right one makes tables."""

from __future__ import annotations

from typing import Any

import pytest

from bqx import Family, Feature, Registry, registry
from bqx.domains.domain import Domain
from bqx.errors import FamilyError, UnknownNameError
from bqx.features.family import Columns
from bqx.features.feature import by_step
from bqx.features.registry import families_in
from planted import NextClose, ShortMemory


def compute(self: Family, d: Domain, w: int) -> Columns:  # noqa: ARG001
    return {}


def declare(**body: Any) -> type[Family]:
    defaults = {"__doc__": "A family.", "table": "x_{domain}", "windows": (5,), "compute": compute}
    return type("Declared", (Family,), defaults | body)


def test_a_right_declaration_makes_a_table_per_domain() -> None:
    family = declare(mean=Feature("mean_{w}", "Mean."))
    tables = Registry([family]).tables
    assert list(tables) == ["x_rate", "x_bqx"]
    assert tables["x_rate"].column_names == ("mean_5",)
    assert tables["x_rate"].column("mean_5").history == 5
    assert tables["x_bqx"].column("mean_5").history == 20  # 15 more closes make the series


def test_what_differs_by_domain_is_given_for_each() -> None:
    family = declare(
        mean=Feature(
            "mean_{w}",
            {"rate": "Of {w} prices.", "bqx": "Of {w} values."},
            formula=by_step(lambda step: f"u_t - u_(t-{step})"),
            history=by_step(lambda step: lambda w: w + step),
            memory={"rate": 3, "bqx": lambda w: 10 * w},
        )
    )
    rate, bqx = (family.columns(name)[0] for name in family.domains)
    assert (rate.description, rate.formula) == ("Of 5 prices.", "u_t - u_(t-1)")
    assert (bqx.description, bqx.formula) == ("Of 5 values.", "u_t - u_(t-15)")
    assert (rate.history, rate.memory) == (6, 6)  # no memory is shorter than the history
    assert (bqx.history, bqx.memory) == (15 + 20, 15 + 50)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, "declares no feature"),
        ({"f": Feature("f_{w}", "F."), "table": None}, "names no table"),
        ({"f": Feature("f_{w}", "F."), "table": "x"}, "two domains into one table"),
        ({"f": Feature("f_{w}", "F."), "domains": ("volume",)}, "has the domains"),
        ({"f": Feature("f_{w}", "F."), "domains": ()}, "has the domains"),
        ({"f": Feature("f_{w}", "F."), "windows": ()}, "has the windows"),
        ({"f": Feature("f_{w}", "F."), "windows": (0,)}, "has the windows"),
        ({"f": Feature("f", "F.")}, "has the windows"),
        ({"f": Feature("f_{w}", "F."), "compute": Family.compute}, "no `compute`"),
        ({"f": Feature("f", "F."), "g": Feature("g_{w}", "G.")}, "no `compute_fixed`"),
        ({"f": Feature("f_{w}", "F."), "g": Feature("f_{w}", "G.")}, "twice"),
        ({"f": Feature("F_{w}", "F.")}, "column names"),
        ({"f": Feature("f__{w}", "F.")}, "column names"),
        ({"f": Feature("f_{w}", "F.", history={"rate": 5})}, "the history of 'f' for ['rate']"),
        (
            {"f": Feature("f_{w}", "F.", memory={"bqx": 9}), "domains": ("rate",), "table": "x"},
            "the memory of 'f' for ['bqx']",
        ),
    ],
)
def test_wrong_declarations(body: dict[str, Any], found: str) -> None:
    with pytest.raises(FamilyError, match="Declared") as caught:
        declare(**body)
    assert found in caught.value.found


def test_two_families_may_share_a_table_but_not_a_column() -> None:
    first = declare(mean=Feature("mean_{w}", "Mean."))
    second = type("Other", (first,), {"__doc__": "Another.", "top": Feature("top_{w}", "Top.")})
    assert Registry([first, second]).table("x_rate").column_names == ("mean_5", "top_5")
    with pytest.raises(FamilyError, match="twice"):
        Registry(
            [first, type("Third", (first,), {"__doc__": "Again.", "mean": first.features["mean"]})]
        )
    with pytest.raises(FamilyError, match="two families"):
        Registry([first, first])


def test_the_built_in_tables() -> None:
    tables = registry().tables
    counts = {name: len(spec.columns) for name, spec in tables.items()}
    assert (
        counts
        | {
            "bqx": 38,
            "correlation_rate": 51,
            "correlation_bqx": 51,
            "covariance_rate": 36,
            "covariance_bqx": 36,
            "reg_rate": 42,
            "reg_bqx": 42,
        }
        == counts
    )
    assert tables["reg_rate"].column_names == tables["reg_bqx"].column_names
    assert tables["reg_rate"].windows == (60, 90, 150, 240, 390, 630)
    terms = tables["correlation_bqx"].columns[-6:]
    assert tuple(c.name for c in terms) == (
        "cov_quad_lin_bqx_60min",
        "cov_resid_quad_bqx_60min",
        "cov_resid_lin_bqx_60min",
        "corr_quad_lin_bqx_60min",
        "corr_resid_quad_bqx_60min",
        "corr_resid_lin_bqx_60min",
    )
    # 15 + 60 + 59 closes behind a covariance of BQX terms.
    assert {c.history for c in terms} == {134}
    assert tables["bqx"].column("w75_bqx_return").history == 76


def test_unknown_names_have_a_hint() -> None:
    with pytest.raises(UnknownNameError, match="did you mean reg_rate") as caught:
        registry().table("reg_rat")
    assert caught.value.http_status == 404
    with pytest.raises(UnknownNameError, match="did you mean regression"):
        registry().resolve(["regresion"])
    with pytest.raises(UnknownNameError, match="no column"):
        registry().table("reg_rate").column("w61_r2")


def test_families_and_tables_resolve() -> None:
    assert registry().resolve(["regression", "reg_rate"]) == ("reg_rate", "reg_bqx")
    assert registry().resolve(["all"]) == tuple(registry().tables)


def test_families_of_a_module_of_ones_own() -> None:
    assert NextClose in families_in("planted")
    names = registry(("planted",)).families
    assert {"next_close", "regression"} <= set(names)
    with pytest.raises(FamilyError, match="cannot import"):
        registry(("no_such_module",))
    with pytest.raises(FamilyError, match="defines no family"):
        families_in("stores")


def test_comments_say_what_a_column_holds() -> None:
    comment = registry().table("reg_bqx").column("w60_r2").comment
    for part in ("explains", "1 - SSE/SST", "[0, 1]", "75 trading minutes", "NULL when"):
        assert part in comment


def test_a_wrong_shape_is_reported_by_name() -> None:
    from bqx.errors import PostConditionError
    from bqx.features.stateless import compute as compute_table
    from synthetic import random_walk_bars

    bars = random_walk_bars("eurusd", "2019-01-08", 1, seed=0)
    empty = Registry([declare(mean=Feature("mean_{w}", "Mean."))])
    with pytest.raises(PostConditionError, match="returned no float64 array"):
        compute_table("x_rate", bars, pair="eurusd", registry=empty)
    with pytest.raises(PostConditionError, match="NaN"):
        compute_table("short_rate", bars, pair="eurusd", registry=Registry([ShortMemory]))
