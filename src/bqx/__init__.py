"""bqx: leak-free dual-domain features for FX research."""
