"""Safetensors files: what to write, writing, reading back and verifying."""
