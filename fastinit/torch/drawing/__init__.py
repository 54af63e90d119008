"""Replaces the functions by which torch draws, and decides what fills a tensor, from which stream."""
