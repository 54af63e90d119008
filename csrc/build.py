"""Describes the C extension to cffi: the declarations are api.h and xla_handler.h as they stand."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent

# Contraction would fuse a * b + c where the contract has two roundings. No value depends on the other three: without errno
# and floating-point traps neither sqrt nor a choice between floats vectorises, and under -fwrapv, which Python's own build
# flags bring in, the loops do not (5 times slower).
FLAGS = ["-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fno-wrapv"]


def xla_include() -> list[str]:
    """The folder of XLA's FFI header: FASTINIT_XLA_INCLUDE, else that of jaxlib, which is looked up and not imported."""
    jaxlib = find_spec("jaxlib")
    folders = [f"{folder}/include" for folder in (jaxlib.submodule_search_locations if jaxlib else None) or ()]
    if "FASTINIT_XLA_INCLUDE" in os.environ:
        folders = [os.environ["FASTINIT_XLA_INCLUDE"]]  # empty: without the handler
    return [folder for folder in folders if folder and Path(folder, "xla", "ffi", "api", "c_api.h").is_file()]


ffi = cffi.FFI()
ffi.cdef("".join((HERE / "bindings" / header).read_text() for header in ("api.h", "xla_handler.h")))
ffi.set_source(
    "fastinit._kernels",
    '#include <stdint.h>\n#include "api.h"\n#include "xla_handler.h"\n',
    sources=["csrc/kernels/kernels.c", "csrc/bindings/cursor.c", "csrc/bindings/xla_handler.c"],
    include_dirs=["csrc/kernels", "csrc/bindings", *xla_include()],
    depends=[f"csrc/{path.relative_to(HERE)}" for path in sorted(HERE.rglob("*")) if path.suffix in (".h", ".py")],
    extra_compile_args=FLAGS,
    libraries=[] if sys.platform == "win32" else ["m"],
    optional=True,  # without a C compiler the install goes on, and the Numba backend serves
)
