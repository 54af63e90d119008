"""Initializations that rescale weights by what they do in their network: on a batch, or in its residual branches."""
