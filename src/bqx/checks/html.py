"""HTML."""

from __future__ import annotations

from bqx.checks.report import Report


def render_html(report: Report) -> str:
    """HTML."""
    return report.to_text()
