"""Whether a store gives a model the same features as the one that it was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bqx.dataset.target import BQXTarget
from bqx.errors import StoreError
from bqx.store.base import BaseStore


def require_match(
    store: BaseStore, card: Mapping[str, Any], pairs: Iterable[str], label: str
) -> None:
    """Refuse a store in which features or targets mean something else than in the model's.

    Args:
        store: The store whose bars shall be used.
        card: The model's card.
        pairs: Pairs that are wanted.
        label: What messages call the model.

    Raises:
        StoreError: If the calendar, a setting, a table's code, the baseline of a pair, the pairs
            that a table compares, or the definition of a target differ.
    """
    data = card["dataset"]
    _same(label, f"the calendar of {store.name}", store.calendar.identity, data["calendar"])
    mine = store.settings.model_dump(mode="json")
    for name in sorted({*mine, *data["settings"]}):
        _same(label, f"setting {name}", mine.get(name), data["settings"].get(name))
    for table, fingerprint in data["fingerprints"].items():
        found = store.fingerprint(table) if table in store.tables else "no such table"
        _same(label, f"fingerprint of table {table}", found, fingerprint)
    for text, identity in card["identities"].items():
        _same(label, f"identity of target {text}", BQXTarget.parse(text).identity, identity)
    _same_bars(store, data, pairs, label)


def _same_bars(store: BaseStore, data: Mapping[str, Any], pairs: Iterable[str], label: str) -> None:
    for pair in pairs:
        baseline = store.bars.baseline(pair)
        found = [baseline.minute, baseline.rate]
        _same(label, f"baseline of {pair} (minute, rate)", found, data["baselines"][pair])
    comparing = [t for t in data["fingerprints"] if store.tables[t].peers]
    if comparing:
        market = list(store.state.pairs())
        _same(label, f"pairs behind {comparing[0]}", market, list(data["market"]))


def _same(label: str, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise StoreError(
            f"{what} is {found}, and {label} learned from another",
            expected=f"{expected}",
            hint="use the store and the version of bqx that it was trained with, or train again",
        )
