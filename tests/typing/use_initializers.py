"""What users write with initializers and distributions, and the types that checkers must see in it."""

from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import assert_type

import fastinit
from fastinit import distributions

w = fastinit.he_normal((256, 128), negative_slope=0.1, mode="fan_out", seed=0, name="layers.0.weight", dtype="bfloat16")
assert_type(w, npt.NDArray[Any])
assert_type(fastinit.xavier_uniform([8, 4], seed=np.random.SeedSequence(0), layout="oi"), npt.NDArray[Any])
assert_type(fastinit.normal(16, mean=0.0, std=0.02, index=slice(0, 4)), npt.NDArray[Any])
assert_type(fastinit.truncated_normal((4, 4), std=0.02, out=np.empty((4, 4), np.float32)), npt.NDArray[Any])
assert_type(fastinit.constant((3,), 0.5), npt.NDArray[Any])
assert_type(fastinit.zeros(3), npt.NDArray[Any])
assert_type(fastinit.orthogonal((4, 4), gain=2.0, layout=fastinit.Layout("oi", groups=2)), npt.NDArray[Any])
assert_type(fastinit.fill_many("he_normal", {"a": (3, 4), "b": (5,)}, seed=0), dict[str, npt.NDArray[Any]])

# Classes are values, functions their calls.
he = fastinit.HeNormal(negative_slope=0.1)
assert_type(he((3, 4), seed=0), npt.NDArray[Any])
assert_type(he.distribution_for((3, 4), layout="io"), distributions.Distribution)
assert_type(fastinit.he_normal.distribution_for((3, 4)), distributions.Distribution)
assert_type(he.get_config(), dict[str, Any])
assert_type(fastinit.HeNormal.from_config({"negative_slope": 0.1}), fastinit.HeNormal)
assert_type(fastinit.get("kaiming_uniform_", a=5**0.5, convention="torch"), fastinit.Initializer)
assert_type(fastinit.get(distributions.Normal(0.0, 0.02)), fastinit.Initializer)

# Distributions answer for themselves.
cut = distributions.TruncatedNormal(0.0, 0.02, -2.0, 2.0)
assert_type(cut.std, float)
assert_type(cut.times(2.0), distributions.TruncatedNormal)
assert_type(cut.bounds, tuple[float, float])

assert_type(fastinit.gain("relu"), float)
assert_type(fastinit.get_num_threads(), int)
assert_type(fastinit.__version__, str)
with fastinit.use_backend("reference"):
    fastinit.he_normal((3, 4))

# What a checker must refuse: mypy reports an ignored error that is no error any more.
fastinit.he_normal((3, 4), 0.1)  # type: ignore[call-arg]  # all but the shape is by keyword
fastinit.he_normal((3, 4), mood="fan_in")  # type: ignore[call-arg]  # no such parameter
fastinit.he_normal("3")  # type: ignore[arg-type]  # no shape
