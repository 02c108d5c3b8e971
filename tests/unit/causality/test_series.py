"""Panels: holes, training rows, closures, thinning; studies of columns."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.causality.granger import Settings, granger
from bqx.causality.series import Panel
from bqx.causality.study import Study
from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError, UnknownNameError
from causalseries import two


def test_missing_rows_are_holes_and_lags_never_cross_them() -> None:
    rows = np.array([10, 11, 12, 15, 16])
    panel = Panel.of({"a": np.arange(5.0)}, rows=rows)
    assert panel.rows.tolist() == list(range(10, 17))
    assert panel.complete(1)[0].tolist() == [False, True, True, False, False, False, True]


def test_rows_outside_of_the_training_rows_change_nothing() -> None:
    panel = two(600, 1)
    train = Ranges.of((50, 300), (400, 520))
    other = panel.values.copy()
    other[:, ~train.mask(panel.rows)] = 1e6
    found = [
        granger(
            Panel.of(dict(zip(panel.names, values, strict=True)), within=train),
            "x",
            "y",
            Settings(2),
        )
        for values in (panel.values, other)
    ]
    assert found[0] == found[1]
    assert found[0] is not None
    assert found[0].rows == (250 - 2) + (120 - 2)


def test_closures_are_bridged_or_not() -> None:
    minutes = np.array([0, 1, 2, 3, 100, 101, 102, 103])
    panel = Panel.of({"a": np.arange(8.0)}, minutes=minutes)
    assert panel.breaks.tolist() == [False] * 4 + [True] + [False] * 3
    assert panel.complete(1)[0].sum() == 7
    # The change of the first row after a closure spans it.
    apart = panel.complete(1, bridge=False)[0]
    assert np.flatnonzero(apart).tolist() == [1, 2, 3, 6, 7]
    thin = panel.thinned(3)
    assert (thin.rows.tolist(), thin.breaks.tolist()) == ([0, 3, 6], [False, False, True])
    assert thin.every == 3


def test_standard_series_have_no_unit_and_constant_ones_are_nothing() -> None:
    panel = Panel.of({"a": np.array([1.0, np.nan, 3.0]), "b": np.full(3, 0.1)})
    assert panel.standard.tolist() == [[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("rows", [[0, 0, 1], [0, 1]])
def test_rows_must_ascend_and_fit(rows: list[int]) -> None:
    with pytest.raises(ConfigError):
        Panel.of({"a": np.zeros(3)}, rows=np.array(rows))
    with pytest.raises(ConfigError):
        two(10, 0).thinned(0)
    with pytest.raises(UnknownNameError):
        two(10, 0).chosen(["z"])


def test_a_study_knows_only_labels_that_have_come_true() -> None:
    label = np.arange(20.0)
    study = Study.of(np.zeros((20, 1)), label, names=["f"], ahead=3, own_lags=2)
    assert np.flatnonzero(study.usable).tolist() == list(range(4, 20))
    centred = label[1:17] - label[1:17].mean()
    np.testing.assert_allclose(study.known[4:, 0], centred / np.sqrt(np.mean(centred**2)))
    with pytest.raises(ConfigError, match="own_lags"):
        Study.of(np.zeros((3, 1)), label[:3], names=["f"], ahead=3)
    with pytest.raises(ConfigError):
        Study.of(np.zeros((3, 1)), label[:3], names=["f", "g"], ahead=3)
