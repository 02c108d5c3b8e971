"""Networks whose links are known: nearly all are found, and false ones at the nominal rate."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.causality.conditional import conditional_network
from bqx.causality.entropies import EntropySettings, entropy_network
from bqx.causality.granger import Settings
from bqx.causality.network import granger_network
from bqx.causality.results import Links
from bqx.causality.surrogates import Surrogates
from causalseries import network

pytestmark = pytest.mark.slow


def account(found: list[tuple[Links, set[tuple[str, str]]]]) -> tuple[float, float, float]:
    """Share of true links found, share of false ones among those found, raw rate of false ones."""
    hits, true, false_shares, raw = 0, 0, [], []
    for links, truth in found:
        named = links.significant(0.05)
        said = set(zip(named["source"], named["target"], strict=True))
        hits, true = hits + len(said & truth), true + len(truth)
        false_shares.append(len(said - truth) / max(len(said), 1))
        raw += [k.p <= 0.05 for k in links.links if (k.source, k.target) not in truth]
    return hits / true, float(np.mean(false_shares)), float(np.mean(raw))


@pytest.mark.parametrize("wild", [False, True])
def test_given_all_others_direct_links_alone_are_found(wild: bool) -> None:
    found = []
    for seed in range(8):
        panel, truth = network(3000, 20, 30, seed, wild=wild)
        found.append((conditional_network(panel, Settings(1, robust="hc")), truth))
    power, discovery, raw = account(found)
    assert power >= 0.95
    # 8 networks: the mean of the shares has a standard error of about 0.015.
    assert discovery <= 0.08
    assert 0.03 <= raw <= 0.07


@pytest.mark.parametrize("wild", [False, True])
def test_one_by_one_links_that_stand_apart_are_found(wild: bool) -> None:
    found = []
    for seed in range(5):
        panel, truth = network(3000, 20, 10, seed, wild=wild, apart=True)
        found.append((granger_network(panel, Settings(2)), truth))
    power, discovery, raw = account(found)
    assert power >= 0.95
    assert discovery <= 0.12
    assert 0.035 <= raw <= 0.065


@pytest.mark.parametrize("wild", [False, True])
def test_transfer_entropy_finds_them_too(wild: bool) -> None:
    found = []
    for seed in range(3):
        panel, truth = network(10_000, 20, 10, seed, wild=wild, apart=True)
        settings = EntropySettings(surrogates=Surrogates(999, block=100, seed=seed))
        found.append((entropy_network(panel, settings), truth))
    power, discovery, raw = account(found)
    assert power >= 0.95
    assert discovery <= 0.12
    assert 0.03 <= raw <= 0.07
