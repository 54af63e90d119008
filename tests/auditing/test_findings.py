"""Each defect is found by its name, by itself, against a distribution, or beside other tensors."""

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy import stats

import fastinit
from fastinit.auditing import Finding, audit
from fastinit.auditing.hints import STD_TRUNCATED_AT_2
from fastinit.auditing.structure import PIECE
from fastinit.distributions import Constant, Normal, TruncatedNormal, Uniform
from fastinit.initializers import Parts, Stacked, WithSlabs
from tests.auditing.samples import W, drawn, found, kinds

RNG = np.random.default_rng(42)

# ---- what is wrong with a tensor by itself ---------------------------------------------------------------------------


def with_change(change, shape=(256, 256), dtype="float32"):
    array = drawn(shape=shape, dtype=dtype)
    change(array)
    return array


def set_to(index, value):
    return lambda array: array.__setitem__(index, value)


def memory_of_pointers():
    """Words as a fresh allocation may hold them: the upper half of a pointer is a subnormal float."""
    return np.full(512, 0x00007F5512345678, np.uint64).view(np.float32).reshape(32, 32) + 0


WRONG = {
    "a NaN": ("NaN", "error", with_change(set_to((3, 4), np.nan)), drawn()),
    "an infinity": ("infinite", "error", with_change(set_to((3, 4), np.inf)), drawn()),
    "old memory": ("never filled", "error", memory_of_pointers(), drawn()),
    "huge numbers": ("never filled", "error", with_change(set_to((0, [1, 2]), 3e37)), drawn()),
    "one huge number": ("never filled", "error", with_change(set_to((3, 4), 3e30)), with_change(set_to((3, 4), 3.0))),
    "one subnormal number": (
        "never filled", "error", with_change(set_to((3, 4), 1e-40)), with_change(set_to((3, 4), 1e-30)),
    ),
    "a value far out of all others": (  # by Chebyshev's inequality, 5120 for 65,536 values of std 0.02
        "outlier", "warning", with_change(set_to((3, 4), 6000.0)), with_change(set_to((3, 4), 5000.0)),
    ),
    "an end of zeros": ("never filled", "warning", with_change(set_to(slice(240, 256), 0)), with_change(set_to((0, 0), 0))),
    "a page of zeros": ("never filled", "warning", with_change(set_to(slice(8, 16), 0)), drawn()),
    "a dead matrix": ("dead", "warning", np.zeros((64, 64), np.float32), np.zeros((64, 1), np.float32)),
    "a constant matrix": ("dead", "warning", np.full((64, 64), 0.5, np.float16), np.full(64, 0.5, np.float16)),
    "a dead row": ("constant rows", "warning", with_change(set_to(7, 0.25)), with_change(set_to((7, slice(0, 9)), 0.25))),
    "a dead column": ("constant columns", "warning", with_change(set_to((slice(None), 7), 0)), drawn()),
    "a dead long row": ("constant rows", "warning", with_change(set_to(1, 0.5), (3, PIECE + 5)), drawn()),
    "a row twice": ("repeated rows", "warning", with_change(lambda a: set_to(9, a[200])(a)), drawn()),
    "a layer twice": (
        "repeated rows", "warning", with_change(lambda a: set_to(2, a[0])(a), (3, PIECE + 5)), drawn(shape=(3, PIECE + 5)),
    ),
    "float32 from bfloat16": ("few bits", "warning", drawn(dtype="bfloat16").astype(np.float32), drawn()),
    "float64 from float32": ("few bits", "warning", drawn().astype(np.float64), drawn(dtype="float64")),
    "bfloat16 of one power of 2": (
        "few values", "warning", (RNG.integers(0, 127, 65536) / 128 - 0.5).astype(ml_dtypes.bfloat16),
        drawn(dtype="bfloat16"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "severity", "wrong", "right"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_tensor_is_found_without_a_distribution(kind, severity, wrong, right):
    assert [(finding.kind, finding.severity) for finding in found(wrong)] == [(kind, severity)]
    assert found(right) == ()


def test_an_identity_a_forget_bias_and_a_sparse_matrix_are_as_they_should_be():
    forget_bias = np.concatenate([np.zeros(256), np.ones(256), np.zeros(512)])
    sparse = drawn() * (np.random.default_rng(0).random((256, 256)) < 0.1)
    center_only = np.zeros((3, 3, 64, 64), np.float32)
    center_only[1, 1] = drawn(shape=(64, 64), seed=1)
    tensors = {"eye": np.eye(64, 96), "also": np.eye(64, 96), "lstm": forget_bias, "sparse": sparse, "center": center_only}
    assert audit(tensors).findings == ()


# ---- what is wrong against a distribution ----------------------------------------------------------------------------

CORRECTED = TruncatedNormal(0.0, 0.02 / STD_TRUNCATED_AT_2, -2.0, 2.0)  # has std 0.02
STANDARD, TRUNCATED = Normal(0.0, 1.0), TruncatedNormal(0.0, 0.02, -2.0, 2.0)


def far_out(array):
    """Eight values at 5.5 std: 0.004 are expected beyond 5."""
    array[:8] = 5.5


def two_humps(array):
    """Mean, std and the tails from 1 std on stay as they are: the mean square between -1 and 1 is 0.291."""
    inside = abs(array) < 1
    array[inside] = np.sign(array[inside]) * np.sqrt(0.291 + 0.1 * (RNG.random(inside.sum()) - 0.5))


def changed(distribution, change):
    array = drawn(distribution, 65536)
    change(array)
    return array


UNLIKE = {
    "a biased mean": (["mean"], W, drawn(Normal(0.001, 0.02)), "standard errors off"),
    "a one-sided uniform": (["mean", "std"], Uniform(-0.05, 0.05), drawn(Uniform(0.0, 0.05)), "no value is below 0"),
    "a std 5 % too large": (["std"], W, drawn(Normal(0.0, 0.021)), "1.05"),
    "the variance as std": (["std"], W, drawn(Normal(0.0, 0.0004)), "the variance seems to have been passed as the std"),
    "the std as variance": (["std"], W, drawn(Normal(0.0, 0.02**0.5)), "the std seems to have been passed as the variance"),
    "an uncorrected truncation": (["std"], CORRECTED, drawn(TRUNCATED), "without dividing its std"),
    "a truncated normal": (["std"], W, drawn(TRUNCATED), "without dividing its std"),
    "no truncation": (["std", "outside"], TRUNCATED, drawn(W), "not truncated at 2 std"),
    "ReLU's gain left out": (["std"], W, drawn(Normal(0.0, 0.02 / 2**0.5)), "a factor of 2 is missing"),
    "the other fan": (["std"], W, drawn(Normal(0.0, 0.02 * 1.5**0.5), (384, 256)), "the other fan was used"),
    "the std as a bound": (["std"], W, drawn(Uniform(-0.02, 0.02)), "the bound of a uniform"),
    "torch's default": (["std"], Normal(0.0, 0.05), drawn(Uniform(-1 / 16, 1 / 16)), "that of torch's default for layers"),
    "a leak at the bound": (["outside"], TRUNCATED, changed(TRUNCATED, set_to(5, 0.0401)), "stays within [-0.04, 0.04]"),
    "a uniform of the right std": (["tails"], W, drawn(Uniform(-0.02 * 3**0.5, 0.02 * 3**0.5)), "0 values beyond"),
    "too many far out": (["tails"], STANDARD, changed(STANDARD, far_out), "8 values beyond 5 std"),
    "two humps": (["shape"], STANDARD, changed(STANDARD, two_humps), "chi-square"),
    "one value far out": (["outside"], STANDARD, changed(STANDARD, set_to(5, 8.0)), "a value of 8, where the distribution"),
    "a few values far out": (["outside"], W, drawn(shape=5) + np.float32([0, 0, 9, 0, 0]), "once in 1,000,000 tensors"),
    "a single value": (["outside"], W, np.float32(1.0), "a value of 1, where the distribution gives one so far out"),
    "half of it zero": (["zeros"], W, changed(W, set_to(slice(None, None, 2), 0)), "50.00%"),
    "one value": (["dead"], W, np.full((256, 256), 0.02, np.float32), "every value is 0.02"),
    "one value in a vector": (["dead"], W, np.zeros(256, np.float32), "every value is 0"),
    "another constant": (["value"], Constant(1.0), np.zeros(64, np.float32), "all should be 1"),
    "no constant": (["value"], Constant(0.0), drawn(shape=64), "all should be 0"),
    "65,536 values": (
        ["few values"], Uniform(0.0, 0.9), (0.9 / 65536 * RNG.integers(0, 65536, 65536)).astype(np.float32), "among 65,536",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("expected_kinds", "distribution", "wrong", "text"), UNLIKE.values(), ids=UNLIKE)
def test_what_is_unlike_the_distribution_is_found_and_explained(expected_kinds, distribution, wrong, text):
    findings = found(wrong, distribution)
    assert [finding.kind for finding in findings] == expected_kinds
    assert all(finding.severity == "error" for finding in findings)
    assert any(text in finding.sentence for finding in findings)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (drawn(Normal(0.0, 0.05 / 6**0.5)), Normal(0.0, 0.05)),
        (drawn(Normal(0.0, 768**-0.5)), Normal(0.0, 128**-0.5)),  # the std of torch's default for 256 inputs
        (drawn(Normal(0.0, 0.02 / 3**0.5)), W),
        (drawn(Normal(0.0, 0.02 * STD_TRUNCATED_AT_2)), W),
        (drawn(TruncatedNormal(0.0, 0.02 / STD_TRUNCATED_AT_2**2, -2.0, 2.0)), W),
    ],
)
def test_no_cause_is_named_whose_values_are_of_another_shape(values, expected):
    """The ratio of the stds alone says nothing: the bound of a uniform, a truncation, torch's default show in the values."""
    (finding,) = [finding for finding in found(values, expected) if finding.kind == "std"]
    assert finding.sentence.endswith("standard errors off")


@pytest.mark.parametrize(("dtype", "distinct"), [(ml_dtypes.bfloat16, 128), (np.float16, 1024)])
@pytest.mark.parametrize("distribution", [Uniform(0.0, 1.0), STANDARD], ids=["uniform", "normal"])
def test_values_drawn_with_the_bits_of_a_narrow_significand_are_found(distribution, dtype, distinct):
    """As JAX draws them: the steps of the uniform are those of one power of 2."""
    u = (RNG.integers(0, distinct, 65536) + 0.5) / distinct
    array = (u if distribution == Uniform(0.0, 1.0) else stats.norm.ppf(u)).astype(dtype)
    few = [finding for finding in found(array, distribution) if finding.kind == "few values"]
    assert few and f"{len(np.unique(array.astype(float))):,} distinct values" in few[0].sentence


@pytest.mark.parametrize(
    ("n", "factor", "noticed"), [(20, 1.5, False), (20, 4.0, True), (10**6, 1.002, False), (10**6, 1.01, True)]
)
def test_how_small_a_wrong_std_is_noticed_depends_on_the_number_of_values(n, factor, noticed):
    assert bool(found(drawn(Normal(0.0, 0.02 * factor), n), W)) == noticed


def test_a_tensor_whose_distribution_has_no_known_density_is_examined_by_itself():
    orthogonal = fastinit.initializers.Orthogonal()
    assert found(np.zeros((8, 8), np.float32), orthogonal) == (Finding("w", "dead", "warning", "every value is 0"),)
    assert found(fastinit.orthogonal((64, 64), seed=0), orthogonal) == ()


@pytest.mark.parametrize(
    "expected",
    [W, fastinit.Normal(0.0, 0.02), "lecun_normal", {"class_name": "Normal", "config": {"mean": 0.0, "std": 0.02}}],
    ids=["distribution", "initializer", "name", "config"],
)
def test_whatever_gives_a_distribution_may_be_expected(expected):
    assert found(drawn(shape=(2500, 50)), expected) == ()
    assert not audit({"w": drawn(Normal(0.0, 1.0), (2500, 50))}, {"w": expected}).ok


def test_a_plan_may_be_expected():
    recipe = fastinit.Recipe([fastinit.Rule("*", fastinit.Normal(0.0, 0.02))])
    plan = recipe.plan({"w": (256, 256)})
    assert audit({"w": drawn()}, plan).ok and not audit({"w": 50 * drawn()}, plan).ok


def test_a_distribution_without_a_tensor_is_found():
    report = audit({"w": drawn()}, {"w": W, "gone": W})
    assert kinds(report) == ["missing"] and not report.ok


# ---- parts of a tensor that have distributions of their own ----------------------------------------------------------

PADDED = WithSlabs([((0, 0), (1, 64), "zeros")], fastinit.Normal(std=0.02))
FUSED = Parts(-1, ((0.5, fastinit.Normal(std=0.02)), (0.5, fastinit.Normal(std=0.5))))


def test_each_slab_is_measured_against_its_own_distribution():
    tensors = {"padded": PADDED((500, 64), seed=0), "fused": FUSED((50, 64), seed=1)}
    report = audit(tensors, {"padded": PADDED, "fused": FUSED})
    assert report.findings == ()
    assert [(row.name, row.shape, row.expected_std and round(row.expected_std, 3)) for row in report.tensors] == [
        ("padded[0]", (1, 64), 0), ("padded[1:]", (499, 64), 0.02),
        ("fused[:, :32]", (50, 32), 0.02), ("fused[:, 32:]", (50, 32), 0.5),
    ]  # fmt: skip


def test_what_is_wrong_with_a_slab_is_found_there():
    values = PADDED((500, 64), seed=0)
    values[0, 3], values[1:] = 0.01, 2 * values[1:]
    assert [(f.name, f.kind) for f in audit({"w": values}, {"w": PADDED}).findings] == [("w[0]", "value"), ("w[1:]", "std")]


def test_slabs_in_a_file_are_measured(tmp_path):
    save_file({"a": drawn(), "w": FUSED((50, 64), seed=0, dtype="bfloat16")}, tmp_path / "m.safetensors")
    report = audit(tmp_path / "m.safetensors", {"a": W, "w": FUSED})
    assert report.findings == () and [row.name for row in report.tensors] == ["a", "w[:, :32]", "w[:, 32:]"]
    assert sum(row.n for row in report.tensors) == 256 * 256 + 50 * 64


@pytest.mark.parametrize("stack", [Stacked("he_normal"), Parts(0, ((0.5, "he_normal"), (0.5, "he_normal")))], ids=str)
def test_slabs_of_one_distribution_are_measured_together(stack):
    distribution = stack.distribution_for((4, 50, 60), layout="oi")
    values = stack((4, 50, 60), seed=0, layout="oi")
    assert [row.std_off is not None for row in audit({"w": values}, {"w": distribution}).tensors] == [True]
    assert found(2 * values, distribution)[0].kind == "std"
    assert found(values[:2], distribution) == ()  # a part of the tensor


def repeating(values, parts, later, earlier, axis, factor=1):
    """The values with part number `later` of equal parts along an axis replaced by `factor` times number `earlier`."""
    pieces = np.split(values, parts, axis)
    pieces[later] = (factor * pieces[earlier].astype(np.float64)).astype(values.dtype)
    return np.concatenate(pieces, axis)


PARTS = [  # number of parts, the one that repeats an earlier one, that one, the axis, the tensor's shape
    (2, 1, 0, 0, (64, 64)),
    (2, 1, 0, 1, (64, 64)),
    (3, 2, 1, 2, (8, 10, 96)),
    (2, 1, 0, 1, (8, 10, 96)),
    (5, 4, 2, 0, (40, 60)),
    (7, 3, 1, 3, (3, 4, 5, 14)),
    (12, 11, 5, 1, (30, 96)),  # heads
    (64, 63, 8, 1, (50, 64)),  # columns
    (4, 3, 0, 0, (400,)),
    (10, 9, 8, 0, (400,)),
    (2, 1, 0, 1, (2, 2 * PIECE + 2)),
    (3, 2, 0, 0, (3, 2, PIECE)),
]


@pytest.mark.parametrize(("parts", "later", "earlier", "axis", "shape"), PARTS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("expected", "severity"), [(W, "error"), (None, "warning")])
def test_parts_that_are_copies_of_each_other_are_found(parts, later, earlier, axis, shape, dtype, expected, severity):
    values = drawn(shape=shape, dtype=dtype)
    assert found(values, expected) == ()
    (finding,) = found(repeating(values, parts, later, earlier, axis), expected)
    if parts == shape[0] and axis == 0 and len(shape) > 1:
        text = f"1 of {parts} rows repeat another, the first is {later} = {earlier}"
        assert finding == Finding("w", "repeated rows", severity, text)
    else:
        text = f"of {parts} equal parts along axis {axis}, number {later} repeats number {earlier}"
        assert finding == Finding("w", "repeated parts", severity, text)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("order", ["C", "F", "strided"])
def test_parts_of_arrays_in_any_memory_layout_are_compared(axis, order):
    values = repeating(drawn(shape=(60, 80)), 2, 1, 0, axis)
    if order == "strided":
        values = np.repeat(np.repeat(values, 2, 0), 3, 1)[::2, ::3]
    assert kinds(audit({"w": np.asarray(values, order=None if order == "strided" else order)})) == ["repeated parts"]


@pytest.mark.parametrize("axis", [0, 1])
def test_parts_in_a_file_are_compared(tmp_path, axis):
    save_file(
        {"odd": np.ones(3, np.uint8), "w": repeating(drawn(shape=(60, 80)), 4, 3, 1, axis)}, tmp_path / "m.safetensors"
    )
    assert kinds(audit(tmp_path / "m.safetensors")) == ["repeated parts"]


@pytest.mark.parametrize("factor", [-1, 2, -0.5])
@pytest.mark.parametrize(("parts", "later", "earlier", "axis"), [(2, 1, 0, 0), (2, 1, 0, 1), (3, 2, 1, 1), (4, 3, 2, 1)])
def test_parts_that_are_multiples_of_each_other_are_found(factor, parts, later, earlier, axis):
    findings = found(repeating(drawn(shape=(120, 120)), parts, later, earlier, axis, factor), W)
    where = f"of {parts} equal parts along axis {axis}, number {later}"
    text = f"{where} leads with the values, times a factor, of number {earlier}"
    assert Finding("w", "repeated parts", "error", text) in findings


def table(function):
    """A computed table (64, 64), whose halves are the same, as those of rotary embeddings."""
    angles = np.arange(64)[:, None] * 10000.0 ** -(np.arange(32) / 32)
    return np.tile(function(angles), (1, 2)).astype(np.float32)


COMPUTED = {
    "cosines": table(np.cos),
    "sines": table(np.sin),
    "frequencies": np.tile(10000.0 ** -(np.arange(32) / 32), 2),
    "positions": np.tile(np.arange(100.0), 2),
    "one tap of a convolution": np.pad(drawn(shape=(1, 1, 64, 64)), ((1, 1), (1, 1), (0, 0), (0, 0))),
    "a few of many values": drawn(shape=(256, 256)) * (RNG.random((256, 256)) < 0.01),
    "few of each column": drawn(shape=(256, 256)) * (RNG.random((256, 256)) < 0.001),
    "negated halves": np.concatenate([drawn(), -drawn()]),  # as looks_linear has them
}


@pytest.mark.parametrize("case", COMPUTED)
def test_parts_that_are_alike_by_design_are_not_found(case):
    assert "repeated parts" not in kinds(audit({"w": COMPUTED[case]}))


def test_parts_that_draw_the_same_stream_are_found():
    values = np.concatenate([drawn(shape=(64, 32)), drawn(Normal(0.0, 0.5), (64, 32))], 1)
    assert [(f.name, f.kind) for f in audit({"w": values}, {"w": FUSED}).findings] == [("w[:, 32:]", "same stream")]


# ---- tensors that repeat others --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("distributions", "severity"), [(None, "warning"), ({"a": W, "b": W}, "error")])
def test_the_same_bytes_twice_are_found(distributions, severity):
    report = audit({"a": drawn(), "b": drawn().copy()}, distributions)
    assert report.findings == (Finding("b", "duplicate", severity, "holds the same bytes as 'a'"),)


@pytest.mark.parametrize(
    "again",
    [
        -drawn(),
        -2 * drawn(),
        drawn() / 3,
        drawn() + 1,
        drawn(shape=(300, 10)),
        drawn(Normal(0.5, 3.0)),
        drawn(dtype="bfloat16"),
        drawn(dtype="float8_e4m3fn"),
        drawn(shape=20),
    ],
    ids=["negated", "negated scale", "a third", "shifted", "shape", "scale", "dtype", "narrow dtype", "few"],
)
def test_the_same_draws_in_another_shape_scale_or_dtype_are_found(again):
    assert kinds(audit({"a": drawn(), "b": again})) == ["same stream"]


def test_each_repetition_is_found_once_and_named_after_the_first():
    tensors = {"a": drawn(), "b": drawn(seed=1), "c": drawn().copy(), "d": drawn().copy(), "e": drawn(shape=100)}
    found = [(f.name, f.kind, f.sentence[-3:]) for f in audit(tensors).findings]
    assert found == [("c", "duplicate", "'a'"), ("d", "duplicate", "'a'"), ("e", "same stream", "'a'")]


def test_what_repeats_by_design_is_not_found():
    shared = drawn()
    tensors = {
        "tied": shared, "to": shared, "ones": np.ones(64), "again": np.ones(64), "eye": np.eye(9), "eyes": np.eye(9),
        "frequencies": np.arange(64.0), "times 2": 2 * np.arange(64.0), "other": drawn(seed=1),
    }  # fmt: skip
    assert audit(tensors).findings == ()


def test_repetitions_in_a_file_are_found(tmp_path):
    save_file({"a": drawn(), "b": drawn().copy(), "c": drawn(seed=1)}, tmp_path / "m.safetensors")
    assert kinds(audit(tmp_path / "m.safetensors")) == ["duplicate"]
