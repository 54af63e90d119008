"""The initializers: values that derive a tensor's distribution from its shape and their parameters, and fill it.

`HeNormal(negative_slope=0.2)` is such a value: immutable, comparable, with `get_config` and `from_config`; called as
`init(shape, **options)` it fills. `he_normal(shape, negative_slope=0.2, **options)` is the same in one call: `shape` goes by
position and all else by keyword, except the value of `constant` and the parameters of the functions in `tutorial.py`.
These options are shared by all:

- `seed`: a non-negative int, a `numpy.random.SeedSequence`, or None (the default, as in NumPy) for fresh entropy.
- `name`: the tensor's name, or None. Tensors of different names get independent values from one seed; two with one seed and
  without names, or of one name, get the same numbers, also where shapes and scales differ: give each its name or its seed.
- `dtype`: float32 (the default), float64, float16, bfloat16 or one of the float8 types that `fastinit.show_config()` lists,
  as a dtype or by name. The narrow ones are the float32 values rounded once, to nearest even.
- `layout`: which axes of `shape` are inputs and outputs. A matrix is (in, out) unless said otherwise; "oi" is (out, in,
  *kernel) as in torch, "io" (*kernel, in, out) as in Keras and JAX; any other is one letter per axis ("hwio", "eio" for a
  stack of experts), and a `fastinit.Layout` also has groups, transposed convolutions, or fans given as numbers. A shape of
  more than two axes needs a layout, unless the `convention` is a framework's. Distributions without fans ignore it.
- `out`: a writable array of the result's shape and dtype to fill and return, contiguous or not; else a new one is returned.
- `index`: a slice, an int, an integer or boolean array, or a tuple of them, as in `full[index]`: only that part of the
  tensor is computed, with the values that it has in the full tensor. `shape` stays that of the full tensor.

A value depends on the seed, the name and its position in the full tensor, and on nothing else. Bad arguments raise
TypeError or ValueError (IndexError for the index) before anything is written.

`convention` is a parameter of the initializers that frameworks define differently: "math" (the default) means the paper's
distribution, "torch", "keras" and "jax" the one that the library has under the same name (docs/conventions.md).

`distribution_for(shape, ...)`, a method of values and of functions, returns the distribution and fills nothing. An argument
that takes an initializer takes what `get` does: a name, class, function, config or `fastinit.distributions.Distribution`.

    >>> from fastinit import initializers
    >>> initializers.he_normal.distribution_for((256, 128)) == initializers.HeNormal().distribution_for((256, 128))
    True
"""

from fastinit.initializers.attention import MimeticAttention
from fastinit.initializers.base import CLASSES, CONVENTIONS, Initializer, WholeTensorInitializer
from fastinit.initializers.biases import ChronoBias, LSTMBias, PriorBias
from fastinit.initializers.composed import LooksLinear, Parts, Stacked, WithSlabs
from fastinit.initializers.convolution import ICNR, STFT, Bilinear
from fastinit.initializers.definition import INITIALIZERS
from fastinit.initializers.depth import DepthScaled, DSInit, LayerScale, SmallInit, WangInit
from fastinit.initializers.gains import gain, second_moment
from fastinit.initializers.identities import Dirac, Identity, ZerOHadamard
from fastinit.initializers.layouts import Layout
from fastinit.initializers.mamba import Mamba2ALog, MambaALog, MambaDtBias, MambaDtWeight
from fastinit.initializers.many import fill_many
from fastinit.initializers.names import distribution_of, get
from fastinit.initializers.orthogonality import DeltaOrthogonal, Orthogonal
from fastinit.initializers.plain import Constant, Normal, Ones, TruncatedNormal, Uniform, Zeros
from fastinit.initializers.residual import DeepNorm, Fixup, TFixup, deepnorm_constants
from fastinit.initializers.scaled import (
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Siren,
    VarianceScaling,
    XavierNormal,
    XavierUniform,
)
from fastinit.initializers.sparsity import Sparse
from fastinit.initializers.tutorial import GaussianInit, HeInit, RandomInit, XavierInit
from fastinit.initializers.width import MuP, Spectral

# isort: split
# After the classes, whose decorator defines these functions.
from fastinit.initializers import functions
from fastinit.initializers.functions import *

__all__ = [  # noqa: RUF022  # in groups
    # the base classes, and initializers by name
    "CLASSES", "CONVENTIONS", "INITIALIZERS", "Initializer", "Layout", "WholeTensorInitializer", "distribution_of", "get",
    # numbers that belong to initializers, and many tensors at once
    "deepnorm_constants", "fill_many", "gain", "second_moment",
    # any shape
    "Constant", "Normal", "Ones", "TruncatedNormal", "Uniform", "Zeros", "GaussianInit", "RandomInit",
    # by the fans
    "HeInit", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Siren", "VarianceScaling", "XavierInit",
    "XavierNormal", "XavierUniform",
    # by depth and width
    "DSInit", "DeepNorm", "DepthScaled", "Fixup", "LayerScale", "MuP", "SmallInit", "Spectral", "TFixup", "WangInit",
    # matrices and convolutions of a structure
    "Bilinear", "DeltaOrthogonal", "Dirac", "ICNR", "Identity", "MimeticAttention", "Orthogonal", "STFT", "Sparse",
    "ZerOHadamard",
    # of other initializers
    "LooksLinear", "Parts", "Stacked", "WithSlabs",
    # biases and parameters of recurrent networks, classifiers and state space models
    "ChronoBias", "LSTMBias", "Mamba2ALog", "MambaALog", "MambaDtBias", "MambaDtWeight", "PriorBias",
]  # fmt: skip
__all__ += functions.__all__


def __dir__() -> list[str]:  # what is imported and the modules are left out
    return __all__
