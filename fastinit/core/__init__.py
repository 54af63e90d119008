"""From a seed, a name and a request to filled memory: streams, positions, fills, batches."""
