"""From generated bars to the alignment report, in a store of its own.

python examples/quick_start.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import bqx
from bqx.bars.synthetic import synthetic_bars


def main(folder: Path) -> None:
    """Ingest, build, read, check."""
    files = []
    for pair, bars in synthetic_bars("eurusd,gbpusd,eurgbp", "2024-07-22", days=12).items():
        files.append(folder / f"{pair}.parquet")
        bars.write_parquet(files[-1])
    store = bqx.open(folder / "store")
    print("rows accepted:", store.ingest(files, synthetic=True).totals.accepted)
    print("partitions built:", store.build().built)
    print(store.read("reg_bqx", "eurusd", start="2024-08-01", columns=["w60_r2"]).head(3))
    report = store.align()
    print("aligned:", report.passed, report.score)
    (folder / "alignment.html").write_text(report.to_html(), encoding="utf-8")
    store.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
