"""What a module consists of: its parts and tensors by name, plain attributes, padding rows, methods that initialize it."""
