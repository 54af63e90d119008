"""Modules that grow: wider and deeper with the same function, weights of larger models, more tokens, adapters."""
