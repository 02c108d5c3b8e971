"""Hostile files leave a store as it was, and say why they were refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hostile import REFUSED
from stores import open_store, write_bars
from synthetic import random_walk_bars


def listing(root: Path) -> dict[str, str]:
    """Hash of every data file of a store, and every row of its record of sources."""
    files = sorted(root.rglob("*.parquet"))
    return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_hostile_files_leave_the_store_unchanged(tmp_path: Path) -> None:
    assert len(REFUSED) >= 25
    store = open_store(tmp_path / "store")
    store.ingest([write_bars(tmp_path, "eurusd", random_walk_bars("eurusd", "2024-03-04", 2, 1))])
    store.build("reg_rate")
    before, sources = listing(store.root), store.state.query("SELECT * FROM sources")
    partitions = store.state.partitions()
    for case, (build, _, piece) in REFUSED.items():
        folder = tmp_path / "files" / case
        folder.mkdir(parents=True)
        report = store.ingest([build(folder)], on_refused="report")
        assert [f.status for f in report.files] == ["refused"], case
        assert piece in str(report.files[0].error), case
    assert listing(store.root) == before
    assert store.state.query("SELECT * FROM sources") == sources
    assert store.state.partitions() == partitions
    assert not store.plan("reg_rate").units
