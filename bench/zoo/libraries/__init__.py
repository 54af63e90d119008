"""One file a library, imported when it is asked for; `factories()` gives its models, as callables by name."""

OF_WEIGHTS = ("keras_jax", "keras_torch", "keras_numpy", "keras_tensorflow", "flax")
"""Those whose models are no modules of torch; Keras has one backend in a process."""
NAMES = ("torch_nn", "handwritten", "torchvision", "timm", "diffusers", "peft", "transformers", *OF_WEIGHTS)
