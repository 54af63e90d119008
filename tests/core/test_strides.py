"""An `out` of any strides gets the values of a contiguous one, and the memory between its elements stays as it is."""

import numpy as np
import pytest

import fastinit
from fastinit.backends import available_levels, backend
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.backends.request import AxesRequest

LEVELS = [("c", level) for level in available_levels()] + [("reference", None)]

# Sizes: one line of memory has 16 float32, 64 of the smallest type; of a box, eight lines.
VIEWS = {
    "transposed, of whole tiles": ((70, 4096), lambda memory: memory((4096, 70)).T),
    "transposed, of rows that begin within tiles": ((70, 5000), lambda memory: memory((5000, 70)).T),
    "transposed, of rows that share sets of a cache": ((300, 256), lambda memory: memory((256, 300)).T),
    "transposed, of rows that are parts of a tile": ((70, 1024), lambda memory: memory((1024, 70)).T),
    "transposed, in lines that line up": ((150, 3000), lambda memory: memory((3000, 160))[:, 5:155].T),
    "transposed, in lines that do not line up": ((1200, 131), lambda memory: memory((131, 1203)).T[1:1201]),
    "transposed, of a few such lines": ((135, 700), lambda memory: memory((700, 137)).T[:135]),
    "transposed, of rows in two parts": ((33, 20_000), lambda memory: memory((20_000, 33)).T),
    "transposed, smaller than a line": ((3, 5), lambda memory: memory((5, 3)).T),
    "channels last": ((40, 64, 3, 3), lambda memory: memory((40, 3, 3, 64)).transpose(0, 3, 1, 2)),
    "channels last, of few channels": ((40, 3, 7, 7), lambda memory: memory((40, 7, 7, 3)).transpose(0, 3, 1, 2)),
    "axes in reverse": ((5, 6, 7, 8), lambda memory: memory((8, 7, 6, 5)).transpose(3, 2, 1, 0)),
    "axes in reverse, of more than a box": ((70, 64, 130), lambda memory: memory((130, 64, 70)).transpose(2, 1, 0)),
    "axes in reverse, of parts of tiles": ((90, 50, 64), lambda memory: memory((64, 50, 90)).transpose(2, 1, 0)),
    "transposed rows of parts of tiles": ((30, 40, 500), lambda memory: memory((40, 30, 500)).transpose(1, 0, 2)),
    "transposed rows of many tiles": ((2, 3, 40_000), lambda memory: memory((3, 2, 40_000)).transpose(1, 0, 2)),
    "every second column": ((50, 300), lambda memory: memory((50, 600))[:, ::2]),
    "every second row, transposed": ((50, 300), lambda memory: memory((600, 50))[::2].T),
    "every third element, transposed": ((50, 300), lambda memory: memory((300, 150))[:, ::3].T),
    "a box": ((7, 20, 60), lambda memory: memory((7, 30, 100))[:, 5:25, 30:90]),
    "a box of rows within a tile": ((40, 300), lambda memory: memory((40, 320))[:, 9:309]),
    "a box of short rows": ((300, 7), lambda memory: memory((300, 8))[:, 1:]),
    "a box of long rows": ((3, 5, 2100), lambda memory: memory((3, 6, 2200))[:, 1:, 7:2107]),
    "backwards": ((40, 50), lambda memory: memory((40, 50))[::-1, ::-1]),
    "backwards, transposed": ((40, 50), lambda memory: memory((50, 40))[::-1, ::-1].T),
    "with axes of length 1": ((1, 40, 1, 50), lambda memory: memory((50, 1, 40, 1)).transpose(1, 2, 3, 0)),
    "one element of many": ((1, 1), lambda memory: memory((9, 9))[3:4, 3:4]),
}


def view_of(name, dtype):
    """The view, filled with nothing, and the whole memory that it is of."""
    shape, view = VIEWS[name]
    whole = []

    def memory(of):
        whole.append(np.full(of, 7, dtype))
        return whole[0]

    out = view(memory)
    assert out.shape == shape
    return out, whole[0]


@pytest.mark.parametrize("dtype", ELEMENT_TYPES)
@pytest.mark.parametrize("name", VIEWS)
def test_an_out_of_any_strides_gets_the_values_of_a_contiguous_one(name, dtype):
    expected = fastinit.normal(VIEWS[name][0], seed=0, name="w", dtype=dtype)
    out, memory = view_of(name, expected.dtype)
    assert fastinit.normal(out.shape, seed=0, name="w", dtype=dtype, out=out) is out
    assert out.tobytes() == expected.tobytes()
    out[...] = 7
    assert (memory == 7).all()  # nothing was written beside it


@pytest.mark.parametrize(("of", "level"), LEVELS)
@pytest.mark.parametrize("name", ["transposed, in lines that line up", "channels last", "axes in reverse"])
def test_each_level_and_the_reference_fill_it(name, of, level):
    with fastinit.use_backend(of, level):
        out, _ = view_of(name, np.float32)
        fastinit.uniform(out.shape, seed=0, out=out)
        assert (out == fastinit.uniform(out.shape, seed=0)).all()


@pytest.mark.skipif(not available_levels(), reason="the C kernels were not built")
@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8"])
@pytest.mark.parametrize("name", [name for name in VIEWS if "transposed" in name])
def test_non_temporal_stores_write_the_same(name, dtype, num_threads, level):
    kernel = {"u1": "uniform_float8_e5m2", "u2": "uniform_bfloat16", "u4": "uniform_float32", "u8": "uniform_float64"}[dtype]
    c = backend("c", level)
    found = []
    for non_temporal in (False, True):
        out, memory = view_of(name, dtype)
        out = out.view(dtype.replace("u4", "f4").replace("u8", "f8"))
        steps = tuple(np.cumprod([1, *out.shape[:0:-1]])[::-1].tolist())
        c.fill_axes(AxesRequest(kernel, (1, 2, 3, 4), np.array([0.0, 1.0]), 2048, steps, out, non_temporal, num_threads))
        found.append(memory)
    assert found[0].tobytes() == found[1].tobytes() and (found[0] != 7).any()


@pytest.mark.parametrize("index", [np.s_[::2, 1:], np.s_[::-1, ::-3], np.s_[5], np.s_[:, None, 3:90]], ids=str)
def test_part_of_a_tensor_goes_to_any_strides(index):
    full = fastinit.normal((60, 100), seed=0)
    wanted = full[index]
    out = np.empty((*wanted.shape[::-1], 2), np.float32)[..., 0].T
    fastinit.normal((60, 100), seed=0, index=index, out=out)
    assert (out == wanted).all()


def test_a_generator_fills_strides_row_by_row():
    expected, out = np.empty((30, 5, 700)), np.empty((700, 30, 5)).transpose(1, 2, 0)
    for into in (expected, out):
        fastinit.default_rng(0).standard_normal(out=into)
    assert (out == expected).all()
