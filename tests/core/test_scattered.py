"""Values at scattered positions are those of the whole, and each tile's are made once for many of them."""

import numpy as np
import pytest

from fastinit import normal
from fastinit.core import indices, positions, scattered
from fastinit.core.positions import RUNS_AT_ONCE, TruePlaces
from fastinit.core.scattered import MOST_GROUPED, fill_scattered
from tests.support import bits

TILE = 2048
SHAPE = (1500, 3000)
rng = np.random.default_rng(0)


def masks(share, shape=SHAPE):
    return rng.random(shape) < share


INDEXES = {
    "random columns": np.s_[:, rng.permutation(3000)[:700]],
    "a few columns": np.s_[:, rng.permutation(3000)[:9]],
    "columns from the end": np.s_[::-1, -1 - rng.permutation(3000)[:700]],
    "permuted rows and columns": np.ix_(rng.permutation(1500), rng.permutation(3000)[:50]),
    "random positions": tuple(rng.integers(0, n, MOST_GROUPED + 999) for n in SHAPE),
    "positions in two axes": tuple(rng.integers(-n, n, (70, 130)) for n in SHAPE),
    "a mask of a thousandth": masks(0.001),  # fewer True than tiles are made whole for
    "a mask of a percent": masks(0.01),
    "a mask of a half": masks(0.5),
    "a mask of nearly all": masks(0.99),
    "a mask whose True are together": np.arange(4_500_000).reshape(SHAPE) // 777_777 % 2 == 1,
    "a mask of one row of columns": np.s_[7:8, masks(0.5, 3000)],
    "a mask of the rows": masks(0.5, 1500),
    "a mask of the columns": np.s_[:, masks(0.5, 3000)],
    "a mask of the columns, and steps": np.s_[::3, masks(0.02, 3000)],
    "a mask with an axis after it": np.s_[..., masks(0.3), None],
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_scattered_positions_have_the_values_of_the_whole(index, dtype, num_threads):
    num_threads(2)
    whole = normal(SHAPE, seed=3, dtype=dtype)
    found = normal(SHAPE, seed=3, dtype=dtype, index=index)
    assert found.shape == whole[index].shape and np.array_equal(bits(found), bits(whole[index]))


CUBE = (60, 50, 40)
ROWS = {
    "columns of each matrix": np.s_[:, :, rng.permutation(40)[:17]],
    "columns of some rows": np.s_[::-2, rng.permutation(50)[:9, None], rng.permutation(40)[:17]],
    "rows and parts of them": np.s_[:, rng.permutation(50)[:9], 3:30:2],
    "one array beside another": np.s_[1:, rng.permutation(50)[:17], rng.permutation(40)[:17]],
    "columns of permuted matrices": np.s_[rng.permutation(60)[:, None], :, rng.permutation(40)[:17]],
    "a mask of each row": np.s_[5:, 7, rng.random(40) < 0.4, None],
}


@pytest.mark.parametrize("index", ROWS.values(), ids=ROWS.keys())
@pytest.mark.parametrize("most", [64, scattered.MOST_SPAN])
def test_rows_that_take_the_same_places_have_the_values_of_the_whole(index, most, monkeypatch):
    monkeypatch.setattr(scattered, "MOST_SPAN", most)  # few rows at once, and many
    assert np.array_equal(normal(CUBE, seed=3, index=index), normal(CUBE, seed=3)[index])


def test_places_that_rows_share_are_looked_up_once(monkeypatch):
    looked_up = []
    look_up = positions.Table.look_up
    monkeypatch.setattr(positions.Table, "look_up", lambda table, where: looked_up.append(1) or look_up(table, where))
    wanted = indices.indexed(SHAPE, INDEXES["random columns"])
    fill_scattered(Fills(), wanted, 0, TILE, np.empty(wanted.size, np.int64))
    assert len(looked_up) == 1


def test_narrow_rows_in_any_order_have_the_values_of_the_whole(each_backend):
    shape, rows = (9000, 40), rng.permutation(9000)[:500]
    assert np.array_equal(normal(shape, seed=3, index=np.s_[rows, ::-2]), normal(shape, seed=3)[rows, ::-2])


class Fills:
    """Stands for a backend that writes positions, and notes the tiles that it comes to."""

    def __init__(self):
        self.tiles = []

    def __call__(self, starts, count, step, out):
        at = starts.astype(np.int64)[:, None] + np.arange(count) * step
        out[:] = at.reshape(-1)
        visited = (at // TILE).reshape(-1)
        self.tiles += visited[np.flatnonzero(np.diff(visited, prepend=-1))].tolist()


@pytest.mark.parametrize("name", ["random positions", "random columns", "a few columns", "permuted rows and columns"])
def test_tiles_are_not_visited_again_and_again(name):
    wanted, fills = indices.indexed(SHAPE, INDEXES[name]), Fills()
    out = np.empty(wanted.size, np.int64)
    fill_scattered(fills, wanted, 0, TILE, out)
    assert np.array_equal(out, np.arange(4_500_000).reshape(SHAPE)[INDEXES[name]].reshape(-1))
    parts, tiles = -(-wanted.size // RUNS_AT_ONCE) + 1, 4_500_000 // TILE + 1
    in_each_part = 3 if "columns" in name else tiles  # those at a part's borders, and in a row that two parts share
    if name != "random columns":  # it is dense
        parts = -(-wanted.size // MOST_GROUPED) + 1
    assert len(fills.tiles) <= tiles + parts * (in_each_part if name != "permuted rows and columns" else tiles)


@pytest.mark.parametrize("starts", [np.arange(0, 9000, 7), np.arange(9000, 0, -7)])
def test_positions_in_order_are_not_sorted(monkeypatch, starts):
    monkeypatch.setattr(scattered, "DENSE", 0)
    monkeypatch.setattr(scattered, "_fill_by_tiles", lambda *arguments: pytest.fail("sorted"))
    wanted, out = indices.indexed((10_000,), starts), np.empty(len(starts), np.int64)
    fill_scattered(Fills(), wanted, 0, TILE, out)
    assert np.array_equal(out, starts)


@pytest.mark.parametrize("n", [1, TruePlaces.BLOCK - 1, TruePlaces.BLOCK, 3 * TruePlaces.BLOCK + 1])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.7, 1.0])
def test_any_part_of_the_places_of_a_mask_is_that_of_all(n, share):
    mask = masks(share, n)
    places, expected = TruePlaces(mask), np.flatnonzero(mask)
    assert places.shape == expected.shape
    for first, last in np.sort(rng.integers(0, len(expected) + 1, (20, 2)), axis=1).tolist():
        assert np.array_equal(places[first:last], expected[first:last])


def test_a_mask_takes_no_memory_for_each_true(num_threads):
    from tests.core.test_fill import peak_memory

    num_threads(2)
    mask = np.ones((2000, 2000), bool)
    peak, own = peak_memory(lambda: normal(mask.shape, seed=0, index=mask))
    assert peak - own < 4 * 2**20  # all places take 32 MB
