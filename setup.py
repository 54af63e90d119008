"""Builds the C kernels; everything else about the package stands in pyproject.toml."""

import runpy
import sysconfig
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sources = runpy.run_path("fastinit/backends/sources.py")
INCLUDE = ["csrc/kernels", "csrc/bindings"]
WITHOUT = {
    "fastinit._kernels": "fastinit will use its Numba backend",
    "fastinit._short_draws": "the Generator's draws of a few values will be slower",
    "fastinit._calls": "fills of a few values will be slower",
}


class BuildExtensions(build_ext):
    """Warns in one line of an extension that cannot be built; the package then does without it."""

    def build_extension(self, extension):
        try:
            self._build(extension)
        except Exception as error:
            self.warn(f"{extension.name} was not built ({error}); {WITHOUT[extension.name]}")

    def _build(self, extension):
        """Builds again without XLA's header, which may be of any version; traced JAX code then calls back into Python."""
        try:
            super().build_extension(extension)
        except Exception:
            if extension.name != "fastinit._kernels" or extension.include_dirs == INCLUDE:
                raise
            extension.include_dirs = INCLUDE
            super().build_extension(extension)


# One wheel for all versions from 3.10 on; free-threaded interpreters have no limited API yet.
is_limited = not sysconfig.get_config_var("Py_GIL_DISABLED")
options = {"bdist_wheel": {"py_limited_api": "cp310"}} if is_limited else {}


def extension(name):
    """One in C for the interpreter, without which the code in Python does the same."""
    return Extension(
        f"fastinit.{name}",
        [*sources["COMPILED"][name]],
        include_dirs=[*INCLUDE, numpy.get_include()],
        depends=["fastinit/backends/sources.py", *sources["contents"](name, Path())],
        define_macros=[("Py_LIMITED_API", "0x030a0000"), ("STAMP", f'"{sources["stamp"](name, Path())}"')],
        extra_compile_args=["-ffp-contract=off", "-g0"],  # as in csrc/build.py
        py_limited_api=True,
        optional=True,
    )


in_c = [extension("_short_draws"), extension("_calls")]

setup(
    cffi_modules=["csrc/build.py:ffi"],
    ext_modules=in_c if is_limited else [],  # it relies on the interpreter's lock
    cmdclass={"build_ext": BuildExtensions},
    options=options,
)
