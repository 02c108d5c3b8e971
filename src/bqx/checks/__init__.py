"""Reports on what is stored: alignment, coverage, identities, leakage."""
