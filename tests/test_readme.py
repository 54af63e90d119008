"""What README and the guides show is what happens."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastinit.files import specs
from fastinit.initializers import INITIALIZERS
from fastinit.recipes.families import MODELS
from fastinit.runtime.text_files import toml_of
from tests.pages import PAGES, ROOT, blocks, run_script, text

SCRIPTS = {  # other than torch's, which tests/torch/test_torch_readme.py runs, with what they need
    "docs/jax.md": ("jax_flax.py", ("jax", "flax")),
    "docs/keras.md": ("keras_train.py", ("keras", "jax")),
    "docs/dask.md": ("dask_zarr.py", ("dask.array", "zarr")),
}
TESTS = {path.name: path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")}


def printed(page):
    """The number of the page's examples that print."""
    return sum(bool(example.source) for example in doctest.DocTestParser().get_examples(text(page)))


@pytest.fixture
def gpt2(tmp_path, monkeypatch):
    """The folder in which README's first command was run."""
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-m", "fastinit", "init", "gpt2", "-o", "gpt2.safetensors"], check=True)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "README.md" and printed(page)])
def test_the_code_prints_what_is_printed_there(page):
    assert doctest.testfile(str(ROOT / page), module_relative=False).failed == 0


def test_readmes_code_prints_what_is_printed_there_and_loads_the_file_just_written(gpt2):
    assert doctest.testfile(str(ROOT / "README.md"), module_relative=False).failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_every_script_is_taken_by_a_test(page):
    for block in blocks(page, "python"):
        name = block.splitlines()[0].split()[-1]
        taken = name if name.endswith(".py") else Path(page).name  # one script, or all of the page
        assert block.startswith(">>> ") or any(taken in test for test in TESTS.values()), block


@pytest.mark.parametrize("page", SCRIPTS)
def test_the_snippet_of_a_framework_runs_as_it_stands(page, tmp_path):
    name, needs = SCRIPTS[page]
    for module in needs:
        pytest.importorskip(module)
    run_script(page, name, tmp_path, KERAS_BACKEND="jax")


@pytest.mark.parametrize("page", ["docs/testing.md", "CONTRIBUTING.md"])
def test_the_commands_for_one_test_select_some(page):
    commands = re.findall(r"`pytest (tests/\S+\.py).* -k (\w+)`", text(page))
    assert commands
    for path, word in commands:
        assert re.search(rf"def test_\w*{word}", text(path)), (path, word)


def test_the_command_for_the_adapters_is_the_same_on_both_pages():
    commands = [
        re.findall(r"^pip install .*frameworks.*$", text(page), re.MULTILINE) for page in ("README.md", "docs/testing.md")
    ]
    assert len(commands[0]) == 1 and commands[0] == commands[1]


@pytest.mark.parametrize("name", MODELS)
def test_every_built_in_model_is_listed(name):
    assert re.search(rf"^fastinit models .*\b{name}\b", text("docs/command.md"), re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if not name.startswith(("glorot", "kaiming"))])
def test_every_initializer_is_named(name):
    assert re.search(rf"`{name}[`(]", text("docs/initializers.md"))


def test_the_toml_examples_are_valid(tmp_path):
    first, second, third = blocks("docs/command.md", "toml")
    (tmp_path / "second.toml").write_text(second)
    assert [tensor.name for tensor in specs.plan(str(tmp_path / "second.toml"))] == ["embed.weight", "head.weight"]
    assert "recipe" in toml_of(third) and set(toml_of(third)) <= set(specs.TOML_KEYS)
    like_gpt2 = first.replace('like = "gpt2.safetensors"', 'model = "gpt2"')
    (tmp_path / "first.toml").write_text(like_gpt2)
    assert {tensor.spec.dtype for tensor in specs.plan(str(tmp_path / "first.toml"))} == {"bfloat16"}
