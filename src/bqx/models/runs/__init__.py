"""Walk-forward runs: what is trained, the folder that it is kept in, and its reader."""
