"""The initializers: values that work out a tensor's distribution from its shape and their parameters, and fill it.

`HeNormal(negative_slope=0.2)` is such a value: immutable, comparable, with `get_config` and `from_config`; called as
`init(shape, **options)` it fills. `he_normal(shape, negative_slope=0.2, **options)` is the same in one call. The options
that all of them share, by keyword only:

- `seed`: a non-negative int, a `numpy.random.SeedSequence`, or None (the default) for fresh entropy.
- `name`: the tensor's name, or None. Tensors of different names get independent values from one seed.
- `dtype`: float32 (the default), float64, float16, bfloat16 or one of the float8 types that `fastinit.show_config()` lists,
  as a dtype or by name. The narrow ones are the float32 values rounded once, to nearest even.
- `layout`: which axes of `shape` are inputs and outputs. A matrix is (in, out) where nothing is said; "oi" is (out, in,
  *kernel) as in torch, "io" (*kernel, in, out) as in Keras and JAX; one letter an axis says the rest ("hwio", "eio" for a
  stack of experts), and a `fastinit.Layout` also groups, transposed convolutions, or the fans by hand. Above two axes it
  must be said, but in the convention of a framework. The distributions that ask for no fan do not look at it.
- `out`: a writable array of the result's shape and dtype to fill and return, contiguous or not; else a new array is made.
- `index`: a slice, an int, an integer or boolean array, or a tuple of them, as in `full[index]`: only that part of the
  tensor is made, with the values it has in the whole. `shape` stays the shape of the whole.

A value depends on the seed, the name and its position in the whole tensor, and on nothing else. Bad arguments raise
TypeError or ValueError (IndexError for the index) before anything is written.

`convention`, a parameter of those on which the frameworks disagree: "math" (the default), "torch", "keras" or "jax", whose distribution
of the same name it then is (docs/conventions.md).

Each initializer, as a value or a function, has a method `distribution`: the same without the filling,
`he_normal.distribution_for((256, 128)) == HeNormal().distribution_for((256, 128)) == distributions.Normal(0.0, 0.0883...)`.
"""

from fastinit import distributions
from fastinit.initializers.attention import MimeticAttention, mimetic_attention
from fastinit.initializers.base import CLASSES, CONVENTIONS, INITIALIZERS, Initializer
from fastinit.initializers.biases import ChronoBias, LSTMBias, chrono_bias, lstm_bias
from fastinit.initializers.composed import LooksLinear, Parts, Stacked, looks_linear, parts, stacked
from fastinit.initializers.convolution import ICNR, STFT, Bilinear, bilinear, icnr, stft
from fastinit.initializers.deepnorm import DeepNorm, deep_norm, deepnorm_constants
from fastinit.initializers.depth import (
    DepthScaled,
    DSInit,
    LayerScale,
    SmallInit,
    WangInit,
    depth_scaled,
    ds_init,
    layer_scale,
    small_init,
    wang_init,
)
from fastinit.initializers.identities import Dirac, Identity, ZerOHadamard, dirac, identity, zero_hadamard
from fastinit.initializers.mamba import (
    Mamba2ALog,
    MambaALog,
    MambaDtBias,
    MambaDtWeight,
    mamba2_a_log,
    mamba_a_log,
    mamba_dt_bias,
    mamba_dt_weight,
)
from fastinit.initializers.many import fill_many
from fastinit.initializers.names import get
from fastinit.initializers.orthogonality import DeltaOrthogonal, Orthogonal, delta_orthogonal, orthogonal
from fastinit.initializers.periodic import Siren, siren
from fastinit.initializers.plain import (
    Constant,
    Normal,
    Ones,
    TruncatedNormal,
    Uniform,
    Zeros,
    constant,
    normal,
    ones,
    truncated_normal,
    uniform,
    zeros,
)
from fastinit.initializers.prior import PriorBias, prior_bias
from fastinit.initializers.residual import Fixup, TFixup, fixup, t_fixup
from fastinit.initializers.scaled import (
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    XavierNormal,
    XavierUniform,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
)
from fastinit.initializers.sparsity import Sparse, sparse
from fastinit.initializers.tutorial import (
    GaussianInit,
    HeInit,
    RandomInit,
    XavierInit,
    gaussian_init,
    he_init,
    random_init,
    xavier_init,
)
from fastinit.initializers.width import MuP, Spectral, mup, spectral

__all__ = ["CLASSES", "CONVENTIONS", "INITIALIZERS", "Initializer", "get", *CLASSES, *INITIALIZERS]
__all__ += ["deepnorm_constants", "fill_many", "glorot_normal", "glorot_uniform", "kaiming_normal", "kaiming_uniform"]
