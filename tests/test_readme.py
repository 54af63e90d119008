"""What the README shows is what happens."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastinit.files import specs
from fastinit.initializers import INITIALIZERS
from fastinit.recipes.families import MODELS
from fastinit.runtime.text_files import toml_of

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


@pytest.mark.parametrize(("page", "count"), [("README.md", 17), ("docs/stream.md", 7)])
def test_the_code_prints_what_is_printed_there(page, count):
    failed, tried = doctest.testfile(str(ROOT / page), module_relative=False)
    assert (failed, tried) == (0, count)


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("jax_flax.py", ("jax", "flax")),
        ("keras_train.py", ("keras", "jax")),
        ("dask_zarr.py", ("dask.array", "zarr")),
    ],
)
def test_the_snippet_of_a_framework_runs_as_it_stands(name, needs, tmp_path):
    for module in needs:
        pytest.importorskip(module)
    snippet = re.search(rf"```python\n(# {name}\n.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / name).write_text(snippet[1])
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, name]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_for_one_test_select_some(page):
    commands = re.findall(r"`pytest (tests/\S+\.py).* -k (\w+)`", (ROOT / page).read_text())
    assert commands
    for path, word in commands:
        assert re.search(rf"def test_\w*{word}", (ROOT / path).read_text()), (path, word)


@pytest.mark.parametrize("name", MODELS)
def test_every_built_in_model_is_listed(name):
    assert re.search(rf"^fastinit models .*\b{name}\b", README.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if not name.startswith(("glorot", "kaiming"))])
def test_every_initializer_is_named(name):
    assert re.search(rf"`{name}[`(]", README.read_text())


def test_the_toml_examples_are_valid(tmp_path):
    first, second, third = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "second.toml").write_text(second)
    assert [tensor.name for tensor in specs.plan(str(tmp_path / "second.toml"))] == ["embed.weight", "head.weight"]
    assert "recipe" in toml_of(third) and set(toml_of(third)) <= set(specs.TOML_KEYS)
    like_gpt2 = first.replace('like = "gpt2.safetensors"', 'model = "gpt2"')
    (tmp_path / "first.toml").write_text(like_gpt2)
    assert {tensor.spec.dtype for tensor in specs.plan(str(tmp_path / "first.toml"))} == {"bfloat16"}
