"""The arithmetic of one value compiles for GPUs as it stands, and keeps IEEE's operations: the PTX of NVRTC says so."""

import ctypes
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "backends" / "native" / "values.cu"
HEADERS = sorted((ROOT / "csrc" / "kernels").glob("*.h"))
OPTIONS = ["--fmad=false", "--ftz=false", "--prec-sqrt=true", "--prec-div=true", "--device-as-default-execution-space"]
# exact, or rounded as cvt's own .rn or .rz says; whatever else computes with floats must round to nearest even
EXACT = {"abs", "cvt", "ld", "mov", "neg", "selp", "setp", "st"}


def nvrtc() -> ctypes.CDLL:
    """The library of pip's nvidia-cuda-nvrtc."""
    folders = find_spec("nvidia").submodule_search_locations if find_spec("nvidia") else ()
    found = [path for folder in folders for path in sorted(Path(folder).glob("*/lib/libnvrtc.so.*"))]
    if not found:
        pytest.skip("nvidia-cuda-nvrtc is not installed")
    return ctypes.CDLL(str(found[0]))


def text(library: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> str:
    size = ctypes.c_size_t()
    assert getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)) == 0
    buffer = ctypes.create_string_buffer(size.value)
    assert getattr(library, f"nvrtcGet{what}")(program, buffer) == 0
    return buffer.value.decode()


def ptx_of(source: str, architecture: str) -> str:
    library, program = nvrtc(), ctypes.c_void_p()
    names = (ctypes.c_char_p * len(HEADERS))(*(header.name.encode() for header in HEADERS))
    texts = (ctypes.c_char_p * len(HEADERS))(*(header.read_bytes() for header in HEADERS))
    created = library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"values.cu", len(HEADERS), texts, names)
    assert created == 0
    options = [f"--gpu-architecture={architecture}".encode(), *(option.encode() for option in OPTIONS)]
    status = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    assert status == 0, text(library, program, "ProgramLog")
    return text(library, program, "PTX")


@pytest.mark.parametrize("architecture", ["compute_75", "compute_80", "compute_90", "compute_100"])
def test_all_float_arithmetic_of_the_ptx_rounds_to_nearest_even(architecture):
    ptx = ptx_of(SOURCE.read_text(), architecture)
    instructions = set(re.findall(r"^\s*(?:@!?%p\d+ )?([a-z][\w.]*\.f(?:32|64)[\w.]*)\s", ptx, re.MULTILINE))
    arithmetic = {instruction for instruction in instructions if instruction.split(".")[0] not in EXACT}
    allowed = {f"{name}.rn.{real}" for name in ("add", "div", "fma", "mul", "sqrt", "sub") for real in ("f32", "f64")}
    assert arithmetic <= allowed, sorted(arithmetic - allowed)
    assert {"fma.rn.f32", "fma.rn.f64", "div.rn.f64", "sqrt.rn.f32"} <= arithmetic  # the pattern above finds them
    assert ptx.count(".entry") == 11  # the kernels of values.cu
