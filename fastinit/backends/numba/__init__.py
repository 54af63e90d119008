"""The kernels of csrc/ in Numba: the same roundings in the same order, function by function, hence the same bits.

traced.py makes functions without branches cheap to compile, operations.py has what Numba lacks; the other files mirror those
of csrc/, whose comments give errors and ranges.
"""

from fastinit.backends.numba.kernels import fill

__all__ = ["fill"]
