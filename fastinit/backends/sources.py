"""What each compiled extension is built from, and a stamp of that, by which one that is out of date is told.

It imports the standard library alone, since the build runs it by itself (setup.py and csrc/build.py).
"""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

CATALOGUE = "fastinit/backends/catalogue.py"
ROOMS = ("csrc/kernels", "csrc/bindings")
COMPILED = {
    "_kernels": (
        *(
            f"csrc/kernels/{name}.c"
            for name in (
                *("axes", "baseline_kernels", "choices", "composed", "faster_kernels", "kernels", "matrices", "measure"),
                *("products", "searches", "shuffles"),
            )
        ),
        *("csrc/kernels/threads.c", "csrc/bindings/cursor.c", "csrc/bindings/xla_handler.c"),
    ),
    "_calls": tuple(
        f"csrc/bindings/{name}.c"
        for name in (
            "attributes",
            "calls",
            "many_fills",
            "orthogonal",
            "recording",
            "remembered_fills",
            "small_fills",
            "streams",
            "tensor_methods",
        )
    ),
    "_short_draws": ("csrc/bindings/short_draws.c",),
}
"""By the extension's name, what is compiled; the headers that it includes are found there."""

GENERATED = ("csrc/build.py", CATALOGUE)  # what kernel_list.h, and the code around the kernels, are written by and from
WRITTEN = "kernel_list.h"
INCLUDE = re.compile(rb'#include "(\w+\.h)"')


def contents(extension: str, clone: Path) -> dict[str, bytes]:
    """The files of an extension, by their paths in the clone."""
    headers = {name: f"{room}/{name}" for room in ROOMS for name in os.listdir(clone / room) if name != WRITTEN}
    found: dict[str, bytes] = {}
    left = [*COMPILED[extension], *(GENERATED if extension == "_kernels" else ())]
    while left:
        path = left.pop()
        if path not in found:
            with open(f"{clone}/{path}", "rb", buffering=0) as file:
                found[path] = file.read()
            names = (name.decode() for name in INCLUDE.findall(found[path]))
            left += [headers[name] for name in names if name in headers]
    return found


def stamp(extension: str, clone: Path) -> str:
    """8 hexadecimal digits, which change with every byte of the files. (Cryptographic hashes would load OpenSSL.)"""
    checksum = 0
    for path, content in sorted(contents(extension, clone).items()):
        checksum = zlib.crc32(f"{path} {len(content)}\n".encode(), checksum)
        checksum = zlib.crc32(content, checksum)
    return f"{checksum:08x}"
