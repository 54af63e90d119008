"""Describes the C extension to cffi: the declarations are api.h as it stands, the source is kernels.c."""

import sys
from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent

# Contraction would fuse a * b + c where the contract has two roundings. No value depends on the other three: without errno
# and floating-point traps neither sqrt nor a choice between floats vectorises, and under -fwrapv, which Python's own build
# flags bring in, the loops do not (5 times slower).
FLAGS = ["-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fno-wrapv"]

ffi = cffi.FFI()
ffi.cdef((HERE / "api.h").read_text())
ffi.set_source(
    "fastinit._kernels",
    '#include <stdint.h>\n#include "api.h"\n',
    sources=["csrc/kernels.c", "csrc/cursor.c"],
    include_dirs=["csrc"],
    depends=[f"csrc/{path.name}" for path in sorted(HERE.iterdir()) if path.suffix in (".h", ".py")],
    extra_compile_args=FLAGS,
    libraries=[] if sys.platform == "win32" else ["m"],
    optional=True,  # without a C compiler the install goes on, and the Numba backend serves
)
