"""How many lags: information criteria of a bivariate vector autoregression."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError

Floats = NDArray[np.float64]

Criterion = Literal["aic", "bic", "hq"]
CRITERIA = ("aic", "bic", "hq")


def order_by(triangle: Floats, n: int, criterion: Criterion = "bic") -> int:
    """The order at which the criterion of the bivariate VAR is least, from 1 to the greatest.

    All orders are compared on the same rows. The criteria are those of Lütkepohl (2005, section
    4.3): ``ln det(S_p) + c(n) * parameters / n`` with c = 2 (Akaike 1974), ln n (Schwarz 1978) or
    2 ln ln n (Hannan and Quinn 1979).

    Args:
        triangle: Upper triangular root of the products of 1, the lags 1 of both series, the lags 2
            of both, …, and both series at lag 0; shape (2p + 3, 2p + 3).
        n: Rows.
        criterion: Which one.

    Raises:
        ConfigError: If the criterion is unknown.
    """
    if criterion not in CRITERIA:
        raise ConfigError(f"criterion {criterion!r}", expected=", ".join(CRITERIA))
    greatest = (len(triangle) - 3) // 2
    price = {"aic": 2.0, "bic": np.log(n), "hq": 2.0 * np.log(np.log(n))}[criterion]
    values = []
    for order in range(1, greatest + 1):
        # What the regressors of this order leave of both series stands below their rows.
        left = triangle[1 + 2 * order :, -2:]
        covariance = left.T @ left / n
        _, log_det = np.linalg.slogdet(covariance)
        values.append(log_det + price * (4 * order + 2) / n)
    return int(np.argmin(values)) + 1
