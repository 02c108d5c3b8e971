"""The command line. Heavy imports live inside the commands: `bqx --help` stays fast."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from bqx.cli.app import app
    from bqx.redaction import install

    install()
    app()
