"""What a tensor's values are drawn from: parameters, cdf and moments of each distribution, and the kernel that draws it.

`fastinit.distributions.Normal(mean, std)` is the distribution itself; `fastinit.Normal` is the initializer, which has a
convention and can be called. Every argument that takes one of the two takes the other too.
"""

from fastinit.distributions.base import Distribution, Moments
from fastinit.distributions.constant import Constant
from fastinit.distributions.normal import Normal
from fastinit.distributions.slabs import Slab, Slabs
from fastinit.distributions.truncated_normal import TruncatedNormal
from fastinit.distributions.uniform import Uniform
from fastinit.distributions.whole_tensor import WholeTensor

__all__ = ["Constant", "Distribution", "Moments", "Normal", "Slab", "Slabs", "TruncatedNormal", "Uniform", "WholeTensor"]


def __dir__() -> list[str]:  # what is imported and the modules are left out
    return __all__
