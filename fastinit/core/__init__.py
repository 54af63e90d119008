"""Fills memory with the values that a seed, a name and a distribution give: streams, positions, fills, batches."""
