"""Rolling covariances between the terms of the regression, over both domains."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.families.regression import WINDOWS, fitted_terms
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.covariance import covariances_and_correlations, term_covariances


def _two_windows(w: int) -> int:
    """Rows behind w terms, each fitted over w rows."""
    return 2 * w - 1


def _covariance(name: str, first: str, second: str) -> Feature:
    return Feature(
        name,
        f"Sample covariance of the {first} and {second} terms of the w{{w}} fit.",
        unit="series^2",
        formula=f"cov({first}, {second}) over {{w}} rows, ddof 1",
        history=_two_windows,
    )


def _correlation(name: str, first: str, second: str) -> Feature:
    return Feature(
        name,
        f"Pearson correlation of the {first} and {second} terms of the w{{w}} fit.",
        unit="ratio",
        formula=f"corr({first}, {second}) over {{w}} rows",
        low=-1.0,
        high=1.0,
        history=_two_windows,
        null_rule="one of the two terms is constant over the window",
        source="Pearson 1895",
    )


class TermCovariance(Family):
    """Covariances and correlations of the terms of the 60-minute regression over 60 minutes.

    Terms are measured from the window's start, so the quadratic and linear ones are mechanically
    anti-correlated: about -0.97 is the normal state, not a signal.
    """

    table = "correlation_{domain}"
    windows = (60,)
    precision = "float64"

    cov_quad_lin = _covariance("cov_quad_lin_{d}_{w}min", "quadratic", "linear")
    cov_resid_quad = _covariance("cov_resid_quad_{d}_{w}min", "residual", "quadratic")
    cov_resid_lin = _covariance("cov_resid_lin_{d}_{w}min", "residual", "linear")
    corr_quad_lin = _correlation("corr_quad_lin_{d}_{w}min", "quadratic", "linear")
    corr_resid_quad = _correlation("corr_resid_quad_{d}_{w}min", "residual", "quadratic")
    corr_resid_lin = _correlation("corr_resid_lin_{d}_{w}min", "residual", "linear")

    def compute(self, d: Domain, w: int) -> Columns:
        """All six columns."""
        fit = fitted_terms(d, w)
        out = d.block(6)
        covariances_and_correlations(fit[0], fit[1], fit[3], w, d.first, out)
        return dict(zip(self.features, out, strict=True))


class RollingCovariance(Family):
    """Covariances of all six pairs of terms, each over as many rows as its fit."""

    table = "covariance_{domain}"
    windows = WINDOWS
    precision = "float64"

    quad_lin = _covariance("w{w}_cov_quad_lin", "quadratic", "linear")
    quad_const = _covariance("w{w}_cov_quad_const", "quadratic", "constant")
    quad_resid = _covariance("w{w}_cov_quad_resid", "quadratic", "residual")
    lin_const = _covariance("w{w}_cov_lin_const", "linear", "constant")
    lin_resid = _covariance("w{w}_cov_lin_resid", "linear", "residual")
    const_resid = _covariance("w{w}_cov_const_resid", "constant", "residual")

    def compute(self, d: Domain, w: int) -> Columns:
        """All six pairs for one window."""
        fit = fitted_terms(d, w)
        out = d.block(6)
        term_covariances(fit[0], fit[1], fit[2], fit[3], w, d.first, out)
        return dict(zip(self.features, out, strict=True))
