"""What a tensor's values are drawn from: the distributions, their parameters, and the form that the kernels take."""

from fastinit.distributions.elementwise import Constant, Law, Normal, TruncatedNormal, Uniform, Whole, number

__all__ = ["Constant", "Law", "Normal", "TruncatedNormal", "Uniform", "Whole", "number"]
