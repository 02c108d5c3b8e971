"""Which series lead which: Granger causality and transfer entropy, on training rows alone."""
