"""Forecasts and their scores: baselines, metrics beside the martingale, intervals, tests."""
