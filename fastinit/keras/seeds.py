"""From a Keras seed to the words of a stream."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np
from numpy.random import SeedSequence

from fastinit.core.stream import Stream, stream_of
from fastinit.runtime.types import Array

KERAS = int.from_bytes(b"keras", "big")

Seed: TypeAlias = "int | keras.random.SeedGenerator"


def seed_of(seed: Any) -> int | SeedSequence:
    """The seed with which NumPy functions give the values that an initializer with this Keras seed gives at its next call.

    `seed`: an initializer, for its `seed`; an int, which is returned as it is; or a `keras.random.SeedGenerator`, which is
    left as it is. In state (seed, counter) that is `SeedSequence([seed, 0, counter, 0], spawn_key=(0x6B65726173,))`, zeros
    for the upper halves of 64 bits and 0x6B65726173 for "keras" in ASCII: no int below 2**128 and no tensor's name gives the
    same, and seed 1 at counter 1 is not seed 2. TypeError for anything else.

    >>> import fastinit.keras, keras, numpy as np
    >>> init = fastinit.keras.HeNormal(seed=keras.random.SeedGenerator(7))
    >>> weight = fastinit.he_normal((256, 128), seed=fastinit.keras.seed_of(init), convention="keras")
    >>> np.array_equal(weight, keras.ops.convert_to_numpy(init((256, 128))))
    True
    """
    seed = getattr(seed, "seed", seed)
    if isinstance(seed, keras.random.SeedGenerator):
        return _sequence(np.asarray(keras.ops.convert_to_numpy(seed.state.value)))
    if isinstance(seed, int) and not isinstance(seed, bool):
        return seed
    raise TypeError(f"seed must be an initializer, an int or a keras.random.SeedGenerator, got {seed!r}")


def check_seed(seed: Seed, name: str | None) -> None:
    """TypeError or ValueError for an int or a name that makes no stream."""
    stream_of(0 if isinstance(seed, keras.random.SeedGenerator) else seed, name)


class Source(NamedTuple):
    """Where a tensor's values come from: words (a generator's are a tensor of the backend) and what makes a stream of them.

    For seeds of one kind and one name `stream_of` is one function, so that what was compiled with it can be found again.
    """

    words: Any
    stream_of: Callable[[Array], Stream]

    def stream(self) -> Stream:
        return self.stream_of(np.asarray(keras.ops.convert_to_numpy(self.words)))


def next_source(seed: Seed, name: str | None) -> Source:
    """The source of the next call. A generator moves on, as it does for Keras' own initializers."""
    if isinstance(seed, keras.random.SeedGenerator):
        return Source(seed.next(), _stream_of_state(name))
    return Source(np.array(stream_of(seed, name), np.uint32), _stream_of_words)


NO_DRAWS = Source(np.zeros(4, np.uint32), lambda words: Stream(0, 0, 0, 0))
"""The source of distributions that draw nothing."""


def _stream_of_words(words: Array) -> Stream:
    return Stream(*words.tolist())


@cache
def _stream_of_state(name: str | None) -> Callable[[Array], Stream]:
    return lambda state: stream_of(_sequence(state), name)


def _sequence(state: Array) -> SeedSequence:
    halves = [half for number in state.tolist() for half in (number % 2**32, number // 2**32 % 2**32)]
    return SeedSequence(halves, spawn_key=(KERAS,))
