"""A dataset is the same whether the store is a folder or a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

import bqx
from bqx.dataset.making import build_dataset
from places import Places
from stores import bar_files


def test_a_dataset_of_any_store_has_the_same_files(places: Places, tmp_path: Path) -> None:
    files = bar_files(tmp_path / "vendor", ["eurusd"], "2018-12-28", 6)
    hashes = []
    with places.open() as store:
        store.ingest(files)
        store.build("base")
        for source in ("computed", "stored"):
            made = build_dataset(
                store,
                tmp_path / source,
                columns="reg_rate__w60_*,bqx__w15_*",
                targets="60:15:level",
                source=source,
            )
            hashes.append([f.hash for f in made.manifest.files])
    assert hashes[0] == hashes[1]
    assert hashes[0] == expected(tmp_path, files)


def expected(folder: Path, files: list[Path]) -> list[str]:
    """Content hashes of the dataset of a store in a folder."""
    with bqx.open(folder / "plain") as store:
        store.ingest(list(files))
        made = build_dataset(
            store, folder / "set", columns="reg_rate__w60_*,bqx__w15_*", targets="60:15:level"
        )
    return [f.hash for f in made.manifest.files]
