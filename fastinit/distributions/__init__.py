"""What a tensor's values are drawn from: the distributions, their parameters, and the form that the kernels take."""

from fastinit.distributions.elementwise import Constant, Distribution, Normal, TruncatedNormal, Uniform, WholeTensor, number

__all__ = ["Constant", "Distribution", "Normal", "TruncatedNormal", "Uniform", "WholeTensor", "number"]
