"""Low-level parts that all others use: threads, CPU counts, huge pages, settings, and argument checks."""
