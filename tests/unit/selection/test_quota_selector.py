"""The selector: what it finds, its quotas, that it repeats, and that it fits into scikit-learn."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bqx.dataset.fitscope import fit_inside, require_inside
from bqx.dataset.folds import Fold
from bqx.dataset.ranges import Ranges
from bqx.errors import BqxError, ConfigError, LeakError, QuotaError, UnknownNameError
from bqx.selection import QuotaSelector
from bqx.selection.sampling import draw_sample

N, F = 3000, 40
NAMES = [f"t__c{j:02}" for j in range(F)]
DOMAINS = ["rate" if j % 2 else "bqx" for j in range(F)]
ROWS = np.arange(5000, 5000 + N)
SMALL: dict[str, Any] = {"k": 10, "min_rate": 3, "min_bqx": 3, "effort": "fast", "threads": 1}


def noise(seed: int, targets: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, F)).astype(np.float32), rng.normal(size=(N, targets))


def fitted(matrix: Any, y: Any, scores: Any = None, **options: Any) -> QuotaSelector:
    selector = QuotaSelector(**{**SMALL, **options})
    return selector.fit(matrix, y, rows=ROWS, names=NAMES, domains=DOMAINS, scores=scores)


def test_planted_signals_are_ranked_first() -> None:
    matrix, y = noise(0)
    y[:, 0] += 0.3 * matrix[:, 4] + 0.8 * (np.abs(matrix[:, 7]) > 1.0)
    mask = fitted(matrix, y[:, 0], effort="standard").mask_
    best = mask.ranked[0]
    assert best.name == "t__c04"
    # What goes both ways has no rank correlation; the other rankings see it.
    (even,) = [c for c in mask.chosen if c.name == "t__c07"]
    assert min(even.places[m] for m in ("gain", "permutation", "information")) >= 38 / 39
    assert set(best.places) == {
        "gain",
        "permutation",
        "information",
        "correlation",
        "stability",
    }


def test_noise_has_the_places_of_chance() -> None:
    """Half of the columns has two values, half a continuum: neither is preferred."""
    every: dict[str, list[float]] = {}
    for seed in range(4):
        matrix, y = noise(10 + seed)
        matrix[:, ::2] = np.sign(matrix[:, ::2])
        mask = fitted(
            matrix,
            y,
            k=F,
            min_rate=0,
            min_bqx=0,
            methods=("permutation", "information", "correlation"),
        ).mask_
        for name in mask.chosen[0].places:
            found = np.array([c.places[name] for c in mask.chosen])
            every.setdefault(name, []).append(float(found[::2].mean() - found[1::2].mean()))
    # The sd of a difference of two means of 20 uniform places, over four seeds, is 0.046.
    for name, differences in every.items():
        assert abs(np.mean(differences)) < 0.16, name


def test_one_selection_serves_several_targets_with_masked_rows() -> None:
    matrix, y = noise(1, targets=3)
    y += 0.3 * matrix[:, [4]]
    y[:, 1] += 0.2 * matrix[:, 9]
    y[N // 2 :, 2] = np.nan
    y[:7] = np.nan
    selector = fitted(matrix, y)
    assert selector.mask_.ranked[0].name == "t__c04"
    assert selector.mask_.rows == Ranges.of((5007, 5000 + N))


def test_quotas_hold_and_the_rest_goes_by_place() -> None:
    matrix, y = noise(2)
    y[:, 0] += 0.2 * matrix[:, 1:F:2].sum(axis=1)
    mask = fitted(matrix, y).mask_
    assert mask.counts == {"rate": 7, "bqx": 3, "neither": 0}
    assert list(mask.features) == sorted(mask.features)
    free = fitted(matrix, y, min_bqx=0, k=6).mask_
    assert free.counts["rate"] == 6


def test_quotas_that_cannot_be_met_say_why() -> None:
    matrix, y = noise(3)
    matrix[:, 1:31:2] = 1.0
    matrix[:400, 31] = np.nan
    matrix[:, 33] = matrix[:, 35]
    with pytest.raises(QuotaError) as caught:
        fitted(matrix, y, min_rate=4)
    assert caught.value.found == (
        "3 of 20 features of the rate domain are left (1 too many NULLs, 15 constant, 1 duplicate)"
    )
    with pytest.raises(QuotaError, match="40 of 40 features are left"):
        fitted(noise(3)[0], y, k=41)
    with pytest.raises(ConfigError, match="add up"):
        fitted(matrix, y, min_rate=8)


def test_it_repeats_and_threads_change_nothing() -> None:
    matrix, y = noise(4, targets=2)
    matrix[::9, 3] = np.nan
    options: dict[str, Any] = {"max_rows": 900, "block": 60}
    masks = [fitted(matrix, y, threads=n, **options).mask_ for n in (1, 2, 1)]
    texts = {json.dumps(m.to_json()) for m in masks}
    assert len(texts) == 1
    assert masks[0].sample["stride"] == 1
    assert masks[0].sample["blocks"] == 15
    other = fitted(matrix, y, seed=1, **options).mask_
    assert other.rows != masks[0].rows


def test_samples_are_whole_blocks_of_time_spread_over_all_of_it() -> None:
    rows = np.repeat(np.arange(100_000, 148_000), 2)[::-1]
    sample = draw_sample(rows, rows % 5 != 0, max_rows=6000, seed=0, block=480)
    assert sample.stride == 11
    assert (np.diff(sample.rows) >= 0).all()
    np.testing.assert_array_equal(rows[sample.lines], sample.rows)
    assert 5000 < len(sample.lines) <= 6300
    blocks = sample.rows[sample.starts[:-1]] // 480
    assert len(np.unique(blocks)) == sample.blocks
    assert np.diff(blocks).max() <= 2
    # Both samples of a row, and every eleventh of the rows that have a label.
    kept = np.unique(sample.rows)
    assert len(kept) * 2 == len(sample.rows)
    with pytest.raises(BqxError, match="with a target"):
        draw_sample(rows, np.zeros(len(rows), np.bool_), max_rows=100, seed=0)


def test_a_given_ranking_counts_like_any_other() -> None:
    matrix, y = noise(5)
    scores = {"causality": {"t__c11": 5.0, "t__c12": 1.0}}
    mask = fitted(matrix, y, methods=("correlation",), scores=scores, k=F).mask_
    places = {c.name: c.places for c in mask.chosen}
    assert places["t__c11"]["causality"] == 1.0
    assert places["t__c12"]["causality"] == 38 / 39
    assert places["t__c00"]["causality"] == 18.5 / 39
    with pytest.raises(UnknownNameError, match="causality"):
        fitted(matrix, y, scores={"causality": {"other": 1.0}})


def test_of_correlated_features_the_better_one_stays() -> None:
    matrix, y = noise(6)
    matrix[:, 20] = y[:, 0] + 0.5 * matrix[:, 20]
    matrix[:, 21] = matrix[:, 20] + 0.3 * matrix[:, 21]
    selector = fitted(matrix, y, methods=("correlation",))
    assert selector.mask_.removed == {"correlated": 1}
    assert "t__c20" in selector.mask_.features
    assert "t__c21" not in selector.mask_.features


def test_it_is_a_transformer() -> None:
    matrix, y = noise(7)
    options = {"rows": ROWS, "names": NAMES, "domains": DOMAINS}
    selector = clone(QuotaSelector(**{**SMALL, "methods": ("correlation",)}))
    out = selector.fit_transform(matrix, y, **options)
    np.testing.assert_array_equal(out, matrix[:, selector.get_support()])
    assert selector.get_feature_names_out().tolist() == list(selector.mask_.features)
    matrix[3, 5] = np.nan
    assert selector.transform(matrix).shape == (N, 10)
    with pytest.raises(ValueError, match="39 features"):
        selector.transform(matrix[:, 1:])
    pipeline = make_pipeline(
        StandardScaler(), QuotaSelector(5, min_rate=0, min_bqx=0, methods=("correlation",))
    )
    assert pipeline.fit_transform(matrix, y[:, 0]).shape == (N, 5)
    with pytest.raises(BqxError, match="samples with"):
        selector.fit(matrix, y[:-1], **options)


def test_it_says_which_rows_it_saw() -> None:
    matrix, y = noise(8)
    fold = Fold(1, Ranges.of((5000, 5000 + N)), Ranges.of((9000, 9100)), 10, 10)
    selector = fitted(matrix, y, methods=("correlation",))
    require_inside(selector, fold)
    require_inside(selector.mask_, fold)
    early = Fold(2, Ranges.of((5000, 6000)), Ranges.of((7000, 7100)), 10, 10)
    for seen in (selector, selector.mask_):
        with pytest.raises(LeakError, match="outside of the training rows of fold 2"):
            require_inside(seen, early)
    plain = QuotaSelector(5, min_rate=0, min_bqx=0, methods=("correlation",))
    with pytest.raises(LeakError, match="does not say"):
        require_inside(clone(plain).fit(matrix, y), fold)
    assert fit_inside(plain, ROWS, fold, matrix, y).rows == fold.train


@pytest.mark.slow
def test_more_effort_keeps_what_is_found() -> None:
    matrix, y = noise(9)
    y[:, 0] += 0.3 * matrix[:, 4]
    mask = fitted(matrix, y, effort="thorough").mask_
    assert mask.ranked[0].name == "t__c04"
    assert mask.stability is not None
    assert mask.stability.resamples == 40


def test_nothing_changes_the_number_of_threads_of_lightgbm_while_models_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is one number for the whole process: changing it crashes what runs beside."""
    import lightgbm

    asked: list[Any] = []
    construct = lightgbm.Dataset.construct

    def watched(self: lightgbm.Dataset) -> lightgbm.Dataset:
        made = construct(self)
        asked.append((self.params or {})["num_threads"])
        return made

    monkeypatch.setattr(lightgbm.Dataset, "construct", watched)
    fitted(*noise(3), threads=2)
    assert len(asked) > 2
    assert set(asked) == {1}
