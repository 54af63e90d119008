"""The C kernels as other compilers, sanitizers and machines see them; native/exercise.c says what each build runs."""

import os
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from fastinit.backends.catalogue import KERNELS

ROOT = Path(__file__).resolve().parents[2]
KERNELS_C = (
    *(f"csrc/kernels/{name}.c" for name in ("kernels", "threads", "baseline_kernels", "faster_kernels", "axes", "matrices")),
    "csrc/bindings/cursor.c",
)
EXERCISE = ("tests/backends/native/exercise.c", *KERNELS_C)
PIECES = ("tests/backends/native/pieces.c", "csrc/kernels/threads.c")
ORDERS = (
    *("tests/backends/native/orders.c", *KERNELS_C[:4]),
    *(f"csrc/kernels/{name}.c" for name in ("choices", "composed", "products", "searches", "shuffles")),
)
MEASURES = ("tests/backends/native/measures.c", "csrc/kernels/measure.c")
INCLUDES = [f"-I{ROOT / 'csrc' / room}" for room in ("kernels", "bindings")]
NATIVE_COMPILERS = "gcc", "cc", "clang"  # the first that is there

builds_all_kernels = pytest.mark.slow  # a compiler takes up to a minute for them
pytestmark = pytest.mark.skipif(os.name == "nt", reason="exercise.c is for POSIX")


def build_flags() -> list[str]:
    """The flags that the package itself is compiled with; writes the list of kernels, which the C code includes."""
    return runpy.run_path(str(ROOT / "csrc" / "build.py"))["FLAGS"]


def program(name: str) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def first_compiler(*names: str) -> str:
    found = [name for name in names if shutil.which(name)]
    if not found:
        pytest.skip(f"no C compiler: none of {', '.join(names)} is installed")
    return found[0]


def compile_(compiler: str, to: Path, *flags: str, sources: tuple[str, ...] = EXERCISE) -> str:
    paths = [str(ROOT / source) for source in sources]
    command = [compiler, *build_flags(), *flags, *INCLUDES, "-pthread", *paths, "-o", to, "-lm"]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return str(to)


def compile_sanitized(to: Path, sanitizers: str, sources: tuple[str, ...] = EXERCISE) -> str:
    """At -O1: the checks need not be fast, and their compilation at -O3 takes most of a minute."""
    compiler = first_compiler("clang", "gcc")  # gcc takes twice as long
    flags = ["-O1", "-g", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all"]
    empty = to.with_suffix(".c")
    empty.write_text("int main(void) { return 0; }\n")
    tried = subprocess.run([compiler, *flags, empty, "-o", to], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"{compiler} cannot link -fsanitize={sanitizers} here: {tried.stderr.strip()[-200:]}")
    return compile_(compiler, to, *flags, sources=sources)


def run(*command: str) -> dict[str, dict[str, str]]:
    """The program's hashes by level and kernel. Its status must be 0 and stderr empty: sanitizers report there."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if "unexpected memory mapping" in ran.stderr:
        pytest.skip("ThreadSanitizer cannot run under this kernel's address space randomization")
    assert (ran.returncode, ran.stderr) == (0, "")
    hashes: dict[str, dict[str, str]] = {}
    for line in ran.stdout.splitlines():
        level, kernel, digest = line.split()
        hashes.setdefault(level, {})[kernel] = digest
    return hashes


@pytest.fixture(scope="module")
def native(tmp_path_factory) -> str:
    return compile_(first_compiler(*NATIVE_COMPILERS), tmp_path_factory.mktemp("native") / "exercise")


@pytest.fixture(scope="module")
def native_hashes(native) -> dict[str, dict[str, str]]:
    return run(native)


@builds_all_kernels
def test_every_kernel_is_exercised_at_every_level(native_hashes):
    assert native_hashes
    for kernels in native_hashes.values():
        assert tuple(kernels) == (*KERNELS, "cursor")


@builds_all_kernels
def test_all_levels_write_the_same_bytes(native_hashes):
    first, *others = native_hashes.values()
    assert all(kernels == first for kernels in others)


@builds_all_kernels
def test_gcc_and_clang_builds_write_the_same_bytes(native_hashes, tmp_path):
    assert program("gcc") == NATIVE_COMPILERS[0]
    assert run(compile_(program("clang"), tmp_path / "exercise")) == native_hashes


@builds_all_kernels
def test_neon_writes_the_same_bytes_as_the_native_levels(native_hashes, tmp_path):
    compiler, emulator = program("aarch64-linux-gnu-gcc"), program("qemu-aarch64")
    neon = run(emulator, compile_(compiler, tmp_path / "exercise", "-static"))
    assert neon == {"neon": next(iter(native_hashes.values()))}


@builds_all_kernels
def test_address_and_undefined_behaviour_sanitizers_find_nothing(native_hashes, tmp_path):
    assert run(compile_sanitized(tmp_path / "exercise", "address,undefined")) == native_hashes


@builds_all_kernels
def test_thread_sanitizer_finds_nothing_in_concurrent_fills(native, tmp_path):
    assert run(compile_sanitized(tmp_path / "exercise", "thread"), "threads") == run(native, "threads")


@builds_all_kernels
@pytest.mark.parametrize("sanitizers", ["address,undefined", "thread"])
def test_sanitizers_find_nothing_in_orders_and_other_operations(tmp_path, sanitizers):
    assert run(compile_sanitized(tmp_path / "orders", sanitizers, sources=ORDERS)) == {}


def test_sanitizers_find_nothing_in_measures(tmp_path):
    assert run(compile_sanitized(tmp_path / "measures", "address,undefined", sources=MEASURES)) == {}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_multiply_adds_without_the_instruction_have_the_bits_of_it(compiler, tmp_path):
    assert run(compile_(program(compiler), tmp_path / "fused", sources=("tests/backends/native/fused.c",))) == {}


# ---- the threads of csrc/kernels/threads.c ----

CHECKS = {
    "every piece runs once, with any number of threads and pieces": "numbers",
    "no more threads start than there are pieces": "few",
    "all threads take part in a long job": "all",
    "every piece of several callers' jobs runs once": "callers",
    "every piece of a job within a job's piece runs once": "nested",
    "a pause stops the job, and no piece runs after the call": "stop",
    "a fork within a pause finishes the job in both processes": "fork in pause",
    "a child starts threads of its own": "fork",
}


@pytest.fixture(scope="module", params=["futex", "condition", "address,undefined", "thread"])
def pieces(request, tmp_path_factory) -> tuple[str, ...]:
    """The command of pieces.c as it sleeps on Linux and elsewhere, and as sanitizers see it."""
    to = tmp_path_factory.mktemp("native") / "pieces"
    if request.param in ("futex", "condition"):
        flags = ["-DFASTINIT_NO_FUTEX"] if request.param == "condition" else []
        return (compile_(first_compiler(*NATIVE_COMPILERS), to, *flags, sources=PIECES),)
    return compile_sanitized(to, request.param, PIECES), "sanitized"


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_threads_share_the_pieces_of_a_job(pieces, check):
    program, *build = pieces
    options = {"TSAN_OPTIONS": "die_after_fork=0", "ASAN_OPTIONS": "detect_leaks=0"}  # a child's leaks are its parent's
    command = [program, check, *build]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **options})
    if "unexpected memory mapping" in ran.stderr:
        pytest.skip("ThreadSanitizer cannot run under this kernel's address space randomization")
    assert (ran.returncode, ran.stderr) == (0, "")
