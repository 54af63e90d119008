"""Keras 3: its initializers under their names and arguments, filled by fastinit, on the backends jax, torch and tensorflow.

    keras.layers.Dense(64, kernel_initializer=fastinit.keras.HeNormal(seed=0))
    keras.layers.Dense(64, kernel_initializer="fastinit>he_normal")  # once this module is imported

Each class is a subclass of Keras' class of the same name, with its arguments, distribution, seeds and config; `Initializer`
makes any initializer of fastinit one of Keras. The values are those of fastinit's NumPy function under Keras' convention;
`seed_of` gives the seed where it is not an int:

>>> import fastinit.keras, keras, numpy as np
>>> weight = keras.ops.convert_to_numpy(fastinit.keras.HeNormal(seed=0)((256, 128)))
>>> np.array_equal(weight, fastinit.he_normal((256, 128), seed=0, convention="keras"))
True
"""

try:
    import keras  # noqa: F401
except ModuleNotFoundError as error:
    missing = (error.name or "").partition(".")[0]
    if missing == "keras":
        from fastinit.runtime.installation import install_hint

        raise ImportError(f"fastinit.keras needs Keras: {install_hint('keras')}") from None
    if missing in ("jax", "jaxlib", "tensorflow", "torch"):
        raise ImportError(
            f"Keras' backend needs {missing}: pip install {missing}, or set KERAS_BACKEND to one of jax, torch, tensorflow"
        ) from None
    raise

from fastinit.keras import initializers
from fastinit.keras.auditing import audit
from fastinit.keras.initializers import *  # noqa: F403  # the names of its __all__
from fastinit.keras.names import accelerate
from fastinit.keras.seeds import seed_of
from fastinit.keras.wrapped import Initializer

__all__ = ["Initializer", "accelerate", "audit", "seed_of"]
__all__ += initializers.__all__
