"""`fastinit run` runs a program as Python does, under the patch."""

import signal
import subprocess
import sys

import numpy as np
import pytest

import fastinit

COMMAND = [sys.executable, "-m", "fastinit", "run"]


@pytest.fixture
def run(tmp_path):
    """Write a program and run it: run(text, *arguments, before=options of the command)."""

    def ran(text, *arguments, before=()):
        (tmp_path / "program.py").write_text(text)
        target = "program" if "-m" in before else str(tmp_path / "program.py")
        return subprocess.run([*COMMAND, *before, target, *arguments], capture_output=True, text=True, cwd=tmp_path)

    return ran


def test_a_program_draws_from_fastinit(run):
    done = run("import numpy as np\nnp.random.seed(3)\nprint(np.random.normal(size=4).tolist())")
    assert (done.returncode, done.stderr) == (0, "")
    assert eval(done.stdout) == fastinit.default_rng(3).normal(size=4).tolist()


@pytest.mark.parametrize("before", [(), ("-m",)])
def test_arguments_name_and_path_are_those_of_a_program(run, tmp_path, before):
    (tmp_path / "beside.py").write_text("VALUE = 5")
    done = run("import sys, beside\nprint(__name__, sys.argv[1:], beside.VALUE)", "--help", "-x", "a b", before=before)
    assert done.stdout.strip() == "__main__ ['--help', '-x', 'a b'] 5"


@pytest.mark.parametrize(("ends", "status"), [("sys.exit(7)", 7), ("sys.exit()", 0), ("sys.exit('text')", 1)])
def test_the_status_is_the_programs(run, ends, status):
    assert run(f"import sys\n{ends}").returncode == status


def test_an_error_has_a_traceback_of_the_program_alone(run):
    done = run("def fails():\n    raise ValueError('oh')\nfails()")
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and lines[0].startswith("Traceback") and lines[-1] == "ValueError: oh"
    assert "program.py" in lines[1] and "runpy" not in done.stderr


def test_a_program_may_handle_signals_as_ever(run):
    done = run(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt:\n    print('caught')\n"
        "os.kill(os.getpid(), signal.SIGTERM)"
    )
    assert (done.stdout.strip(), done.returncode) == ("caught", -signal.SIGTERM)


def test_a_program_that_is_not_there_is_one_line(run):
    done = subprocess.run([*COMMAND, "missing.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "fastinit: SCRIPT must be a file that exists, got 'missing.py'\n")


def test_the_patch_is_still_there_at_exit(run):
    done = run("import atexit, numpy as np\natexit.register(lambda: print(np.random.get_bit_generator()))")
    assert "TiledXoshiro128" in done.stdout, np.__version__
