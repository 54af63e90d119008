"""What Numba compiles is cached in the user's folder, once for all threads, and announced where it takes long."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import fastinit
from fastinit.backends.catalogue import KERNELS
from fastinit.backends.numba import compiling, kernels
from fastinit.cli.app import app

FILL = "import fastinit; fastinit.normal((300, 300), seed=0)"


def run(code, **variables):
    environment = {**os.environ, "FASTINIT_BACKEND": "numba", **variables}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def cached_in(folder):
    return [path.suffix for path in Path(folder).rglob("*") if path.suffix in (".nbi", ".nbc")]


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "NUMBA_CACHE_DIR"])
@pytest.mark.skipif(sys.platform != "linux", reason="XDG's folders")
def test_code_is_cached_in_the_users_folder_and_not_beside_the_sources(tmp_path, variable):
    before = cached_in(Path(fastinit.__file__).parent)
    run(FILL, **{variable: str(tmp_path)})
    assert sorted(cached_in(tmp_path)) == [".nbc", ".nbc", ".nbi", ".nbi"]  # the loop, and the distribution's values
    assert cached_in(Path(fastinit.__file__).parent) == before


def test_what_was_warmed_up_is_not_compiled_again(tmp_path):
    folder = {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "fastinit", "warm-up", "--only", "uniform_float32", "--json"],
        env={**os.environ, **folder}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert said["folder"] == str(tmp_path) and [*said["seconds"]] == ["uniform_float32"]
    compiled = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    run("import fastinit; fastinit.uniform((300, 300), seed=0)", **folder)
    assert len(compiled) == 4 and {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")} == compiled


def test_a_later_process_finds_the_code_of_functions_of_every_kind(tmp_path):
    """Also of closures over traced functions, as those that round and those of inversion and rejection are."""
    kernels = "normal_bfloat16", "laplace_float64", "gamma_float64"
    code = f"from fastinit.backends.numba import kernels; [*map(kernels.compiled, {kernels})]"
    for _ in range(2):
        run(code, NUMBA_CACHE_DIR=str(tmp_path))
        assert sorted(cached_in(tmp_path)) == 5 * [".nbc"] + 5 * [".nbi"]  # the loop, three of values, one of rounding


def test_warm_up_compiles_what_the_patterns_match_and_refuses_those_that_match_nothing(monkeypatch):
    compiled = []
    monkeypatch.setattr(kernels, "compiled", compiled.append)
    chosen = CliRunner().invoke(app, ["warm-up", "--only", "normal_float??", "--only", "words_*"])
    assert chosen.exit_code == 0 and compiled == ["words_uint32", "normal_float32", "normal_float64", "normal_float16"]
    compiled.clear()
    assert CliRunner().invoke(app, ["warm-up"]).exit_code == 0 and compiled == [*KERNELS]
    refused = CliRunner().invoke(app, ["warm-up", "--only", "gaussian"])
    assert refused.exit_code == 2 and "--only 'gaussian' matches no kernel; there are words_uint32, " in refused.output


def test_a_folder_that_cannot_be_made_means_no_cache(tmp_path):
    (tmp_path / "file").touch()
    before = cached_in(Path(fastinit.__file__).parent)
    run(FILL, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert cached_in(Path(fastinit.__file__).parent) == before


def test_other_code_of_the_process_is_cached_where_it_was():
    code = "; import numba; before = numba.config.CACHE_DIR; from fastinit.backends.numba import kernels"
    run(f"import fastinit{code}; kernels.compiled('normal_float32'); assert numba.config.CACHE_DIR == before")


def test_a_long_compilation_is_announced(monkeypatch, capsys):
    timers = []

    def timer(seconds, function, arguments):
        timers.append(SimpleNamespace(start=lambda: function(*arguments), cancel=lambda: timers.append("ended")))
        assert seconds == 2
        return timers[0]

    monkeypatch.setattr(compiling.threading, "Timer", timer)
    with compiling.compiling("normal_float32"):
        pass
    said = capsys.readouterr().err
    assert said.startswith("fastinit: Numba compiles normal_float32, which takes some seconds the first time")
    assert timers[1:] == ["ended"]


def test_threads_that_need_a_function_at_once_have_it_compiled_once():
    made, got = [], []

    def compile():
        made.append(object())
        return made[-1]

    threads = [threading.Thread(target=lambda: got.append(compiling.compiled_once("a test's", compile))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == made * 8 and len(made) == 1
