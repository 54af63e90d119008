"""What the audit measures is what NumPy measures, of arrays and of files; what it refuses says what is right."""

import numpy as np
import pytest
from scipy import stats

import fastinit
from fastinit.auditing import audit
from fastinit.auditing.structure import PIECE
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.distributions import Normal
from tests.auditing.samples import W, drawn

# ---- what is measured ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 3])  # borders of a piece
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float8_e5m2"])
def test_the_numbers_are_those_of_numpy(n, dtype):
    array = drawn(Normal(3.0, 0.5), n, dtype)
    (row,) = audit({"w": array}).tensors
    values = array.astype(np.float64)
    assert (row.name, row.shape, row.dtype, row.n) == ("w", (n,), dtype, n)
    assert (row.min, row.max, row.nan, row.inf) == (values.min(), values.max(), 0, 0)
    assert row.zeros == (values == 0).sum()
    np.testing.assert_allclose([row.mean, row.std], [values.mean(), values.std()], rtol=1e-12)
    if n > 2:
        np.testing.assert_allclose(row.skewness, stats.skew(values), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(row.excess_kurtosis, stats.kurtosis(values), rtol=1e-6, atol=1e-12)
        for sigmas, count in row.beyond.items():
            assert count == pytest.approx((abs(values - row.mean) > sigmas * row.std).sum(), abs=1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_distinct_values_of_narrow_dtypes_are_all_counted(dtype):
    array = drawn(dtype=dtype, shape=300_000)
    (row,) = audit({"w": array}).tensors
    assert row.distinct == len(np.unique(array.view(f"u{array.itemsize}")))
    assert row.distinct_of == row.n


@pytest.mark.parametrize("n", [1000, 65536, 65537, 300_000])  # the sample is 65,536
def test_distinct_values_of_wide_dtypes_are_counted_in_a_sample(n):
    (row,) = audit({"w": np.arange(n, dtype=np.float32)}).tensors
    assert row.distinct == row.distinct_of
    assert row.distinct_of == n if n <= 65536 else 65000 < row.distinct_of <= 65536


def test_nan_and_infinity_are_counted_and_left_out_of_the_rest():
    array = drawn(shape=1000)
    array[:3], array[5] = np.nan, -np.inf
    (row,) = audit({"w": array}).tensors
    assert (row.nan, row.inf) == (3, 1)
    assert row.std == pytest.approx(array[6:].std(), rel=0.01)
    assert row.histogram.sum() == 996


def test_an_array_that_is_not_contiguous_is_measured_as_it_is():
    array = drawn(shape=(700, 600))
    for view in (array.T, array[::2, ::3], array[::-1], array.astype(">f4")):
        (row,) = audit({"w": view}).tensors
        assert row.mean == pytest.approx(view.mean(dtype=np.float64), rel=1e-9)
        assert row.shape == view.shape


def test_a_list_an_empty_array_and_a_scalar_are_tensors_as_well():
    report = audit({"list": [0.5, 1.5], "empty": np.empty((0, 4), np.float32), "scalar": np.float32(2)})
    assert [(row.n, row.mean) for row in report.tensors] == [(2, 1.0), (0, None), (1, 2.0)]
    assert report.ok and str(report)


@pytest.mark.parametrize("array", [np.arange(5), np.zeros(3, bool), np.zeros(3, np.complex64)])
def test_what_is_not_of_a_float_dtype_is_reported_as_skipped(array):
    report = audit({"buffer": array, "w": drawn()})
    assert report.tensors[0].skipped and report.tensors[0].mean is None
    assert "skipped" in str(report) and report.ok


@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_the_report_does_not_depend_on_the_threads(num_threads):
    tensors = {f"w{i}": drawn(shape=(300, 1000), dtype=dtype, seed=i) for i, dtype in enumerate(ELEMENT_TYPES)}
    before = fastinit.get_num_threads()
    expected = audit(tensors).as_dict()
    fastinit.set_num_threads(num_threads)
    try:
        assert audit(tensors).as_dict() == expected
    finally:
        fastinit.set_num_threads(before)


def test_nested_mappings_are_tensors_by_their_paths():
    tensors = {"encoder": {"w": drawn(), "block": {"b": np.zeros(3)}}, "top": 2 * drawn(seed=1)}
    expected = {"encoder": {"w": {"class_name": "Normal", "config": {"std": 0.02}}, "block": {"b": "zeros"}}, "top": W}
    report = audit(tensors, expected)
    assert [row.name for row in report.tensors] == ["encoder.w", "encoder.block.b", "top"]
    assert [(finding.name, finding.kind) for finding in report.findings] == [("top", "std")]
    assert audit(tensors, {"encoder.w": W, "top": Normal(0.0, 0.04)}).ok


@pytest.mark.parametrize(("layout", "fan_in"), [("oi", 50), ("io", 200)])
def test_fans_are_those_of_the_layout(layout, fan_in):
    values = {"w": drawn(Normal(0.0, (2 / fan_in) ** 0.5), (200, 50))}
    assert audit(values, {"w": "he_normal"}, layout=layout).ok
    assert not audit(values, {"w": "he_normal"}, layout=layout[::-1]).ok


def test_a_layout_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"^expected\['w'\]: "):
        audit({"w": drawn()}, {"w": "he_normal"}, layout="oihw")


# ---- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0],), TypeError, "tensors must be a mapping from names to arrays, or the path of a .safetensors or "),
        (({},), ValueError, "tensors is empty: there is nothing to audit"),
        (({1: np.ones(3)},), TypeError, "names of tensors must be str, got 1"),
        (({"w": "text"},), TypeError, "tensor 'w' must hold numbers, got dtype "),
        (({"w": [[1.0], [1.0, 2.0]]},), TypeError, "tensor 'w' is no array: "),
        (({"w": np.ones(3)}, [W]), TypeError, "expected must be a mapping from names to distributions or initializers, or "),
        (({"w": np.ones(3)}, {"w": 0.02}), TypeError, "expected['w'] must be a name, an initializer, its class, "),
        (({"w": np.ones(3)}, {"w": np.ones(3)}), TypeError, "expected['w'] must be a name, an initializer, its class, "),
        (({"w": np.ones(3)}, {"w": np.zeros}), TypeError, "expected['w'] must be a name, an initializer, its class, "),
        (({"w": np.ones(3)}, {"w": None}), TypeError, "expected['w'] must be a name, an initializer, its class, "),
        (({"a": {"w": np.ones(3)}}, {"a": {"w": 2}}), TypeError, "expected['a.w'] must be a name, an initializer, its "),
        (({"a": {0: np.ones(3)}},), TypeError, "names of tensors must be str, got 0 in 'a'"),
        (({"w": np.ones(3)}, {"a": {1: W}}), TypeError, "names of expected must be str, got 1 in 'a'"),
        (({"a.w": np.ones(3), "a": {"w": np.ones(3)}},), ValueError, "tensors has the name 'a.w' twice, with and without"),
        (({"w": np.ones(3)}, {"w": "kaming_normal"}), ValueError, "expected['w']: unknown initializer "),
        (({"w": np.ones(3)}, {"w": "he_normal"}), ValueError, "expected['w']: "),
        (
            ({"w": np.ones(3)}, {"v": W}),
            ValueError,
            "expected has none of the tensors' names: it has 'v', they are 'w'",
        ),
    ],
)
def test_wrong_arguments_are_told_what_is_right(arguments, error, message):
    with pytest.raises(error) as caught:
        audit(*arguments)
    assert str(caught.value).startswith(message)


def test_files_that_cannot_be_read_raise(tmp_path, gpt2_like):
    with pytest.raises(FileNotFoundError):
        audit(tmp_path / "no.safetensors")
    (tmp_path / "text.safetensors").write_text("not a header, for sure")
    with pytest.raises(ValueError, match="is no safetensors file that can be read"):
        audit(tmp_path / "text.safetensors")
    short = tmp_path / "short.safetensors"
    short.write_bytes(gpt2_like.path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"is no safetensors file that can be read: .*incomplete"):
        audit(short)


def test_progress_counts_every_byte(gpt2_like):
    counted = []
    audit(gpt2_like.path, progress=counted.append)
    assert sum(counted) == gpt2_like.plan.nbytes()
