"""A fill gives the same values whole or in part, on any number of threads, into any array; it refuses other arrays."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
from contextlib import nullcontext
from functools import partial
from queue import SimpleQueue

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib.stride_tricks import as_strided

import fastinit
from fastinit import normal, uniform
from fastinit.backends import current
from fastinit.backends.catalogue import ELEMENTS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core import fill as fill_room
from fastinit.core import pieces, positions
from fastinit.core.fill import fill_piece, stream_words
from fastinit.core.pieces import LEAST_FOR_NATIVE_THREADS, LEAST_FOR_THREADS, PIECE, SCRATCH, native_threads
from fastinit.core.stream import stream_of
from fastinit.distributions import Constant, Normal, Uniform
from fastinit.runtime import threads
from tests.support import bits, reference_values, words


def same(found, expected):
    """Type, shape and bits."""
    return (
        type(found) is type(expected)
        and found.dtype == expected.dtype
        and found.shape == expected.shape
        and np.array_equal(bits(np.asarray(found)), bits(np.asarray(expected)))
    )


# ---- threads ----

FOR_THREADS = 2 * LEAST_FOR_THREADS  # elements that are filled on several threads
SIZES = [LEAST_FOR_NATIVE_THREADS, LEAST_FOR_NATIVE_THREADS + 1, LEAST_FOR_THREADS, LEAST_FOR_THREADS + 1]
SIZES += [2**23 + 2049]  # pieces of the largest size


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("out", ["fresh", "strided"])
def test_the_number_of_threads_changes_no_value(num_threads, dtype, n, out):
    found = []
    for threads_used in (1, 2, 7):
        num_threads(threads_used)
        where = None if out == "fresh" else np.empty((n, 2), ELEMENT_TYPES[dtype].dtype)[:, 0]
        found.append(normal(n, seed=0, dtype=dtype, out=where))
    assert same(found[1], found[0]) and same(found[2], found[0])


@pytest.mark.parametrize(("n", "asked"), [(LEAST_FOR_THREADS, []), (LEAST_FOR_THREADS + 1, [7])])
def test_a_small_request_wakes_no_thread_and_a_larger_one_does(n, asked, num_threads, monkeypatch):
    num_threads(7)
    found, run = [], threads.run
    monkeypatch.setattr(threads, "run", lambda tasks, n: (found.append(n), run(tasks, n)))
    monkeypatch.setattr(fill_room, "current", lambda: current()._replace(has_threads=False))
    normal(n, seed=0)
    assert found == asked


@pytest.mark.parametrize(("n", "used"), [(LEAST_FOR_NATIVE_THREADS, 1), (LEAST_FOR_NATIVE_THREADS + 1, 7)])
def test_a_small_request_wakes_no_native_thread_and_a_larger_one_does(n, used, num_threads):
    num_threads(7)
    assert native_threads(n) == used
    with threads.single_threaded():
        assert native_threads(n) == 1


@pytest.mark.skipif(not current().has_threads, reason="a backend without threads of its own")
@pytest.mark.parametrize("index", [None, (slice(None), slice(3, 90)), (slice(None), 3)], ids=str)
def test_native_threads_fill_without_pythons(index, num_threads, monkeypatch):
    num_threads(3)
    expected = normal((3000, 700), seed=0)
    monkeypatch.setattr(threads, "run", lambda tasks, n: pytest.fail("Python's threads ran"))
    assert same(normal((3000, 700), seed=0, index=index), expected if index is None else expected[index])


def test_many_threads_may_fill_at_once(num_threads):
    num_threads(3)
    n = 2 * LEAST_FOR_THREADS + 3
    expected = [normal(n, seed=seed) for seed in range(6)]
    found = [[] for _ in expected]

    def fill_often(seed):
        for _ in range(10):
            found[seed].append(normal(n, seed=seed))

    workers = [threading.Thread(target=fill_often, args=(seed,)) for seed in range(len(expected))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(len(found[i]) == 10 and all(same(x, expected[i]) for x in found[i]) for i in range(len(expected)))


@pytest.mark.parametrize(
    ("n", "error", "text"),
    [
        (0, ValueError, "n must be an int of at least 1, got 0"),
        (-2, ValueError, "n must be an int of at least 1, got -2"),
        (1.0, TypeError, "n must be an int, got 1.0"),
        (True, TypeError, "n must be an int, got True"),
        ("2", TypeError, "n must be an int, got '2'"),
    ],
)
def test_a_wrong_number_of_threads_is_refused_and_changes_nothing(num_threads, n, error, text):
    num_threads(5)
    with pytest.raises(error) as refusal:
        fastinit.set_num_threads(n)
    assert str(refusal.value) == text and fastinit.get_num_threads() == 5


def test_an_error_in_a_task_stops_the_others_and_is_raised():
    done = []

    def fail():
        raise OSError("disk")

    def tasks():
        yield fail
        for i in range(10**6):
            yield lambda i=i: (time.sleep(1e-4), done.append(i))

    with pytest.raises(OSError, match="disk"):
        threads.run(tasks(), 3)
    assert_nothing_is_added_to(done, less_than=10**6)


def test_an_error_of_the_tasks_themselves_is_raised_from_any_thread():
    def tasks():
        for _ in range(10**6):
            if threading.current_thread() is not threading.main_thread():
                raise OSError("disk")
            yield lambda: time.sleep(1e-4)

    with pytest.raises(OSError, match="disk"):
        threads.run(tasks(), 3)


def test_a_worker_that_comes_too_late_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(threads, "_jobs", SimpleQueue())  # where no worker looks
    monkeypatch.setattr(threads, "_num_workers", 5)
    done = []
    threads.run((partial(done.append, i) for i in range(10)), 3)
    assert done == list(range(10))


def assert_nothing_is_added_to(done, less_than):
    n = len(done)
    assert n < less_than
    time.sleep(0.05)
    assert len(done) == n


# ---- forks ----

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
PATIENCE = 120  # seconds until a hanging child counts as hung


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of forks in processes with threads
@pytest.mark.parametrize("forked", ["between fills", "while another thread starts a fill"])
def test_a_forked_child_fills_as_its_parent_did(num_threads, forked):
    num_threads(3)
    expected = normal(FOR_THREADS, seed=0)
    with threads._start_lock if forked != "between fills" else nullcontext():
        assert is_true_in_a_fork(lambda: same(normal(FOR_THREADS, seed=0), expected))
    assert same(normal(FOR_THREADS, seed=0), expected)


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(num_threads):
    num_threads(3)
    normal(FOR_THREADS, seed=0)

    def threads_at_work():
        seen = set()
        tasks = (lambda: (seen.add(threading.get_ident()), time.sleep(1e-3)) for _ in range(1000))
        threads.run(tasks, 3)
        return len(seen) == 3

    assert is_true_in_a_fork(threads_at_work)


def is_true_in_a_fork(check):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if check() else 2
        finally:
            os._exit(code)
    deadline = time.monotonic() + PATIENCE
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    if ended == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return ended == (child, 0)


FORKED_WORKERS = """
import multiprocessing, fastinit
fastinit.set_num_threads(3)

def total(seed):
    return float(fastinit.normal(2**20, seed=seed).sum())

expected = [total(seed) for seed in range(4)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(total, range(4)) == expected)
"""


@needs_fork
def test_forked_worker_processes_fill_on_threads():
    done = subprocess.run([sys.executable, "-c", FORKED_WORKERS], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == "True", done.stderr


# ---- interrupts ----


@pytest.mark.parametrize("interrupted", ["first", "later"])
def test_an_interrupt_stops_the_tasks_and_is_raised_when_none_runs(interrupted):
    done = []

    def interrupt():
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    def tasks():
        for i in range(10**6):
            yield interrupt if interrupted == "first" or i > 20 else lambda: None
            yield lambda i=i: (time.sleep(1e-4), done.append(i))

    with pytest.raises(KeyboardInterrupt):
        threads.run(tasks(), 4)
    assert_nothing_is_added_to(done, less_than=10**6)


INTERRUPTED_OFTEN = """
import random, signal, threading
from fastinit.runtime import threads

class Interrupts:
    # KeyboardInterrupt at a random step
    wanted = False

    def __call__(self, *_):
        if self.wanted:
            self.wanted = False
            raise KeyboardInterrupt

interrupts = Interrupts()
signal.signal(signal.SIGALRM, interrupts)
random.seed(0)
caught = 0
while caught < 1000:
    try:
        interrupts.wanted = True
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 5e-4))
        threads.run((lambda: None for _ in range(300)), 3)
        interrupts.wanted = False
    except KeyboardInterrupt:
        caught += 1
done = []
threads.run((lambda i=i: done.append(i) for i in range(1000)), 3)
print(sorted(done) == list(range(1000)))
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timer on this system")
def test_interrupts_at_any_step_leave_threads_that_work_and_a_process_that_ends():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_OFTEN], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == "True", done.stderr


ENDED_BY_A_HANDLER = """
import random, signal, sys, time, threading
import numpy as np, fastinit
from fastinit.runtime import threads

class Alarm(Exception): pass

def ring(*_):
    raise Alarm

signal.signal(signal.SIGALRM, ring)
fastinit.set_num_threads(4)
random.seed(0)
n = 2**21
out = np.zeros(n, np.float32)

def by_tasks():
    def write(i):
        time.sleep(1e-3)
        out[i] = 1
    threads.run((lambda i=i: write(i) for i in range(12)), 4)

def by_kernels():
    fastinit.normal(n, seed=0, out=out)

ended = late = 0
work = {"tasks": by_tasks, "kernels": by_kernels}[sys.argv[1]]
began = time.perf_counter()
work()
longest = time.perf_counter() - began
while ended < 60:
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.05, 0.95) * longest)
        work()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Alarm:
        out[...] = 7
        ended += 1
        time.sleep(2e-3)
        late += bool((out != 7).any())
work()
print(late, bool((out == fastinit.normal(n, seed=0)).all()) or sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timer on this system")
@pytest.mark.parametrize(("work", "printed"), [("tasks", "0 tasks"), ("kernels", "0 True")])
def test_no_thread_writes_after_a_handler_has_raised_any_error(work, printed):
    command = [sys.executable, "-c", ENDED_BY_A_HANDLER, work]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == printed, done.stderr


FILLED_WITHIN_A_HANDLER = """
import signal, sys, numpy as np, fastinit
fastinit.set_num_threads(3)
n, made = 2**24, []
expected = fastinit.normal(n, seed=0)

def fill(*_):
    made.append(fastinit.normal(2**20, seed=1))

signal.signal(signal.SIGALRM, fill)
signal.setitimer(signal.ITIMER_REAL, 0.012, 0.012)
while len(made) < 5:
    assert (fastinit.normal(n, seed=0) == expected).all()
signal.setitimer(signal.ITIMER_REAL, 0)
print(all((values == fastinit.normal(2**20, seed=1)).all() for values in made))
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timer on this system")
def test_a_handler_may_fill_in_the_midst_of_a_fill():
    done = subprocess.run([sys.executable, "-c", FILLED_WITHIN_A_HANDLER], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == "True", done.stderr


INTERRUPTED_FILL = """
import time, numpy as np, fastinit
fastinit.set_num_threads(3)
out = np.zeros({shape}, np.float32){view}
print("filling", flush=True)
try:
    while True:
        fastinit.normal(out.shape, seed=0, out=out)
except KeyboardInterrupt:
    out[...] = 7
    time.sleep(0.3)
    print("untouched since" if (out == 7).all() else "written to since", flush=True)
fastinit.normal(out.shape, seed=0, out=out)
print("as good as new" if (out == fastinit.normal(out.shape, seed=0)).all() else "broken", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this kind are POSIX's")
@pytest.mark.parametrize(("shape", "view"), [("2**24", ""), ("(2**22, 2)", "[:, 0]")], ids=["contiguous", "strided"])
def test_an_interrupted_fill_stops_and_writes_no_more(shape, view):
    code = INTERRUPTED_FILL.format(shape=shape, view=view)
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "filling\n"
        time.sleep(0.3)  # into one of its many fills
        child.send_signal(signal.SIGINT)
        output, error = child.communicate(timeout=PATIENCE)
    finally:
        child.kill()
    assert output.splitlines() == ["untouched since", "as good as new"], error


# ---- parts of the whole: index ----


def assert_index_gives_what_numpy_gives(shape, index):
    full = normal(shape, seed=3)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy 1 only warns of places out of bounds in an empty result
            expected = full[index]
    except (IndexError, DeprecationWarning):
        with pytest.raises(IndexError):
            normal(shape, seed=3, index=index)
    else:
        assert same(np.asarray(normal(shape, seed=3, index=index)), np.asarray(expected))


SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=7)


@given(data=st.data(), shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9))
@settings(max_examples=300, deadline=None)
def test_any_basic_index_gives_the_values_of_the_whole(data, shape):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    if index is not None:  # None asks for the whole
        assert_index_gives_what_numpy_gives(shape, index)


@given(data=st.data(), shape=SHAPES)
@settings(max_examples=200, deadline=None)
def test_any_integer_arrays_give_the_values_of_the_whole(data, shape):
    result = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)
    assert_index_gives_what_numpy_gives(shape, data.draw(hnp.integer_array_indices(shape, result_shape=result)))


@given(data=st.data(), shape=SHAPES)
@settings(max_examples=200, deadline=None)
def test_any_boolean_mask_gives_the_values_of_the_whole(data, shape):
    masked_axes = data.draw(st.integers(1, len(shape)))
    assert_index_gives_what_numpy_gives(shape, data.draw(hnp.arrays(bool, shape[:masked_axes])))


@st.composite
def mixed_indexes(draw, shape, wrong=False):
    """Ints, slices, None, Ellipsis, integer arrays and masks, in any order, for some or all of the axes."""
    beyond = 3 if wrong else 0
    items, axis = [], 0
    while axis < len(shape) + beyond and draw(st.integers(0, 5)):
        n = shape[min(axis, len(shape) - 1)]
        kind = draw(st.sampled_from(["int", "slice", "none", "array", "array", "list", "mask", "dots"]))
        if kind == "none":
            items.append(None)
        elif kind == "dots" and (wrong or not any(item is Ellipsis for item in items)):
            items.append(Ellipsis)
        elif kind == "int":
            items.append(draw(st.integers(-n - beyond, n - 1 + beyond)))
            axis += 1
        elif kind == "slice":
            items.append(draw(st.slices(n)))
            axis += 1
        elif kind in ("array", "list"):
            array_shape = draw(st.sampled_from([(3,), (1,), (2, 1), (2, 3)] + [(4,)] * wrong))
            entries = draw(hnp.arrays(np.int64, array_shape, elements=st.integers(-n - beyond, n - 1 + beyond)))
            items.append(entries if kind == "array" else entries.tolist())
            axis += 1
        elif kind == "mask":
            length = n + wrong * draw(st.integers(0, 1))
            true = draw(st.integers(0, length - 1))
            items.append(np.arange(length) == true)  # one True: broadcasts with all the rest
            axis += 1
    return tuple(items)


@given(data=st.data(), shape=SHAPES)
@settings(max_examples=500, deadline=None)
def test_any_mixture_of_slices_and_arrays_gives_the_values_of_the_whole(data, shape):
    assert_index_gives_what_numpy_gives(shape, data.draw(mixed_indexes(shape)))


@given(data=st.data(), shape=SHAPES)
@settings(max_examples=500, deadline=None)
def test_an_index_that_numpy_refuses_is_refused_with_the_same_error(data, shape):
    assert_index_gives_what_numpy_gives(shape, data.draw(mixed_indexes(shape, wrong=True)))


@pytest.mark.parametrize(
    "index",
    [
        np.ix_([4, 1], [0, 2, -1]),
        np.s_[::-1, ::-2],
        np.s_[-1],
        np.s_[2:2],
        [3, 3, 0],
        [[0, 1], [2, 3]],
        [True, False, False, True, False, True],
        [],
        (),
        (slice(None), []),
        np.zeros((6, 5), bool),
        np.array(2),
        (np.array(2), np.int8(-1)),
        (np.uint8([1, 2]), slice(None, None, 2)),
        np.s_[0, ..., 1],
        np.s_[..., None, 1],
        (None, 0, ..., [0, 1, 1]),  # an Ellipsis of no axes parts the arrays
        (None, [0, 1], [1, 2], ...),
    ],
)
def test_these_indexes_give_the_values_of_the_whole(index):
    assert_index_gives_what_numpy_gives((6, 5), index)


def test_an_index_of_integers_alone_gives_a_scalar():
    assert same(normal((6, 5), seed=3, index=(2, -1)), normal((6, 5), seed=3)[2, -1])


@pytest.mark.parametrize("mask_shape", [(0,), (0, 3), (2,)])
def test_an_empty_mask_masks_all_of_its_axes(mask_shape):
    assert_index_gives_what_numpy_gives((0, 3), np.zeros(mask_shape, bool))


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float8_e4m3fn"])
@pytest.mark.parametrize("index", [np.s_[3:70:2, ::-1], ([5, 0, 99], slice(10, 40)), np.s_[:, 7]])
def test_a_part_has_the_values_of_the_whole_in_any_dtype(dtype, index):
    full = normal((100, 70), seed=3, dtype=dtype)
    assert same(normal((100, 70), seed=3, dtype=dtype, index=index), full[index])


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (True, "index must not hold a single boolean, got True: use a boolean array, slices or integers"),
        (
            np.array(True),
            "index must not hold a single boolean, got array(True): use a boolean array, slices or integers",
        ),
        (1.0, "index must hold integers, slices, None, Ellipsis and integer or boolean arrays, got 1.0"),
        ("a", "index must hold integers, slices, None, Ellipsis and integer or boolean arrays, got 'a'"),
        (
            np.zeros(0),
            "index must hold integers, slices, None, Ellipsis and integer or boolean arrays, got array([], dtype=float64)",
        ),
        ([6], "index 6 is out of bounds for axis 0 with size 6"),
        (([0], -6), "index -6 is out of bounds for axis 1 with size 5"),
        (([0], 2**70), f"index {2**70} is out of bounds for axis 1 with size 5"),
        (([0], 0, 0), "too many indices for array: array is 2-dimensional, but 3 were indexed"),
        (([0], ..., ...), "an index can only have a single ellipsis ('...')"),
        (
            ([0, 1], [0, 1, 2]),
            "shape mismatch: indexing arrays could not be broadcast together with shapes (2,) (3,)",
        ),
        (
            np.zeros(5, bool),
            "boolean index did not match indexed array along axis 0; size of axis is 6 "
            "but size of corresponding boolean axis is 5",
        ),
    ],
)
def test_a_wrong_index_is_refused_and_says_why(index, text):
    out = np.full(1, 7, np.float32)
    with pytest.raises(IndexError) as error:
        normal((6, 5), seed=0, index=index, out=out)
    assert str(error.value) == text
    assert out[0] == 7


@pytest.mark.parametrize("size", [1, 15, 16, 17, 1023, 1024, 1025, 2047, 2048, 2049, 65537])  # lanes, tiles, threads
def test_a_draw_is_a_prefix_of_every_longer_one(dtype, size):
    longer = normal(70_000, seed=0, dtype=dtype)
    assert same(normal(size, seed=0, dtype=dtype), longer[:size])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float8_e5m2"])
@pytest.mark.parametrize("position", [2**32, 2**34, 2**43, 2**62])  # the last but one: tile 2^32 of float32
def test_positions_past_all_borders_have_their_values(dtype, position):
    shape, distribution = (2**40, 2**23 - 1), Normal(0.0, 1.0)
    row, column = divmod(position, shape[1])
    start = row * shape[1] + column - 3
    expected = reference_values(distribution, dtype, range(start, start + 7))
    assert same(normal(shape, seed=0, dtype=dtype, index=(row, slice(column - 3, column + 4))), expected)
    assert same(normal(shape, seed=0, dtype=dtype, index=([row], np.arange(column - 3, column + 4))), expected)
    assert same(normal(2**63 - 1, seed=0, dtype=dtype, index=slice(start + 6, start - 1, -1)), expected[::-1])


def test_the_last_element_of_the_largest_tensor_has_its_value():
    expected = reference_values(Normal(0.0, 1.0), "float32", [2**63 - 2])
    assert normal(2**63 - 1, seed=0, index=-1) == expected[0]


def test_a_long_list_of_rows_is_filled_in_many_steps():
    full = uniform((20_000, 3), seed=0)
    rows = np.random.default_rng(0).permutation(20_000)  # more runs than are worked out at once
    assert same(uniform((20_000, 3), seed=0, index=(rows, slice(None, None, -1))), full[rows, ::-1])


# ---- out ----


def strided(shape, dtype):
    return np.zeros((*shape, 3), dtype)[..., 1]


def reversed_axes(shape, dtype):
    return np.zeros(shape, dtype)[tuple(slice(None, None, -1) for _ in shape)]


def fortran(shape, dtype):
    return np.zeros(shape, dtype, order="F")


def transposed(shape, dtype):
    return np.zeros(shape[::-1], dtype).T


def spaced_rows(shape, dtype):
    return np.zeros((*shape[:-1], shape[-1] + 5), dtype)[..., : shape[-1]]


def unaligned(shape, dtype):
    memory = np.zeros(math.prod(shape) * dtype.itemsize + 1, np.uint8)
    return memory[1:].view(dtype).reshape(shape)


def contiguous(shape, dtype):
    return np.zeros(shape, dtype)


LAYOUTS = [contiguous, strided, reversed_axes, fortran, transposed, spaced_rows, unaligned]


@pytest.mark.parametrize("make", LAYOUTS)
@pytest.mark.parametrize("shape", [(5,), (300, 7, 41), (3, SCRATCH + 5)])  # the last: rows longer than the buffer
def test_an_out_of_any_layout_gets_the_values(make, dtype, shape):
    out = make(shape, ELEMENT_TYPES[dtype].dtype)
    assert normal(shape, seed=0, dtype=dtype, out=out) is out
    assert np.array_equal(bits(out), bits(normal(shape, seed=0, dtype=dtype)))


ROW_PARTS = [
    None,
    np.s_[:, 64:128],
    np.s_[:, 1023::-1],
    np.s_[::-2, 5:2048:3],
    np.s_[:, 5:8],
    np.s_[10:90],  # one run of many rows
    ([3, 1, 1, 70], slice(None)),
    np.s_[:, :1],
]


@pytest.mark.parametrize("upwards", [1, -1])
@pytest.mark.parametrize("nontemporal", [False, True], ids=["ordinary", "non-temporal"])
@pytest.mark.parametrize("part", ROW_PARTS, ids=str)
def test_rows_that_lie_apart_are_written_in_place(each_backend, dtype, part, nontemporal, upwards, monkeypatch):
    if each_backend[0] == "reference" and dtype != "float32":
        pytest.skip("it goes by the buffer, and is slow")
    monkeypatch.setattr(pieces, "NONTEMPORAL_BYTES", 0 if nontemporal else 2**62)
    monkeypatch.setattr(positions, "RUNS_AT_ONCE", 7)
    whole = normal((100, 2050), seed=0, dtype=dtype)
    expected = whole if part is None else whole[part]
    rows, width = expected.shape
    memory = np.zeros((rows, width + 9), whole.dtype)
    out = memory[::upwards, 4 : 4 + width]
    with fastinit.use_backend(*each_backend):
        normal(whole.shape, seed=0, dtype=dtype, index=part, out=out)
    assert same(out, expected)
    assert np.count_nonzero(memory) == np.count_nonzero(expected)


@pytest.mark.parametrize("shape", [(3, 700_000), (2, 250_000, 3), (5, 4, 70_000)])
def test_wide_rows_that_lie_apart_are_parted(num_threads, shape):
    num_threads(3)
    memory = np.zeros((shape[0], math.prod(shape[1:]) + 5), np.float32)
    out = memory[:, : math.prod(shape[1:])].reshape(shape)  # a view
    assert np.shares_memory(out, memory)
    assert same(normal(shape, seed=0, out=out), normal(shape, seed=0))


def test_rows_are_written_in_place_where_positions_go_beyond_63_bits_when_summed():
    shape, part = (1, 2**63 - 1), ([0, 0], slice(None, None, 2**62))
    out = np.zeros((2, 3), np.float32)[:, :2]
    assert same(normal(shape, seed=0, index=part, out=out), normal(shape, seed=0, index=part))


@pytest.mark.parametrize("make", [strided, spaced_rows])
def test_what_lies_between_the_elements_of_out_is_left_alone(make):
    out = make((50, 40), np.dtype(np.float32))
    normal(out.shape, seed=0, out=out)
    whole = out.base
    assert np.count_nonzero(whole) == np.count_nonzero(out)


@pytest.mark.parametrize("name", ["float32", "float64", "float16"])
def test_a_byte_swapped_out_gets_the_values(name):
    out = np.zeros((30, 40), np.dtype(name).newbyteorder())
    normal(out.shape, seed=0, dtype=name, out=out)
    assert np.array_equal(out, normal(out.shape, seed=0, dtype=name))
    assert normal(out.shape, seed=0, dtype=out.dtype, out=out) is out


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_memory_mapped_out_gets_the_values(tmp_path, dtype):
    path = tmp_path / "weights"
    out = np.memmap(path, ELEMENT_TYPES[dtype].dtype, "w+", shape=(300, 400))
    assert normal(out.shape, seed=0, dtype=dtype, out=out) is out
    out.flush()
    assert path.read_bytes() == normal(out.shape, seed=0, dtype=dtype).tobytes()


@pytest.mark.parametrize("subclass", [np.matrix, np.ma.MaskedArray])
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_an_out_of_a_subclass_gets_the_values(subclass):
    memory = np.zeros((900, 1000), np.float32)
    normal(memory.shape, seed=0, out=memory.view(subclass))
    assert same(memory, normal(memory.shape, seed=0))


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (1, 1, 1)])
def test_an_out_of_one_element_or_none_is_filled(dtype, shape):
    out = np.zeros(shape, ELEMENT_TYPES[dtype].dtype)
    assert normal(shape, seed=0, dtype=dtype, out=out) is out
    assert same(out, normal(shape, seed=0, dtype=dtype))


def test_a_part_goes_into_out_too():
    full = normal((100, 70), seed=0)
    for index, shape in [(np.s_[5:9, ::-1], (4, 70)), (np.s_[3, 4], ()), (([1, 2], [3, 4]), (2,))]:
        out = np.zeros(shape, np.float32)
        assert normal((100, 70), seed=0, index=index, out=out) is out
        assert np.array_equal(out, full[index])


def read_only():
    array = np.full((4, 3), 7, np.float32)
    array.setflags(write=False)
    return array


def overlapping():
    return as_strided(np.full(20, 7, np.float32), (4, 3), (4, 4))


def broadcast():
    return as_strided(np.full(20, 7, np.float32), (4, 3), (12, 0))


WRONG_OUTS = {
    "not an array": (lambda: [7.0] * 12, TypeError, "out must be a numpy array, got list"),
    "a scalar": (lambda: np.float32(7), TypeError, "out must be a numpy array, got float32"),
    "wrong dtype": (
        lambda: np.full((4, 3), 7.0),
        TypeError,
        "out has dtype float64, but dtype is float32: pass dtype=out.dtype",
    ),
    "wrong kind": (
        lambda: np.full((4, 3), 7, np.int64),
        TypeError,
        "out has dtype int64, but dtype is float32: pass dtype=out.dtype",
    ),
    "wrong shape": (
        lambda: np.full((3, 4), 7, np.float32),
        ValueError,
        "out has shape (3, 4), but the values asked for have shape (4, 3)",
    ),
    "shape that would broadcast": (
        lambda: np.full((1, 4, 3), 7, np.float32),
        ValueError,
        "out has shape (1, 4, 3), but the values asked for have shape (4, 3)",
    ),
    "read-only": (read_only, ValueError, "out is read-only: pass an array that may be written"),
    "overlapping": (
        overlapping,
        ValueError,
        "out has elements that share memory (strides (4, 4)): pass an array without overlap",
    ),
    "one column for all": (
        broadcast,
        ValueError,
        "out has elements that share memory (strides (12, 0)): pass an array without overlap",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_OUTS)
@pytest.mark.parametrize("make", [lambda **o: normal((4, 3), seed=0, **o), lambda **o: fastinit.zeros((4, 3), **o)])
def test_a_wrong_out_is_refused_and_left_alone(make, wrong):
    make_out, error, text = WRONG_OUTS[wrong]
    out = make_out()
    with pytest.raises(error) as refusal:
        make(out=out)
    assert str(refusal.value) == text
    assert np.all(np.asarray(out) == 7)


@pytest.mark.parametrize("options", [{"seed": -1}, {"name": 3}, {"std": -1}, {"dtype": "float64"}, {"index": 9}])
def test_any_wrong_argument_leaves_out_alone(options):
    out = np.full(5, 7, np.float32)
    with pytest.raises((ValueError, TypeError, IndexError)):
        normal(5, out=out, **options)
    assert np.all(out == 7)


# ---- stores past the cache ----


@pytest.mark.parametrize("n", [2**23, 2**23 + 2049])  # 32 MiB, from where on an `out` is written past the cache; more
def test_a_large_out_gets_the_values_of_a_fresh_array(each_backend, n):
    if each_backend[0] == "reference":
        pytest.skip("knows no such stores, and is slow")
    with fastinit.use_backend(*each_backend):
        out = np.zeros(n, np.float32)
        assert out.nbytes >= pieces.NONTEMPORAL_BYTES
        assert same(uniform(n, seed=0, out=out), uniform(n, seed=0))


@pytest.mark.parametrize("offset", [0, 1, 15, 16, 17])  # elements from a border of 64 bytes, or nearly
@pytest.mark.parametrize("n", [1, 100, 2047, 2048, 2049, 10_000])
def test_non_temporal_stores_keep_to_their_bounds(each_backend, monkeypatch, dtype, n, offset):
    monkeypatch.setattr(fill_room, "NONTEMPORAL_BYTES", 0)
    memory = np.zeros(n + offset + 64, ELEMENT_TYPES[dtype].dtype)
    out = memory[offset : offset + n]
    with fastinit.use_backend(*each_backend):
        normal(n, seed=0, dtype=dtype, out=out)
    assert same(out, normal(n, seed=0, dtype=dtype))
    assert not bits(memory[:offset]).any() and not bits(memory[offset + n :]).any()


# ---- pieces, for those who cut a tensor themselves ----


@pytest.mark.parametrize("distribution", [Uniform(-1.0, 1.0), Normal(0.0, 1.0), Constant(0.1)])
def test_pieces_are_parts_of_the_whole(dtype, distribution):
    whole = fill_room.fill(distribution, 10_000, seed=5, name="w", dtype=dtype)
    piece = np.empty(5000, ELEMENT_TYPES[dtype].dtype)
    fill_piece(distribution, (10_000,), stream_of(5, "w"), 3001, piece)
    assert same(piece, whole[3001:8001])


def test_words_are_those_of_the_stream():
    found = np.empty(100, np.uint32)
    stream_words(stream_of(0), 2000, found)
    assert np.array_equal(found, words(("reference", None), 2000, 100))


# ---- dtypes and shapes ----


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (np.float32, "float32"),
        ("f4", "float32"),
        (float, "float64"),
        (np.dtype("float16"), "float16"),
        ("half", "float16"),
        (ml_dtypes.bfloat16, "bfloat16"),
        (np.dtype(ml_dtypes.float8_e5m2), "float8_e5m2"),
        ("float8_e4m3fn", "float8_e4m3fn"),
    ],
)
def test_a_dtype_may_be_a_name_a_type_or_a_dtype(given, name):
    assert same(normal(5, seed=0, dtype=given), normal(5, seed=0, dtype=name))


def test_the_dtype_is_float32_unless_said():
    assert normal(5).dtype == np.float32


@pytest.mark.parametrize(
    "wrong", ["float99", np.int32, "complex64", np.longdouble, object, 5, "f4,f4", ",,", ["f4"], bool, None]
)
def test_another_dtype_is_refused(wrong):
    if wrong is np.longdouble and np.dtype(wrong).itemsize == 8:
        pytest.skip("longdouble is float64 here")
    with pytest.raises(TypeError) as error:
        normal(5, dtype=wrong)
    assert str(error.value) == f"dtype must be one of {', '.join(ELEMENTS)}, got {wrong!r}"


@pytest.mark.parametrize("shape", [5, np.int64(5), (5,), [5], np.array([5])])
def test_a_shape_may_be_an_int_or_any_sequence_of_ints(shape):
    assert same(normal(shape, seed=0), normal((5,), seed=0))


TOO_MANY = (2**32, 2**31)  # 2^63


@pytest.mark.parametrize(
    ("shape", "error", "text"),
    [
        (2.0, TypeError, "shape must be an int or a sequence of ints, got 2.0"),
        ((2, 3.0), TypeError, "shape must be an int or a sequence of ints, got (2, 3.0)"),
        ("23", TypeError, "shape must be an int or a sequence of ints, got '23'"),
        (None, TypeError, "shape must be an int or a sequence of ints, got None"),
        (-1, ValueError, "shape must have no negative length, got -1"),
        ((2, -3), ValueError, "shape must have no negative length, got (2, -3)"),
        (TOO_MANY, ValueError, f"shape must have at most 2**63 - 1 elements, got {TOO_MANY}"),
    ],
)
def test_a_wrong_shape_is_refused(shape, error, text):
    with pytest.raises(error) as refusal:
        normal(shape)
    assert str(refusal.value) == text


# ---- memory ----


def test_a_shape_beyond_memory_is_an_error_that_leaves_all_usable(num_threads):
    num_threads(3)
    with pytest.raises(MemoryError):
        normal(2**62, dtype="float8_e5m2", seed=0)  # 4 EiB
    assert same(normal(FOR_THREADS, seed=0), normal(2 * FOR_THREADS, seed=0)[:FOR_THREADS])


def peak_memory(call):
    """Bytes at the peak of the call, and those of its result."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1], result.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("chosen", ["c", "numba"])
@pytest.mark.parametrize("out", ["fresh", "strided", "part"])
def test_a_fill_of_64_mib_takes_at_most_1_mib_a_thread_beside(num_threads, chosen, dtype, out):
    if chosen not in fastinit.backends.available_backends():
        pytest.skip("the C kernels were not built")
    num_threads(2)
    n = 64 * 2**20 // ELEMENT_TYPES[dtype].dtype.itemsize
    options = {"seed": 0, "dtype": dtype}
    with fastinit.use_backend(chosen):
        uniform(PIECE + 1, **options)  # compiles, and starts the threads
        if out == "fresh":
            peak, own = peak_memory(lambda: uniform(n, **options))
        elif out == "part":
            peak, own = peak_memory(lambda: uniform((n // 1024, 2048), index=np.s_[:, ::2], **options))
        else:
            where = np.empty((n, 2), ELEMENT_TYPES[dtype].dtype)[:, 0]
            peak, own = peak_memory(lambda: uniform(n, out=where, **options))[0], 0
    assert peak - own <= 2 * 2**20
