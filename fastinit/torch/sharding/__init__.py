"""Tensors that are parts of larger ones: DTensors, Megatron's, and those that the caller names."""
