"""NVRTC compiles the kernels as they stand, and keeps IEEE's operations; what it has compiled is kept on the disk."""

import re
from importlib.util import find_spec

import pytest

from fastinit.backends.catalogue import KERNELS
from fastinit.backends.cuda import compiling, source

# exact, or rounded as cvt's own .rn or .rz says; whatever else computes with floats must round to nearest even
EXACT = {"abs", "cvt", "ld", "mov", "neg", "selp", "setp", "st"}


@pytest.mark.slow
@pytest.mark.skipif(not (find_spec("cuda") and find_spec("nvidia")), reason="needs cuda-bindings and nvidia-cuda-nvrtc")
@pytest.mark.parametrize("architecture", ["compute_75", "compute_80", "compute_90", "compute_100"])
def test_all_float_arithmetic_of_the_ptx_rounds_to_nearest_even(architecture):
    kernels = [f"CUDA_KERNELS({source.arguments(KERNELS[name])})" for name in source.KERNEL_NAMES]
    ptx = compiling.compile_source("\n".join([source.headers(), *kernels]), architecture).decode()
    instructions = set(re.findall(r"^\s*(?:@!?%p\d+ )?([a-z][\w.]*\.f(?:32|64)[\w.]*)\s", ptx, re.MULTILINE))
    arithmetic = {instruction for instruction in instructions if instruction.split(".")[0] not in EXACT}
    allowed = {f"{name}.rn.{real}" for name in ("add", "div", "fma", "mul", "sqrt", "sub") for real in ("f32", "f64")}
    assert arithmetic <= allowed, sorted(arithmetic - allowed)
    assert {"fma.rn.f32", "fma.rn.f64", "div.rn.f64", "sqrt.rn.f32"} <= arithmetic  # the pattern above finds them
    assert ptx.count(".entry") == 2 * len(source.KERNEL_NAMES)


@pytest.mark.slow
@pytest.mark.skipif(not (find_spec("cuda") and find_spec("nvidia")), reason="needs cuda-bindings and nvidia-cuda-nvrtc")
def test_a_source_that_does_not_compile_is_an_error_in_the_compilers_words():
    with pytest.raises(RuntimeError, match=r"(?s)NVRTC compiles no kernel for sm_90: .*nonsense"):
        compiling.compile_source("nonsense", "sm_90")


@pytest.fixture
def compiler(monkeypatch, tmp_path):
    """Counts what is compiled, into a cache of its own."""
    compiled = []
    monkeypatch.setattr(compiling, "cache_folder", lambda: str(tmp_path / "cache"))
    monkeypatch.setattr(compiling, "_version", lambda: "13.0")
    monkeypatch.setattr(compiling, "compile_source", lambda text, architecture: compiled.append(text) or b"code")
    return compiled


def test_a_kernel_is_compiled_once_for_an_architecture(compiler):
    for _ in range(2):
        assert compiling.compiled("normal_float32", "sm_90") == b"code"
    compiling.compiled("normal_float32", "sm_80")
    assert len(compiler) == 2 and compiler[0].count("CUDA_KERNELS(normal_float32, normal, f32, float, narrow_none)") == 1


def test_another_compiler_compiles_anew(compiler, monkeypatch):
    compiling.compiled("normal_float32", "sm_90")
    monkeypatch.setattr(compiling, "_version", lambda: "13.1")
    compiling.compiled("normal_float32", "sm_90")
    assert len(compiler) == 2


def test_without_a_cache_folder_it_compiles_each_time(compiler, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    for _ in range(2):
        assert compiling.compiled("normal_float32", "sm_90") == b"code"
    assert len(compiler) == 2 and (tmp_path / "cache").read_text() == "in the way"


def test_every_kernel_that_fills_tensors_has_a_source():
    assert set(source.KERNEL_NAMES) == {name for name, kernel in KERNELS.items() if kernel.distribution.fills_tensors}
    assert all(source.source(name).endswith(f"narrow_{KERNELS[name].element if KERNELS[name].is_rounded else 'none'})\n")
               for name in source.KERNEL_NAMES)  # fmt: skip
