"""The model that the tests of this folder share."""

from types import SimpleNamespace

import pytest

from fastinit.files import checkpoint, specs


@pytest.fixture
def gpt2_like(tmp_path):
    """A plan of a small transformer, and the file written from it."""
    spec = tmp_path / "small.toml"
    spec.write_text("""
        [tensors]
        "wte.weight" = [5000, 64]
        "wpe.weight" = [128, 64]
        "h.0.ln.weight" = [64]
        "h.0.ln.bias" = [64]
        "h.0.attn.weight" = [64, 192]
        "h.0.attn.bias" = [192]
        "h.0.proj.weight" = { shape = [64, 64], dtype = "float16" }
        "h.1.attn.weight" = { shape = [64, 192], dtype = "bfloat16" }
        "h.1.proj.weight" = { shape = [64, 64], dtype = "float8_e4m3fn" }
        "h.1.conv.weight" = [64, 16, 3, 3]
        "steps" = { shape = [], dtype = "int64" }
        [[rules]]
        match = "*bias"
        init = "zeros"
        [[rules]]
        match = "steps"
        init = "zeros"
        [[rules]]
        match = "*ln.weight"
        init = "ones"
        [[rules]]
        match = "*proj.weight"
        init = "normal"
        std = 0.01
        [[rules]]
        match = "*conv.weight"
        init = "he_normal"
        layout = "oihw"
        [[rules]]
        match = "*"
        init = "normal"
        std = 0.02
    """)
    plan = specs.plan(str(spec))
    path = tmp_path / "small.safetensors"
    checkpoint.write(path, plan, seed=5)
    return SimpleNamespace(path=path, plan=plan)
