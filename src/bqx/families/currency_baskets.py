"""Currency baskets: smoothed currency indices, their moves, and their strength against groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import BoolArray, FloatArray
from bqx.families.currency_indices import NAMES, legs_of, pair_names
from bqx.features.family import Columns, Family
from bqx.features.feature import Bound, Feature
from bqx.kernels.currencies import LOG_BASE, Panel, currency_index, currency_means
from bqx.kernels.elementwise import change, log
from bqx.kernels.present import mean_std_of_present
from bqx.kernels.quadratic import quadratic_fit

FIT = 60
WINDOWS = (60, 90, 150, 240, 390, 630)
PREDICTION = 6
"""Place of the prediction among the outputs of the fit."""

GROUPS = {
    "major": ("eur", "gbp", "jpy", "usd"),
    "safe_haven": ("chf", "jpy"),
    "commodity": ("aud", "cad", "nzd"),
}

TABLE = "currency_baskets"
FEW = (
    "fewer than 5 of the currency's 7 pairs are in the store, fresh, and have 90 % of the fit's"
    " rows"
)
FEW_ROWS = "that is so in more than 10 % of the rows"
TINY = 1e-12
"""Momentum below which it is no denominator."""

_feature = partial(Feature, history=FIT, null_rule=FEW, requires=("peers",))


def _index(currency: str) -> Feature:
    return _feature(
        f"{currency}_basket_index",
        f"Geometric mean of the {currency.upper()} side of its pairs' w60_prediction; base 100.",
        unit="index",
        formula="100 exp(b), b = mean over its pairs of s ln(w60_prediction/100), s = 1 or -1",
        low=0.0,
    )


def _strength(currency: str, group: str) -> Feature:
    others = " and ".join(c.upper() for c in GROUPS[group] if c != currency)
    return _feature(
        f"{currency}_strength_vs_{group}",
        f"Log level of the {currency.upper()} basket less the mean of {others}, in percent.",
        unit="percent",
        formula=f"100 (b - mean of b over {others})",
    )


def _move(
    currency: str, what: str, description: str, unit: str, formula: str, *, low: Bound = None
) -> Feature:
    return Feature(
        f"{currency}_basket_{what}_w{{w}}",
        description.format(currency.upper()),
        unit=unit,
        formula=formula,
        low=low,
        history=_rows_of_move,
        null_rule=f"{FEW}; {FEW_ROWS}" + (", or the denominator is 0" if "roc" in what else ""),
        requires=("peers",),
    )


def _rows_of_move(w: int) -> int:
    """Rows behind w changes of the prediction."""
    return w + FIT


def _momentum(currency: str) -> Feature:
    return _move(
        currency,
        "momentum",
        "Move of the {} basket over {{w}} rows.",
        "log ratio",
        "m_{w} = {w} mean of g over {w} rows, g = mean over pairs of s (ln pred_t - ln pred_(t-1))",
    )


def _acceleration(currency: str) -> Feature:
    return _move(
        currency,
        "momentum_acceleration",
        "Move of the {} basket over the later half of {{w}} rows less that over the earlier half.",
        "log ratio",
        "m_{w}/2(t) - m_{w}/2(t-{w}/2)",
    )


def _roc(currency: str) -> Feature:
    return _move(
        currency,
        "momentum_roc",
        "Relative change of the {} basket's momentum from the earlier to the later half of {{w}}"
        " rows.",
        "ratio",
        "(m_{w}/2(t) - m_{w}/2(t-{w}/2)) / abs(m_{w}/2(t-{w}/2))",
    )


def _volatility(currency: str) -> Feature:
    return _move(
        currency,
        "volatility",
        "Standard deviation (ddof 1) of the {} basket's one-row moves over {{w}} rows.",
        "log ratio",
        "sd of g over {w} rows",
        low=0.0,
    )


class CurrencyBaskets(Family):
    """Level of each of the 8 currencies from smoothed prices, and its distance from groups.

    A basket is made of the predictions of the quadratic fit over 60 rows. Where a pair drops out,
    the mean is that of the others, which moves the level.
    """

    table = TABLE
    domains = ("rate",)
    single = True
    precision = "float64"

    aud_index = _index("aud")
    cad_index = _index("cad")
    chf_index = _index("chf")
    eur_index = _index("eur")
    gbp_index = _index("gbp")
    jpy_index = _index("jpy")
    nzd_index = _index("nzd")
    usd_index = _index("usd")
    aud_major = _strength("aud", "major")
    cad_major = _strength("cad", "major")
    chf_major = _strength("chf", "major")
    eur_major = _strength("eur", "major")
    gbp_major = _strength("gbp", "major")
    jpy_major = _strength("jpy", "major")
    nzd_major = _strength("nzd", "major")
    usd_major = _strength("usd", "major")
    aud_safe_haven = _strength("aud", "safe_haven")
    cad_safe_haven = _strength("cad", "safe_haven")
    chf_safe_haven = _strength("chf", "safe_haven")
    eur_safe_haven = _strength("eur", "safe_haven")
    gbp_safe_haven = _strength("gbp", "safe_haven")
    jpy_safe_haven = _strength("jpy", "safe_haven")
    nzd_safe_haven = _strength("nzd", "safe_haven")
    usd_safe_haven = _strength("usd", "safe_haven")
    aud_commodity = _strength("aud", "commodity")
    cad_commodity = _strength("cad", "commodity")
    chf_commodity = _strength("chf", "commodity")
    eur_commodity = _strength("eur", "commodity")
    gbp_commodity = _strength("gbp", "commodity")
    jpy_commodity = _strength("jpy", "commodity")
    nzd_commodity = _strength("nzd", "commodity")
    usd_commodity = _strength("usd", "commodity")

    def compute_fixed(self, d: Domain) -> Columns:
        """Indices and strengths of all currencies."""
        levels = dict(zip(NAMES, _baskets(d).levels, strict=True))
        found = {}
        for currency, level in levels.items():
            index = d.block(1)[0]
            currency_index(level, index)
            found[f"{currency}_index"] = index
            for group, members in GROUPS.items():
                others = [levels[c] for c in members if c != currency]
                found[f"{currency}_{group}"] = 100.0 * (level - sum(others) / len(others))
        return found


class BasketMoves(Family):
    """Momentum and volatility of the currency baskets.

    A move over w rows is w times the mean of its one-row moves, and a one-row move the mean of the
    pairs', so a pair that comes or goes moves nothing. At least 90 % of the rows must have one.
    """

    table = TABLE
    domains = ("rate",)
    single = True
    windows = WINDOWS

    aud_momentum = _momentum("aud")
    cad_momentum = _momentum("cad")
    chf_momentum = _momentum("chf")
    eur_momentum = _momentum("eur")
    gbp_momentum = _momentum("gbp")
    jpy_momentum = _momentum("jpy")
    nzd_momentum = _momentum("nzd")
    usd_momentum = _momentum("usd")
    aud_acceleration = _acceleration("aud")
    cad_acceleration = _acceleration("cad")
    chf_acceleration = _acceleration("chf")
    eur_acceleration = _acceleration("eur")
    gbp_acceleration = _acceleration("gbp")
    jpy_acceleration = _acceleration("jpy")
    nzd_acceleration = _acceleration("nzd")
    usd_acceleration = _acceleration("usd")
    aud_roc = _roc("aud")
    cad_roc = _roc("cad")
    chf_roc = _roc("chf")
    eur_roc = _roc("eur")
    gbp_roc = _roc("gbp")
    jpy_roc = _roc("jpy")
    nzd_roc = _roc("nzd")
    usd_roc = _roc("usd")
    aud_volatility = _volatility("aud")
    cad_volatility = _volatility("cad")
    chf_volatility = _volatility("chf")
    eur_volatility = _volatility("eur")
    gbp_volatility = _volatility("gbp")
    jpy_volatility = _volatility("jpy")
    nzd_volatility = _volatility("nzd")
    usd_volatility = _volatility("usd")

    def compute(self, d: Domain, w: int) -> Columns:
        """Moves of all currencies over one window."""
        found = {}
        for currency, moves in zip(NAMES, _baskets(d).moves, strict=True):
            momentum, volatility = _mean_and_deviation(d, moves, w)
            later, _ = _mean_and_deviation(d, moves, w // 2)
            earlier, roc = np.full((2, len(d)), np.nan)
            earlier[w // 2 :] = later[: max(len(d) - w // 2, 0)]
            acceleration = later - earlier
            size = np.abs(earlier)
            np.divide(acceleration, size, out=roc, where=size > TINY)
            found[f"{currency}_momentum"] = momentum
            found[f"{currency}_acceleration"] = acceleration
            found[f"{currency}_roc"] = roc
            found[f"{currency}_volatility"] = volatility
        return found


@dataclass(frozen=True)
class _Baskets:
    """Log levels and one-row moves of all currencies, shape (8, rows) each."""

    levels: FloatArray
    moves: FloatArray


def _baskets(d: Domain) -> _Baskets:
    """Computed once for all windows."""
    return d.common("currency_baskets", lambda: _make(d))


def _make(d: Domain) -> _Baskets:
    pairs = [d.everyone[name] for name in pair_names(d)]
    logs, steps = d.block(len(pairs)), d.block(len(pairs))
    fitted = d.block(PREDICTION + 1)
    for pair, level, step in zip(pairs, logs, steps, strict=True):
        quadratic_fit(pair.series, FIT, d.first, fitted)
        log(fitted[PREDICTION], level)
        change(level, 1, step)
    legs, levels, moves = legs_of(d), d.block(len(NAMES)), d.block(len(NAMES))
    currency_means(Panel(logs, _counting(d, pairs, FIT), legs, LOG_BASE), levels)
    currency_means(Panel(steps, _counting(d, pairs, FIT + 1), legs, 0.0), moves)
    return _Baskets(levels, moves)


def _counting(d: Domain, pairs: list[Domain], history: int) -> BoolArray:
    """Whether each pair counts, by the rule of validity; shape (pairs, rows)."""
    masks = [pair.valid(history) for pair in pairs]
    return np.array(masks, np.bool_).reshape(len(pairs), len(d))


def _mean_and_deviation(d: Domain, moves: FloatArray, rows: int) -> tuple[FloatArray, FloatArray]:
    """Move over trailing rows and the deviation of the one-row moves; 90 % must be known."""
    total, deviation = out = d.block(2)
    mean_std_of_present(moves, rows, -(-9 * rows // 10), d.first, out)
    total *= rows
    return total, deviation
