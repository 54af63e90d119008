"""Builds the C kernels; everything else about the package stands in pyproject.toml."""

from setuptools import setup
from setuptools.command.build_ext import build_ext


class BuildKernels(build_ext):
    """A failed build of the kernels is said in one plain line; the package then runs on the Numba backend."""

    def build_extension(self, extension):
        try:
            super().build_extension(extension)
        except Exception as error:
            self.warn(f"the C kernels were not built ({error}); fastinit will use its Numba backend")


setup(cffi_modules=["csrc/build.py:ffi"], cmdclass={"build_ext": BuildKernels})
