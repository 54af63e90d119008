"""Builds the C kernels; everything else about the package stands in pyproject.toml."""

import sysconfig

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


class BuildKernels(build_ext):
    """A failed build of the kernels is said in one plain line; the package then runs on the Numba backend."""

    def build_extension(self, extension):
        try:
            super().build_extension(extension)
        except Exception as error:
            self.warn(f"the C kernels were not built ({error}); fastinit will use its Numba backend")


# One wheel for all versions from 3.10 on; free-threaded interpreters have no limited API yet.
is_limited = not sysconfig.get_config_var("Py_GIL_DISABLED")
options = {"bdist_wheel": {"py_limited_api": "cp310"}} if is_limited else {}

short_draws = Extension(
    "fastinit._short_draws",
    ["csrc/short_draws.c"],
    include_dirs=[numpy.get_include()],
    define_macros=[("Py_LIMITED_API", "0x030a0000")] if is_limited else [],
    py_limited_api=is_limited,
    optional=True,
)

setup(
    cffi_modules=["csrc/build.py:ffi"], ext_modules=[short_draws], cmdclass={"build_ext": BuildKernels}, options=options
)
