"""What is published: the sdist has all that its tests read; a wheel needs no compiler, and has one content."""

import re
import subprocess
import zipfile

import pytest

import fastinit
from tests.environments import Environment
from tests.pages import ROOT

EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}  # 2026-01-01, as any date does: it is that of the files within the wheel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A function that builds a wheel in a new clone; the environment, and the wheel's path."""

    def build_wheel():
        environment = Environment(tmp_path_factory.mktemp("published"))
        environment.run("pip wheel . --no-deps --no-build-isolation -w dist", **EPOCH)
        (wheel,) = (environment.clone / "dist").glob("*.whl")
        return environment, wheel

    return build_wheel


@pytest.fixture(scope="module")
def built(build):
    return build()


def test_one_wheel_serves_all_versions_of_python_from_310_on(built):
    _, wheel = built
    assert re.fullmatch(rf"fastinit_weights-{re.escape(fastinit.__version__)}-cp310-abi3-\w+\.whl", wheel.name)
    names = zipfile.ZipFile(wheel).namelist()
    extensions = {name for name in names if name.endswith((".so", ".pyd"))}
    assert extensions == {f"fastinit/{name}.abi3.so" for name in ("_kernels", "_calls", "_short_draws")}


def test_the_same_sources_give_the_same_bytes_in_any_folder(built, build):
    assert built[1].read_bytes() == build()[1].read_bytes()


def test_a_wheel_installs_without_a_compiler_and_does_readmes_first_job_in_c(built):
    environment, wheel = built
    environment.run(f"pip install --no-deps --force-reinstall {wheel}", environment.folder, CC="/no/compiler")
    show = "python -W error -c 'from fastinit import backends; print(backends.current().name)'"
    assert environment.run(show, environment.folder).stdout == "c\n"
    environment.run("fastinit init gpt2 -o gpt2.safetensors && fastinit verify gpt2.safetensors", environment.folder)


def test_the_sdist_has_every_file_of_the_clone(built):
    environment, _ = built
    build_sdist = "from setuptools.build_meta import build_sdist; build_sdist('dist')"
    environment.run(f'python -c "{build_sdist}"')
    listed = environment.run("tar tzf dist/*.tar.gz").stdout.split()
    packed = {name.partition("/")[2] for name in listed}
    tracked = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    assert set(tracked) <= packed
    assert not [name for name in packed if name.endswith((".so", ".pyc"))]
