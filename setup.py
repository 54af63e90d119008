"""Builds the C kernels; everything else about the package stands in pyproject.toml."""

import sysconfig

from setuptools import setup
from setuptools.command.build_ext import build_ext


class BuildKernels(build_ext):
    """A failed build of the kernels is said in one plain line; the package then runs on the Numba backend.

    With XLA's header, which may be of any version, it is tried once more without: then traced JAX calls back into Python.
    """

    def build_extension(self, extension):
        try:
            try:
                super().build_extension(extension)
            except Exception:
                if extension.include_dirs == ["csrc"]:
                    raise
                extension.include_dirs = ["csrc"]
                super().build_extension(extension)
        except Exception as error:
            self.warn(f"the C kernels were not built ({error}); fastinit will use its Numba backend")


# One wheel for all versions from 3.10 on; free-threaded interpreters have no limited API yet.
options = {} if sysconfig.get_config_var("Py_GIL_DISABLED") else {"bdist_wheel": {"py_limited_api": "cp310"}}

setup(cffi_modules=["csrc/build.py:ffi"], cmdclass={"build_ext": BuildKernels}, options=options)
