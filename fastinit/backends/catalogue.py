"""The one list of the element types, the kernels and the backends; every other table of them is derived from it.

It imports the standard library alone, since the build of the C extension runs it by itself (csrc/build.py).

To add an element type: a line in ELEMENTS, its rounding functions `narrow_<name>` in csrc/kernels/narrow.h and
numba/narrow.py (the reference rounds by NumPy or ml_dtypes), and golden values (tools/make_golden.py).
To add a distribution: a line in DISTRIBUTIONS, the arithmetic of its values in csrc/kernels/values.h, its functions
`<name>_values...` in csrc/kernels/distributions.h, numba/distributions.py and reference.py, and golden values.
"""

from __future__ import annotations

from typing import NamedTuple


class Element(NamedTuple):
    """A floating-point type of the elements of tensors."""

    name: str
    """As `library`, torch and JAX call it."""
    bits: int
    real: str
    """The type that values are computed in; if it is not the element type, they are rounded once, to nearest even."""
    library: str
    """Where it is defined for NumPy: "numpy" or "ml_dtypes"."""
    xla: str
    """The end of its name in XLA's C interface: XLA_FFI_DataType_<xla>."""
    safetensors: str | None
    """Its code in safetensors files; None where the format has none."""
    dlpack: int
    """Its code in DLPack's C interface, where the number of bits is said beside it: DLDataTypeCode."""

    @property
    def storage(self) -> str:
        """The type that backends store it as: the computing type, or unsigned integers of as many bits."""
        return self.real if self.name == self.real else f"uint{self.bits}"


ELEMENTS = {
    element.name: element
    for element in (
        Element("float32", 32, "float32", "numpy", "F32", "F32", 2),
        Element("float64", 64, "float64", "numpy", "F64", "F64", 2),
        Element("float16", 16, "float32", "numpy", "F16", "F16", 2),
        Element("bfloat16", 16, "float32", "ml_dtypes", "BF16", "BF16", 4),
        Element("float8_e4m3fn", 8, "float32", "ml_dtypes", "F8E4M3FN", "F8_E4M3", 10),
        Element("float8_e5m2", 8, "float32", "ml_dtypes", "F8E5M2", "F8_E5M2", 12),
        Element("float8_e4m3fnuz", 8, "float32", "ml_dtypes", "F8E4M3FNUZ", "F8_E4M3FNUZ", 11),
    )
}


class Distribution(NamedTuple):
    """A distribution that has kernels: one for each element type in `elements`."""

    name: str
    num_parameters: int
    """Doubles that its kernels read; csrc/kernels/values.h says which. Where parameters may be each value's own
    (csrc/kernels/value_parameters.h), how many a value has."""
    elements: tuple[str, ...]
    words: int = 1
    """32-bit words that a value is made of; those computed in float64 take two at least."""
    c_template: str = "ALL"
    """KERNEL_<c_template> of csrc/kernels/kernels.c is how C makes it, KERNEL_<c_template>_ROUNDED where it is rounded."""

    @property
    def fills_tensors(self) -> bool:
        """Whether initializers draw from it, rather than generators alone: it has kernels for all ELEMENTS."""
        return self.elements == tuple(ELEMENTS)


OF_GENERATORS = {
    "laplace": 2,
    "logistic": 2,
    "gumbel": 2,
    "rayleigh": 1,
    "weibull": 1,
    "pareto": 1,
    "power": 1,
    "cauchy": 0,
    "triangular": 3,
}
"""Distributions that only generators draw from, in float64, by inversion, and the numbers of their parameters."""

REJECTED = {"gamma": 2, "beta": 2, "fisher": 2, "student": 1}
"""The same of those that they draw from by rejection."""

COUNTED = {"poisson": 1, "binomial": 2}
"""The same of counts."""

DISTRIBUTIONS = {
    distribution.name: distribution
    for distribution in (
        Distribution("words", 0, ("uint32",), c_template="WORDS"),
        Distribution("uniform", 2, tuple(ELEMENTS), c_template="UNIFORM"),
        Distribution("normal", 2, tuple(ELEMENTS)),
        Distribution("truncated", 13, tuple(ELEMENTS)),
        Distribution("exponential", 1, ("float32", "float64")),
        Distribution("lognormal", 2, ("float64",)),
        Distribution("integers", 3, ("uint8", "uint16", "uint32", "uint64"), c_template="PLACED"),
        Distribution("wideintegers", 3, ("uint32", "uint64"), words=2, c_template="PLACED"),
        *(Distribution(name, number, ("float64",), c_template="PLACED") for name, number in OF_GENERATORS.items()),
        Distribution("geometric", 1, ("uint64",), words=2, c_template="PLACED"),
        *(Distribution(name, number, ("float64",), words=4, c_template="REJECTED") for name, number in REJECTED.items()),
        *(Distribution(name, number, ("uint64",), words=4, c_template="REJECTED") for name, number in COUNTED.items()),
    )
}


class Kernel(NamedTuple):
    """What writes the values of a distribution as elements of one type."""

    distribution: Distribution
    element: str

    @property
    def name(self) -> str:
        return f"{self.distribution.name}_{self.element}"

    @property
    def real(self) -> str | None:
        """The floating-point type that its values are computed in; None of words and integers."""
        return ELEMENTS[self.element].real if self.element in ELEMENTS else None

    @property
    def is_rounded(self) -> bool:
        """Whether values are computed in another type than that of the elements."""
        return self.real not in (None, self.element)

    @property
    def words_per_value(self) -> int:
        return max(2 if self.real == "float64" else 1, self.distribution.words)

    @property
    def c_template(self) -> str:
        return f"{self.distribution.c_template}_ROUNDED" if self.is_rounded else self.distribution.c_template


KERNELS = {
    kernel.name: kernel
    for distribution in DISTRIBUTIONS.values()
    for kernel in (Kernel(distribution, element) for element in distribution.elements)
}
"""All kernels by name, in the order of their numbers in C."""

BACKENDS = ("c", "numba", "reference")
"""Fastest first. Each is the module or package `fastinit.backends.<name>`, with one function `fill`."""
