"""A child that is forked while another thread imports or compiles is able to do the same."""

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import fastinit
from fastinit.runtime import forks
from fastinit.runtime.forks import without_forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
PACKAGE = Path(fastinit.__file__).parent


def run(code):
    """A fresh interpreter's output; a child that hangs is ended by its alarm, and with it this."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


FORKED_DURING = """
import os, signal, sys, threading
import fastinit

importing, forking = threading.Event(), threading.Event()
os.register_at_fork(before=forking.set)  # what is registered last is called first

class Finder:  # the import of this module goes on when a fork is asked for
    def find_spec(name, path, target=None):
        if name == MODULE and not importing.is_set():
            importing.set()
            forking.wait()

sys.meta_path.insert(0, Finder)
thread = threading.Thread(target=lambda: FIRST_USE)
thread.start()
importing.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    FIRST_USE
    os._exit(0)
print(os.waitpid(child, 0)[1])
thread.join()
"""


@pytest.mark.parametrize(
    ("first_use", "module"),
    [
        ("fastinit.audit({'w': [1.0, 2.0]})", "fastinit.auditing.passes"),
        ("fastinit.default_rng(0).random()", "fastinit.random.generator"),
        ("fastinit.recommend", "fastinit.initializers.recommendation"),
        ("fastinit.recipes.gpt2", "fastinit.recipes.families"),
        ("fastinit.show_config()", "importlib.metadata"),
    ],
)
def test_a_fork_waits_until_a_first_use_has_imported_its_modules(first_use, module):
    code = FORKED_DURING.replace("FIRST_USE", first_use).replace("MODULE", repr(module))
    assert run(code).splitlines()[-1] == "0"


def test_the_kernels_are_loaded_with_the_package():
    """So that a fork during the first fill finds no import of theirs."""
    assert (
        run("import sys, fastinit; print('fastinit.backends.c' in sys.modules)")
        == f"{bool(fastinit.backends.available_levels())}\n"
    )


WITHOUT_NEED = {
    *PACKAGE.glob("cli/*.py"),  # the command forks nowhere
    PACKAGE / "__main__.py",
    PACKAGE / "torch" / "construction" / "functions.py",  # its functions' code runs in torch's modules, with torch's names
}


@pytest.mark.parametrize(
    "path", sorted({*PACKAGE.rglob("*.py")} - WITHOUT_NEED), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_within_functions_hold_off_forks(path):
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    within = [node for function in functions for node in ast.walk(function)]
    blocks = [node for node in within if isinstance(node, ast.With) and "without_forks" in ast.dump(node.items[0])]
    held = {id(node) for block in blocks for node in ast.walk(block)}
    assert [node.lineno for node in within if is_import(node) and id(node) not in held] == []


IMPORTS_WITHIN_BLOCKS = """
import sys
import fastinit
from fastinit.runtime import forks

class Finder:  # is asked for each module that is not loaded yet
    def find_spec(name, path, target=None):
        if not forks._within:
            outside.append(name)

sys.meta_path.insert(0, Finder)
for first_use in FIRST_USES:
    outside = []
    exec(first_use)
    for name in outside:
        print(first_use, "imports", name)
"""
FIRST_USES = [  # after `import fastinit`, with NumPy alone
    "fastinit.show_config()",
    "fastinit.normal((300, 300), seed=0)",
    "fastinit.orthogonal((30, 30), seed=0)",
    "fastinit.normal((30, 40), seed=0, name='w', dtype='bfloat16', index=([1, 2],))",
    "fastinit.truncated_normal(3, seed=0)",
    "fastinit.fill_many('he_normal', {'a': (3, 4), 'b': (4, 5)}, seed=0)",
    "fastinit.constant((2000, 2000), value=2.0)",
    "fastinit.gain('gelu')",
    "fastinit.gain(abs)",
    "fastinit.distributions.TruncatedNormal(0.0, 1.0, -1.0, 1.0).moments()",
    "fastinit.recommend('relu')",
    "str(fastinit.recipes.gpt2(12).plan({'h.0.attn.c_attn.weight': (3, 4)}))",
    "str(fastinit.audit({'w': fastinit.normal((64, 64), seed=0)}, {'w': 'normal'}))",
    "fastinit.default_rng(0).normal(size=5000)",
    "fastinit.default_rng(0).truncated_normal(0.0, 1.0, -1.0, [1.0, 2.0])",
    "fastinit.default_rng(0).choice(5)",
    "fastinit.random.normal(size=5)",
    "fastinit.random.RandomState(0).permutation(5)",
    "fastinit.patch_numpy().install()",
    "fastinit.use_backend('numba').__enter__(); fastinit.uniform(3, seed=0)",
    "fastinit.use_backend('reference').__enter__(); fastinit.uniform(3, seed=0)",
]


def test_nothing_is_imported_but_where_forks_are_held_off():
    """Nor by what is called of other packages, whose imports the test above does not see."""
    printed = run(IMPORTS_WITHIN_BLOCKS.replace("FIRST_USES", repr(FIRST_USES)))
    assert [line for line in printed.splitlines() if " imports " in line] == []


def is_import(node):
    called = node.func if isinstance(node, ast.Call) else None
    return (
        isinstance(node, (ast.Import, ast.ImportFrom))
        or getattr(called, "id", getattr(called, "attr", "")) == "import_module"
    )


# ---- without_forks --------------------------------------------------------------------------------------------------


def fork():
    """Fork a child that ends at once; its exit status."""
    child = os.fork()
    if child == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_thread_may_fork_within_its_own_block():
    with without_forks(), without_forks():
        assert fork() == 7
    assert fork() == 7


def test_blocks_of_two_threads_run_beside_each_other():
    met = threading.Barrier(2, timeout=60)

    def meet():
        with without_forks():
            met.wait()

    other = threading.Thread(target=meet)
    other.start()
    meet()
    other.join()


def test_a_fork_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(forks, "LONGEST_WAIT", 0)
    inside, done = threading.Event(), threading.Event()

    def stay():
        with without_forks():
            inside.set()
            done.wait()

    other = threading.Thread(target=stay)
    other.start()
    inside.wait()
    assert fork() == 7
    done.set()
    other.join()


def test_a_child_has_no_blocks_of_threads_that_it_lacks(monkeypatch):
    monkeypatch.setattr(forks, "LONGEST_WAIT", 0)
    monkeypatch.setitem(forks._within, -1, 1)
    child = os.fork()
    if child == 0:
        os._exit(7 if not forks._within else 8)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_lock_that_another_thread_holds_is_free_in_the_child():
    lock = forks.free_in_child(threading.Lock())
    lock.acquire()
    child = os.fork()
    if child == 0:
        os._exit(7 if lock.acquire(blocking=False) else 8)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert lock.locked()
