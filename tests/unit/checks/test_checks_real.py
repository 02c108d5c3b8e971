"""Alignment and leakage of a year of real bars."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqx.api import FolderStore
from bqx.checks.leakage import leakage
from bqx.config import StoreSettings
from stores import open_store


@pytest.fixture(scope="module")
def year(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """A year of EURCHF, which is often flat for an hour, in the week that the source covers."""
    settings = StoreSettings(week="Mon 00:00 - Fri 21:00 UTC")
    store = open_store(tmp_path_factory.mktemp("real") / "store", settings=settings)
    store.ingest([data_dir / "bars_9pairs" / "eurchf.parquet"])
    assert store.build().passed
    return store


@pytest.mark.slow
def test_a_year_of_real_bars_is_aligned(year: FolderStore) -> None:
    report = year.align()
    assert report.passed, report.to_text()
    assert len({c.month for c in report.cells}) == 12
    for name in ("terms", "residuals", "base"):
        (check,) = [c for c in report.checks if c.name == name]
        assert check.units > 1_000_000
        assert check.worst is not None
        assert check.worst < 1e-14
    # Months with holidays are the exception: the source has no bars on 25 December and 1 January.
    cells = {c.month: c for c in report.cells if c.check == "covariance"}
    full = [m for m, c in cells.items() if c.found > 0.99 * c.size]
    assert len(full) >= 9


@pytest.mark.slow
def test_a_year_of_real_bars_does_not_leak(year: FolderStore) -> None:
    report = leakage(year, samples=100)
    assert report.passed, report.to_text()
