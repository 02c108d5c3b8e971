"""The signals that models must find, with the shape in which each is looked for."""

from __future__ import annotations

from bqx.bars.planted import AutoRegression, LeadLag, SessionDrift, Signal

SIGNALS: dict[str, tuple[Signal, int, int]] = {
    "autoregression": (AutoRegression(), 60, 5),
    "lead_of_one_minute": (LeadLag(beta=0.5, lag=1), 60, 5),
    "lead_of_five_minutes": (LeadLag(), 60, 15),
    "session_drift": (SessionDrift(drift=0.08), 60, 15),
}
"""Signal, window and horizon; ceilings lie between 3 % and 5 %."""
