"""Benchmarks: `python -m bench` measures, `pytest bench/cases.py` guards against regressions."""
