"""Weights from other weights: parts of larger ones, rows like the old ones, copies of units, adapters of low rank.

    small = fastinit.growing.select(large, (384, 384))            # every second row and column of (768, 768)
    rows = fastinit.growing.new_rows(embedding, 100, seed=0, name="embed")    # 100 rows more, like the old ones
    copied = fastinit.growing.widened_units(64, 96, seed=0, name="fc1")       # which unit each of 96 is a copy of
    adapter = fastinit.growing.lora(weight, 8, "pissa")           # its factors, and what is left of the weight

These work on NumPy's arrays; `fastinit.torch` has `select_weights_`, `grow_vocabulary_`, `widen_`, `deepen_` and `lora_` for
models. What is random depends on the seed and a name, as everywhere.
"""

from fastinit.growing.lora import Adapter, lora
from fastinit.growing.rows import new_rows
from fastinit.growing.selection import select
from fastinit.growing.units import widened_units

__all__ = ["Adapter", "lora", "new_rows", "select", "widened_units"]
