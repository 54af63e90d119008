"""All backends give the same bits, those of stream version 1; the choice among backends works."""

import hashlib
import json
import math
import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

import fastinit
from fastinit import backends
from fastinit.backends import backend, catalogue, reference
from fastinit.backends.catalogue import ELEMENTS, KERNELS
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.generator_requests import ShuffleRequest
from fastinit.backends.request import FillRequest
from fastinit.core.pieces import LEAST_FOR_THREADS
from fastinit.core.stream import stream_of
from fastinit.distributions import Normal, TruncatedNormal, Uniform
from tests.support import BACKENDS, DISTRIBUTIONS, GENERATORS_PARAMETERS, bits, own_parameters, reference_values, run, words
from tests.thresholds import ks_limit

NARROW = [element.name for element in ELEMENTS.values() if element.name != element.real]
REFERENCE = ("reference", None)

# ---- the same bits everywhere ----


def test_every_backend_gives_the_bits_of_the_reference(each_backend, distribution, dtype):
    count = 2 * 2048 + 5  # whole tiles and the start of another
    assert np.array_equal(
        bits(run(each_backend, distribution, dtype, count=count)), bits(cached_reference(distribution, dtype, count))
    )


def cached_reference(distribution, dtype, count, cache={}):  # noqa: B006
    key = distribution, dtype, count
    if key not in cache:
        cache[key] = run(REFERENCE, distribution, dtype, count=count)
    return cache[key]


RUNS = [
    # starts, count, step
    pytest.param([2**32 - 3], 7, 1, id="across 2^32 elements"),
    pytest.param([2**34 - 3], 7, 1, id="across 2^34 elements"),
    pytest.param([2**43 - 3], 7, 1, id="across 2^32 tiles"),
    pytest.param([2**62 - 3], 7, 1, id="across 2^62 elements"),
    pytest.param([2**63 - 8], 7, 1, id="the last elements there are"),
    pytest.param([1], 70, 1, id="some groups of a tile"),
    pytest.param([1000], 1100, 1, id="the end of a tile and the start of the next"),
    pytest.param([5], 500, 2, id="every other element"),
    pytest.param([5], 300, 16, id="one lane"),
    pytest.param([5], 6, 1023, id="one less than a tile of float64"),
    pytest.param([5], 6, 2049, id="one more than a tile"),
    pytest.param([5], 6, 2**40, id="a step of many tiles"),
    pytest.param([2**62], 3, 2**61, id="the longest steps"),
    pytest.param([4100], 4101, -1, id="backwards through tiles"),
    pytest.param([5000], 50, -100, id="backwards by steps"),
    pytest.param([2**62], 5, -(2**60), id="backwards by the longest steps"),
    pytest.param([0, 64, 128, 7, 2048, 0], 3, 1, id="a column: the same tile row after row"),
    pytest.param([2047, 4095, 0], 4, 1, id="runs across borders, out of order"),
    pytest.param([9, 9], 1, -1, id="single elements"),
]


@pytest.mark.parametrize(("starts", "count", "step"), RUNS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float8_e5m2"])  # 4, 8 and 1 bytes; tiles of 2048 and 1024
def test_a_run_has_the_values_at_its_positions(each_backend, dtype, starts, count, step):
    distribution = DISTRIBUTIONS["shifted normal"]
    expected = reference_values(distribution, dtype, [start + i * step for start in starts for i in range(count)])
    assert np.array_equal(bits(run(each_backend, distribution, dtype, starts, count, step)), bits(expected))


@settings(max_examples=60, deadline=None)
@given(
    starts=st.lists(st.integers(10**5, 10**5 + 5000), min_size=1, max_size=6),
    count=st.integers(1, 40),
    step=st.integers(-2500, 2500).filter(bool),
    dtype=st.sampled_from(["float32", "float64", "bfloat16"]),
)
@pytest.mark.parametrize("chosen", BACKENDS)
def test_any_run_has_the_values_at_its_positions(chosen, starts, count, step, dtype):
    distribution = DISTRIBUTIONS["uniform"]
    expected = reference_values(distribution, dtype, [start + i * step for start in starts for i in range(count)])
    assert np.array_equal(bits(run(chosen, distribution, dtype, starts, count, step)), bits(expected))


@pytest.mark.parametrize("cut", [1, 15, 16, 17, 63, 64, 65, 1023, 1024, 1025, 2047, 2048, 2049])  # lane, group, tiles
def test_any_cut_gives_the_same_values(each_backend, dtype, cut):
    distribution = DISTRIBUTIONS["truncated"]
    pieces = [run(each_backend, distribution, dtype, [first], count) for first, count in ((0, cut), (cut, 2100 - cut))]
    assert np.array_equal(bits(np.concatenate(pieces)), bits(run(each_backend, distribution, dtype, count=2100)))


def test_the_c_kernels_are_those_of_the_catalogue():
    c = pytest.importorskip("fastinit.backends.c", exc_type=ImportError)
    assert {name: number for number, name in enumerate(KERNELS)} == c.KERNELS


def test_the_catalogue_needs_the_standard_library_alone():
    """The build runs it by itself: here without the folder of installed packages."""
    path = catalogue.__file__
    code = f"import runpy; print(len(runpy.run_path({path!r})['KERNELS']))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{len(KERNELS)}\n", "")


def test_every_element_of_the_catalogue_is_in_every_table():
    from fastinit.files.safetensors_format import DTYPES as STORED

    assert list(ELEMENT_TYPES) == list(ELEMENTS)
    assert [name for name in ELEMENTS if name in STORED] == [e.name for e in ELEMENTS.values() if e.safetensors]
    for distribution in ("uniform", "normal", "truncated"):
        assert all(f"{distribution}_{element}" in KERNELS for element in ELEMENTS)


def test_every_element_of_the_catalogue_is_a_dtype_of_torch():
    torch = pytest.importorskip("torch")
    from fastinit.torch.tensors import DTYPES as TORCH_DTYPES

    assert list(TORCH_DTYPES) == [getattr(torch, name) for name in ELEMENTS]


@pytest.mark.parametrize("name", KERNELS)
def test_numba_has_the_functions_of_every_kernel_of_the_catalogue(name):
    from fastinit.backends.numba.kernels import compiled

    assert compiled(name).values_of and bool(compiled(name).rounded) == KERNELS[name].is_rounded


@pytest.fixture
def numba_sources(monkeypatch):
    """Set the files whose code Numba's kernels are made of."""
    from fastinit.backends.numba import compiling

    def sources(*files):
        monkeypatch.setattr(compiling, "SOURCES", list(files))
        compiling.digest.cache_clear()
        return compiling

    yield sources
    compiling.digest.cache_clear()


def test_other_code_is_another_name_in_numbas_cache(numba_sources, tmp_path):
    code = tmp_path / "lanes.py"
    code.write_text("a")
    before = numba_sources(code).digest()
    code.write_text("b")
    assert before != numba_sources(code).digest()


def test_numba_compiles_without_a_cache_where_its_code_cannot_be_read(numba_sources, tmp_path, monkeypatch):
    from fastinit.backends.numba import kernels

    compiling = numba_sources(tmp_path / "missing.py")
    monkeypatch.setattr(compiling, "_compiled", {})
    monkeypatch.setattr(kernels, "compiled", kernels.compiled.__wrapped__)
    assert np.array_equal(
        run(("numba", None), Uniform(0, 1), "float32", count=5, stream=stream_of(0)),
        run(REFERENCE, Uniform(0, 1), "float32", count=5, stream=stream_of(0)),
    )
    assert compiling._compiled["fill"].compiled.cache_hits == 0


def uint64_bits(*numbers):
    """Integers as the parameters of an integer distribution (csrc/kernels/integers.h): low, range, values to draw again."""
    return np.array([number % 2**64 for number in numbers], np.uint64).view(np.float64)


ORDERED_DRAWS = [
    *((kernel, np.array([2.5, 0.0])) for kernel in ("exponential_float32", "exponential_float64")),
    ("lognormal_float64", np.array([-1.0, 2.0])),
    ("lognormal_float64", np.array([0.0, 300.0])),  # overflows and underflows
    *((kernel, own_parameters(*numbers)) for kernel, of in GENERATORS_PARAMETERS.items() for numbers in of[:1]),
    *((f"integers_uint{n}", uint64_bits(5, r, 2**32 % r)) for n in (8, 16, 32, 64) for r in (1, 10, 255)),
    ("integers_uint32", uint64_bits(-7, 2**32 // 257 + 1, 2**32 % (2**32 // 257 + 1))),  # one value in 257 is rejected
    *(
        (f"wideintegers_uint{n}", uint64_bits(5, r, 2**64 % r))
        for n, r in ((32, 10**9), (32, 2**32), (64, 2**32 + 1), (64, 3 * 2**61), (64, 2**63 + 1))  # 1/4 and 1/2 are rejected
    ),
    ("wideintegers_uint64", uint64_bits(0, 2**64, 0)),
]


@pytest.mark.parametrize(("kernel", "parameters"), ORDERED_DRAWS)
@pytest.mark.parametrize(("start", "count", "step"), [(0, 5000, 1), (2**34 + 1029, 300, 7), (10**6, 40, -1000)])
def test_the_distributions_of_a_generator_are_the_same_on_every_backend(
    each_backend, kernel, parameters, start, count, step
):
    def drawn(fill):
        out = np.empty(count, kernel.split("_")[1])
        fill(FillRequest(kernel, (1, 2, 3, 4), parameters, np.array([start], np.uint64), count, step, out))
        return out.tobytes()

    assert drawn(backend(*each_backend).fill) == drawn(reference.fill)


# ---- golden values ----

GOLDEN = json.loads((Path(__file__).parents[1] / "vectors" / "golden.json").read_text())  # made by tools/make_golden.py
DISTRIBUTION_TYPES = {distribution.__name__: distribution for distribution in (Uniform, Normal, TruncatedNormal)}


@pytest.mark.parametrize(
    "case", GOLDEN["cases"], ids=lambda case: f"{case['law']}{tuple(case['parameters'].values())}-{case['dtype']}"
)
def test_every_backend_gives_the_golden_values(each_backend, case):
    distribution = DISTRIBUTION_TYPES[case["law"]](**{name: float(value) for name, value in case["parameters"].items()})
    check_golden(bits(run(each_backend, distribution, case["dtype"], count=2**16, stream=stream_of(GOLDEN["seed"]))), case)


@pytest.mark.parametrize("case", GOLDEN["draws"], ids=lambda case: "-".join([case["kernel"], *case["parameters"]]))
def test_every_backend_gives_the_golden_values_of_a_generators_distributions(each_backend, case):
    kernel, numbers = case["kernel"], case["parameters"]
    if "integers" in kernel:
        parameters = uint64_bits(*map(int, numbers))
    else:
        parameters = (
            own_parameters(*map(float, numbers)) if kernel in GENERATORS_PARAMETERS else np.array(numbers, np.float64)
        )
    out = np.empty(2**16, kernel.split("_")[1])
    stream = stream_of(GOLDEN["seed"])
    backend(*each_backend).fill(FillRequest(kernel, stream, parameters, np.zeros(1, np.uint64), out.size, 1, out))
    check_golden(bits(out), case)


@pytest.mark.parametrize("case", GOLDEN["orders"], ids=lambda case: f"{case['n']} in 2^{case['bits']}")
def test_every_backend_gives_the_golden_orders(each_backend, case):
    order = np.empty(case["n"], np.int64)
    request = ShuffleRequest(stream_of(GOLDEN["seed"]), 0, case["bits"], case["n"], None, order)
    backend(*each_backend).operations.shuffle(request)
    check_golden(order.view(np.uint64), case)


def check_golden(found, case):
    assert found[:16].tolist() == [int(b, 16) for b in case["first_bits"].split()]
    assert hashlib.sha256(found.astype(found.dtype.newbyteorder("<")).tobytes()).hexdigest() == case["sha256"]


def test_there_are_golden_values_of_every_distribution_and_dtype():
    pinned = {(case["law"], case["dtype"]) for case in GOLDEN["cases"]}
    assert pinned == {(distribution, dtype) for distribution in DISTRIBUTION_TYPES for dtype in ELEMENT_TYPES}
    of_generators = {kernel.name for kernel in KERNELS.values() if not kernel.distribution.fills_tensors}
    assert {case["kernel"] for case in GOLDEN["draws"]} == of_generators - {"words_uint32"}


# ---- the values against the exact transforms of the same words ----

# Found by a search of the stream of seed 0: position and word. Words of even rows give a radius, of odd ones an angle.
EXTREME_WORDS = {
    4833211521: 0x00000000,
    8484451112: 0xFFFFFFFF,
    1450653452: 0x7FFFFFFF,
    1802775365: 0x80000000,
    5445178206: 0x00000000,
    3004700281: 0x1FFFFFFF,
    973102840: 0x40000000,
    9358801136: 0x5FFFFFFF,
    85414937: 0x60000000,
    13987470709: 0x7FFFFFFF,
    2117919868: 0x9FFFFFFF,
    15022774713: 0xA0000000,
    3170590000: 0xBFFFFFFF,
    2748372889: 0xC0000000,
    2238688539: 0xDFFFFFFF,
    3357846552: 0xE0000000,
    3884907324: 0xFFFFFFFF,
}
NUMBERS_OF_TILES = [0, 1, *sorted({position // 2048 for position in EXTREME_WORDS})]

exact = np.longdouble
PI = exact("3.14159265358979323846264338327950288")
needs_longdouble = pytest.mark.skipif(np.finfo(exact).nmant < 60, reason="longdouble is no longer than float64 here")


def test_the_extreme_words_are_where_the_search_found_them(each_backend):
    assert {position: words(each_backend, position, 1)[0] for position in EXTREME_WORDS} == EXTREME_WORDS


def tile_of_words(tile):
    return words(REFERENCE, 2048 * tile).reshape(128, 16)


def exact_radius(count, bits_of_u):
    """sqrt(-2 ln u), u = (count + 1/2) 2^-bits, in longdouble; log1p where u is near 1."""
    unit = exact(2) ** -bits_of_u
    u, complement = (count + exact(0.5)) * unit, (exact(2) ** bits_of_u - count - exact(0.5)) * unit
    return np.sqrt(-2 * np.where(u > 0.5, np.log1p(-complement), np.log(u)))


def exact_normals(rows, bits_of_u, turns):
    """R cos and R sin of pairs of rows of words and half-turns, and R."""
    r = exact_radius(rows[0::2].astype(exact), bits_of_u)
    return np.stack([r * np.cos(PI * turns), r * np.sin(PI * turns)], 1).reshape(rows.shape), np.repeat(r, 2, axis=0)


@pytest.mark.parametrize("tile", NUMBERS_OF_TILES)
def test_float32_normals_are_within_2_to_the_minus_21_of_the_exact_ones(each_backend, tile):
    rows = tile_of_words(tile)
    expected, r = exact_normals(rows, 32, rows[1::2].view(np.int32) * exact(2) ** -31)
    found = run(each_backend, Normal(0, 1), "float32", [2048 * tile]).reshape(128, 16)
    assert np.all(np.abs(found - expected) <= 2.0**-21 * np.maximum(1, r))


@needs_longdouble
@pytest.mark.parametrize("tile", NUMBERS_OF_TILES)
def test_float64_normals_are_within_2_to_the_minus_50_of_the_exact_ones(each_backend, tile):
    rows = reference.wide_words(tile_of_words(tile))
    turns = (rows[1::2].view(np.int64) >> 11) * exact(2) ** -52
    expected, r = exact_normals(rows >> np.uint64(11), 53, turns)
    found = run(each_backend, Normal(0, 1), "float64", [1024 * tile], 1024).reshape(64, 16)
    assert np.all(np.abs(found - expected) <= 2.0**-50 * np.maximum(1, r))


def test_the_largest_float32_radius_is_that_of_the_smallest_word():
    cap = math.sqrt(2 * 33 * math.log(2))  # 6.76
    assert np.sqrt(reference.neg2log_u(np.zeros(1, np.uint32)))[0] == pytest.approx(cap, rel=2.0**-22)


@pytest.mark.parametrize(("unsigned", "bits_of_u"), [(np.uint32, 32), (np.uint64, 53)])
@needs_longdouble
def test_radii_of_words_near_2_to_the_32_are_on_no_coarse_grid(unsigned, bits_of_u):
    below = np.arange(2000)  # the argument of the logarithm is 1 - (below + 1/2) 2^-bits
    word = (2**bits_of_u - 1 - below.astype(np.uint64)) << np.uint64(8 * np.dtype(unsigned).itemsize - bits_of_u)
    found = np.sqrt(reference.neg2log_u(word.astype(unsigned)))
    expected = np.sqrt(-2 * np.log1p(-(below + exact(0.5)) * exact(2) ** -bits_of_u))
    assert np.all(np.abs(found - expected) <= expected * (2.0**-22 if unsigned is np.uint32 else 2.0**-50))
    assert np.all(np.diff(found) > 0)


@needs_longdouble
@pytest.mark.parametrize("border", [53 / 64, 37 / 64, 53 / 128, 37 / 128])  # where float64 logarithms are scaled otherwise
def test_float64_logarithms_are_within_2_to_the_minus_51_of_themselves_on_both_sides_of_a_border(border):
    counts = np.arange(-20_000, 20_000) * 10**6 + int(border * 2**53)
    found = reference.neg2log_u(counts.astype(np.uint64) << np.uint64(11))
    expected = -2 * np.log((counts + exact(0.5)) * exact(2) ** -53)
    assert np.all(np.abs(found - expected) <= expected * 2.0**-51)


@pytest.mark.parametrize("unsigned", [np.uint32, np.uint64])
def test_cosine_and_sine_of_words_at_the_quadrants_are_exact_to_the_unit_circle(unsigned):
    eighths = (np.arange(8) << (8 * np.dtype(unsigned).itemsize - 3 if unsigned is np.uint32 else 61)).astype(unsigned)
    cosine, sine = reference.polar(np.ones(8, np.float32 if unsigned is np.uint32 else np.float64), eighths)
    half = math.sqrt(0.5)
    tolerance = 2.0**-23 if unsigned is np.uint32 else 2.0**-52
    np.testing.assert_allclose(cosine, [1, half, 0, -half, -1, -half, 0, half], rtol=0, atol=tolerance)
    np.testing.assert_allclose(sine, [0, half, 1, half, 0, -half, -1, -half], rtol=0, atol=tolerance)
    assert np.array_equal(cosine[::2], [1, 0, -1, 0]) and np.array_equal(sine[::2], [0, 1, 0, -1])


def exact_truncated(u, low, high):
    """The quantile of cdf(low) + u (cdf(high) - cdf(low)), from the nearer tail."""
    from_below = special.ndtr(low) + u * (special.ndtr(high) - special.ndtr(low))
    from_above = special.ndtr(-high) + (1 - u) * (special.ndtr(-low) - special.ndtr(-high))
    return np.where(from_below < from_above, special.ndtri(from_below), -special.ndtri(from_above))


INSIDE_4 = [(-2, 2), (-4, 4), (-1, 1), (-0.01, 0.01), (0, 4), (-4, -3), (3, 4), (1, 2), (-0.5, 3.9), (-4, 0.1)]


@pytest.mark.parametrize(("low", "high"), INSIDE_4)
@pytest.mark.parametrize("tile", NUMBERS_OF_TILES[:4])
def test_float32_truncated_normals_are_within_4e_minus_6_sigmas_of_the_exact_ones(each_backend, tile, low, high):
    u = (tile_of_words(tile).ravel() + 0.5) * 2.0**-32
    found = run(each_backend, TruncatedNormal(0, 1, low, high), "float32", [2048 * tile])
    assert np.abs(found - exact_truncated(u, low, high)).max() <= 4e-6


BEYOND_4 = [(-8, 7), (5, 6), (8, 9), (-9, -8), (-math.inf, math.inf)]
NEAR_THE_CENTRES_BORDER = [(2, 2.01), (-2.01, -2), (-2.004, 2.005)]  # 2.0046: see QUANTILE_CENTRE_F64


@pytest.mark.parametrize(("low", "high"), [*INSIDE_4, *BEYOND_4, *NEAR_THE_CENTRES_BORDER])
def test_float64_truncated_normals_are_within_1e_minus_13_sigmas_of_the_exact_ones(each_backend, low, high):
    w = reference.wide_words(tile_of_words(0)).ravel()
    u = ((w >> np.uint64(11)) + 0.5) * 2.0**-53
    found = run(each_backend, TruncatedNormal(0, 1, low, high), "float64", count=1024)
    assert np.abs(found - exact_truncated(u, low, high)).max() <= 1e-13


@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("low", [6.0, 8.0, 20.0, 35.0])
def test_truncated_normals_of_a_far_tail_follow_its_distribution(each_backend, real, low):
    n = 2048 * 4
    x = run(each_backend, TruncatedNormal(0, 1, low, np.inf), real, count=n).astype(np.float64)
    u = np.sort(np.exp(special.log_ndtr(-x) - special.log_ndtr(-low)))  # the share of the tail beyond x
    distance = np.abs(u - (np.arange(n) + 0.5) / n).max() + 0.5 / n
    assert distance < ks_limit(n, rate=1e-3)


BOUNDS = [(-2, 2), (-1e-7, 1e-7), (0.25, 0.26), (3, 4), (8, 9), (-9, -8), (20, np.inf), (-np.inf, -20), (35.9, 36)]


@pytest.mark.parametrize(("low", "high"), BOUNDS)
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.1, 0.02), (-3.0, 1e-3), (1e4, 1.0)])
@pytest.mark.parametrize("real", ["float32", "float64"])
def test_no_truncated_normal_is_outside_its_bounds(each_backend, real, mean, std, low, high):
    distribution = TruncatedNormal(mean, std, low, high)
    tiles = [p // 2048 for p in (4833211521, 8484451112)] if real == "float32" else [0, 1]  # where words are extreme
    count = 2048 if real == "float32" else 1024
    found = run(each_backend, distribution, real, [tile * count for tile in tiles], count)
    rounded_mean, rounded_std = (Fraction(float(np.dtype(real).type(x))) for x in (mean, std))
    least, greatest = (Fraction(float(x)) for x in (found.min(), found.max()))
    assert math.isinf(low) or least >= rounded_mean + rounded_std * Fraction(low)
    assert math.isinf(high) or greatest <= rounded_mean + rounded_std * Fraction(high)


def test_bounds_without_a_number_between_them_give_the_one_below_them(each_backend):
    distribution = TruncatedNormal(1.0, 2.0**-30, 1.0, 2.0)  # 1 + 2^-30 to 1 + 2^-29; float32s are 2^-23 apart
    assert np.unique(run(each_backend, distribution, "float32")).tolist() == [1.0]


@pytest.mark.parametrize("real", ["float32", "float64"])
def test_uniforms_are_multiples_of_the_words_high_bits(each_backend, real):
    if real == "float32":
        expected = (tile_of_words(0).ravel() >> 8) * 2.0**-24
    else:
        expected = (reference.wide_words(tile_of_words(0)).ravel() >> np.uint64(11)) * 2.0**-53
    assert np.array_equal(run(each_backend, Uniform(0, 1), real, count=expected.size), expected)


@pytest.mark.parametrize(("low", "high"), [(-0.05, 0.05), (-1, 3), (1e-30, 2e-30), (0, 1e-33), (1e8, 1e8 + 1)])
def test_a_uniform_is_one_rounding_of_low_and_a_share_of_the_width(each_backend, low, high):
    real = np.float32
    u = run(each_backend, Uniform(0, 1), "float32", count=200)
    expected = [
        rounded(Fraction(float(x)) * Fraction(float(real(float(high) - float(low)))) + Fraction(float(real(low))), real)
        for x in u
    ]
    assert np.array_equal(run(each_backend, Uniform(low, high), "float32", count=200), np.array(expected, real))


# ---- narrow dtypes ----

STDS = {
    "of ordinary size": 1.0,
    "at the subnormals of the 8-bit types": 1e-3,
    "below the 8-bit types": 1e-6,
    "at the subnormals of float16": 1e-7,
    "beyond float8_e4m3fn": 300.0,
    "beyond float16 and float8_e5m2": 5e4,
    "at the subnormals of float32": 1e-39,
}


@pytest.mark.parametrize("std", STDS.values(), ids=STDS)
@pytest.mark.parametrize("narrow", NARROW)
def test_a_narrow_normal_is_the_float32_value_rounded_once(each_backend, narrow, std):
    assert_is_rounded_once(each_backend, Normal(0, std), narrow)


@pytest.mark.parametrize("narrow", NARROW)
def test_a_narrow_value_of_any_distribution_is_the_float32_value_rounded_once(each_backend, distribution, narrow):
    assert_is_rounded_once(each_backend, distribution, narrow)


def assert_is_rounded_once(chosen, distribution, narrow):
    with np.errstate(over="ignore"):
        expected = run(chosen, distribution, "float32", count=4096).astype(ELEMENT_TYPES[narrow].dtype)
    assert np.array_equal(bits(run(chosen, distribution, narrow, count=4096)), bits(expected))


@pytest.mark.parametrize("narrow", NARROW)
def test_values_halfway_between_two_narrow_ones_go_to_the_even_one(each_backend, narrow):
    distribution = Uniform(0.0, 2.0**13)  # steps of 2^-11: one value in some hundreds lies halfway
    wide = run(each_backend, distribution, "float32", count=2**16)
    with np.errstate(over="ignore"):
        expected = wide.astype(ELEMENT_TYPES[narrow].dtype)
    assert np.array_equal(bits(run(each_backend, distribution, narrow, count=2**16)), bits(expected))


# ---- the reference's fused multiply-add against rational numbers ----


def rounded(x: Fraction, real) -> float:
    """x rounded to nearest even in the type `real`: subnormals and overflow as IEEE 754 has them."""
    fraction_bits, least_exponent, overflow = (23, -149, 128) if real is np.float32 else (52, -1074, 1024)
    if x == 0:
        return 0.0
    sign = 1.0 if x > 0 else -1.0  # of what underflows, too
    exponent = abs(x.numerator).bit_length() - x.denominator.bit_length()
    exponent -= abs(x) < Fraction(2) ** exponent  # 2^exponent <= |x| < 2^(exponent + 1)
    unit = Fraction(2) ** max(exponent - fraction_bits, least_exponent)
    nearest = round(x / unit) * unit  # Python rounds a Fraction to even
    if abs(nearest) >= 2**overflow:
        return sign * math.inf
    return math.copysign(float(nearest), sign)


def floats(real):
    return st.floats(width=32 if real is np.float32 else 64, allow_nan=False, allow_infinity=False)


def assert_fma_is_exact(a, b, c, real):
    exact_value = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    with np.errstate(all="ignore"):
        found = reference.fma(np.array([a], real), np.array([b], real), np.array([c], real))
    assert found.dtype == real
    if exact_value:
        assert bits(found)[0] == bits(np.array([rounded(exact_value, real)], real))[0]
    else:
        assert found[0] == 0


@pytest.mark.parametrize("real", [np.float32, np.float64])
@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_the_reference_fma_rounds_once(real, data):
    a, b, c = (data.draw(floats(real)) for _ in range(3))
    assert_fma_is_exact(a, b, c, real)


@pytest.mark.parametrize("real", [np.float32, np.float64])
@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_the_reference_fma_rounds_once_next_to_halfway(real, data):
    """a b is made a midpoint of two numbers, or next to one, of any size; c pushes it off by the least there is."""
    p, lowest = (24, -149) if real is np.float32 else (53, -1074)
    a = data.draw(st.integers(2 ** (p - 1), 2**p - 1))
    b = data.draw(st.sampled_from([3, 5, 2 ** (p // 2) + 1, 2 ** (p - 1) + 1, 2**p - 1]))
    shift_a, shift_b = (data.draw(st.integers(lowest // 2, -lowest // 2 - 2 * p)) for _ in range(2))
    x, y = math.ldexp(float(a), shift_a), math.ldexp(float(b), shift_b)
    c = data.draw(st.sampled_from([0.0, 2.0**lowest, -(2.0**lowest), x, -x, y]))
    c *= data.draw(st.sampled_from([1, 3, 0.5]))
    with np.errstate(over="ignore"):
        x, y, c = (float(real(v)) for v in (x, y, c))
    if all(map(math.isfinite, (x, y, c))):
        assert_fma_is_exact(x, y, c, real)


@pytest.mark.parametrize("real", [np.float32, np.float64])
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_the_reference_fma_rounds_once_where_the_sum_cancels(real, data):
    a, b = data.draw(floats(real)), data.draw(floats(real))
    with np.errstate(all="ignore"):
        product = np.array([a], real) * np.array([b], real)
        c = np.nextafter(-product, data.draw(st.sampled_from([real(np.inf), real(-np.inf), real(0)])))[0]
    if math.isfinite(c):
        assert_fma_is_exact(a, b, float(c), real)


@pytest.mark.parametrize(
    ("a", "b", "c"),
    [
        (1e308, 2.0, -1e308),  # the product alone overflows
        (1e200, 1e108, 1.7e308),  # the sum overflows
        (2.0, 1e308, 0.0),
        (2.0**-537, 2.0**-538, 2.0**-1074),  # the product alone underflows, and decides a tie
        (2.0**-537, -(2.0**-538), 2.0**-1074),
        (1 + 2.0**-52, 1 - 2.0**-52, -1.0),  # all that is left is the error of the product
        (1 + 2.0**-27, 1 + 2.0**-27, 2.0**-106),
    ],
)
def test_the_reference_fma_rounds_once_at_the_ends_of_float64(a, b, c):
    assert_fma_is_exact(a, b, c, np.float64)


@pytest.mark.parametrize(
    ("a", "b", "c"),
    [
        (1 + 2.0**-12, 1 + 2.0**-12, 2.0**-149),  # next to a midpoint: rounding to float64 first would lose c
        (1 + 2.0**-12, 1 + 2.0**-12, -(2.0**-149)),
        (2.0**-75, 2.0**-75, 2.0**-149),  # a tie between subnormals
        (2.0**127, 2.0, -(2.0**127)),
    ],
)
def test_the_reference_fma_rounds_once_at_the_ends_of_float32(a, b, c):
    assert_fma_is_exact(a, b, c, np.float32)


# ---- the choice of a backend ----


def in_use():
    return backends.current().name, backends.current().level


def test_use_backend_lasts_as_long_as_its_block(each_backend):
    before = in_use()
    with fastinit.use_backend(*each_backend) as chosen:
        assert in_use() == (chosen.name, chosen.level) == (each_backend[0], each_backend[1] or "")
    assert in_use() == before


def test_use_backend_is_undone_by_an_error_too():
    before = in_use()
    with pytest.raises(ZeroDivisionError), fastinit.use_backend("reference"):
        1 / 0  # noqa: B018
    assert in_use() == before


def test_the_innermost_use_backend_counts():
    with fastinit.use_backend("reference"):
        with fastinit.use_backend("numba"):
            assert in_use() == ("numba", "")
        assert in_use() == ("reference", "")


def test_use_backend_holds_in_its_thread_alone():
    seen = []
    with fastinit.use_backend("reference"):
        thread = threading.Thread(target=lambda: seen.append(in_use()))
        thread.start()
        thread.join()
    assert seen == [in_use()]


def test_a_fill_on_many_threads_uses_the_callers_backend(num_threads, monkeypatch):
    num_threads(3)
    seen = set()
    chosen = backend("reference")

    def fill(request):
        seen.add(threading.get_ident())
        chosen.fill(request)

    monkeypatch.setattr(backends, "backend", lambda name, level=None: chosen._replace(fill=fill))
    with fastinit.use_backend("reference"):
        fastinit.uniform(2 * LEAST_FOR_THREADS, seed=0)
    assert len(seen) > 1


@pytest.mark.parametrize("name", ["fortran", "C", ""])
def test_an_unknown_backend_is_refused(name):
    with pytest.raises(ValueError) as error, fastinit.use_backend(name):
        pass
    assert str(error.value) == f"backend must be one of c, numba, reference, got {name!r}"


needs_c = pytest.mark.skipif("c" not in backends.available_backends(), reason="the C kernels were not built")


@pytest.mark.parametrize("name", ["numba", "reference"])
def test_a_level_for_a_backend_that_has_none_is_refused(name):
    with pytest.raises(ValueError) as error, fastinit.use_backend(name, "avx2"):
        pass
    assert str(error.value) == f"level is for backend 'c' alone, got level='avx2' with backend {name!r}"


@needs_c
def test_an_unknown_level_is_refused():
    levels = ", ".join(backends.available_levels())
    with pytest.raises(ValueError) as error, fastinit.use_backend("c", "sse9"):
        pass
    assert str(error.value) == f"level must be one of {levels} on this CPU, got 'sse9'"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            ["setup.py", "fastinit/backends/__init__.py"],
            "it is imported from the clone {}, where `pip install -e .` builds its C kernels",
        ),
        ([], "it is imported from the archive {}, and C kernels load from folders only: `pip install` it"),
        (
            ["fastinit/backends/__init__.py"],
            "its C kernels were not built at installation, since no C compiler was found that could",
        ),
    ],
)
def test_a_missing_c_backend_says_why_and_what_to_use(files, why, monkeypatch, tmp_path):
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.setattr(backends, "__file__", str(tmp_path / "fastinit" / "backends" / "__init__.py"))
    monkeypatch.setattr(backends, "_c_is_built", lambda: False)
    monkeypatch.setattr(backends, "is_there", lambda extension: False)
    with pytest.raises(ValueError) as error:
        backend.__wrapped__("c")
    assert str(error.value) == f"backend must be numba or reference here, got 'c': {why.format(tmp_path)}"
    assert backend.__wrapped__().name == "numba"
    assert backends.available_levels() == ()


# ---- the environment ----


def python(code, **variables):
    """What a fresh interpreter prints, or its last line of error."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FASTINIT_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment | variables, capture_output=True, text=True, timeout=300
    )
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def test_importing_fastinit_loads_numpy_and_the_kernels_alone():
    heavy = "{'numba', 'scipy', 'typer', 'rich', 'torch', 'jax', 'keras', 'dask', 'matplotlib', 'safetensors'}"
    assert python(f"import fastinit, sys; print(sorted({heavy} & set(sys.modules)))") == "[]"


SHOW_BACKEND = "from fastinit import backends; print(backends.current().name, backends.current().level)"


def test_without_a_choice_the_best_backend_is_used():
    best = f"c {backends.available_levels()[-1]}" if backends.available_levels() else "numba"
    assert python(SHOW_BACKEND) == best
    assert python(SHOW_BACKEND, FASTINIT_BACKEND="", FASTINIT_LEVEL="") == best


def test_the_environment_chooses_backend_and_level(each_backend):
    name, level = each_backend
    found = python(SHOW_BACKEND, FASTINIT_BACKEND=name, **({"FASTINIT_LEVEL": level} if level else {}))
    assert found == " ".join(filter(None, each_backend))


FILL = "import fastinit; fastinit.normal(3)"


def test_a_wrong_backend_in_the_environment_is_refused_at_the_first_fill():
    assert python(FILL, FASTINIT_BACKEND="cuda") == (
        "ValueError: FASTINIT_BACKEND or FASTINIT_LEVEL: backend must be one of c, numba, reference, got 'cuda'"
    )


@needs_c
def test_a_wrong_level_in_the_environment_is_refused_at_the_first_fill():
    assert python(FILL, FASTINIT_LEVEL="mmx") == (
        "ValueError: FASTINIT_BACKEND or FASTINIT_LEVEL: level must be one of "
        f"{', '.join(backends.available_levels())} on this CPU, got 'mmx'"
    )


def test_the_environment_chooses_the_number_of_threads():
    assert python("import fastinit; print(fastinit.get_num_threads())", FASTINIT_NUM_THREADS="3") == "3"


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_wrong_number_of_threads_in_the_environment_is_refused_at_the_first_fill(text):
    assert python(FILL, FASTINIT_NUM_THREADS=text) == (
        f"ValueError: FASTINIT_NUM_THREADS must be a positive integer of at most 4096, got {text!r}"
    )


def test_show_config_says_what_is_in_use(capsys, num_threads):
    num_threads(3)
    with fastinit.use_backend("reference"):
        fastinit.show_config()
    lines = dict(line.split(":", 1) for line in capsys.readouterr().out.splitlines())
    shown = {key: value.strip() for key, value in lines.items()}
    assert list(shown) == [
        "fastinit", "stream", "backend", "level", "available backends", "available levels", "dtypes", "CUDA devices",
        "threads", "python", "machine", "numpy", "numba", "cffi", "ml_dtypes",
    ]  # fmt: skip
    assert shown["stream"] == "1" and shown["backend"] == "reference" and shown["threads"] == "3"
    assert shown["available backends"] == ", ".join(backends.available_backends())
    assert shown["available levels"] == ", ".join(backends.available_levels())
    assert shown["dtypes"] == ", ".join(ELEMENTS)
    assert shown["numpy"] == np.__version__
