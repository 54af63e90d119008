"""What Philox is asked for: a counter and a key that two draws share would make their values related."""

from collections import defaultdict

import numpy as np
import pytest

import fastinit
from fastinit.backends import reference
from fastinit.backends.catalogue import KERNELS
from tests.support import GENERATORS_PARAMETERS, STREAM, own_parameters

TILES = [*range(6), 2**32 - 1, 2**32, 2**33, 2**53 - 1]  # twice a tile and half of it are there as well
MOST_REDRAWS = {"integers": 2**32 // 257 + 1, "wideintegers": 2**63 + 1}  # ranges: 1 in 257 and 1 in 2 words are rejected


def parameters_of(kernel):
    name = kernel.distribution.name
    if kernel.name in GENERATORS_PARAMETERS:
        return own_parameters(*GENERATORS_PARAMETERS[kernel.name][0])
    if name not in MOST_REDRAWS:
        return np.ones(kernel.distribution.num_parameters)
    size, words = MOST_REDRAWS[name], 2 ** (32 * kernel.distribution.words)
    return np.array([0, size, words % size], np.uint64).view(np.float64)


@pytest.fixture
def asked_for(monkeypatch):
    """asked_for(kernel, tile): the (counter, key) pairs, of six words, that a tile's values take."""
    asked = []
    philox = reference.philox

    def recording(counter, k0, k1):
        asked.extend((*column, int(k0), int(k1)) for column in counter.T.tolist())
        return philox(counter, k0, k1)

    def of(kernel, tile):
        asked.clear()
        reference.tile_values(kernel.name, STREAM, parameters_of(kernel), tile)
        return list(asked)

    monkeypatch.setattr(reference, "philox", recording)
    return of


def test_no_two_kernels_ask_philox_for_the_same_at_two_tiles(asked_for):
    tiles_of = defaultdict(set)
    for kernel in KERNELS.values():
        for tile in TILES:
            for asked in asked_for(kernel, tile):
                tiles_of[asked].add(tile)
    assert len(tiles_of) > len(TILES) * 500
    assert [asked for asked, tiles in tiles_of.items() if len(tiles) > 1] == []


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_a_kernel_asks_philox_for_nothing_twice(asked_for, kernel):
    asked = asked_for(kernel, 3)
    assert len(set(asked)) == len(asked) >= 16


def test_integers_of_one_word_and_of_two_that_are_drawn_again_are_unrelated():
    rng, count, wide_count = fastinit.default_rng(0), MOST_REDRAWS["integers"], MOST_REDRAWS["wideintegers"]
    narrow = rng.integers(0, count, size=2**20)
    wide = rng.integers(0, wide_count, size=2**20, dtype=np.uint64)
    shares = (wide >> np.uint64(31)) * np.uint64(count) >> np.uint64(32)  # the value of `narrow` at the same share
    equal = int((narrow[2**19 :] == shares[: 2**19]).sum())
    assert equal < 4  # 0.03 are expected: a false alarm in 10^7
