"""Compiles a kernel for a GPU by NVIDIA's NVRTC, at its first use, and keeps it in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from fastinit.backends.cuda.source import source
from fastinit.backends.numba.compiling import cache_folder
from fastinit.runtime.forks import without_forks
from fastinit.runtime.installation import install_hint

OPTIONS = ("--fmad=false", "--ftz=false", "--prec-sqrt=true", "--prec-div=true", "--device-as-default-execution-space")
"""IEEE's operations in the order of the source, as on CPUs: nothing is contracted, flushed or approximated."""


def compiled(name: str, architecture: str) -> bytes:
    """The machine code of a kernel of KERNEL_NAMES for sm_90, say; from the cache, if it was compiled before."""
    text = source(name)
    key = hashlib.sha256("\n".join((text, architecture, *OPTIONS, _version())).encode()).hexdigest()
    path = Path(cache_folder(), "cuda") / f"{name}-{architecture}-{key[:32]}.cubin"
    try:
        return path.read_bytes()
    except OSError:
        code = compile_source(text, architecture)
        _keep(path, code)
        return code


def compile_source(text: str, architecture: str) -> bytes:
    """Machine code for sm_90, say, or PTX for compute_90. RuntimeError with the compiler's words where it fails."""
    nvrtc = _nvrtc()
    program = _value(nvrtc.nvrtcCreateProgram(text.encode(), b"fastinit.cu", 0, [], []))
    options = [option.encode() for option in (f"--gpu-architecture={architecture}", *OPTIONS)]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    if int(status) != 0:
        log = bytearray(_value(nvrtc.nvrtcGetProgramLogSize(program)))
        nvrtc.nvrtcGetProgramLog(program, log)
        raise RuntimeError(f"NVRTC compiles no kernel for {architecture}: {bytes(log).decode().strip(chr(0)).strip()}")
    kind = "PTX" if architecture.startswith("compute_") else "CUBIN"
    code = bytearray(_value(getattr(nvrtc, f"nvrtcGet{kind}Size")(program)))
    getattr(nvrtc, f"nvrtcGet{kind}")(program, code)
    return bytes(code)


def _nvrtc() -> Any:
    try:
        with without_forks():
            from cuda.bindings import nvrtc  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        raise ImportError(f"fills on CUDA devices need NVIDIA's cuda-bindings and NVRTC: {install_hint('cuda')}") from None
    return nvrtc


def _value(result: tuple[Any, ...]) -> Any:
    status, value = result
    if int(status) != 0:
        raise RuntimeError(f"NVRTC: {status.name}")
    return value


def _version() -> str:
    _, major, minor = _nvrtc().nvrtcVersion()
    return f"{major}.{minor}"


def _keep(path: Path, code: bytes) -> None:
    """Write it whole or not at all; without a cache the kernel is compiled again next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(code)
        os.replace(file.name, path)
    except OSError:
        return
