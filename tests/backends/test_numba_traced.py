"""Functions that are run once, on values that note what is done to them, compute in C's arithmetic what they say."""

import inspect

import numba
import numpy as np
import pytest

from fastinit.backends.numba import traced as to
from fastinit.backends.numba.operations import bits_f32, ceil, floor, fma, from_bits_f32, polynomial, sqrt, two_chains
from fastinit.backends.numba.traced import traced, where

WORDS = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)


def compiled(function):
    """The traced function as one that Python calls with numbers of NumPy's types."""
    names = ", ".join(inspect.signature(function.function).parameters)
    return numba.njit(eval(f"lambda {names}: function({names})", {"function": function}))


def test_integers_wrap_and_do_not_widen():
    @traced
    def results(x):
        return x + 1, x - 1, 1 - x, x * x, -x, ~x, x << 4, x >> 4, x & 6, 5 | x, x ^ 0xFFFFFFFF

    run = compiled(results)
    for x in WORDS:
        n = int(x)
        exact = n + 1, n - 1, 1 - n, n * n, -n, ~n, n << 4, n >> 4, n & 6, 5 | n, n ^ 0xFFFFFFFF
        assert run(x) == tuple(number % 2**32 for number in exact)


def test_signed_integers_shift_their_sign_in_and_compare_by_it():
    @traced
    def results(x):
        signed = to.int32(x)
        return signed >> 8, signed < 0, x < 0x80000000, signed == -1, signed != -1

    run = compiled(results)
    for x in WORDS:
        signed = int(x.astype(np.int32))
        assert run(x) == (signed >> 8, signed < 0, x < 2**31, signed == -1, signed != -1)


def test_unsigned_integers_divide():
    @traced
    def quotient(x, y):
        return x // y

    assert compiled(quotient)(np.uint64(2**64 - 1), np.uint64(10)) == (2**64 - 1) // 10


def test_conversions_are_those_of_c():
    @traced
    def results(word):
        signed = to.int32(word)
        wide, wide_signed, real = to.uint64(word), to.int64(signed), to.float64(signed)
        return wide, wide_signed, to.float32(word), real, to.float32(real), to.int64(real), to.uint8(word)

    run = compiled(results)
    for word in WORDS:
        signed = int(word.astype(np.int32))
        single = float(np.float32(signed))
        assert run(word) == (word, signed, float(np.float32(word)), signed, single, signed, int(word) % 256)


def test_floats_round_each_operation_in_their_own_type():
    @traced
    def results(x, y):
        return x + y, x - y, x * y, x / y, 1.0 / x, 2.0 - x, -x, fma(x, y, -1.0), sqrt(x), floor(y), ceil(y)

    for real in (np.float32, np.float64):
        x, y = real(1.1), real(2.3)
        exact = real(np.longdouble(x) * np.longdouble(y) - 1)  # of numbers this short
        expected = x + y, x - y, x * y, x / y, real(1) / x, real(2) - x, -x, exact, np.sqrt(x), real(2), real(3)
        assert compiled(results)(x, y) == expected


def test_where_chooses_among_values_and_constants():
    @traced
    def results(x):
        positive = x > 0.0
        return where(positive, x, -x), where(positive, 1.0, x), where(positive, np.float32(2), np.float32(3))

    run = compiled(results)
    assert run(-4.0) == (4.0, -4.0, 3.0) and run(4.0) == (4.0, 1.0, 2.0)


def test_bits_are_reinterpreted_in_values_and_in_constants():
    @traced
    def results(x):
        return bits_f32(x), from_bits_f32(bits_f32(x) + 1), bits_f32(x) - bits_f32(np.float32(1))

    one = np.float32(1)
    assert compiled(results)(one) == (0x3F800000, np.nextafter(one, np.float32(2)), 0)


def test_polynomials_are_summed_by_horners_rule():
    table = np.array([1.0, 2.0, 3.0, 4.0])
    assert compiled(polynomial(table))(0.5) == compiled(two_chains(table))(0.5) == 1 + 2 / 2 + 3 / 4 + 4 / 8


def test_rows_of_vectors_are_loaded_and_stored():
    @traced
    def add_rows(words, first):
        words.store_row(8, words.load_row(0, 4) + words.load_row(first, 4) * first.to(words.type.dtype).repeated(4))

    words = np.arange(12, dtype=np.uint32)
    compiled(add_rows)(words, 4)
    assert words.tolist() == [*range(8), *(i + 4 * (4 + i) for i in range(4))]


def test_numbers_of_a_pointer_are_read_and_written():
    @traced
    def swap(numbers, i, j):
        numbers[i], numbers[j] = numbers[j], numbers[i]

    numbers = np.arange(3.0)
    compiled(swap)(numbers, 0, 2)
    assert numbers.tolist() == [2.0, 1.0, 0.0]


def test_operands_of_two_types_are_refused():
    @traced
    def mixed(x):
        return x + to.uint64(x)

    with pytest.raises(TypeError, match="operands must have one type, got uint32 and uint64"):
        compiled(mixed)(np.uint32(1))


def test_traced_functions_call_each_other_also_with_tuples():
    @traced
    def swapped(pair):
        return pair[1], pair[0]

    @traced
    def difference(x, y):
        first, second = swapped((x, y))
        return first - second

    @numba.njit
    def of_tuples(x, y):
        return swapped((x, y))

    assert compiled(difference)(3.0, 5.0) == 2.0 and of_tuples(3.0, 5.0) == (5.0, 3.0)
