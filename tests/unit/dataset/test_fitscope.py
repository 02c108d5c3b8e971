"""What was fitted outside of its fold is refused by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from bqx.dataset.fitscope import Fitted, FittedInside, fit_inside, require_inside, training_rows
from bqx.dataset.ranges import Ranges
from bqx.dataset.reach import Reach
from bqx.dataset.splits import PurgedWalkForward
from bqx.errors import BqxError, LeakError

sklearn = pytest.importorskip("sklearn")

REACH = Reach(5, 5, 20)
FOLDS = PurgedWalkForward(200, 100).split(1000, 1500, REACH)
ROWS = np.arange(1000, 1500)
RNG = np.random.default_rng(1)
FEATURES = RNG.normal(size=(500, 3))
TARGET = FEATURES @ [1.0, 0.0, -1.0]


@dataclass(frozen=True)
class Threshold:
    """An object of one's own, with a name and its rows."""

    name: str
    rows: Ranges
    value: float


def test_a_model_fitted_inside_forecasts_as_the_plain_one() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fold = FOLDS[0]
    inside = fold.train.mask(ROWS)
    model = make_pipeline(StandardScaler(), Ridge())
    fitted = fit_inside(model, ROWS[inside], fold, FEATURES[inside], TARGET[inside])
    assert fitted.rows == fold.train
    assert isinstance(fitted, Fitted)
    plain = make_pipeline(StandardScaler(), Ridge()).fit(FEATURES[inside], TARGET[inside])
    forecast = fitted.for_fold(fold).predict(FEATURES)
    np.testing.assert_array_equal(forecast, plain.predict(FEATURES))
    assert not hasattr(model[-1], "coef_"), "the given estimator stays as it is"


def test_a_scaler_fitted_on_everything() -> None:
    from sklearn.preprocessing import StandardScaler

    with pytest.raises(LeakError, match=r"StandardScaler is fitted on 325 rows outside .* fold 1"):
        fit_inside(StandardScaler(), ROWS, FOLDS[0], FEATURES)
    everything = FittedInside("scaler of all", StandardScaler().fit(FEATURES), Ranges.of((0, 2000)))
    with pytest.raises(LeakError, match="scaler of all is fitted on"):
        everything.for_fold(FOLDS[0])
    with pytest.raises(LeakError, match="StandardScaler does not say on which rows"):
        require_inside(StandardScaler().fit(FEATURES), FOLDS[0])


def test_what_was_fitted_in_one_fold_is_refused_in_another() -> None:
    threshold = Threshold("volatility edges", training_rows("edges", ROWS[:100], FOLDS[0]), 0.5)
    require_inside(threshold, FOLDS[0])
    with pytest.raises(LeakError, match="volatility edges is fitted on 100 rows outside"):
        require_inside(threshold, FOLDS[1])
    require_inside(Threshold("zero", Ranges(), 0.0), FOLDS[1])


def test_a_frozen_part_would_keep_what_it_learned() -> None:
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known = make_pipeline(FrozenEstimator(StandardScaler().fit(FEATURES)), Ridge())
    with pytest.raises(LeakError, match="StandardScaler is frozen"):
        fit_inside(known, ROWS[:100], FOLDS[0], FEATURES[:100], TARGET[:100])


def test_a_warm_start_forgets() -> None:
    from sklearn.linear_model import SGDRegressor

    def model() -> SGDRegressor:
        return SGDRegressor(warm_start=True, random_state=0)

    seen = model().fit(FEATURES[400:], TARGET[400:])
    part = (ROWS[:100], FOLDS[0], FEATURES[:100], TARGET[:100])
    fresh, again = fit_inside(model(), *part), fit_inside(seen, *part)
    np.testing.assert_array_equal(fresh.estimator.coef_, again.estimator.coef_)


def test_samples_for_evaluation_are_training_rows_too() -> None:
    from sklearn.base import BaseEstimator

    class Stopping(BaseEstimator):  # type: ignore[misc, unused-ignore]
        def fit(self, features: object, target: object, eval_set: object = None) -> Stopping:
            self.seen_ = (features, target, eval_set)
            return self

    part = (ROWS[:100], FOLDS[0], FEATURES[:100], TARGET[:100])
    held = [(FEATURES[110:150], TARGET[110:150])]
    with pytest.raises(LeakError, match="not their rows"):
        fit_inside(Stopping(), *part, eval_set=held)
    with pytest.raises(LeakError, match="evaluation of Stopping"):
        fit_inside(Stopping(), *part, eval_set=held, eval_rows=ROWS[210:250])
    fitted = fit_inside(Stopping(), *part, eval_set=held, eval_rows=ROWS[110:150])
    assert fitted.rows == Ranges.of((1000, 1100), (1110, 1150))


def test_wrong_use_is_refused() -> None:
    from sklearn.linear_model import Ridge

    with pytest.raises(BqxError, match="100 rows for 90 samples"):
        fit_inside(Ridge(), ROWS[:100], FOLDS[0], FEATURES[:90], TARGET[:90])
    with pytest.raises(BqxError, match="no scikit-learn estimator"):
        fit_inside(object(), ROWS[:100], FOLDS[0], FEATURES[:100])
    with pytest.raises(LeakError, match="no rows to be fitted on"):
        fit_inside(Ridge(), ROWS[:0], FOLDS[0], FEATURES[:0], TARGET[:0])
