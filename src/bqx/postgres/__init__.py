"""PostgreSQL itself: connections, names, definitions, rows in and out; nothing of features."""
