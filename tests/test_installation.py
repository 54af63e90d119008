"""The package installs by README's commands in any order, or without a C compiler, and serves wherever Python starts."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import fastinit

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = re.findall(
    r"^(pip install .*?) && (?:fastinit init|pytest$)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
)
SHOW = """
import fastinit
fastinit.show_config()
print(fastinit.he_normal((3, 5), seed=1).tobytes().hex())
"""


class Environment:
    """A new virtual environment, which finds the packages that fastinit needs where the tests' own environment has them."""

    def __init__(self, folder):
        self.folder, self.clone = folder, folder / "clone"
        subprocess.run(["git", "-C", str(ROOT), "checkout-index", "--all", f"--prefix={self.clone}/"], check=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = folder / "venv" / "lib" / version / "site-packages"
        (self.packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
        path = f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"
        self.variables = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(folder / "cache")}
        self.variables.pop("PYTHONPATH", None)
        self.run(
            "pip uninstall -y setuptools"
        )  # which some versions of Python bring, and which would come before the others'

    def run(self, command, folder=None, **variables):
        environment = {**self.variables, **variables}
        return subprocess.run(
            command, shell=True, cwd=folder or self.clone, env=environment, capture_output=True, text=True, check=True
        )

    def install(self, command, **variables):
        """Run an installation with the packages that are there."""
        self.run(command.replace("pip install", "pip install --no-deps --no-build-isolation"), **variables)

    def show(self, folder):
        return self.run(f"python -c '{SHOW}'", folder)


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path)


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
            done = environment.show(folder)
            assert re.search(r"backend: +c\b", done.stdout), (command, folder, done)
            assert (values(done), done.stderr) == (EXPECTED, "")
            assert environment.run("fastinit models", folder).stderr == ""


@pytest.mark.slow
def test_without_a_c_compiler_numba_serves_with_a_warning_and_the_same_values(environment):
    environment.install("pip install .", CC="/no/compiler")
    done = environment.show(environment.folder)
    assert "its C kernels were not built at installation" in done.stderr
    assert "backend:            numba" in done.stdout
    assert values(done) == EXPECTED


@pytest.mark.slow
def test_after_numba_served_an_uninstallation_leaves_nothing_and_an_editable_one_serves(environment):
    environment.install("pip install .", CC="/no/compiler")
    environment.show(environment.folder)
    environment.run("pip uninstall -y fastinit")
    assert not (environment.packages / "fastinit").exists()
    environment.install(COMMANDS[0])
    assert re.search(r"backend: +c\b", environment.show(environment.folder).stdout)


@pytest.mark.slow
def test_python_in_a_clone_without_kernels_says_so(environment):
    environment.install("pip install .")
    assert re.search(r"backend: +c\b", environment.show(environment.folder).stdout)
    done = environment.show(environment.clone)
    assert f"it is imported from the clone {environment.clone}, where `pip install -e .` builds its C kernels" in done.stderr
    assert values(done) == EXPECTED
