"""Rolling quadratic regression in terms, over both domains."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.quadratic import quadratic_fit

WINDOWS = (60, 90, 150, 240, 390, 630)


def fitted_terms(d: Domain, w: int) -> FloatArray:
    """The seven outputs of the fit over the last ``w`` rows, in the order of the features.

    Returns:
        Array of shape (7, rows); computed once per slice and window.
    """

    def make() -> FloatArray:
        out = d.block(7)
        quadratic_fit(d.series, w, d.first, out)
        return out

    return d.memo(("quadratic_fit", w), make)


class Regression(Family):
    """Rolling quadratic regression of the domain's series, in terms at the window's last row.

    Over the last w rows y_i = a2 i² + a1 i + a0 is fitted by ordinary least squares, i = 0 … w-1,
    the current row included.
    """

    table = "reg_{domain}"
    windows = WINDOWS
    precision = "float64"

    quadratic_term = Feature(
        "w{w}_quadratic_term",
        "Quadratic term of the fit at the current row.",
        formula="a2 ({w}-1)²",
    )
    linear_term = Feature(
        "w{w}_linear_term", "Linear term of the fit at the current row.", formula="a1 ({w}-1)"
    )
    constant_term = Feature(
        "w{w}_constant_term", "Fitted value at the first row of the window.", formula="a0"
    )
    residual = Feature(
        "w{w}_residual", "Series minus prediction at the current row.", formula="u_t - prediction"
    )
    r2 = Feature(
        "w{w}_r2",
        "Share of the window's variation that the fit explains.",
        unit="ratio",
        formula="1 - SSE/SST",
        low=0.0,
        high=1.0,
        null_rule="the window is flat (SST < 1e-18)",
    )
    rmse = Feature(
        "w{w}_rmse", "Root mean squared error of the fit.", formula="sqrt(SSE/{w})", low=0.0
    )
    prediction = Feature(
        "w{w}_prediction",
        "Fitted value at the current row.",
        formula="quadratic + linear + constant",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All seven outputs for one window."""
        return dict(zip(self.features, fitted_terms(d, w), strict=True))
