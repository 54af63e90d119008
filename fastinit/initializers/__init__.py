"""The initializers: values that derive a tensor's distribution from its shape and their parameters, and fill it.

`HeNormal(negative_slope=0.2)` is such a value: immutable, comparable, with `get_config` and `from_config`; called as
`init(shape, **options)` it fills. `he_normal(shape, negative_slope=0.2, **options)` is the same in one call: `shape` by
position, all else by keyword (also by position: the value of `constant`, and the parameters of the tutorial's functions).
These options are shared by all:

- `seed`: a non-negative int, a `numpy.random.SeedSequence`, or None (the default, as in NumPy) for fresh entropy.
- `name`: the tensor's name, or None. Tensors of different names get independent values from one seed.
- `dtype`: float32 (the default), float64, float16, bfloat16 or one of the float8 types that `fastinit.show_config()` lists,
  as a dtype or by name. The narrow ones are the float32 values rounded once, to nearest even.
- `layout`: which axes of `shape` are inputs and outputs. A matrix is (in, out) unless said otherwise; "oi" is (out, in,
  *kernel) as in torch, "io" (*kernel, in, out) as in Keras and JAX; one letter an axis says the rest ("hwio", "eio" for a
  stack of experts), and a `fastinit.Layout` also groups, transposed convolutions, or the fans by hand. Above two axes it
  must be given, except in the convention of a framework. Distributions without fans ignore it.
- `out`: a writable array of the result's shape and dtype to fill and return, contiguous or not; else a new one is returned.
- `index`: a slice, an int, an integer or boolean array, or a tuple of them, as in `full[index]`: only that part of the
  tensor is computed, with the values that it has in the full tensor. `shape` stays that of the full tensor.

A value depends on the seed, the name and its position in the full tensor, and on nothing else. Bad arguments raise
TypeError or ValueError (IndexError for the index) before anything is written.

`convention` is a parameter of those initializers on which the frameworks disagree: "math" (the default) is the paper's,
"torch", "keras" and "jax" are the distributions that these libraries have under the name (docs/conventions.md).

`distribution_for(shape, ...)` of a value or a function is the distribution without the filling. What takes an initializer
also takes what `get` makes one of: a name, a class, a function, a config, or a `fastinit.distributions.Distribution`.

    >>> from fastinit import initializers
    >>> initializers.he_normal.distribution_for((256, 128)) == initializers.HeNormal().distribution_for((256, 128))
    True
"""

from fastinit.initializers.attention import MimeticAttention
from fastinit.initializers.base import CLASSES, CONVENTIONS, Initializer, WholeTensorInitializer
from fastinit.initializers.biases import ChronoBias, LSTMBias, PriorBias
from fastinit.initializers.composed import LooksLinear, Parts, Stacked
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
# After the classes, which make them.
from fastinit.initializers import functions
from fastinit.initializers.functions import *

__all__ = [  # noqa: RUF022  # in groups
    # what every initializer is, and what makes one of a name
    "CLASSES", "CONVENTIONS", "INITIALIZERS", "Initializer", "Layout", "WholeTensorInitializer", "distribution_of", "get",
    # what is asked about initializers, and many tensors at once
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
    "LooksLinear", "Parts", "Stacked",
    # biases and parameters of recurrent networks, classifiers and state space models
    "ChronoBias", "LSTMBias", "Mamba2ALog", "MambaALog", "MambaDtBias", "MambaDtWeight", "PriorBias",
]  # fmt: skip
__all__ += functions.__all__
