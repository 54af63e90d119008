"""What C measures of a tensor is what NumPy does where no C compiler was."""

import numpy as np
import pytest

import fastinit
from fastinit import Normal, audit
from fastinit.auditing.structure import PIECE
from fastinit.backends import available_backends, available_levels, use_backend

pytestmark = pytest.mark.skipif("c" not in available_backends(), reason="the C kernels were not built")


def with_values(w, at, values):
    w = w.copy()
    w.reshape(-1)[at] = values
    return w


def drawn(dtype, shape=(300, 1001), std=0.02):
    return fastinit.normal(shape, std=std, seed=0, dtype=dtype)


MADE = {
    "right": drawn,
    "of one value": lambda dtype: np.full((3, 5), -2.5, dtype),
    "of one element": lambda dtype: np.ones(1, dtype),
    "empty": lambda dtype: np.ones((0, 4), dtype),
    "shorter than a row of lanes": lambda dtype: drawn(dtype, (7,)),
    "of several pieces": lambda dtype: drawn(dtype, (2 * PIECE + 5,)),
    "too wide": lambda dtype: drawn(dtype, std=0.5),
    "with a run of zeros": lambda dtype: with_values(drawn(dtype), slice(5000, 9000), 0.0),
    "with minus zeros": lambda dtype: with_values(drawn(dtype), slice(0, 100), -0.0),
    "with NaN": lambda dtype: with_values(drawn(dtype), 777, np.nan),
    "with infinities": lambda dtype: with_values(drawn(dtype), [5, 77], [np.inf, -np.inf]),
    "subnormal": lambda dtype: with_values(drawn(dtype), slice(0, 50), np.finfo(dtype).smallest_subnormal),
    "huge": lambda dtype: with_values(drawn(dtype), [3, 4], [2.0**60, 2.0**61]),
    "in other units": lambda dtype: drawn(dtype) * np.finfo(dtype).max,
    "of few bits": lambda dtype: drawn("bfloat16").astype(dtype),
}


def rows_equal(row, other):
    plain, theirs = row.as_dict(), other.as_dict()
    for name in ("mean", "std", "skewness", "excess_kurtosis", "mean_off", "std_off", "centre", "sigma"):
        ours, numpys = plain.pop(name), theirs.pop(name)
        assert ours == numpys or ours == pytest.approx(numpys, rel=1e-9, abs=1e-9), name
    plain.pop("expected_beyond"), theirs.pop("expected_beyond")  # by `sigma`
    assert plain == theirs
    assert row.histogram is other.histogram or np.array_equal(row.histogram, other.histogram)


@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", available_levels())
def test_rows_and_findings_are_those_of_numpy(make, dtype, level):
    w = make(dtype)
    reports = []
    for backend in (("c", level), ("reference", None)):
        with use_backend(*backend):
            reports.append(audit({"w": w}, {"w": Normal(std=0.02)}))
    assert [(f.kind, f.severity) for f in reports[0].findings] == [(f.kind, f.severity) for f in reports[1].findings]
    rows_equal(reports[0].tensors[0], reports[1].tensors[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_value_is_lost_or_read_beyond_the_end(dtype):
    from fastinit.backends import c_measures

    memory = np.full(40, np.nan, dtype)
    for n in range(20):
        memory[3 : 3 + n] = np.arange(1, n + 1)
        values = memory[3 : 3 + n]
        tally = c_measures.tally(available_levels()[-1], values, 0.5, 2.5)
        assert (tally.not_finite, tally.zeros, tally.out_of_range) == (0, 0, max(0, n - 2))
        if n:
            assert (tally.low, tally.high, tally.mean) == (1, n, (n + 1) / 2)
        bins = c_measures.histogram(available_levels()[-1], values, 0.0, 1.0, 0.0, 6)
        assert bins.tolist() == np.bincount(np.minimum(values, 5).astype(int), minlength=6).tolist()


def test_a_file_is_read_into_one_memory_a_thread(tmp_path, num_threads):
    from safetensors.numpy import save_file

    num_threads(2)
    tensors = {f"w{i}": fastinit.normal((PIECE // 8, 20), std=0.02, seed=i) for i in range(3)}
    save_file(tensors, tmp_path / "w.safetensors")
    of_file, of_arrays = audit(tmp_path / "w.safetensors"), audit(tensors)
    for row, other in zip(of_file.tensors, of_arrays.tensors, strict=True):
        rows_equal(row, other)
