"""Random orders and choices: every outcome as likely as it should be, and the same on all backends and threads."""

import itertools
import os
import signal

import numpy as np
import pytest

import fastinit
from fastinit import default_rng
from fastinit.backends import backend
from fastinit.backends.generator_requests import SearchRequest, ShuffleRequest
from fastinit.backends.table import Table
from fastinit.core.stream import stream_of
from fastinit.random import RandomState
from fastinit.random.ordering import LEAST, _earliest
from tests.support import BACKENDS, error_of
from tests.thresholds import chi_square_limit, z_limit

MANY = 5 * LEAST


def chi_square(observed, expected):
    return ((observed - expected) ** 2 / expected).sum()


# ---- the orders ----


@pytest.mark.parametrize("bits", [0, 1, 2])
def test_all_orders_of_four_are_equally_likely(bits):
    orders = {order: i for i, order in enumerate(itertools.permutations(range(4)))}
    shuffle, stream, found = backend().operations.shuffle, stream_of(5), np.zeros(24)
    out, calls = np.empty(4, np.int64), 24_000
    for call in range(calls):
        shuffle(ShuffleRequest(stream, call * 4096, bits, 4, None, out))
        found[orders[tuple(out.tolist())]] += 1
    assert chi_square(found, calls / 24) < chi_square_limit(23)


@pytest.mark.parametrize("n", [LEAST, 2**12, 2**12 + 1, 300_000])  # one bucket, one, two, and 128
def test_an_order_has_all_numbers_and_no_trace_of_the_first_order(n):
    order = default_rng(3).permutation(n)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    ascents = (np.diff(order) > 0).sum()  # mean (n - 1) / 2, variance (n + 1) / 12
    assert abs(ascents - (n - 1) / 2) < z_limit() * np.sqrt((n + 1) / 12)
    moves = np.bincount((order - np.arange(n)) % n * 32 // n, minlength=32)  # each distance is equally likely
    assert chi_square(moves, n / 32) < chi_square_limit(31)
    places = np.histogram2d(np.arange(n), order, 8)[0]
    assert chi_square(places, n / 64) < chi_square_limit(49)


def test_other_words_give_other_orders():
    rng = default_rng(3)
    assert (rng.permutation(MANY) == rng.permutation(MANY)).sum() < 15  # Poisson of mean 1: above 14 at a rate below 1e-12


@pytest.mark.parametrize("name, level", BACKENDS)
def test_orders_and_choices_are_the_same_on_all_backends(name, level):
    probabilities = np.arange(1.0, 101.0) / 5050
    many = {
        "order": lambda rng: rng.permutation(MANY),
        "items": lambda rng: rng.permutation(np.arange(MANY, dtype=np.int16)),
        "half": lambda rng: rng.choice(MANY, MANY // 2 + 1, replace=False),
        "few": lambda rng: rng.choice(10 * MANY, MANY, replace=False),
        "fewer": lambda rng: rng.choice(2**40, MANY, replace=False),
        "probabilities": lambda rng: rng.choice(100, MANY, p=probabilities),
        "elements": lambda rng: rng.choice(np.arange(MANY) / 7, (2, MANY)),
        "rows": lambda rng: rng.choice(np.arange(3 * MANY, dtype="<i2").reshape(MANY, 3), MANY),
        "elements of many": lambda rng: rng.choice(np.arange(2**24 + 1, dtype=np.int32), MANY),  # a number has two words
        "elements with probabilities": lambda rng: rng.choice(np.arange(100) / 7, MANY, p=probabilities),
        "different": lambda rng: rng.choice(MANY, LEAST, replace=False, p=np.full(MANY, 1 / MANY)),
    }
    for draw in many.values():
        expected = draw(default_rng(7))
        with fastinit.use_backend(name, level):
            np.testing.assert_array_equal(draw(default_rng(7)), expected)


@pytest.mark.parametrize("threads", [2, 5])
def test_a_long_order_is_the_same_on_any_number_of_threads(num_threads, threads):
    n = 400_000
    num_threads(1)
    items = np.linspace(0.0, 1.0, n)

    def draws():
        yield default_rng(7).permutation(n)
        yield default_rng(7).permutation(items)
        yield default_rng(7).choice(50, n, p=np.full(50, 0.02))
        yield default_rng(7).choice(items, n)

    expected = [*draws()]
    num_threads(threads)
    for one, other in zip(draws(), expected):
        np.testing.assert_array_equal(one, other)


# ---- what is put in order ----


DTYPES = ["?", "i2", "f4", "f8", "M8[s]", "S4", "c16", "S5", "O", ">i4", [("a", "i4"), ("b", "u1")]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_of_any_type_are_chosen(dtype):
    items = np.arange(MANY).astype("f8" if dtype == "M8[s]" else "i8").astype(dtype)
    numbers = default_rng(7).integers(MANY, size=(2, LEAST))
    np.testing.assert_array_equal(default_rng(7).choice(items, (2, LEAST)), items[numbers])


@pytest.mark.parametrize("dtype", DTYPES)
def test_items_of_any_type_are_put_into_the_order_of_numbers(dtype):
    items = np.arange(MANY).astype("f8" if dtype == "M8[s]" else "i8").astype(dtype if dtype != "?" else "?")
    expected = items[default_rng(7).permutation(MANY)]
    np.testing.assert_array_equal(default_rng(7).permutation(items), expected)
    default_rng(7).shuffle(items)
    np.testing.assert_array_equal(items, expected)


def test_a_choice_among_empty_items_draws_as_one_among_others():
    empty, full = default_rng(7), default_rng(7)
    assert empty.choice(np.empty((MANY, 0)), LEAST).shape == (LEAST, 0)
    full.choice(np.empty((MANY, 1)), LEAST)
    assert empty.bit_generator.state == full.bit_generator.state


def test_items_at_any_address_are_shuffled_as_others():
    items = np.arange(MANY).astype("S8")
    moved = np.frombuffer(bytearray(b"-" + items.tobytes()), "S8", offset=1)
    for rng, array in (default_rng(7), items), (default_rng(7), moved):
        rng.shuffle(array)
    np.testing.assert_array_equal(moved, items)
    np.testing.assert_array_equal(default_rng(8).permutation(moved), default_rng(8).permutation(items))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_arrays_are_shuffled_along_an_axis(axis):
    items = np.arange(2 * MANY).reshape((MANY, 2) if axis == 0 else (2, MANY))
    expected = items.take(default_rng(7).permutation(MANY), axis)
    np.testing.assert_array_equal(default_rng(7).permutation(items, axis), expected)
    default_rng(7).shuffle(items, axis)
    np.testing.assert_array_equal(items, expected)


def test_what_lies_between_the_items_stays():
    memory = np.arange(2 * MANY)
    default_rng(7).shuffle(memory[::-2])
    np.testing.assert_array_equal(memory[::2], np.arange(0, 2 * MANY, 2))
    np.testing.assert_array_equal(memory[::-2], (2 * MANY - 1 - 2 * default_rng(7).permutation(MANY)))


@pytest.mark.parametrize("size", [3, LEAST])
def test_lists_are_shuffled_in_place(size):
    items = [*range(size)]
    default_rng(7).shuffle(items)
    assert items != [*range(size)] and sorted(items) == [*range(size)]


@pytest.mark.parametrize("rng", [default_rng(7), RandomState(7)], ids=lambda rng: type(rng).__name__)
def test_a_warning_of_what_is_no_sequence_names_the_file_of_the_call(rng):
    items = {0: "a", 1: "b", 2: "c"}
    with pytest.warns(UserWarning, match="you are shuffling a 'dict' object") as caught:
        rng.shuffle(items)
    assert [warning.filename for warning in caught] == [__file__]
    assert sorted(items.values()) == ["a", "b", "c"]


def test_an_interrupted_shuffle_leaves_the_array_as_it_was():
    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    items = np.arange(2**22)
    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        try:
            default_rng(0).shuffle(items)
            signal.pause()  # where it was faster
        except Stop:
            pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    counts = np.zeros(len(items), np.uint8)
    counts[items] += 1
    assert counts.all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="without forks")
def test_a_fork_by_a_signals_handler_leaves_both_processes_the_same_order():
    """In the child the order begins again, although some of it was shuffled."""
    n, children = 2**22, []
    expected = default_rng(0).permutation(n)
    before = signal.signal(signal.SIGALRM, lambda *_: children.append(os.fork()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        while not children:  # it may come after the end
            found = default_rng(0).permutation(n)
    finally:
        signal.signal(signal.SIGALRM, before)
    is_same = bool((found == expected).all())
    if children[0] == 0:
        os._exit(0 if is_same else 1)
    assert is_same and os.waitpid(children[0], 0)[1] == 0


# ---- choices ----


@pytest.mark.parametrize("n, count", [(3 * LEAST, 2 * LEAST), (2 * LEAST, LEAST), (50 * LEAST, LEAST), (200 * LEAST, LEAST)])
def test_a_choice_without_replacement_has_different_numbers_each_equally_likely(n, count):
    rng, calls = default_rng(3), 40
    found, first = np.zeros(16), np.zeros(8)
    for _ in range(calls):
        chosen = rng.choice(n, count, replace=False)
        assert len(np.unique(chosen)) == count and chosen.min() >= 0 and chosen.max() < n
        found += np.bincount(chosen * 16 // n, minlength=16)
        first += np.bincount(chosen[: count // 8] * 8 // n, minlength=8)
    # counts of a hypergeometric distribution vary less than those of a multinomial one, by (n - count) / (n - 1)
    assert chi_square(found, calls * count / 16) < chi_square_limit(15) * (n - count) / (n - 1)
    assert chi_square(first, calls * (count // 8) / 8) < chi_square_limit(7)


def test_ordered_pairs_of_different_numbers_are_equally_likely():
    rng, calls = default_rng(3), 20_000
    found = np.zeros((5, 5))
    for _ in range(calls):
        first, second = rng._different(5, 2)
        found[first, second] += 1
    assert np.diag(found).sum() == 0
    assert chi_square(found[~np.eye(5, dtype=bool)], calls / 20) < chi_square_limit(19)


def test_pairs_with_probabilities_are_chosen_one_after_the_other():
    rng, calls, p = default_rng(3), 20_000, np.array([0.5, 0.3, 0.0, 0.2])
    found = np.zeros((4, 4))
    for _ in range(calls):
        first, second = rng._weighted(p, 2)
        found[first, second] += 1
    expected = calls * p[:, None] * p / (1 - p[:, None])
    np.fill_diagonal(expected, 0.0)
    assert found[expected == 0].sum() == 0
    assert chi_square(found[expected > 0], expected[expected > 0]) < chi_square_limit(5)


def test_of_things_with_probabilities_none_is_chosen_twice_and_none_that_has_none():
    p = np.arange(2.0 * LEAST) % 2
    chosen = default_rng(3).choice(2 * LEAST, LEAST, replace=False, p=p / p.sum())
    np.testing.assert_array_equal(np.sort(chosen), np.arange(1, 2 * LEAST, 2))


@pytest.mark.parametrize("n", [1, 2, 10, 1000, LEAST])
def test_a_choice_with_probabilities_is_that_of_numpys_search(n):
    p = default_rng(1).random(n) ** 8  # some are tiny
    p[n // 2 :: 3] = 0.0 if n > 2 else p[n // 2 :: 3]
    p /= p.sum()
    cdf = p.cumsum()
    cdf /= cdf[-1]
    expected = cdf.searchsorted(default_rng(7).random(MANY), side="right")
    np.testing.assert_array_equal(default_rng(7).choice(n, MANY, p=p), expected)
    np.testing.assert_array_equal(default_rng(7).choice(n, MANY, p=p)[:10], default_rng(7).choice(n, 10, p=p))


def test_a_search_finds_numbers_at_the_edges_of_the_guides_cells():
    table = Table.of(np.array([0.0, 0.25, 0.25, 0.5, 0.5, 1.0]), first=-3)
    for name, level in BACKENDS:
        out = np.empty(MANY, np.int64)
        backend(name, level).operations.search(SearchRequest(stream_of(1), table, 0, out))
        np.testing.assert_array_equal(np.unique(out), [-2, 0, 2])


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("options", [{}, {"replace": False}, {"p": np.full(MANY, 1 / MANY)}], ids=str)
def test_elements_are_chosen_as_their_numbers_are(axis, options):
    a = np.arange(2 * MANY).reshape((MANY, 2) if axis == 0 else (2, MANY))
    numbers = default_rng(7).choice(MANY, (2, LEAST), **options)
    np.testing.assert_array_equal(default_rng(7).choice(a, (2, LEAST), axis=axis, **options), a.take(numbers, axis))


def test_elements_that_are_taken_in_pieces_are_those_of_one_draw():
    a = np.linspace(0.0, 1.0, 1000)
    chosen = default_rng(7).choice(a, 600_000)
    np.testing.assert_array_equal(chosen, a[default_rng(7).integers(1000, size=600_000)])


REFUSED = {
    "too many": lambda rng: rng.choice(LEAST, LEAST + 1, replace=False),
    "too many that can be": lambda rng: rng.choice(
        LEAST + 1, LEAST, replace=False, p=[0.0, 0.0] + [1 / (LEAST - 1)] * (LEAST - 1)
    ),
    "negative": lambda rng: rng.choice(2, MANY, p=[-0.5, 1.5]),
    "NaN": lambda rng: rng.choice(2, MANY, p=[np.nan, 1.0]),
    "no sum of 1": lambda rng: rng.choice(2, MANY, p=[0.5, 0.6]),
    "other length": lambda rng: rng.choice(2, MANY, p=[1.0]),
    "nothing to choose": lambda rng: rng.choice(0, MANY),
    "negative number": lambda rng: rng.choice(-1, MANY),
    "negative size": lambda rng: rng.choice(3, -MANY),
    "axis": lambda rng: rng.choice(np.zeros((MANY, 2)), MANY, axis=2),
    "permutation's axis": lambda rng: rng.permutation(np.zeros(MANY), axis=1),
    "list's axis": lambda rng: rng.shuffle([*range(MANY)], axis=1),
    "read-only": lambda rng: rng.shuffle(np.broadcast_to(np.arange(MANY), (1, MANY))[0]),
    "0-d": lambda rng: rng.shuffle(np.array(1)),
    "text": lambda rng: rng.permutation("abc"),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_numpy_refuses_is_refused_in_its_words(call):
    assert error_of(call, default_rng(0)) == error_of(call, np.random.default_rng(0))


@pytest.mark.parametrize("size", [MANY, (2, MANY)])
def test_a_random_state_orders_and_chooses_the_same(size):
    ours, p = RandomState(3), np.full(100, 0.01)
    for method, arguments in (
        ("permutation", (MANY,)),
        ("choice", (100, size, True, p)),
        ("choice", (5 * MANY, MANY, False)),
    ):
        generator = default_rng(0)
        generator.bit_generator.state = {k: v for k, v in ours.get_state(legacy=False).items() if "gauss" not in k}
        np.testing.assert_array_equal(getattr(ours, method)(*arguments), getattr(generator, method)(*arguments))


def test_the_patch_shuffles_by_the_stream():
    with fastinit.patch_numpy():
        np.random.seed(5)
        items = np.arange(MANY)
        np.random.shuffle(items)
        np.random.seed(5)
        np.testing.assert_array_equal(np.random.permutation(MANY), items)
    np.testing.assert_array_equal(RandomState(5).permutation(MANY), items)


@pytest.mark.parametrize("things", [{1, 2, 3}, frozenset((1, 2)), {1: 2}], ids=repr)
def test_what_is_no_sequence_is_warned_of_as_by_numpy_also_where_it_cannot_be_shuffled(things):
    found = []
    for rng in (default_rng(3), np.random.default_rng(3)):
        with pytest.warns(UserWarning, match="which is not a subclass of 'Sequence'") as caught:
            try:
                rng.shuffle(things)
            except TypeError as error:
                found.append(str(error))
        assert caught[0].filename == __file__
    assert len(set(found)) <= 1


@pytest.mark.parametrize("count", [1, 2048, 30_000, 59_999, 60_000])
@pytest.mark.parametrize(
    "times",
    [
        np.random.default_rng(3).exponential(size=60_000),
        np.random.default_rng(3).integers(0, 9, 60_000).astype(float),  # most are equal to others
        np.where(np.arange(60_000) % 15 == 0, 1e-6, 1.0) * np.arange(60_000),  # the sample has least ones: a low bound
        np.full(60_000, np.inf),
    ],
    ids=["unlike", "equal", "periodic", "infinite"],
)
def test_the_earliest_are_those_of_a_stable_sort(times, count):
    np.testing.assert_array_equal(_earliest(times, count), np.argsort(times, kind="stable")[:count])
