"""Trading on forecasts, on paper: fills, costs, sizes, a trade log, and measures of the result."""
