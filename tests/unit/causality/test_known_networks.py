"""Networks whose links are known: nearly all are found, and false ones at the nominal rate."""

from __future__ import annotations

from typing import NamedTuple

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


class Account(NamedTuple):
    """What was found in several networks.

    Attributes:
        power: Share of true links found.
        false: Mean share of false ones among those found.
        error: Standard error of that mean.
        raw: Share of false links with a p value of at most 0.05, unadjusted.
    """

    power: float
    false: float
    error: float
    raw: float


def account(found: list[tuple[Links, set[tuple[str, str]]]]) -> Account:
    hits, true, false_shares, raw = 0, 0, [], []
    for links, truth in found:
        named = links.significant(0.05)
        said = set(zip(named["source"], named["target"], strict=True))
        hits, true = hits + len(said & truth), true + len(truth)
        false_shares.append(len(said - truth) / max(len(said), 1))
        raw += [k.p <= 0.05 for k in links.links if (k.source, k.target) not in truth]
    error = float(np.std(false_shares, ddof=1) / np.sqrt(len(found)))
    return Account(hits / true, float(np.mean(false_shares)), error, float(np.mean(raw)))


def check(found: list[tuple[Links, set[tuple[str, str]]]]) -> None:
    """Nearly all are found, and false ones come at the nominal rate of 0.05."""
    told = account(found)
    assert told.power >= 0.95
    assert told.false <= 0.05 + 2.0 * told.error
    assert 0.04 <= told.raw <= 0.06


@pytest.mark.parametrize("wild", [False, True])
def test_given_all_others_direct_links_alone_are_found(wild: bool) -> None:
    found = []
    for seed in range(30):
        panel, truth = network(3000, 20, 30, seed, wild=wild)
        found.append((conditional_network(panel, Settings(1, robust="hc")), truth))
    check(found)


@pytest.mark.parametrize("wild", [False, True])
def test_one_by_one_links_that_stand_apart_are_found(wild: bool) -> None:
    found = []
    for seed in range(30):
        panel, truth = network(3000, 20, 10, seed, wild=wild, apart=True)
        found.append((granger_network(panel, Settings(2)), truth))
    check(found)


@pytest.mark.parametrize("wild", [False, True])
def test_transfer_entropy_finds_them_too(wild: bool) -> None:
    found = []
    for seed in range(5):
        panel, truth = network(10_000, 20, 10, seed, wild=wild, apart=True)
        settings = EntropySettings(surrogates=Surrogates(999, block=100, seed=seed))
        found.append((entropy_network(panel, settings), truth))
    check(found)
