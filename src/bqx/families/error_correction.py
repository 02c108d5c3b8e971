"""Error correction: what is left of a pair beyond its regression on other pairs.

Two facts limit what the columns mean. Triangle and cross are arbitrage identities: their residual
is the noise of quotes and of marks taken at different moments, and a test of rank would be
degenerate. And BQX is stationary, so in its domain a "cointegration" is a regression residual and
nothing more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import cast

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import BoolArray, FloatArray
from bqx.domains.validity import Validity
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.cointegration import MEASURES, error_correction
from bqx.kernels.elementwise import log
from bqx.market.systems import Leg, Regressor, system

WINDOW = 1440
"""Rows of the regression: one trading day."""
NEAR = (60, 240)
"""Rows over which the residual's deviation is measured beside the whole window."""

_UNIT = "log rate or BQX"
_UNKNOWN = (
    "a regressor lacks pairs in the store, a pair of it was observed together with this one in "
    "less than 90 % of the window's minutes or is older than 5 minutes, or the regressors are "
    "collinear"
)
_STILL = f"{_UNKNOWN}, or the residual does not vary (deviation below 1e-12)"

_ENGLE_GRANGER = "Engle and Granger 1987"


def _zscore(rows: int) -> Feature:
    return Feature(
        f"coint_deviation_zscore_{{d}}_SYSTEM_{rows}",
        f"Residual in its own standard deviations over the last {rows} rows (SYSTEM).",
        unit="ratio",
        formula=f"e_t / sd(e over {rows} rows), coefficients of t",
        null_rule=f"{_STILL} over the last {rows} rows",
    )


def _weight(number: int) -> Feature:
    return Feature(
        f"coint_vec_weight_{{d}}_SYSTEM_{number}",
        f"Coefficient of regressor {number} (SYSTEM).",
        unit="ratio",
        formula=f"b{number} of X{number} = REGRESSOR_{number}THEORY",
        null_rule=_UNKNOWN,
        source=_ENGLE_GRANGER,
    )


_MEASURES = {
    "ect": Feature(
        "coint_ect_{d}_SYSTEM",
        "Error correction term, the residual of the regression with intercept over 1440 rows "
        "(SYSTEM). NOTE",
        unit=_UNIT,
        formula="e_t = y_t - a - b1 X1_t - b2 X2_t; y = BASE/QUOTE, X1 = REGRESSOR_1, "
        "X2 = REGRESSOR_2",
        null_rule=_UNKNOWN,
        source=_ENGLE_GRANGER,
    ),
    "zscore_60": _zscore(NEAR[0]),
    "zscore_240": _zscore(NEAR[1]),
    "velocity": Feature(
        "coint_ect_velocity_{d}_SYSTEM_20",
        "Change of the residual over 20 rows (SYSTEM).",
        unit=_UNIT,
        formula="e_t - e_(t-20), coefficients of t",
        null_rule=_UNKNOWN,
    ),
    "accel": Feature(
        "coint_ect_accel_{d}_SYSTEM_20",
        "Change of the residual's velocity over 20 rows (SYSTEM).",
        unit=_UNIT,
        formula="e_t - 2 e_(t-20) + e_(t-40), coefficients of t",
        null_rule=_UNKNOWN,
    ),
    "half_life": Feature(
        "coint_half_life_{d}_SYSTEM",
        "Rows in which half of a deviation decays, by the residual's first autoregression "
        "(SYSTEM).",
        unit="rows",
        formula="-ln 2 / ln phi, phi = sum e_s e_(s-1) / sum e_(s-1)^2; at most 1440",
        low=0.0,
        high=float(WINDOW),
        null_rule=f"{_STILL}, or phi is not between 0 and 1",
    ),
    "alpha": Feature(
        "coint_alpha_{d}_SYSTEM",
        "Loading: response of the pair's next change to the residual, negative when it corrects "
        "(SYSTEM).",
        unit="ratio",
        formula="slope of y_s - y_(s-1) on e_(s-1), with intercept",
        null_rule=_STILL,
        source=_ENGLE_GRANGER,
    ),
    "adf": Feature(
        "coint_adf_{d}_SYSTEM",
        "Dickey-Fuller statistic of the residual with one lagged change and no constant (SYSTEM).",
        unit="ratio",
        formula="t of rho in de_s = rho e_(s-1) + g de_(s-1) + error",
        null_rule=f"{_STILL}, or follows its own past exactly",
        source="Dickey and Fuller 1979",
    ),
    "inbound": Feature(
        "coint_regime_inbound_{d}_SYSTEM",
        "Whether the residual is nearer to zero than 20 rows before (SYSTEM).",
        unit="flag",
        formula="1 if abs(e_t) < abs(e_(t-20)) else 0, coefficients of t",
        low=0.0,
        high=1.0,
        null_rule=_STILL,
        kind="flag",
    ),
    "since_cross": Feature(
        "coint_bars_since_cross_{d}_SYSTEM",
        "Rows since the residual changed its sign, 0 in the row in which it did (SYSTEM).",
        unit="rows",
        formula="t - s, s = last row with sign(e_s) other than sign(e_(s-1)), coefficients of t",
        low=0.0,
        high=float(WINDOW),
        null_rule=_STILL,
        kind="count",
    ),
    "weight_1": _weight(1),
    "weight_2": _weight(2),
    "std": Feature(
        "coint_resid_std_{d}_SYSTEM",
        "Standard deviation of the residual over the window (SYSTEM).",
        unit=_UNIT,
        formula="sd(e over 1440 rows)",
        low=0.0,
        null_rule=_UNKNOWN,
    ),
    "r2": Feature(
        "coint_r2_{d}_SYSTEM",
        "Share of the pair's variation that the regression explains (SYSTEM).",
        unit="ratio",
        formula="1 - sum e^2 / sum (y - mean)^2",
        low=0.0,
        high=1.0,
        null_rule=f"{_UNKNOWN}, or the pair does not vary (deviation below 1e-12)",
    ),
}
"""The measures of a system in the order of the kernel's outputs."""


def _series(d: Domain, pair: str) -> FloatArray:
    """Log index of a pair, or its BQX; made once for all pairs."""
    series = d.everyone[pair].series
    if d.traits.name == "bqx":
        return series

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        log(series, out)
        return out

    return d.common(("log", pair), make)


Means = tuple[tuple[Leg, ...], ...]
"""The known legs of each side of a regressor; empty when a side has too few."""


def _known(regressor: Regressor, pairs: Collection[str]) -> Means:
    sides = tuple(side.known(pairs) for side in regressor)
    return sides if all(sides) else ()


def _regressor(d: Domain, means: Means) -> FloatArray:
    """Sum of the means of signed series, added in a fixed order."""
    total: FloatArray
    total, mean = d.block(2)
    total[:] = 0.0
    for legs in means:
        mean[:] = 0.0
        for pair, sign in legs:
            (np.add if sign > 0 else np.subtract)(mean, _series(d, pair), out=mean)
        mean /= len(legs)
        total += mean
    return total


def _covered(d: Domain, pair: str) -> BoolArray:
    """Where a window is valid on the minutes that this pair and another one both have."""

    def make() -> BoolArray:
        grid = d.peers[pair].grid
        both = replace(grid, observed=grid.observed & d.grid.observed)
        return Validity(both).mask(WINDOW + d.traits.lead)

    return d.memo(("covered", pair), make)


def _measures(d: Domain, name: str) -> FloatArray:
    """The outputs of the kernel, NaN where a leg is unknown."""
    out = d.block(MEASURES)
    if d.pair not in d.everyone:
        out[:] = np.nan
        return out
    plan = system(d.pair, name)
    first, second = (_known(regressor, d.peers) for regressor in plan.regressors)
    if not (first and second):
        out[:] = np.nan
        return out
    series = (_series(d, d.pair), _regressor(d, first), _regressor(d, second))
    error_correction(series, plan.weights, (WINDOW, *NEAR), d.first, out)
    missing = np.zeros(len(d), np.bool_)
    for pair in {pair for legs in (*first, *second) for pair, _ in legs}:
        missing |= ~_covered(d, pair)
    out[:, missing] = np.nan
    return out


def _family(  # noqa: PLR0917 - the words in which the four systems differ
    class_name: str, name: str, first: str, second: str, theory: str, note: str
) -> type[Family]:
    """The family of one system."""
    words = {
        "SYSTEM": name,
        "REGRESSOR_1": first,
        "REGRESSOR_2": second,
        "THEORY": theory,
        "NOTE": note,
    }

    def filled(text: str) -> str:
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text

    def compute_fixed(self: Family, d: Domain) -> Columns:
        """All measures of the system."""
        del self
        return dict(zip(_MEASURES, _measures(d, name), strict=True))

    # Nothing of a measure differs by domain, so its texts are strings.
    features = {
        key: replace(
            f,
            name=filled(f.name),
            description=filled(str(f.description)),
            formula=filled(str(f.formula)),
            history=WINDOW,
            requires=("peers",),
        )
        for key, f in _MEASURES.items()
    }
    body = {
        "__doc__": f"Error correction ({name}): the pair regressed on {first} and {second}.\n\n"
        f"{note} {_DOMAINS}",
        "__module__": __name__,
        "table": "error_correction_{domain}",
        "compute_fixed": compute_fixed,
        **features,
    }
    return cast("type[Family]", type(class_name, (Family,), body))


_DOMAINS = (
    "A pair that is quoted the other way round enters with the opposite sign. BQX is stationary: "
    "in its domain the residual is that of a regression, and no evidence of cointegration."
)
_IDENTITY = (
    "In the rate domain the pair is the sum of both, so the residual is the noise of quotes and of "
    "marks at different moments."
)
_IN_THEORY = ", 1 in theory"

TriangleCorrection = _family(
    "TriangleCorrection",
    "triangle",
    "BASE/K",
    "K/QUOTE",
    _IN_THEORY,
    f"K is the first of EUR, GBP, CHF that is no leg. {_IDENTITY}",
)
ClusterCorrection = _family(
    "ClusterCorrection",
    "cluster",
    "B/QUOTE",
    "BASE/Q",
    "",
    "B and Q are sisters of the legs, the first that is no leg: NZD, CAD of AUD; AUD, CAD of NZD; "
    "AUD, NZD of CAD; GBP, CHF of EUR; EUR, CHF of GBP; EUR, JPY of CHF; CHF, EUR of JPY; CAD, EUR "
    "of USD. Q is none that B is already, for then the pair would be the sum of both; USD when no "
    "other is left.",
)
CrossCorrection = _family(
    "CrossCorrection",
    "cross",
    "BASE/K",
    "K/QUOTE",
    _IN_THEORY,
    f"K is the first of USD, JPY, AUD that is no leg. {_IDENTITY}",
)
UsdMajorsCorrection = _family(
    "UsdMajorsCorrection",
    "usd_majors",
    "DOLLAR",
    "RISK",
    "",
    "DOLLAR is the dollar against the seven other currencies, the mean of the store's pairs, at "
    "least 3; RISK the mean of AUD, NZD, CAD minus the mean of JPY, CHF, in dollars, at least one "
    "of each (Lustig, Roussanov and Verdelhan 2011). The pair itself is left out of both.",
)
