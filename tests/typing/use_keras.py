"""What users write with Keras, and the types that checkers must see in it. (Keras itself has no types.)"""

import fastinit
import fastinit.keras

he = fastinit.keras.HeNormal(seed=0)
w = he((3, 4), dtype="float32")
config: dict[str, object] = he.get_config()
seed = fastinit.keras.seed_of(he)
fastinit.he_normal((3, 4), seed=seed, convention="keras")
fastinit.keras.Initializer("spectral", layout="io", seed=0)
with fastinit.keras.accelerate():
    pass
