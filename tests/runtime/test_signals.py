"""Signals end the command, and no other program that imports the package, wherever they find it."""

import os
import signal
import subprocess
import sys

import pytest

from fastinit.runtime import signals

SIGNALS = {
    signal.SIGINT: (130, "fastinit: interrupted\n"),
    signal.SIGTERM: (143, "fastinit: ended by SIGTERM\n"),
    signal.SIGHUP: (129, "fastinit: ended by SIGHUP\n"),
}
"""Exit status and what is said."""


@pytest.mark.parametrize(
    ("argv", "original", "expected"),
    [
        (["/usr/bin/fastinit", "init"], ["python", "/usr/bin/fastinit", "init"], True),
        ([r"C:\Scripts\fastinit.exe"], [], os.name == "nt"),
        (["fastinit.exe", "init"], [], True),
        (["-m", "init"], ["python", "-m", "fastinit", "init"], True),
        (["-m", "init"], ["python", "-X", "dev", "-m", "fastinit", "init"], True),
        (["-m"], ["python", "-m", "pytest", "fastinit"], False),
        (["/site/pytest/__main__.py"], ["python", "-m", "pytest", "fastinit"], False),
        (["train.py", "-m", "fastinit"], ["python", "train.py", "-m", "fastinit"], False),
        (["-c"], ["python", "-c", "import fastinit"], False),
        ([""], ["python"], False),
        ([], [], False),
    ],
)
def test_the_command_is_recognized_by_how_it_was_started(argv, original, expected):
    assert signals._runs_the_command(argv, original) is expected


def run_with_module(tmp_path, name, code, *arguments):
    """Run Python with a module of this code in the place of one that the package imports."""
    (tmp_path / f"{name}.py").write_text(code)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    return subprocess.run(
        [sys.executable, *arguments], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", ["ml_dtypes", "typer"])  # of the package's own imports, and of the command's
def test_a_signal_while_modules_are_imported_ends_the_command_without_a_traceback(tmp_path, number, module):
    code = f"import os, signal; os.kill(os.getpid(), {int(number)})"
    done = run_with_module(tmp_path, module, code, "-m", "fastinit", "config")
    assert (done.returncode, done.stderr, done.stdout) == (*SIGNALS[number], "")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_ignored_from_the_start_stays_ignored(tmp_path, number):
    """As by nohup, or by a shell that runs the command in the background."""
    code = f"import signal; signal.signal({int(number)}, signal.SIG_IGN)"
    kill = f"import os; os.kill(os.getpid(), {int(number)})"
    (tmp_path / "typer.py").write_text(f"{kill}\nraise SystemExit(7)")
    assert run_with_module(tmp_path, "sitecustomize", code, "-m", "fastinit", "config").returncode == 7


def test_other_programs_keep_their_own_way_with_signals():
    code = (
        "import signal; numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP; before = [*map(signal.getsignal, numbers)]; "
        "import fastinit.cli.app; print(before == [*map(signal.getsignal, numbers)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n"


ENDING = """
import os, signal, sys
sys.argv[0] = "fastinit"
from fastinit.runtime import signals
def kill(number=signal.SIGTERM):
    os.kill(os.getpid(), number)
"""


def run_ending(code):
    return subprocess.run([sys.executable, "-c", ENDING + code], capture_output=True, text=True)


def test_steps_are_taken_before_the_end_whatever_one_of_them_raises():
    done = run_ending("signals.steps += [lambda: 1 / 0, lambda: print('second', flush=True)]\nkill()")
    assert (done.returncode, done.stdout, done.stderr) == (143, "second\n", "fastinit: ended by SIGTERM\n")


def test_a_signal_within_a_block_that_delays_it_ends_the_process_after_the_block():
    done = run_ending("with signals.delayed():\n    kill()\n    print('within', flush=True)\nprint('after')")
    assert (done.returncode, done.stdout) == (143, "within\n")


def test_a_second_signal_does_not_disturb_the_end():
    done = run_ending("signals.steps += [lambda: kill(signal.SIGINT), lambda: print('second', flush=True)]\nkill()")
    assert (done.returncode, done.stdout) == (143, "second\n")


def test_a_closed_standard_error_does_not_disturb_the_end():
    assert run_ending("os.close(2)\nkill()").returncode == 143
