"""Schema stages: changes of a store that are planned, applied, verified and undone."""
