"""Whole-tensor initializers: their formulas, shapes and layouts, and what they share with all others."""

import json
import math
import os
import tracemalloc

import numpy as np
import pytest

import fastinit
from fastinit import initializers, use_backend
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.core.draws import Draws
from fastinit.core.fill import fill
from fastinit.core.stream import child_stream, stream_of
from fastinit.initializers import (
    ICNR,
    STFT,
    Bilinear,
    ChronoBias,
    Constant,
    DeltaOrthogonal,
    Dirac,
    HeNormal,
    Identity,
    LooksLinear,
    LSTMBias,
    Mamba2ALog,
    MambaALog,
    MambaDtBias,
    MambaDtWeight,
    MimeticAttention,
    Normal,
    Orthogonal,
    Parts,
    Sparse,
    Stacked,
    Uniform,
    WithSlabs,
    ZerOHadamard,
)
from fastinit.initializers.sparsity import least
from tests.support import bits
from tests.thresholds import STANDARD_ERRORS, chi_square_limit

DETERMINISTIC = {
    "identity": (Identity(2.5), (5, 7), None),
    "dirac": (Dirac(2, 0.5), (6, 3, 3, 4), "oi"),
    "zero_hadamard": (ZerOHadamard(), (3, 3, 5, 11), "io"),
    "bilinear": (Bilinear(), (4, 5, 3, 3), "io"),
    "stft": (STFT("imag", "hamming", "spectrum", True), (6, 1, 5), None),
    "lstm_bias": (LSTMBias(1.5), (2, 12), None),
    "mamba_a_log": (MambaALog(), (3, 7), None),
    "mamba_a_log of heads": (MambaALog(), (7,), None),
    "constant mamba_dt_weight": (MambaDtWeight(2.0, "constant"), (9, 4), "oi"),
}
RANDOM = {
    "orthogonal": (Orthogonal(1.5), (3, 3, 4, 7), "hwio"),
    "wide orthogonal": (Orthogonal(), (5, 9), "oi"),
    "delta_orthogonal": (DeltaOrthogonal(), (8, 5, 4), "oi"),
    "sparse": (Sparse(0.6), (30, 20), None),
    "torch sparse": (Sparse(0.6, 0.1, "torch"), (30, 20), None),
    "chrono_bias": (ChronoBias(100.0), (3, 8), None),
    "mamba_dt_weight": (MambaDtWeight(), (9, 4), "oi"),
    "mamba_dt_bias": (MambaDtBias(), (40,), None),
    "mamba2_a_log": (Mamba2ALog(), (40,), None),
    "mimetic query": (MimeticAttention("query", 2), (12, 8), None),
    "mimetic output": (MimeticAttention("output"), (12, 8), "oi"),
    "icnr": (ICNR("he_normal"), (8, 3, 3, 3), "oi"),
    "looks_linear": (LooksLinear("orthogonal"), (6, 8), None),
    "parts": (Parts(0, ((4, "orthogonal"), (0.5, "he_normal"), (0.25, "zeros"))), (16, 5), "oi"),
    "stacked": (Stacked(Sparse(0.5)), (3, 6, 4), "oi"),
}
CASES = {**DETERMINISTIC, **RANDOM}
ALL = pytest.mark.parametrize("case", CASES)
EACH_RANDOM = pytest.mark.parametrize("case", RANDOM)


def made(case, **options):
    initializer, shape, layout = CASES[case]
    return initializer(shape, **{"layout": layout, "seed": 0, "name": "w", **options})


def is_orthonormal(rows, gain=1.0, tolerance=2e-6):
    """Whether the rows of a matrix are orthogonal and of length `gain`."""
    return np.abs(rows @ rows.T - gain**2 * np.eye(len(rows))).max() < tolerance


@pytest.fixture
def keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")  # TensorFlow, its default, need not be there
    return pytest.importorskip("keras")


# ---- what all share ----


@ALL
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_the_narrow_values_are_the_float32_values_rounded(case, dtype):
    rounded = made(case).astype(ELEMENT_TYPES[dtype].dtype)
    assert np.array_equal(bits(made(case, dtype=dtype)), bits(rounded))


@pytest.mark.parametrize("case", DETERMINISTIC)
def test_what_is_not_random_is_computed_in_float64_and_rounded_once(case):
    assert np.array_equal(bits(made(case)), bits(made(case, dtype="float64").astype(np.float32)))
    assert np.array_equal(bits(made(case)), bits(made(case, seed=1, name=None)))


@ALL
def test_a_part_has_the_values_it_has_in_the_whole(case, dtype):
    full = made(case, dtype=dtype)
    for index in (np.s_[1:], np.s_[..., ::2], np.s_[0], np.array([2, 0, 1])[: len(full)] % len(full)):
        assert np.array_equal(bits(made(case, dtype=dtype, index=index)), bits(full[index]))


@ALL
def test_values_are_written_where_out_lies(case, dtype):
    full = made(case, dtype=dtype)
    memory = np.full((*full.shape[:-1], 2 * full.shape[-1]), 7, full.dtype)
    out = memory[..., ::2]
    assert made(case, dtype=dtype, out=out) is out
    assert np.array_equal(bits(out), bits(full)) and (memory[..., 1::2] == 7).all()


@ALL
def test_the_distribution_is_known_before_anything_is_drawn(case, monkeypatch):
    """It is the same each time and another for another shape, and its values are the initializer's."""
    initializer, shape, layout = CASES[case]
    with monkeypatch.context() as patched:
        patched.setattr(Draws, "of", lambda *arguments: pytest.fail("something was drawn"))
        distribution = initializer.distribution_for(shape, layout=layout)
        assert distribution == initializer.distribution_for(shape, layout=layout)
    assert np.array_equal(bits(fill(distribution, shape, seed=0, name="w")), bits(made(case)))


def test_the_distribution_of_another_shape_or_initializer_is_another():
    assert Orthogonal().distribution_for((4, 4)) != Orthogonal().distribution_for((4, 5))
    assert Orthogonal().distribution_for((4, 4)) != Orthogonal(2.0).distribution_for((4, 4))


@ALL
def test_the_values_are_the_same_again_and_contiguous(case, dtype):
    once, again = made(case, dtype=dtype), made(case, dtype=dtype)
    assert np.array_equal(bits(once), bits(again))
    assert once.shape == CASES[case][1] and once.dtype == ELEMENT_TYPES[dtype].dtype
    assert once.flags.c_contiguous and once.flags.writeable


@EACH_RANDOM
def test_other_seeds_and_names_give_other_values(case):
    values = [made(case), made(case, seed=1), made(case, name="v"), made(case, name=None)]
    assert not any(np.array_equal(x, y) for n, x in enumerate(values) for y in values[:n])


@EACH_RANDOM
def test_the_backend_does_not_matter(case, each_backend):
    expected = made(case)
    with use_backend(*each_backend):
        assert np.array_equal(bits(made(case)), bits(expected))


@EACH_RANDOM
def test_the_number_of_threads_does_not_matter(case, num_threads):
    num_threads(1)
    expected = made(case)
    num_threads(3)
    assert np.array_equal(bits(made(case)), bits(expected))


@ALL
def test_a_config_and_a_repr_make_an_equal_initializer_again(case):
    initializer = CASES[case][0]
    config = json.loads(json.dumps(initializer.get_config()))
    assert type(initializer).from_config(config) == initializer
    assert fastinit.get({"class_name": type(initializer).__name__, "config": config}) == initializer
    assert eval(repr(initializer), vars(initializers)) == initializer
    assert hash(type(initializer).from_config(config)) == hash(initializer)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0)])
@pytest.mark.parametrize("initializer", [Identity(), Orthogonal(), Sparse(0.5), ZerOHadamard()], ids=str)
def test_a_tensor_without_elements_is_filled_with_none(initializer, shape):
    assert initializer(shape, seed=0).shape == shape


def test_a_child_of_draws_depends_on_its_key_and_stream_alone():
    stream = stream_of(0, "w")
    draws = Draws(stream, np.float32)
    first = draws.child("a").normal(5)
    draws.normal(10_000)
    assert np.array_equal(draws.child("a").normal(5), first)
    others = [draws.child("b"), draws.child(""), draws.child("a").child("a"), Draws(stream, np.float32)]
    others.append(Draws(stream_of(0, "v"), np.float32).child("a"))
    assert not any(np.array_equal(other.normal(5), first) for other in others)


def test_the_values_are_those_of_the_first_version():
    """Where zeros are, and what a stack's slices draw from, fastinit itself defines, as it does the streams."""
    chosen = (initializers.sparse((4, 6), sparsity=0.5, seed=0, layout="oi") != 0).astype(int)
    assert chosen.tolist() == [[1, 0, 1, 1, 0, 0], [1, 0, 1, 1, 0, 0], [0, 1, 1, 1, 0, 0], [0, 1, 1, 0, 1, 0]]
    of_slices = [["-0x1.792beep-5", "-0x1.269326p-6"], ["0x1.61e920p-6", "-0x1.6f5b1ap-8"]]
    expected = [[float.fromhex(value) for value in of_slice] for of_slice in of_slices]
    assert initializers.stacked((2, 2), initializer="uniform", seed=0).tolist() == expected


# ---- identity, dirac, ZerO ----


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (1, 4), (4, 1)])
@pytest.mark.parametrize("layout", ["io", "oi", None])
def test_identity_is_eye_times_the_gain(shape, layout):
    assert np.array_equal(fastinit.identity(shape, gain=-1.5, layout=layout), -1.5 * np.eye(*shape, dtype=np.float32))


def test_identity_of_a_stack_has_one_in_each_place():
    assert np.array_equal(fastinit.identity((3, 4, 5), layout="eio"), np.broadcast_to(np.eye(4, 5), (3, 4, 5)))


def test_identity_counts_several_axes_of_outputs_as_one():
    assert np.array_equal(fastinit.identity((6, 2, 3), layout="ioo").reshape(6, 6), np.eye(6))


def test_identity_equals_torchs():
    torch = pytest.importorskip("torch")
    assert np.array_equal(fastinit.identity((3, 5)), torch.nn.init.eye_(torch.empty(3, 5)).numpy())


DIRAC = [((6, 4, 3), 1), ((6, 4, 3), 2), ((4, 6, 5, 4), 1), ((24, 16, 3, 3), 3), ((4, 2, 1, 3, 2), 2), ((6, 1, 3, 3), 6)]


@pytest.mark.parametrize(("shape", "groups"), DIRAC)
def test_dirac_equals_torchs(shape, groups):
    torch = pytest.importorskip("torch")
    expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    assert np.array_equal(initializers.dirac(shape, groups=groups, layout="oi"), expected)
    assert np.array_equal(initializers.dirac(shape, groups=groups, convention="torch"), expected)


@pytest.mark.parametrize(("shape", "groups"), DIRAC)
def test_dirac_has_ones_at_the_middle_tap_of_each_groups_own_channels(shape, groups):
    values, expected = initializers.dirac(shape, groups=groups, gain=2.0, layout="oi"), np.zeros(shape)
    of_group = shape[0] // groups
    for group in range(groups):
        for channel in range(min(of_group, shape[1])):
            expected[(group * of_group + channel, channel, *(k // 2 for k in shape[2:]))] = 2.0
    assert np.array_equal(values, expected)


def test_dirac_takes_the_groups_of_the_layout():
    layout = fastinit.Layout("oi", groups=2)
    assert np.array_equal(initializers.dirac((4, 2, 3), layout=layout), initializers.dirac((4, 2, 3), groups=2, layout="oi"))
    assert np.array_equal(
        initializers.dirac((4, 2, 3), groups=2, layout=layout), initializers.dirac((4, 2, 3), groups=2, layout="oi")
    )


def test_dirac_of_a_transposed_convolution_groups_its_inputs():
    values = initializers.dirac((4, 2, 3), layout=fastinit.Layout("ioh", groups=2, transposed=True))
    assert np.array_equal(values[:, :, 1], np.vstack([np.eye(2), np.eye(2)]))


@pytest.mark.parametrize(("ours", "of"), [("hwio", (2, 3, 1, 0)), ("iohw", (1, 0, 2, 3)), ("ohwi", (0, 2, 3, 1))])
def test_a_convolution_is_the_same_in_every_layout(ours, of):
    for name in ("dirac", "zero_hadamard", "delta_orthogonal"):
        torchs = initializers.INITIALIZERS[name]((6, 5, 3, 4), seed=0, layout="oihw")
        shape = tuple((6, 5, 3, 4)[axis] for axis in of)
        values = initializers.INITIALIZERS[name](shape, seed=0, layout=ours)
        assert np.array_equal(values, torchs.transpose(of))


@pytest.mark.parametrize(("out", "into"), [(4, 4), (3, 5), (8, 3), (5, 3), (2, 1), (9, 8), (1, 1), (100, 7)])
def test_zero_hadamard_is_algorithm_1(out, into):
    linalg = pytest.importorskip("scipy.linalg")
    m = math.ceil(math.log2(out))
    widened = 2.0 ** (-(m - 1) / 2) * np.eye(out, 2**m) @ linalg.hadamard(2**m) @ np.eye(2**m, into)
    expected = widened if out > into else np.eye(out, into)
    values = initializers.zero_hadamard((out, into), dtype="float64", layout="oi")
    assert np.abs(values - expected).max() < 1e-15
    assert np.array_equal(initializers.zero_hadamard((into, out), dtype="float64"), values.T)


def test_zero_hadamard_of_a_convolution_is_that_of_its_channels_at_the_middle_tap():
    values = initializers.zero_hadamard((8, 3, 3, 5), layout="oi")
    assert np.array_equal(values[:, :, 1, 2], initializers.zero_hadamard((8, 3), layout="oi"))
    assert np.count_nonzero(values) == 8 * 3


# ---- orthogonal ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "columns"), [(5, 5), (3, 9), (9, 3), (1, 6), (6, 1), (150, 90), (90, 150)])
def test_orthogonal_has_orthonormal_rows_or_columns_whichever_are_fewer(rows, columns, dtype):
    w = fastinit.orthogonal((rows, columns), gain=3.0, seed=0, dtype=dtype, layout="oi")
    assert is_orthonormal(w if rows <= columns else w.T, 3.0, 2e-5 if dtype == "float32" else 2e-13)


@pytest.mark.parametrize(
    ("shape", "layout", "as_matrix"),
    [
        ((6, 2, 3, 3), "oi", lambda w: w.reshape(6, 18)),  # torch: the first axis against the others
        ((3, 3, 2, 6), "io", lambda w: w.reshape(18, 6)),  # Keras and JAX: the last axis
        ((3, 3, 6, 2), "hwoi", lambda w: w.transpose(2, 0, 1, 3).reshape(6, 18)),
        ((6, 2, 4), "ioo", lambda w: w.reshape(6, 8)),
        ((2, 4, 6), "iio", lambda w: w.reshape(8, 6)),
    ],
)
def test_orthogonal_is_so_as_a_matrix_of_outputs_against_all_else(shape, layout, as_matrix):
    w = as_matrix(fastinit.orthogonal(shape, seed=0, layout=layout))
    assert is_orthonormal(w if len(w) <= len(w.T) else w.T)


@pytest.mark.parametrize(("layout", "shape", "convention"), [("oi", (6, 2, 3), "torch"), ("io", (3, 2, 6), "jax")])
def test_orthogonal_of_a_convention_has_its_frameworks_layout(layout, shape, convention):
    given = fastinit.orthogonal(shape, seed=0, layout=layout)
    assert np.array_equal(fastinit.orthogonal(shape, convention=convention, seed=0), given)


def test_orthogonal_is_of_the_form_of_torchs_keras_and_jaxs():
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    theirs = torch.nn.init.orthogonal_(torch.empty(6, 2, 3)).numpy()
    ours = fastinit.orthogonal((6, 2, 3), convention="torch", seed=0)
    assert is_orthonormal(theirs.reshape(6, 6)) and is_orthonormal(ours.reshape(6, 6))
    theirs = np.asarray(jax.nn.initializers.orthogonal()(jax.random.key(0), (3, 2, 5)))
    ours = fastinit.orthogonal((3, 2, 5), convention="jax", seed=0)
    assert is_orthonormal(theirs.reshape(6, 5).T) and is_orthonormal(ours.reshape(6, 5).T)


def test_orthogonal_of_a_stack_is_as_many_matrices_the_first_ones_the_same_for_every_number():
    w = fastinit.orthogonal((4, 6, 3), seed=0, layout="eio")
    assert all(is_orthonormal(matrix.T) for matrix in w) and not np.array_equal(w[0], w[1])
    assert np.array_equal(fastinit.orthogonal((2, 6, 3), seed=0, layout="eio"), w[:2])
    assert np.array_equal(fastinit.orthogonal((6, 3), seed=0), w[0])


def test_orthogonal_of_groups_is_a_matrix_for_each():
    w = fastinit.orthogonal((6, 2, 3), seed=0, layout=fastinit.Layout("oi", groups=2))
    assert is_orthonormal(w[:3].reshape(3, 6)) and is_orthonormal(w[3:].reshape(3, 6))
    transposed = fastinit.orthogonal((6, 2, 3), seed=0, layout=fastinit.Layout("ioh", groups=2, transposed=True))
    assert all(is_orthonormal(half.transpose(1, 0, 2).reshape(2, 9)) for half in (transposed[:3], transposed[3:]))


def test_orthogonal_favours_no_direction():
    n = 4000
    traces = np.trace(fastinit.orthogonal((n, 5, 5), seed=0, dtype="float64", layout="eio"), axis1=1, axis2=2)
    # of a Haar matrix the trace has mean 0, square 1, fourth power 3
    assert abs(traces.mean()) < STANDARD_ERRORS / math.sqrt(n)
    assert abs((traces**2).mean() - 1) < STANDARD_ERRORS * math.sqrt(2 / n)


@pytest.mark.parametrize(
    ("shape", "layout"), [((3, 4, 7), "io"), ((3, 4, 4, 7), "io"), ((2, 1, 3, 4, 7), "io"), ((7, 4, 5, 2), "oi")]
)
def test_delta_orthogonal_is_orthonormal_at_the_middle_tap_and_0_elsewhere(shape, layout):
    w = initializers.delta_orthogonal(shape, gain=2.0, seed=0, layout=layout)
    w = w if layout == "io" else np.moveaxis(w, (1, 0), (-2, -1))
    middle = w[tuple((k - 1) // 2 for k in w.shape[:-2])]
    assert is_orthonormal(middle, 2.0, 1e-5) and np.count_nonzero(w) == np.count_nonzero(middle) == 28


@pytest.mark.parametrize("shape", [(3, 2, 4), (4, 4, 2, 4), (2, 3, 4, 3, 3)])
def test_delta_orthogonal_has_jaxs_tap(shape):
    jax = pytest.importorskip("jax")
    theirs = np.asarray(jax.nn.initializers.delta_orthogonal()(jax.random.key(0), shape))
    assert np.array_equal(initializers.delta_orthogonal(shape, convention="jax", seed=0) != 0, theirs != 0)


def test_delta_orthogonal_keeps_the_length_of_what_it_convolves():
    w = initializers.delta_orthogonal((3, 4, 6), seed=0, layout="io", dtype="float64")
    x = fastinit.normal((50, 4), seed=1, dtype="float64")
    y = sum(x[tap : 48 + tap] @ w[tap] for tap in range(3))
    assert np.linalg.norm(y) == pytest.approx(np.linalg.norm(x[1:-1]), rel=1e-12)


# ---- sparse ----


@pytest.mark.parametrize("sparsity", [0, 0.1, 0.5, 0.55, 0.999, 1])
@pytest.mark.parametrize(
    ("shape", "layout", "axes"),
    [((40, 30), "io", 0), ((30, 40), "oi", 1), ((30, 8, 5), "oi", (1, 2)), ((2, 40, 30), "eio", 1), ((1, 40), "oi", 1)],
)
def test_each_unit_has_exactly_so_many_zeros_among_its_inputs(sparsity, shape, layout, axes):
    zeros = (initializers.sparse(shape, sparsity=sparsity, seed=0, layout=layout) == 0).sum(axis=axes)
    assert (zeros == math.ceil(sparsity * 40)).all()


def test_the_torch_convention_of_sparse_has_as_many_zeros_in_each_column_as_torchs():
    torch = pytest.importorskip("torch")
    theirs = (torch.nn.init.sparse_(torch.empty(37, 50), 0.3) == 0).sum(0).numpy()
    assert np.array_equal((initializers.sparse((37, 50), sparsity=0.3, convention="torch", seed=0) == 0).sum(0), theirs)


def test_the_other_values_of_sparse_are_the_normal_ones():
    values, normal = (f((40, 30), seed=0) for f in (Sparse(0.5, 0.25), Normal(0.0, 0.25)))
    assert np.array_equal(values[values != 0], normal[values != 0])


def test_every_choice_of_zeros_is_as_likely():
    n, units, share = 50, 20_000, 0.3
    zeros = initializers.sparse((units, n), sparsity=share, seed=0, layout="oi") == 0
    counts, variance = zeros.sum(0), units * share * (1 - share) * n / (n - 1)
    squares = ((counts - units * share) ** 2).sum() / variance
    assert squares < chi_square_limit(49, rate=1e-5)
    pairs, p = (zeros[:, 0] & zeros[:, 1]).sum(), 15 * 14 / (50 * 49)
    assert abs(pairs - units * p) < STANDARD_ERRORS * math.sqrt(units * p * (1 - p))


def test_equal_uniforms_still_give_exactly_so_many_zeros_the_first_ones():
    values = np.array([[3, 1, 1, 2, 1], [0, 0, 0, 0, 0], [5, 4, 3, 2, 1]], np.float32)
    expected = [[0, 1, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1]]
    assert np.array_equal(least(values, 2), expected)


def test_a_large_sparse_matrix_is_made_in_little_more_memory_than_its_own():
    tracemalloc.start()
    initializers.sparse((4096, 2048), sparsity=0.9, seed=0)  # 32 MiB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (32 * 1.25 + 12) * 2**20


# ---- kernels with a task ----


@pytest.mark.parametrize(
    ("k", "expected"),
    [(1, [1]), (2, [0.5, 0.5]), (3, [0.5, 1, 0.5]), (4, [0.25, 0.75, 0.75, 0.25]), (5, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])],
)
def test_bilinear_is_the_triangle_of_each_length(k, expected):
    assert initializers.bilinear((1, 1, k), layout="oi").ravel() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("shape", "groups"), [((3, 3, 4, 4), 1), ((3, 1, 4, 4), 3)])
def test_bilinear_upsamples_as_torchs_interpolate(shape, groups):
    torch = pytest.importorskip("torch")
    w = torch.from_numpy(initializers.bilinear(shape, layout="iohw"))
    x = torch.from_numpy(fastinit.normal((1, 3, 8, 9), seed=0))
    upsampled = torch.nn.functional.conv_transpose2d(x, w, stride=2, padding=1, groups=groups)
    expected = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear")
    inside = np.s_[:, :, 1:-1, 1:-1]  # at the rim torch repeats the last value, the convolution pads with zeros
    assert torch.allclose(upsampled[inside], expected[inside], atol=1e-6)


def test_bilinear_makes_each_output_of_its_own_input():
    w = initializers.bilinear((3, 3, 2), layout="oi")
    assert np.array_equal(w[..., 0], 0.5 * np.eye(3)) and np.array_equal(w[..., 0], w[..., 1])


@pytest.mark.parametrize(("shape", "layout", "scale"), [((18, 2, 3, 3), "oi", 3), ((8, 2, 3), "oi", 4), ((8, 5), "oi", 2)])
def test_icnr_repeats_each_kernel_for_its_block_of_pixels(shape, layout, scale):
    values = initializers.icnr(shape, initializer="he_normal", scale=scale, seed=0, layout=layout)
    repeats = scale ** (len(shape) - 2 or 2)
    different = fastinit.he_normal((shape[0] // repeats, *shape[1:]), seed=0, layout=layout)
    assert np.array_equal(values, np.repeat(different, repeats, 0))
    strided = initializers.icnr(shape, initializer="he_normal", scale=scale, shuffle="depth_to_space", seed=0, layout=layout)
    assert np.array_equal(strided, np.concatenate([different] * repeats))


def test_icnr_before_a_pixel_shuffle_is_nearest_neighbour_upsampling():
    torch = pytest.importorskip("torch")
    w = torch.from_numpy(initializers.icnr((12, 4, 3, 3), initializer="he_normal", scale=2, seed=0, layout="oi"))
    x = torch.from_numpy(fastinit.normal((1, 4, 7, 7), seed=1))
    shuffled = torch.nn.functional.pixel_shuffle(torch.nn.functional.conv2d(x, w), 2)
    expected = torch.nn.functional.interpolate(torch.nn.functional.conv2d(x, w[::4]), scale_factor=2, mode="nearest")
    assert torch.allclose(shuffled, expected, atol=1e-6)


def test_icnr_takes_the_layout_of_its_initializers_convention():
    torchs = initializers.icnr((8, 2, 3, 3), initializer=HeNormal(convention="torch"), seed=0)
    assert np.array_equal(torchs, initializers.icnr((8, 2, 3, 3), initializer="he_normal", seed=0, layout="oi"))


STFTS = [
    {},
    {"side": "imag"},
    {"window": "hamming", "scaling": "spectrum", "periodic": True},
    {"window": "blackman", "scaling": None},
    {"window": None},
    {"window": "nuttall"},
    {"window": "blackmanharris", "periodic": True},
    {"window": "boxcar"},
    {"window": (1.0, 2.0, 3.0, -4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.0), "scaling": "spectrum"},
]


@pytest.mark.parametrize("config", STFTS, ids=str)
def test_stft_is_a_windowed_fourier_transform(config):
    signal = pytest.importorskip("scipy.signal")
    stft, frames, frequencies = STFT(**config), 10, 9
    window = np.ones(frames)
    if stft.window is not None:
        by_name = isinstance(stft.window, str)
        window = signal.get_window(stft.window, frames, stft.periodic) if by_name else np.array(stft.window)
        scale = {"density": np.linalg.norm(window), "spectrum": np.abs(window).sum(), None: 1.0}[stft.scaling]
        window = window / scale
    transform = np.exp(-2j * np.pi * np.outer(np.arange(frames), np.arange(frequencies)) / 16) * window[:, None]
    expected = transform.real if stft.side == "real" else transform.imag
    assert np.abs(stft((frames, 1, frequencies), dtype="float64")[:, 0] - expected).max() < 1e-14


@pytest.mark.parametrize("config", STFTS, ids=str)
def test_stft_equals_keras(config, keras):
    theirs = np.asarray(keras.ops.convert_to_numpy(keras.initializers.STFT(**config)((10, 1, 9))))
    assert np.abs(STFT(**config)((10, 1, 9)) - theirs).max() < 1e-5  # Keras rounds the angles, of up to 30, to float32


def test_a_quarter_turn_of_stft_is_exactly_0():
    assert initializers.stft((5, 1, 3), window=None, dtype="float64")[1, 0].tolist() == [1.0, 0.0, -1.0]
    assert not initializers.stft((5, 1, 3), side="imag", window=None, dtype="float64")[2].any()


# ---- recurrent ----


@pytest.mark.parametrize("gates", ["ifgo", "ifco", "igfo", "ijfo", "fio", "f"])
@pytest.mark.parametrize("stack", [(), (3,), (2, 2)])
def test_lstm_bias_is_0_but_for_the_forget_gate(gates, stack):
    values = initializers.lstm_bias((*stack, 5 * len(gates)), forget=2.0, gates=gates)
    by_gate = values.reshape(*stack, len(gates), 5)
    assert (by_gate[..., gates.index("f"), :] == 2.0).all() and values.sum() == 2.0 * 5 * math.prod(stack)


def test_lstm_bias_equals_keras_unit_forget_bias(keras):
    layer = keras.layers.LSTM(3)
    layer.build((None, 5, 2))
    assert np.array_equal(initializers.lstm_bias(12, gates="ifco"), keras.ops.convert_to_numpy(layer.cell.bias))


def test_lstm_bias_of_torch_opens_the_forget_gate():
    torch = pytest.importorskip("torch")
    cell = torch.nn.LSTMCell(2, 3)
    state = dict(cell.state_dict())
    state = {name: torch.zeros_like(value) for name, value in state.items()}
    state["bias_ih"] = torch.from_numpy(initializers.lstm_bias(12, forget=50.0))
    cell.load_state_dict(state)
    before = torch.tensor([[1.0, -2.0, 3.0]])
    assert torch.allclose(cell(torch.zeros(1, 2), (torch.zeros(1, 3), before))[1], before)  # what it remembers is kept


@pytest.mark.parametrize("gates", ["ifgo", "ifco", "fi"])
def test_chrono_bias_has_input_gates_of_minus_the_forget_gates_and_others_0(gates):
    by_gate = initializers.chrono_bias((3, 100 * len(gates)), longest=50.0, gates=gates, seed=0).reshape(3, len(gates), 100)
    forget, into = by_gate[:, gates.index("f")], by_gate[:, gates.index("i")]
    assert np.array_equal(forget, -into) and (forget >= 0).all() and forget.max() <= math.log(49)
    assert not by_gate[:, [gates.index(gate) for gate in gates if gate not in "fi"]].any()


def test_chrono_bias_is_log_uniform_of_1_to_longest_less_1():
    n = 100_000
    values = np.exp(initializers.chrono_bias(4 * n, longest=50.0, seed=0, dtype="float64")[n : 2 * n])
    std = 48 / math.sqrt(12)
    assert abs(values.mean() - 25) < STANDARD_ERRORS * std / math.sqrt(n)
    assert abs(values.std() - std) < STANDARD_ERRORS * std / math.sqrt(2 * n)
    assert np.array_equal(values, np.exp(np.log(1 + 48 * fastinit.uniform(n, low=0, high=1, seed=0, dtype="float64"))))


# ---- Mamba ----


def test_mamba_dt_bias_is_the_inverse_softplus_of_a_log_uniform_time_step():
    n = 100_000
    bias = initializers.mamba_dt_bias(n, seed=0, dtype="float64")
    dt = np.log1p(np.exp(bias))
    expected = np.exp(fastinit.uniform(n, low=0, high=1, seed=0, dtype="float64") * math.log(100) + math.log(1e-3))
    assert np.abs(dt / expected - 1).max() < 1e-12 and dt.min() >= 1e-3 * (1 - 1e-12) and dt.max() <= 0.1


def test_mamba_dt_bias_has_time_steps_of_at_least_the_floor():
    bias = initializers.mamba_dt_bias(1000, dt_min=1e-6, dt_max=1e-2, floor=1e-4, seed=0, dtype="float64")
    least = 1e-4 + math.log(-math.expm1(-1e-4))
    assert bias.min() == pytest.approx(least, rel=1e-12) and 300 < (bias < least + 1e-9).sum() < 700  # half of the logs


def test_mamba_dt_bias_is_of_any_shape():
    assert initializers.mamba_dt_bias((), seed=0).shape == () and initializers.mamba_dt_bias((2, 3), seed=0).shape == (2, 3)


def test_mamba_dt_weight_is_uniform_within_the_root_of_the_rank():
    assert initializers.mamba_dt_weight.distribution_for((64, 16), scale=2.0, layout="oi") == Uniform(
        -0.5, 0.5
    ).distribution_for(1)
    assert initializers.mamba_dt_weight.distribution_for(
        (16, 64), scale=2.0, scheme="constant"
    ) == fastinit.constant.distribution_for(1, 0.5)


def test_mamba_a_log_counts_along_the_last_axis():
    assert initializers.mamba_a_log((3, 4)) == pytest.approx(np.log([[1, 2, 3, 4]] * 3), rel=1e-7)
    assert initializers.mamba_a_log(5) == pytest.approx(np.log([1, 2, 3, 4, 5]), rel=1e-7)


@pytest.mark.parametrize(("low", "high"), [(1.0, 16.0), (0.0, 16.0)])
def test_mamba2_a_log_is_the_log_of_a_uniform_value(low, high):
    n = 100_000
    a = np.exp(initializers.mamba2_a_log(n, low=low, high=high, seed=0, dtype="float64"))
    assert low < a.min() and a.max() <= high * (1 + 1e-12)
    assert abs(a.mean() - (low + high) / 2) < STANDARD_ERRORS * (high - low) / math.sqrt(12 * n)


def test_mamba_parameters_equal_those_of_transformers():
    transformers = pytest.importorskip("transformers")
    config = transformers.MambaConfig(vocab_size=8, hidden_size=16, state_size=6, num_hidden_layers=1, time_step_rank=4)
    mixer = transformers.MambaModel(config).layers[0].mixer
    shape = tuple(mixer.A_log.shape)
    assert np.abs(mixer.A_log.detach().numpy() - initializers.mamba_a_log(shape)).max() < 1e-6
    bound = np.abs(mixer.dt_proj.weight.detach().numpy()).max()
    assert bound <= MambaDtWeight().distribution_for(tuple(mixer.dt_proj.weight.shape), layout="oi").high
    theirs, ours = mixer.dt_proj.bias.detach().numpy(), initializers.mamba_dt_bias(100_000, seed=0)
    assert ours.min() - 1e-3 < theirs.min() and theirs.max() < ours.max() + 1e-3


# ---- attention ----


def pair(left, right, shape, **options):
    """The two parts of a pair, (in, out) each, of one seed and name."""
    return (initializers.mimetic_attention(shape, part=part, seed=0, name="a", **options) for part in (left, right))


def product_of(width, alpha, beta, draws):
    return alpha * draws.normal((width, width), 0.0, 1 / math.sqrt(width)) + beta * np.eye(width)


def test_mimetic_value_and_output_multiply_to_alpha_z_minus_beta_i():
    value, output = pair("value", "output", (24, 24), heads=4, alpha=0.6, beta=0.3, dtype="float64")
    draws = Draws(stream_of(0, "a"), np.float64).child("value and output")
    assert np.abs(value @ output - product_of(24, 0.6, -0.3, draws)).max() < 1e-13


def test_mimetic_query_and_key_of_each_head_multiply_to_the_nearest_of_its_rank():
    query, key = pair("query", "key", (24, 24), heads=4, dtype="float64")
    draws = Draws(stream_of(0, "a"), np.float64).child("query and key")
    for head in range(4):
        u, s, vt = np.linalg.svd(product_of(24, 0.7, 0.7, draws))
        columns = np.s_[:, 6 * head : 6 * (head + 1)]
        assert np.abs(query[columns] @ key[columns].T - (u[:, :6] * s[:6]) @ vt[:6]).max() < 1e-13


def test_mimetic_z_is_normal_of_variance_1_over_width():
    value, output = pair("value", "output", (100, 100), heads=1, alpha=1.0, beta=0.0, dtype="float64")
    z = value @ output
    assert abs(z.std() * 10 - 1) < STANDARD_ERRORS / math.sqrt(2 * z.size)


def test_the_parts_of_a_mimetic_pair_share_a_products_scale_evenly():
    query, key = pair("query", "key", (24, 24), heads=1, dtype="float64")
    assert np.linalg.norm(query, axis=0) == pytest.approx(np.linalg.norm(key, axis=0), rel=1e-12)


@pytest.mark.parametrize("part", ["query", "key", "value", "output"])
def test_mimetic_attention_is_the_same_in_every_layout(part):
    w = initializers.mimetic_attention((12, 12), part=part, heads=3, seed=0)
    assert np.array_equal(initializers.mimetic_attention((12, 12), part=part, heads=3, seed=0, layout="oi"), w.T)
    by_head = {"output": ((3, 4, 12), "iio")}.get(part, ((12, 3, 4), "ioo"))
    assert np.array_equal(
        initializers.mimetic_attention(by_head[0], part=part, heads=3, seed=0, layout=by_head[1]).reshape(12, 12), w
    )


def test_a_mimetic_head_may_be_narrower_than_its_share():
    query, key = pair("query", "key", (24, 8), heads=2)
    assert query.shape == key.shape == (24, 8)


def test_the_query_and_the_key_of_a_fused_tensor_match():
    parts = tuple((1 / 3, MimeticAttention(part, 2)) for part in ("query", "key", "value"))
    fused = initializers.parts((24, 8), axis=0, parts=parts, seed=0, name="a", layout="oi")
    alone = [MimeticAttention(part, 2)((8, 8), seed=0, name="a", layout="oi") for part in ("query", "key", "value")]
    assert np.array_equal(fused, np.concatenate(alone))


def test_a_stack_of_mimetic_layers_has_other_values_in_each():
    query, key = (
        initializers.stacked((2, 8, 8), initializer=MimeticAttention(part, 1), seed=0, name="a") for part in ("query", "key")
    )
    assert not np.array_equal(query[0], query[1])
    traces = [np.trace(q @ k.T) for q, k in zip(query, key)]
    assert min(traces) > 3  # 8 beta = 5.6 and sums of 8 normals of variance 0.49 / 8


# ---- tensors made of others ----


def test_the_parts_of_a_tensor_have_the_fans_of_their_own():
    fused = Parts(0, ((400, "he_normal"), (200, "xavier_normal"), (200, "zeros")))((800, 100), seed=0, layout="oi")
    stds = [fused[:400].std(), fused[400:600].std(), fused[600:].std()]
    expected = [math.sqrt(2 / 100), math.sqrt(2 / 300), 0]
    assert stds == pytest.approx(expected, rel=STANDARD_ERRORS / math.sqrt(2 * 20_000))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_orthogonal_parts_are_matrices_of_their_own_along_any_axis(axis):
    w = np.moveaxis(initializers.parts((12, 12), axis=axis, parts=((0.5, "orthogonal"), (6, "orthogonal")), seed=0), axis, 0)
    assert is_orthonormal(w[:6]) and is_orthonormal(w[6:]) and not np.array_equal(w[:6], w[6:])


@pytest.mark.parametrize(("number", "length"), [(3, 33), (10, 3), (7, 4096), (49, 1)])
def test_shares_that_are_no_exact_floats_still_divide(number, length):
    values = [(1 / number, Constant(part)) for part in range(number)]
    assert np.array_equal(initializers.parts((number * length,), axis=0, parts=values), np.repeat(np.arange(number), length))


def test_a_part_may_be_made_of_parts():
    inner = Parts(1, ((1, "ones"), (2, "zeros")))
    values = initializers.parts((4, 3), axis=0, parts=((1, inner), (3, "ones")))
    assert values.tolist() == [[1, 0, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1]]


HALVES_OF_STACKS = Parts(-1, ((0.5, Stacked("he_normal")), (0.5, Stacked("he_normal"))))
NESTED = {
    "parts of stacks": HALVES_OF_STACKS,
    "a stack of parts": Stacked(Parts(-1, ((0.5, "he_normal"), (0.5, "he_normal")))),
    "a stack of stacks": Stacked(Stacked("normal")),
    "parts of parts": Parts(0, ((0.5, Parts(1, ((0.5, "normal"), (0.5, "normal")))),) * 2),
    "parts of parts of stacks": Parts(1, ((0.5, HALVES_OF_STACKS), (0.5, HALVES_OF_STACKS))),
    "slabs over a stack of parts": WithSlabs(
        [((1, 0, 0), (1, 4, 8), "normal"), ((2, 0, 4), (2, 4, 4), HALVES_OF_STACKS)],
        Stacked(Parts(-1, ((0.5, "he_normal"), (0.5, "he_normal")))),
    ),
}


@pytest.mark.parametrize("of", NESTED.values(), ids=NESTED)
def test_no_part_of_a_tensor_is_a_copy_of_another(of):
    values = of((8, 64, 256), seed=0, name="experts.gate_up_proj", layout="io", dtype="float64")
    assert len(np.unique(values)) == values.size


def test_a_part_has_the_same_values_whatever_comes_after_it():
    of = [(4, "he_normal"), (6, "orthogonal"), (10, "normal")]
    values = Parts(0, of)((20, 5), seed=0)
    others = Parts(0, [*of[:2], (3, "zeros"), (7, "ones")])((20, 5), seed=0)
    assert np.array_equal(values[:10], others[:10])


def test_a_part_may_be_filled_by_itself():
    whole = HALVES_OF_STACKS((8, 6, 10), seed=0, name="w", layout="io")
    stream = child_stream(stream_of(0, "w"), "[5:(8, 6, 5)]")
    distribution = fastinit.he_normal.distribution_for((6, 5))
    assert np.array_equal(whole[3, :, 5:], fill(distribution, (6, 5), seed=child_stream(stream, "3")))


def test_slabs_leave_the_other_values_as_they_are():
    plain = initializers.normal((9, 6), seed=0, name="w")
    values = WithSlabs([((2, 0), (1, 6), "zeros"), ((4, 1), (3, 2), "orthogonal")], "normal")((9, 6), seed=0, name="w")
    assert not values[2].any() and is_orthonormal(values[4:7, 1:3].T)
    values[2], values[4:7, 1:3] = plain[2], plain[4:7, 1:3]
    assert np.array_equal(values, plain)


def test_slabs_that_are_the_whole_tensor_need_no_rest():
    of = WithSlabs([((0, 0), (4, 6), "he_normal"), ((4, 0), (5, 6), "zeros")])
    parts = Parts(0, ((4, "he_normal"), (5, "zeros")))
    assert np.array_equal(of((9, 6), seed=0), parts((9, 6), seed=0))


def test_slabs_are_those_of_their_distribution():
    of = WithSlabs([((2, 0), (1, 6), Constant(0.0)), ((4, 1), (3, 2), Uniform(-1.0, 1.0))], Normal(std=0.02))
    assert WithSlabs.of(of.distribution_for((9, 6))) == of
    with pytest.raises(ValueError, match=r"the slab at \(0, 0\) must have the key '\[0:\(6,\)\]', got '0'"):
        WithSlabs.of(Stacked("normal").distribution_for((9, 6)))


def test_parts_take_the_layout_on_which_their_conventions_agree():
    conventioned = Parts(0, ((6, Orthogonal(convention="torch")), (2, HeNormal(convention="torch"))))
    plain = Parts(0, ((6, "orthogonal"), (2, "he_normal")))
    assert np.array_equal(conventioned((8, 2, 3), seed=0), plain((8, 2, 3), seed=0, layout="oi"))


def test_stacked_slices_are_the_same_whatever_their_number():
    many = initializers.stacked((5, 6, 4), initializer="orthogonal", seed=0)
    assert np.array_equal(initializers.stacked((2, 6, 4), initializer="orthogonal", seed=0), many[:2])
    assert all(is_orthonormal(w.T) for w in many) and not np.array_equal(many[0], many[1])


@pytest.mark.parametrize(("layout", "of_slice"), [("eio", "io"), ("eoi", "oi"), ("io", "io"), (None, None)])
def test_stacked_slices_have_the_fans_of_a_slice(layout, of_slice):
    values = initializers.stacked((4, 500, 20), initializer="he_normal", seed=0, layout=layout, dtype="float64")
    std = fastinit.he_normal.distribution_for((500, 20), layout=of_slice).std
    assert values.std() == pytest.approx(std, rel=STANDARD_ERRORS / math.sqrt(2 * values.size))


@pytest.mark.parametrize(("shape", "layout", "out", "into"), [((8, 6), "oi", 0, 1), ((3, 6, 8), "io", 2, 1)])
def test_looks_linear_mirrors_the_block_of_its_initializer(shape, layout, out, into):
    w = initializers.looks_linear(shape, initializer="orthogonal", seed=0, layout=layout)
    (top, bottom), block = np.split(w, 2, out), fastinit.orthogonal((4, 3), seed=0, layout="oi")
    assert np.array_equal(top, -bottom)
    left, right = np.split(top, 2, into)
    assert np.array_equal(left, -right) and (shape != (8, 6) or np.array_equal(left, block))


def test_a_relu_network_that_looks_linear_is_linear():
    first, hidden, last = (
        initializers.looks_linear(shape, initializer="orthogonal", position=layer, seed=0, name=layer, dtype="float64")
        for shape, layer in (((5, 12), "first"), ((12, 16), "hidden"), ((16, 3), "last"))
    )

    def network(x):
        return np.maximum(np.maximum(x @ first, 0) @ hidden, 0) @ last

    x, y = fastinit.normal((2, 10, 5), seed=1, dtype="float64")
    assert np.abs(network(x) + network(y) - network(x + y)).max() < 1e-14
    assert np.abs(network(x) - x @ first[:, :6] @ hidden[:6, :8] @ last[:8]).max() < 1e-14


def test_an_initializer_within_another_may_be_given_by_what_names_it():
    of_names = [ICNR(given) for given in ("he_normal", "kaiming_normal_", HeNormal, fastinit.he_normal, HeNormal())]
    assert set(of_names) == {ICNR({"class_name": "HeNormal", "config": {}})}


# ---- errors ----

F32 = "float32"
NOT_MADE = "must be a name, an initializer, its class, function or config, or a distribution, got"
HALVES = ((0.5, "zeros"), (0.5, "ones"))
ERRORS = [
    # call, error, text
    (lambda: Identity("a"), TypeError, "gain must be a number, got 'a'"),
    (lambda: Identity(math.inf), ValueError, "gain must be finite, got inf"),
    (lambda: Orthogonal(math.nan), ValueError, "gain must be finite, got nan"),
    (lambda: DeltaOrthogonal(-math.inf), ValueError, "gain must be finite, got -inf"),
    (lambda: Dirac(gain=math.inf), ValueError, "gain must be finite, got inf"),
    (lambda: LSTMBias(math.inf), ValueError, "forget must be finite, got inf"),
    (lambda: fastinit.identity((3, 4), gain=1e39), ValueError, f"gain must be within the range of {F32}, got 1e+39"),
    (lambda: fastinit.orthogonal((3, 4), gain=1e39), ValueError, f"gain must be within the range of {F32}, got 1e+39"),
    (lambda: initializers.lstm_bias(4, forget=1e39), ValueError, f"forget must be within the range of {F32}, got 1e+39"),
    (
        lambda: fastinit.identity(3),
        ValueError,
        "shape (3,) has no fan_in: identity needs at least 2 axes; for a bias use zeros",
    ),
    (
        lambda: fastinit.identity((3, 4, 5), layout="oi"),
        ValueError,
        "shape (3, 4, 5) has axes of a kernel: identity is for matrices; for a convolution use dirac",
    ),
    (
        lambda: fastinit.orthogonal((3, 4, 5)),
        ValueError,
        "shape (3, 4, 5) has 3 axes, which may be a convolution's or a stack's: orthogonal needs layout='io' for (*kernel, "
        "in, out), 'oi' for (out, in, *kernel), a letter per axis as 'hwio' or 'eio' (experts), or a fastinit.Layout",
    ),
    (lambda: Dirac(0), ValueError, "groups must be an int of at least 1, got 0"),
    (lambda: Dirac(1.0), TypeError, "groups must be an int, got 1.0"),
    (
        lambda: Dirac(convention="mxnet"),
        ValueError,
        "convention must be one of 'math', 'torch', 'keras', 'jax', got 'mxnet'",
    ),
    (
        lambda: initializers.dirac((5, 3, 3), groups=2, layout="oi"),
        ValueError,
        "groups=2 does not divide the 5 channels of shape (5, 3, 3)",
    ),
    (
        lambda: initializers.dirac((6, 3, 3), groups=2, layout=fastinit.Layout("oi", groups=3)),
        ValueError,
        "groups=2 is not that of the layout, which has groups=3",
    ),
    (
        lambda: initializers.dirac((6, 3)),
        ValueError,
        "shape (6, 3) has no axes of a kernel: dirac needs at least one; otherwise use identity",
    ),
    (
        lambda: initializers.delta_orthogonal((6, 3)),
        ValueError,
        "shape (6, 3) has no axes of a kernel: delta_orthogonal needs at least one; otherwise use orthogonal",
    ),
    (
        lambda: initializers.delta_orthogonal((3, 4, 5), layout="oi"),
        ValueError,
        "shape (3, 4, 5) has 3 outputs of 4 inputs: delta_orthogonal needs at least as many",
    ),
    (lambda: Sparse(1.5), ValueError, "sparsity must be a share between 0 and 1, got 1.5"),
    (lambda: Sparse(math.nan), ValueError, "sparsity must be a share between 0 and 1, got nan"),
    (lambda: Sparse("x"), TypeError, "sparsity must be a number, got 'x'"),
    (lambda: Sparse(0.5, -1), ValueError, "std must not be negative, got -1.0"),
    (
        lambda: initializers.sparse(4, sparsity=0.5),
        ValueError,
        "shape (4,) has no fan_in: sparse needs at least 2 axes; for a bias use zeros",
    ),
    (
        lambda: initializers.bilinear((4, 2, 3, 3), layout="oi"),
        ValueError,
        "shape (4, 2, 3, 3) has 4 outputs of 2 inputs: bilinear needs as many, or one of either",
    ),
    (
        lambda: initializers.bilinear((4, 2)),
        ValueError,
        "shape (4, 2) has no axes of a kernel: bilinear needs at least one; otherwise use identity",
    ),
    (lambda: ICNR(3), TypeError, f"initializer {NOT_MADE} 3"),
    (lambda: ICNR(None), TypeError, f"initializer {NOT_MADE} None"),
    (lambda: ICNR("he_normal", 0), ValueError, "scale must be an int of at least 1, got 0"),
    (lambda: ICNR("he_normal", 2.0), TypeError, "scale must be an int, got 2.0"),
    (
        lambda: ICNR("he_normal", 2, "unshuffle"),
        ValueError,
        "shuffle must be one of 'pixel_shuffle', 'depth_to_space', got 'unshuffle'",
    ),
    (
        lambda: initializers.icnr((6, 2, 3, 3), initializer="he_normal", layout="oi"),
        ValueError,
        "icnr needs outputs in multiples of 4, got 6 of shape (6, 2, 3, 3)",
    ),
    (
        lambda: initializers.icnr((2, 2, 4), initializer="he_normal", layout="ioo"),
        ValueError,
        f"icnr needs one axis of outputs and no groups, got {fastinit.Layout('ioo')} for shape (2, 2, 4)",
    ),
    (lambda: STFT("both"), ValueError, "side must be one of 'real', 'imag', got 'both'"),
    (lambda: STFT(scaling="x"), ValueError, "scaling must be one of 'density', 'spectrum', None, got 'x'"),
    (
        lambda: STFT(window="kaiser"),
        ValueError,
        "window must be one of 'hann', 'hamming', 'blackman', 'nuttall', 'blackmanharris', 'boxcar', got 'kaiser'",
    ),
    (lambda: STFT(window=3), TypeError, "window must be a name, numbers or None, got 3"),
    (lambda: STFT(window=["a"]), TypeError, "window must be a number, got 'a'"),
    (lambda: STFT(window=[math.inf]), ValueError, "window must be finite, got inf"),
    (lambda: STFT(periodic=1), TypeError, "periodic must be True or False, got 1"),
    (
        lambda: initializers.stft((4, 2, 3)),
        ValueError,
        "stft needs a shape of (frames, 1, frequencies of at least 2), got (4, 2, 3)",
    ),
    (
        lambda: initializers.stft((4, 1, 3), window=(1, 2, 3)),
        ValueError,
        "window has 3 numbers, but shape (4, 1, 3) has 4 frames",
    ),
    (lambda: initializers.stft((2, 1, 3)), ValueError, "window 'hann' of 2 frames is 0 all over: it cannot be scaled"),
    (
        lambda: LSTMBias(gates="igo"),
        ValueError,
        "gates must be letters, each once, with f among them, as 'ifgo', got 'igo'",
    ),
    (
        lambda: ChronoBias(9.0, "ffio"),
        ValueError,
        "gates must be letters, each once, with f and i among them, as 'ifgo', got 'ffio'",
    ),
    (
        lambda: LSTMBias(gates=4),
        ValueError,
        "gates must be letters, each once, with f among them, as 'ifgo', got 4",
    ),
    (
        lambda: initializers.lstm_bias((2, 10)),
        ValueError,
        "gates='ifgo' needs a last axis in multiples of 4, got shape (2, 10)",
    ),
    (
        lambda: initializers.chrono_bias((), longest=9.0),
        ValueError,
        "gates='ifgo' needs a last axis in multiples of 4, got shape ()",
    ),
    (lambda: ChronoBias(2), ValueError, "longest must be a finite number of steps above 2, got 2.0"),
    (lambda: ChronoBias(math.inf), ValueError, "longest must be a finite number of steps above 2, got inf"),
    (lambda: MambaDtWeight(-1), ValueError, "scale must be a finite number that is not negative, got -1.0"),
    (lambda: MambaDtWeight(1, "zeros"), ValueError, "scheme must be one of 'random', 'constant', got 'zeros'"),
    (
        lambda: MambaDtBias(0.2, 0.1),
        ValueError,
        "dt_min must be above 0 and not above dt_max, both finite, got dt_min=0.2, dt_max=0.1",
    ),
    (lambda: MambaDtBias(floor=-1), ValueError, "floor must be a finite number that is not negative, got -1.0"),
    (lambda: initializers.mamba_a_log(()), ValueError, "shape () has no axis: mamba_a_log needs at least 1"),
    (
        lambda: Mamba2ALog(-1, 2),
        ValueError,
        "low must not be negative and be below high, both finite, got low=-1.0, high=2.0",
    ),
    (
        lambda: MimeticAttention("q"),
        ValueError,
        "part must be one of 'query', 'key', 'value', 'output', got 'q'",
    ),
    (lambda: MimeticAttention("key", 0), ValueError, "heads must be an int of at least 1, got 0"),
    (lambda: MimeticAttention("query"), TypeError, "heads must be an int, got None"),
    (lambda: MimeticAttention("key", 1, "a"), TypeError, "alpha must be a number, got 'a'"),
    (lambda: MimeticAttention("key", 1, beta=math.inf), ValueError, "beta must be finite, got inf"),
    (
        lambda: initializers.mimetic_attention((8, 8), part="key", heads=3),
        ValueError,
        "heads=3 does not divide the 8 of the key's shape (8, 8)",
    ),
    (
        lambda: initializers.mimetic_attention((4, 8), part="value"),
        ValueError,
        "a head must not be wider than the 4 of shape (4, 8), got 8",
    ),
    (
        lambda: initializers.mimetic_attention((8, 8, 3), part="value", layout="oi"),
        ValueError,
        "shape (8, 8, 3) has axes of a kernel: mimetic_attention is for matrices",
    ),
    (lambda: Parts(0, "zeros"), TypeError, "parts must be pairs of a length or share and an initializer, got 'zeros'"),
    (lambda: Parts(0, ()), TypeError, "parts must be pairs of a length or share and an initializer, got ()"),
    (lambda: Parts(0, ((1,),)), TypeError, "parts must be pairs of a length or share and an initializer, got (1,)"),
    (lambda: Parts(0, (("a", "zeros"),)), TypeError, "parts must have an int length or a float share, got 'a'"),
    (lambda: Parts(0, ((True, "zeros"),)), TypeError, "parts must have an int length or a float share, got True"),
    (
        lambda: Parts(0, ((1.0, "zeros"),)),
        ValueError,
        "parts must have lengths of at least 1 or shares between 0 and 1, got 1.0",
    ),
    (
        lambda: Parts(0, ((0, "zeros"),)),
        ValueError,
        "parts must have lengths of at least 1 or shares between 0 and 1, got 0",
    ),
    (lambda: Parts(0, ((1, 2),)), TypeError, f"parts {NOT_MADE} 2"),
    (lambda: Parts(0.0, HALVES), TypeError, "axis must be an int, got 0.0"),
    (lambda: initializers.parts((4, 3), axis=2, parts=HALVES), ValueError, "axis 2 is out of range for shape (4, 3)"),
    (
        lambda: initializers.parts((5, 3), axis=0, parts=HALVES),
        ValueError,
        "parts have a share of 0.5, but 0.5 of the length 5 is not an integer",
    ),
    (
        lambda: initializers.parts((5, 3), axis=-1, parts=((1, "zeros"), (1, "ones"))),
        ValueError,
        "parts have the lengths 1, 1, but axis 1 of shape (5, 3) has 3",
    ),
    (
        lambda: initializers.parts((4,), axis=0, parts=((0.5, "he_normal"), (0.5, "zeros"))),
        ValueError,
        "shape (2,) has no fan_in: he_normal needs at least 2 axes; for a bias use zeros",
    ),
    (lambda: Stacked([]), TypeError, f"initializer {NOT_MADE} []"),
    (
        lambda: initializers.stacked((), initializer="zeros"),
        ValueError,
        "shape () has no axis 0: stacked needs at least 1 axis",
    ),
    (
        lambda: initializers.stacked((3, 4), initializer="orthogonal"),
        ValueError,
        "shape (4,) has no fan_in: orthogonal needs at least 2 axes; for a bias use zeros",
    ),
    (
        lambda: LooksLinear("zeros", "middle"),
        ValueError,
        "position must be one of 'first', 'hidden', 'last', got 'middle'",
    ),
    (
        lambda: initializers.looks_linear((5, 4), initializer="zeros"),
        ValueError,
        "looks_linear needs even lengths of axes 0, 1, got shape (5, 4)",
    ),
    (
        lambda: initializers.looks_linear((4, 2, 2), initializer="zeros", layout="ioo"),
        ValueError,
        f"looks_linear needs one axis of inputs, one of outputs and no groups, got {fastinit.Layout('ioo')}",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text for *_, text in ERRORS])
def test_a_wrong_argument_is_refused_and_says_what_is_allowed(call, error, text):
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value) == text


@ALL
def test_nothing_is_written_before_all_is_checked(case):
    out = np.full(CASES[case][1], 7, np.float32)
    for wrong in ({"seed": -1}, {"dtype": "int8"}, {"index": 99}, {"name": b"w"}):
        with pytest.raises((ValueError, TypeError, IndexError)):
            made(case, out=out, **wrong)
    assert (out == 7).all()


def test_a_gain_of_negative_zero_is_that_of_zero():
    assert Identity(-0.0) == Identity(0.0) and not np.signbit(fastinit.identity((2, 2), gain=-0.0)).any()
