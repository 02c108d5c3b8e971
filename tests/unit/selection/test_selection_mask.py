"""Masks: files that repeat, that refuse what is not theirs, and the command that writes them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from bqx.cli.app import app
from bqx.dataset.dataset import Dataset
from bqx.dataset.making import build_dataset
from bqx.dataset.ranges import Ranges
from bqx.dataset.rowsets import strided, unstrided
from bqx.dataset.splits import PurgedKFold
from bqx.errors import IntegrityError, StoreError, UnknownNameError
from bqx.models.runs.scope import early_part
from bqx.selection import Mask, datasets
from datasetstores import SMALL
from stores import open_store, write_bars
from synthetic import random_walk_bars

COLUMNS = "reg_rate,reg_bqx,clock"
QUOTAS = ("--top", "12", "--min-rate", "4", "--min-bqx", "4", "--effort", "fast")


@pytest.fixture(autouse=True)
def few_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """The families of the test's store, as the dataset of another store would name its own."""
    monkeypatch.setattr(datasets, "registry", lambda _=(): SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of a pair with 5 days, two kinds of one target and another."""
    root = tmp_path_factory.mktemp("selection")
    store = open_store(root / "store", families=SMALL)
    bars = random_walk_bars("eurusd", "2019-01-21", 5, 1)
    store.ingest([write_bars(root / "vendor", "eurusd", bars)], synthetic=True)
    targets = ("60:15:level", "60:15:innovation", "60:30:level")
    build_dataset(store, root / "set", columns=COLUMNS, lags=(), targets=targets)
    return root / "set"


def select(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["select", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_masks_are_equal_byte_by_byte_with_any_number_of_threads(
    folder: Path, tmp_path: Path
) -> None:
    contents: list[bytes] = []
    for threads in (1, 2):
        out = tmp_path / f"masks{len(contents)}"
        result = select(
            "-d", folder, "--pair", "eurusd", "-o", out, *QUOTAS, "--threads", threads, "--json"
        )
        assert result.exit_code == 0, result.stderr
        contents.append((out / "eurusd.json").read_bytes())
    assert len(set(contents)) == 1
    (facts,) = json.loads(result.stdout)
    assert facts["selected"] == 12
    assert facts["synthetic"] is True
    mask = Mask.read(out / "eurusd.json")
    dataset = Dataset.open(folder)
    assert mask.identity == facts["identity"]
    assert mask.apply(dataset) == mask.features
    rows, matrix = dataset.matrix("eurusd", mask.features)
    _, every = dataset.matrix("eurusd")
    np.testing.assert_array_equal(matrix, every[:, mask.positions(dataset.features)])
    assert mask.origin is not None
    assert mask.origin.dataset == dataset.manifest.identity
    assert mask.origin.fingerprints.keys() >= {"reg_rate", "reg_bqx"}
    assert mask.rows is not None
    assert mask.rows.minus(Ranges.from_rows(rows)).count == 0


def test_periods_folds_and_rankings_of_the_command(folder: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(folder)
    ranking = tmp_path / "causality.json"
    ranking.write_text(json.dumps({dataset.features[3]: 1.0}))
    common = ("-d", folder, "--all-pairs", "-o", tmp_path, *QUOTAS, "--methods", "correlation")
    period = ("--start", "2019-01-22", "--end", "2019-01-24", "--rank", f"causality={ranking}")
    result = select(*common, *period)
    assert result.exit_code == 0, result.stderr
    assert "synthetic  yes" in result.stdout
    mask = Mask.read(tmp_path / "eurusd.json")
    assert mask.rows is not None
    minutes = dataset.minutes(np.array([mask.rows.first, mask.rows.stop]))
    assert (minutes // 1440).tolist() == [17918, 17920]
    assert mask.ranked[0].places.keys() == {"causality", "correlation"}

    fold = ("--fold", "1", "--splitter", "kfold:3")
    assert select(*common, *fold).exit_code == 0
    one = PurgedKFold(3).split(*dataset.extent("eurusd"), dataset.reach(), dataset.calendar)[0]
    mask = Mask.read(tmp_path / "eurusd.json")
    assert mask.rows is not None
    early, border = early_part(one, 0.2)
    assert not mask.rows.minus(early.train)
    assert mask.rows.stop <= border - one.purge
    assert select(*common, "--fold", "9", "--splitter", "kfold:3").exit_code == 2
    assert select(*common, "--rank", "causality").exit_code == 2
    assert select(*common, "--rank", f"causality={tmp_path / 'none'}").exit_code == 2
    assert select("-d", folder, "-o", tmp_path).exit_code == 2
    unread = select(*common, "--start", "yesterday")
    assert unread.exit_code == 2
    assert "unreadable time 'yesterday'" in unread.stderr
    refused = select("-d", folder, "-o", tmp_path, "--pair", "eurusd")
    assert refused.exit_code == 2
    assert "of the rate domain are left" in refused.stderr


def test_what_is_not_its_own_is_refused(folder: Path, tmp_path: Path) -> None:
    assert (
        select(
            "-d", folder, "-p", "eurusd", "-o", tmp_path, *QUOTAS, "--methods", "information"
        ).exit_code
        == 0
    )
    file = tmp_path / "eurusd.json"
    mask, dataset = Mask.read(file), Dataset.open(folder)
    with pytest.raises(UnknownNameError, match="are not there"):
        mask.apply(mask.features[1:])
    prints = {**dataset.manifest.fingerprints, "reg_bqx": "other"}
    for manifest, text in (
        (replace(dataset.manifest, fingerprints=prints), "reg_bqx has another fingerprint"),
        (replace(dataset.manifest, calendar="other"), "another grid"),
    ):
        with pytest.raises(IntegrityError, match=text):
            mask.apply(Dataset(folder, manifest))
    plain = json.loads(file.read_bytes())
    plain["chosen"][0]["name"] = "reg_rate__w90_r2"
    file.write_text(json.dumps(plain))
    with pytest.raises(IntegrityError, match="identity"):
        Mask.read(file)
    file.write_text("{}")
    with pytest.raises(IntegrityError, match="unreadable"):
        Mask.read(file)
    with pytest.raises(StoreError, match="no mask"):
        Mask.read(tmp_path / "other.json")
    with pytest.raises(StoreError, match="format 9"):
        Mask.from_json({**plain, "format": 9})


def test_rows_with_a_stride_are_short_lists() -> None:
    rows = np.concatenate([np.arange(10, 100, 7), np.arange(200, 300), [500], [700, 750]])
    runs = strided(Ranges.from_rows(rows))
    assert unstrided(runs) == Ranges.from_rows(rows)
    assert len(runs) < 7
    assert strided(Ranges()) == []
    assert unstrided([]) == Ranges()


def test_domains_are_those_of_tables_that_carry_one() -> None:
    clock = f"clock__{SMALL.tables['clock'].column_names[0]}"
    names = ("bqx__w15_bqx_return", "reg_rate__w60_r2_lag5", "eurgbp__reg_bqx__w60_r2")
    assert datasets.domains_of(names, SMALL) == ("bqx", "rate", "bqx")
    assert datasets.domains_of((clock, "table__column", "mine"), SMALL) == (None, None, None)
