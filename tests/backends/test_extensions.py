"""Extensions that were built from other sources than a clone has are named, and never called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastinit
from fastinit.backends import available_backends, extensions, sources

ROOT = Path(fastinit.__file__).parents[1]
needs_c = pytest.mark.skipif(
    "c" not in available_backends() or not extensions.is_there("_calls"), reason="the extensions were not built"
)
needs_sources = pytest.mark.skipif(not (ROOT / "csrc").exists(), reason="the sources are not here")


@needs_sources
def test_every_file_in_csrc_belongs_to_an_extension():
    """Else a change of it would not be noticed. Not those for GPUs, which are compiled where they run."""
    known = {path for extension in sources.COMPILED for path in sources.contents(extension, ROOT)}
    files = {path.relative_to(ROOT).as_posix() for room in sources.ROOMS for path in (ROOT / room).glob("*.[ch]")}
    assert files - known == {f"csrc/kernels/{sources.WRITTEN}"} and sources.CATALOGUE in known


@needs_sources
@pytest.mark.parametrize("extension", sources.COMPILED)
def test_each_file_is_in_the_stamp(extension, tmp_path):
    shutil.copytree(ROOT / "csrc", tmp_path / "csrc")
    shutil.copytree(ROOT / "fastinit" / "backends", tmp_path / "fastinit" / "backends")
    stamps = {sources.stamp(extension, tmp_path)}
    for path in (files := sources.contents(extension, tmp_path)):
        (tmp_path / path).write_bytes((tmp_path / path).read_bytes() + b" ")
        stamps.add(sources.stamp(extension, tmp_path))
    assert len(stamps) == 1 + len(files)


@pytest.fixture
def clone(tmp_path):
    """A copy of the package, its extensions and their sources; `clone.run(code)` is what Python prints there."""
    for folder in ("fastinit", "csrc"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Clone(tmp_path)


class Clone:
    def __init__(self, folder):
        self.folder = folder

    def run(self, code, **variables):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FASTINIT_")}
        return subprocess.run([sys.executable, "-W", "always", "-c", code], cwd=self.folder, capture_output=True, text=True,
                              env={**environment, "PYTHONPATH": str(self.folder), **variables})  # fmt: skip

    def change(self, path):
        with (self.folder / path).open("a") as file:
            file.write("\n")

    def is_stale(self, extension):
        command = "python setup.py build_ext --inplace --force"
        told = f"fastinit.{extension} was built from other sources than {self.folder} has now"
        return f"{told}, where `{command}` builds it again"


SHOW_VALUES = """
import fastinit
print(fastinit.backends.current().name, fastinit.backends.c_calls.native() is not None)
print(fastinit.normal((30, 40), seed=0, name="w").tobytes().hex(), fastinit.default_rng(0).normal(size=3).tolist())
"""


@needs_c
@needs_sources
def test_extensions_of_the_sources_at_hand_serve_in_silence(clone):
    done = clone.run(SHOW_VALUES)
    assert (done.stdout.splitlines()[0], done.stderr) == ("c True", "")


@needs_c
@needs_sources
@pytest.mark.parametrize("path", ["csrc/kernels/distributions.h", "fastinit/backends/catalogue.py"])
def test_kernels_of_other_sources_leave_the_work_to_numba(clone, path):
    clone.change(path)
    done = clone.run("import fastinit.backends as b; print(b.current().name, b.available_levels(), b.c_calls.native())")
    assert done.stdout == "numba () None\n"
    assert f"fastinit runs on its Numba backend: {clone.is_stale('_kernels')}; FASTINIT_BACKEND=numba" in done.stderr
    done = clone.run("import fastinit; fastinit.normal(3, seed=0)", FASTINIT_BACKEND="c")
    assert done.stderr.splitlines()[-1].endswith(f"got 'c': {clone.is_stale('_kernels')}")


@needs_c
@needs_sources
@pytest.mark.parametrize("extension", ["_calls", "_short_draws"])
def test_another_extension_of_other_sources_is_left_out_with_the_same_values(clone, extension):
    expected = clone.run(SHOW_VALUES).stdout.splitlines()[1]
    clone.change(f"csrc/bindings/{extension[1:]}.c")
    done = clone.run(SHOW_VALUES)
    assert done.stdout.splitlines() == [f"c {extension != '_calls'}", expected]
    assert done.stderr.count("RuntimeWarning") == 1
    assert f"fastinit leaves out an extension: {clone.is_stale(extension)}" in done.stderr


@needs_c
@needs_sources
def test_an_extension_without_a_stamp_is_never_called(clone):
    """As they were before they had stamps."""
    for path in clone.folder.glob("fastinit/_calls.*"):
        path.unlink()
    (clone.folder / "fastinit" / "_calls.py").write_text("def bind(*functions):\n    raise SystemExit('called')\n")
    done = clone.run(SHOW_VALUES)
    assert done.stdout.splitlines()[0] == "c False" and clone.is_stale("_calls") in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="there is no handler on Windows")
def test_the_handler_is_built_without_jax():
    c = pytest.importorskip("fastinit.backends.c")
    assert c.xla_handler("baseline", 3) is not None
