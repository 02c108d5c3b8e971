"""Where stores can be: each behaviour is tested in a folder and on a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import bqx
from servers import Server
from stores import FEW, bar_files, open_store

Kind = Literal["embedded", "postgresql"]
KINDS: tuple[Kind, ...] = ("embedded", "postgresql")


class Places:
    """Gives places for new stores of one kind.

    Args:
        kind: The kind.
        folder: A folder for stores and vendor files.
        server: A server for databases; None where the kind needs none.
    """

    def __init__(self, kind: Kind, folder: Path, server: Server | None) -> None:
        self.kind = kind
        self.folder = folder
        self._server = server
        self._count = 0

    @property
    def server(self) -> Server:
        """The server of a PostgreSQL store."""
        assert self._server is not None
        return self._server

    def new(self) -> str:
        """Address of a place where there is no store yet."""
        if self.kind == "postgresql":
            return self.server.create_database()
        self._count += 1
        return str(self.folder / f"store{self._count}")

    def open(
        self, *, settings: bqx.StoreSettings | None = None, families: bqx.Registry = FEW
    ) -> bqx.Store:
        """A new store."""
        return open_store(self.new(), settings=settings, families=families)

    def filled(
        self, pairs: tuple[str, ...] = ("eurusd",), start: str = "2018-12-24", days: float = 40
    ) -> bqx.Store:
        """A new store with bars; the same arguments give the same bars."""
        store = self.open()
        store.ingest(bar_files(self.folder / "vendor", pairs, start, days))
        return store
