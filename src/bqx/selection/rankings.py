"""The rankings of a selection: which there are, and how each is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bqx.errors import UnknownNameError
from bqx.selection.borda import by_score, join
from bqx.selection.importance import Forest
from bqx.selection.information import Resamples, correlation, information
from bqx.selection.ordering import Floats, Ints, Ordered, each
from bqx.selection.quotas import Domain, pick
from bqx.selection.sampling import Sample
from bqx.selection.settings import Settings
from bqx.selection.stability import Stability, draw_blocks, stability

Scores = dict[str, Floats]
"""Of each ranking, greater is better; shape (targets, f) or (f,)."""

PLAIN = ("correlation", "information")
"""Rankings that need no model."""


@dataclass(frozen=True)
class Ranker:
    """Ranks features on a sample.

    Attributes:
        features: f columns.
        targets: T columns.
        sample: Rows and blocks of the samples.
        names: Of the features.
        domains: Of the features.
        settings: What to select and how.
        threads: Pieces of work at a time; no result depends on it.
    """

    features: Ordered
    targets: Ordered
    sample: Sample
    names: tuple[str, ...]
    domains: tuple[Domain, ...]
    settings: Settings
    threads: int

    def take(self, kept: Ints) -> Ranker:
        """The same with some of the features."""
        return replace(
            self,
            features=self.features.take(kept),
            names=tuple(self.names[j] for j in kept),
            domains=tuple(self.domains[j] for j in kept),
        )

    def plain(self, weights: Ints, methods: Sequence[str]) -> list[Scores]:
        """Rankings without a model, for each line of weights of the blocks."""
        blocks = Resamples(self.sample.starts, weights)
        found: dict[str, Floats] = {}
        if "correlation" in methods:
            found["correlation"] = correlation(self.features, self.targets, blocks, self.threads)
        if "information" in methods:
            bins, threads = self.settings.bins, self.threads
            found["information"] = information(self.features, self.targets, blocks, bins, threads)
        return [{name: values[r] for name, values in found.items()} for r in range(len(weights))]

    def first(self) -> Scores:
        """What decides which of two correlated features is the better one.

        The rankings without a model among those asked for; rank correlation if there are none.
        """
        wanted = [m for m in PLAIN if m in self.settings.methods]
        once = np.ones((1, self.sample.blocks), np.int64)
        (found,) = self.plain(once, wanted or ["correlation"])
        return found

    def given(self, scores: Mapping[str, Mapping[str, float]]) -> Scores:
        """Rankings made elsewhere, such as of causality; what one leaves out is its last.

        Raises:
            UnknownNameError: If a ranking names none of the features.
        """
        found = {}
        for ranking, values in scores.items():
            line = np.array([values.get(name, np.nan) for name in self.names], np.float64)
            if np.isnan(line).all():
                raise UnknownNameError(
                    f"the ranking {ranking} has a score for none of {len(self.names)} features",
                    expected="scores by qualified names",
                    hint=f"it names {', '.join(list(values)[:2]) or 'nothing'}",
                )
            found[ranking] = line
        return found

    def grown(self, forest: Forest) -> Scores:
        """Gain and permutation importance, those of them that are asked for."""
        methods = [m for m in ("gain", "permutation") if m in self.settings.methods]
        if not methods:
            return {}
        grown = forest.grow(self.threads)
        return {m: grown.gain if m == "gain" else grown.permutation for m in methods}

    def stable(self, forest: Forest | None) -> tuple[Floats, Stability]:
        """The share of block-bootstrap resamples in which a feature would be selected.

        A resample is ranked by what is cheap: rank correlation, and with more effort mutual
        information and small models of trees; joined by Borda, and picked with the same quotas.

        Args:
            forest: For the small models, if there are any.

        Returns:
            The shares, shape (f,), and the stability index.
        """
        work, settings = self.settings.work, self.settings
        weights = draw_blocks(self.sample.blocks, work.resamples, settings.seed)
        resamples = self.plain(weights, PLAIN if work.information else PLAIN[:1])
        if forest is not None and work.small:
            for into, gain in zip(resamples, self._small(forest, weights), strict=True):
                into["gain"] = gain
        chosen = np.zeros((len(weights), len(self.names)), np.bool_)
        for line, scores in zip(chosen, resamples, strict=True):
            order = by_score(join(scores), self.names)
            line[pick(order, self.domains, settings.k, settings.quotas)] = True
        return np.asarray(chosen.mean(axis=0), np.float64), stability(chosen)

    def _small(self, forest: Forest, weights: Ints) -> Floats:
        """Gains of small models, shape (resamples, targets, f)."""
        shape = len(weights), len(self.targets.ranks), len(self.names)
        jobs = [(r, t) for r in range(shape[0]) for t in range(shape[1])]
        gains = each(lambda job: forest.resampled(job[1], weights[job[0]]), jobs, self.threads)
        return np.array(gains).reshape(shape)
