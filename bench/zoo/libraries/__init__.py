"""One file a library, imported when it is asked for; `factories()` gives its models, as callables by name."""

NAMES = ("torch_nn", "handwritten", "torchvision", "timm", "diffusers", "peft", "transformers")
