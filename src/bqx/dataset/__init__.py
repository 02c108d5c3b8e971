"""Datasets: columns, lags, targets and splits that leak nothing."""
