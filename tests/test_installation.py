"""The package installs by README's commands in any order, or without a C compiler, and serves wherever Python starts."""

import re

import pytest

import fastinit
from tests.environments import Environment
from tests.pages import text

COMMANDS = re.findall(r"^(pip install .*?) && (?:fastinit init|pytest -n logical$)", text("README.md"), re.MULTILINE)
SHOW = """
import fastinit
fastinit.show_config()
print(fastinit.he_normal((3, 5), seed=1).tobytes().hex())
"""


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path)


def show(environment, folder):
    return environment.run(f"python -c '{SHOW}'", folder)


def values(done):
    return done.stdout.split()[-1]


EXPECTED = fastinit.he_normal((3, 5), seed=1).tobytes().hex()


def test_readme_has_two_commands_that_install():
    assert COMMANDS == ["pip install -e '.[cli]'", "pip install -e '.[test]'"]


@pytest.mark.slow
@pytest.mark.parametrize("commands", [COMMANDS, COMMANDS[::-1]], ids=["in order", "reversed"])
def test_after_each_of_readmes_commands_the_c_kernels_serve_wherever_python_starts(environment, commands):
    for command in commands:
        environment.install(command)
        for folder in (environment.clone, environment.folder):
            done = show(environment, folder)
            assert re.search(r"backend: +c\b", done.stdout), (command, folder, done)
            assert (values(done), done.stderr) == (EXPECTED, "")
            assert environment.run("fastinit models", folder).stderr == ""


@pytest.mark.slow
def test_without_a_c_compiler_numba_serves_with_a_warning_and_the_same_values(environment):
    environment.install("pip install .", CC="/no/compiler")
    done = show(environment, environment.folder)
    assert "its C kernels were not built at installation" in done.stderr
    assert "backend:            numba" in done.stdout
    assert values(done) == EXPECTED


@pytest.mark.slow
def test_after_numba_served_an_uninstallation_leaves_nothing_and_an_editable_one_serves(environment):
    environment.install("pip install .", CC="/no/compiler")
    show(environment, environment.folder)
    environment.run("pip uninstall -y fastinit-weights")
    assert not (environment.packages / "fastinit").exists()
    environment.install(COMMANDS[0])
    assert re.search(r"backend: +c\b", show(environment, environment.folder).stdout)


@pytest.mark.slow
def test_python_in_a_clone_without_kernels_says_so(environment):
    environment.install("pip install .")
    assert re.search(r"backend: +c\b", show(environment, environment.folder).stdout)
    done = show(environment, environment.clone)
    assert f"it is imported from the clone {environment.clone}, where `pip install -e .` builds its C kernels" in done.stderr
    assert values(done) == EXPECTED
