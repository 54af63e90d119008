"""The command lines of the pages' shell blocks run as they stand, with small files in the place of their capitals."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import blocks

PAGES = ["docs/command.md", "docs/lab.md"]  # README's are .ci/run's first commands; docs/frameworks.md's clone repositories
IN_PLACE_OF = {
    "SPEC": "mlp",
    "FILE": "weights.safetensors",
    "MODULE:FACTORY": "networks:small",
    "MODULE:FUNCTION": "networks:batch",
    "...": "head -c 64",
    "ARGS": "",
    "--seed N": "--seed 3",
    "--name S": "--name s",
    "fastinit warm-up": "fastinit warm-up --only uniform_float32",  # all kernels take minutes
    "--seeds 10": "--seeds 3",
    "5GB": "1MB",
}
NEEDS = {
    "config.json": "transformers",
    "timm:": "timm",
    "record": "torch",
    "fastinit lab": "scikit_posthocs",
}
FILES = {
    "networks.py": """
import torch

def small():
    return torch.nn.Sequential(torch.nn.Linear(784, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))

def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(64, 784, generator=generator), torch.randint(10, (64,), generator=generator)
""",
    "script.py": "import numpy\nnumpy.random.normal(size=3)\n",
    "path/to/config.json": json.dumps(
        {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "n_embd": 8,
            "n_head": 2,
            "n_layer": 1,
            "vocab_size": 11,
        }
    ),
    **dict.fromkeys(("a.toml", "b.toml", "own.toml"), '[[rules]]\nmatch = "*"\ninit = "normal"\nstd = 0.02\n'),
}


def command_lines(page):
    """The page's lines for a shell, without their comments."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [re.sub(r"\s+#.*", "", line) for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the command lines work on, a file of weights among it."""
    folder = tmp_path_factory.mktemp("commands")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    run("fastinit init mlp -o weights.safetensors", folder)
    return folder


def run(line, folder):
    """Run a line in a shell that finds the command installed beside this Python."""
    tests = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=folder, env={**os.environ, **tests}, capture_output=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the lines are for a POSIX shell")
@pytest.mark.parametrize("line", [line for page in PAGES for line in command_lines(page) if "lab tour" not in line])
def test_the_command_line_of_a_page_runs(line, folder):
    for word, module in NEEDS.items():
        if word in line:
            pytest.importorskip(module)
    for placeholder, value in IN_PLACE_OF.items():
        line = line.replace(placeholder, value)
    line = line.replace("-o weights.safetensors", "-o new.safetensors --overwrite")
    done = run(line, folder)
    assert done.returncode in (0, 141), done.stderr.decode()  # 141: `head` closes the endless stream
