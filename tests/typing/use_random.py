"""What users write in place of numpy.random, and the types that checkers must see in it."""

import numpy as np
import numpy.typing as npt
from typing_extensions import assert_type

import fastinit

rng = fastinit.default_rng(42)
assert_type(rng, fastinit.Generator)
assert_type(rng.standard_normal(), float)
assert_type(rng.standard_normal(3), npt.NDArray[np.float64])
assert_type(rng.truncated_normal(0.0, 1.0, -2.0, 2.0, size=(3, 4)), npt.NDArray[np.float64])
assert_type(rng.normal(0.0, 1.0, (3, 4), dtype=np.float32), npt.NDArray[np.float32])
assert_type(rng.uniform(-1.0, 1.0), float)
assert_type(rng.integers(10), np.int64)
assert_type(fastinit.default_rng(np.random.default_rng(0)), np.random.Generator)
assert_type(rng.bit_generator, fastinit.TiledXoshiro128)


def of_numpy(generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """What takes NumPy's generator takes fastinit's."""
    return generator.standard_normal(3)


of_numpy(rng)
assert_type(fastinit.random.rand(3), npt.NDArray[np.float64])
assert_type(fastinit.random.beta(2.0, 3.0), float)
with fastinit.patch_numpy():
    np.random.seed(0)
