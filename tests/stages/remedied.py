"""A small legacy database with some days of bars, and the same one after its remediation.

Other tests say ``from stages.remedied import remedied``.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from bqx.legacy import Recipe, create
from bqx.stages.covariances import Covariances
from bqx.stages.rebuild import RebuildBqx, RebuildRate
from bqx.stages.runner import Runner
from bqx.stages.target import PostgresTarget
from bqx.stages.validation import Validation
from servers import Server
from synthetic import random_walk_bars

PAIRS = ("eurgbp", "eurusd", "gbpusd")
"""A triangle."""
WHOLE = "eurusd"
"""The pair whose bars have no gaps."""
MONTHS = ("2024_07", "2024_08")
FIRST, DAYS = "2024-06-25", 8
"""Six trading days before and after the start of July; August has three rows."""
_made: dict[Path, Remedied] = {}


def remedied(server: Server) -> Remedied:
    """The templates of a server, made when they are first asked for."""
    if server.folder not in _made:
        _made[server.folder] = Remedied(server)
    return _made[server.folder]


class Remedied:
    """Two templates on one server: the legacy database, and the remedied one.

    Args:
        server: The server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        mark = uuid.uuid4().hex[:8]
        self._before, self._after = f"before_{mark}", f"after_{mark}"
        server.psql(f"CREATE DATABASE {self._before}")
        with TemporaryDirectory() as folder:
            self._create(Path(folder))
        self._clone(self._before, self._after)
        with PostgresTarget(server.address(self._after)) as target:
            runner = Runner(target)
            for stage in (RebuildBqx(), RebuildRate(), Covariances(), Validation()):
                runner.apply(stage)

    def legacy(self) -> str:
        """Address of a new copy of the legacy database."""
        return self._copy(self._before)

    def aligned(self) -> str:
        """Address of a new copy of the remedied database."""
        return self._copy(self._after)

    def _create(self, folder: Path) -> None:
        for pair in PAIRS:
            bars = random_walk_bars(pair, FIRST, DAYS, seed=5, gaps=pair != WHOLE)
            bars.write_parquet(folder / f"{pair}.parquet")
        months = ":".join(MONTHS)
        recipe = Recipe(pairs=PAIRS, months=months, real=(folder,), full_months=MONTHS[0])
        create(self._server.address(self._before), recipe)

    def _copy(self, template: str) -> str:
        name = f"{template}_{uuid.uuid4().hex[:8]}"
        self._clone(template, name)
        return self._server.address(name)

    def _clone(self, template: str, name: str) -> None:
        self._server.psql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
