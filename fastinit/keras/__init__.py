"""Keras 3: its initializers under their names and arguments, filled by fastinit, on the backends jax, torch and tensorflow.

    keras.layers.Dense(64, kernel_initializer=fastinit.keras.HeNormal(seed=0))
    keras.layers.Dense(64, kernel_initializer="fastinit>he_normal")  # once this module is imported

Each class is a subclass of Keras' class of the same name, with its arguments, distribution, seeds and config; `Initializer` makes any
of fastinit's a Keras initializer. The values are those of fastinit's NumPy function in the convention of Keras, here
`fastinit.he_normal(shape, seed=0, convention="keras")`; `seed_of` gives the seed where it is not an int.
"""

try:
    import keras  # noqa: F401
except ModuleNotFoundError as error:
    missing = (error.name or "").partition(".")[0]
    if missing == "keras":
        raise ImportError("fastinit.keras needs Keras: pip install 'fastinit[keras]'") from None
    if missing in ("jax", "jaxlib", "tensorflow", "torch"):
        raise ImportError(
            f"Keras' backend needs {missing}: pip install {missing}, or set KERAS_BACKEND to one of jax, torch, tensorflow"
        ) from None
    raise

from fastinit.keras.initializers import (
    STFT,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from fastinit.keras.names import accelerate
from fastinit.keras.seeds import seed_of
from fastinit.keras.wrapped import Initializer

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "accelerate",
    "seed_of",
]
