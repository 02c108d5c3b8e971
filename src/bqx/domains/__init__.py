"""From bars to the two domains: trading-minute grid, rate index, BQX."""
