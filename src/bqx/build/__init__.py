"""From plan to partitions: work units, executors, resume, progress."""
