"""What users write with Dask, and the types that checkers must see in it. (Dask's arrays are untyped in part.)"""

import dask.array as da
from typing_extensions import assert_type

import fastinit
import fastinit.dask

w = fastinit.dask.he_normal((4096, 4096), chunks=(1024, -1), seed=0, name="layers.0.weight")
assert_type(w, da.Array)
recipe = fastinit.Recipe([("*", "zeros")])
assert_type(fastinit.dask.materialize(recipe, {"a": (3, 4)}, seed=0, chunks="auto"), dict[str, da.Array])
