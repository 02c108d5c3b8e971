"""Where tables live: partitions, state, snapshots, SQL."""
