"""Benchmarks: `python -m bench` for the headline figures, `pytest bench/cases.py` for every backend, distribution and dtype."""
