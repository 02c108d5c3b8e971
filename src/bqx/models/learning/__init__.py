"""Learners of surprises: point, quantiles and probabilities, calibrated on rows not seen."""

from bqx.models.learning.fitted import FittedModels
from bqx.models.learning.fitting import LEVELS, fit_models
from bqx.models.learning.learner import Learner
from bqx.models.learning.predictive import Surprise, to_forecast
from bqx.models.learning.samples import Samples, Shape

__all__ = [
    "LEVELS",
    "FittedModels",
    "Learner",
    "Samples",
    "Shape",
    "Surprise",
    "fit_models",
    "to_forecast",
]
