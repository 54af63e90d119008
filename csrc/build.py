"""Describes the C extension to cffi, and writes the list of kernels that the C code is compiled from."""

import re
import runpy
import sys
from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sources = runpy.run_path(str(ROOT / "fastinit/backends/sources.py"))
CATALOGUE = sources["CATALOGUE"]
KERNEL_LIST = HERE / "kernels" / "kernel_list.h"
CUDA_SOURCE = HERE.parent / "fastinit" / "backends" / "cuda" / "kernels.h"

# Contraction would fuse a * b + c where stream version 1 has two roundings. No value depends on the other three flags: with
# errno or floating-point traps neither sqrt nor a choice between floats vectorises, and under -fwrapv, which is among
# Python's own build flags, the loops do not (5 times slower). Without debugging's data, which names the folder of the build,
# the same sources give the same bytes.
FLAGS = ["-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fno-wrapv", "-g0"]

C_TYPES = {"float32": "float", "float64": "double", **{f"uint{bits}": f"uint{bits}_t" for bits in (8, 16, 32, 64)}}


def kernel_list() -> str:
    """The text of kernel_list.h: the catalogue as lists for C, each an X-macro."""
    catalogue = runpy.run_path(str(ROOT / CATALOGUE))
    elements, distributions = catalogue["ELEMENTS"], catalogue["DISTRIBUTIONS"].values()

    def line(kernel) -> str:
        storage = elements[kernel.element].storage if kernel.real else kernel.element
        values_of = f"{kernel.distribution.name}_values_{kernel.real.replace('float', 'f') if kernel.real else storage}"
        narrow = f"narrow_{kernel.element}" if kernel.is_rounded else ""
        words = kernel.words_per_value
        return f"X({kernel.c_template}, {kernel.name}, {values_of}, {C_TYPES[storage]}, {words}, {narrow}, __VA_ARGS__)"

    lists = {
        "KERNELS(X, ...)": [line(kernel) for kernel in catalogue["KERNELS"].values()],
        "XLA_ELEMENTS(X)": [f"X({element.xla}, {name}, {element.bits // 8})" for name, element in elements.items()],
        "XLA_DISTRIBUTIONS(X)": [f"X({d.name}, {d.num_parameters})" for d in distributions if d.fills_tensors],
    }
    macros = [" \\\n    ".join([f"#define {head}", *lines]) for head, lines in lists.items()]
    return "\n\n".join([f"/* Written by csrc/build.py from {CATALOGUE}. */", *macros]) + "\n"


def cuda_source() -> str:
    """The headers of the kernels for GPUs in one text, which is compiled where a GPU is: each at its first include."""
    seen = set()

    def text_of(name: str) -> str:
        path = next(path for path in (HERE / "cuda" / name, HERE / "kernels" / name) if path.is_file())
        return re.sub(r'^#include "(.*)"\n', lambda match: included(match[1]), path.read_text(), flags=re.MULTILINE)

    def included(name: str) -> str:
        if name in seen:
            return ""
        seen.add(name)
        return text_of(name)

    return f"/* Written by csrc/build.py from csrc/cuda/kernels.h. */\n{included('kernels.h')}"


def write(path: Path, text: str) -> None:
    """Write a file, unless it is as it should be: then what was compiled from it stays valid."""
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


write(KERNEL_LIST, kernel_list())
write(CUDA_SOURCE, cuda_source())
ffi = cffi.FFI()
KERNEL_HEADERS = (
    f"kernels/{name}.h" for name in ("choices", "composed", "kernels", "measure", "products", "searches", "shuffles")
)
HEADERS = (*KERNEL_HEADERS, "bindings/api.h", "bindings/xla_handler.h")
ffi.cdef("".join((HERE / header).read_text() for header in HEADERS))
ffi.cdef('extern "Python" int fi_check_signals(void);')  # a `pause` for fi_fill_shared: fastinit/backends/c_signals.py
ffi.cdef("extern const char fi_stamp[];")  # of fastinit/backends/sources.py
ffi.set_source(
    "fastinit._kernels",
    "#include <stdint.h>\n"
    + "".join(f'#include "{Path(header).name}"\n' for header in HEADERS)
    + f'const char fi_stamp[] = "{sources["stamp"]("_kernels", ROOT)}";\n',
    sources=[*sources["COMPILED"]["_kernels"]],
    include_dirs=["csrc/kernels", "csrc/bindings"],
    depends=["fastinit/backends/sources.py", *sources["contents"]("_kernels", ROOT), "csrc/kernels/kernel_list.h"],
    extra_compile_args=FLAGS,
    libraries=[] if sys.platform == "win32" else ["m"],
    optional=True,  # without a C compiler the install goes on, and the Numba backend serves
)
