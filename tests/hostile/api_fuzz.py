"""Calls the API with arguments of every sort, right and wrong, from one seed: for sanitizers, which watch the C code.

    python tests/hostile/api_fuzz.py --calls 3000 --seed 0

It ends with status 0 unless a call raises something else than the errors that arguments may give.
"""

import argparse
import copy
import gc
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import fastinit
from fastinit.backends import available_levels
from fastinit.backends.elements import ELEMENT_TYPES
from fastinit.initializers import INITIALIZERS

ALLOWED = (TypeError, ValueError, IndexError, OverflowError, MemoryError, NotImplementedError)
LENGTHS = [0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 1023, 1024, 1025, 2047, 2048, 2049, 5000]
MOST = 2**17  # elements of a tensor
# no number that is a size of gigabytes: as a size, what is above 2^60 is refused before memory is taken
NUMBERS = [0, 1, -1, 0.5, 2.0, -0.0, 1e-320, 1e308, -1e308, np.inf, -np.inf, np.nan, 5000, 2**63, 2**64, 10**400]
WRONG = [
    None,
    "a",
    b"a",
    [],
    {},
    1j,
    object(),
    np.array([1.0, None], object),
    np.float32(2),
    np.int8(-3),
    True,
    (1,),
    np.ones(3),
]
METHODS = [
    "random", "standard_normal", "standard_exponential", "normal", "uniform", "exponential", "lognormal",
    "truncated_normal", "integers", "bytes", "standard_gamma", "permutation", "choice", "poisson", "shuffle", "binomial",
]  # fmt: skip
LEGACY = ["rand", "randn", "random_sample", "normal", "uniform", "randint", "bytes", "choice", "seed", "get_state", "gamma"]


class Fuzz:
    """Random arguments, and the calls that take them."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.rng = fastinit.default_rng(seed)
        self.state = fastinit.random.RandomState(seed)

    # ---- arguments ----

    def shape(self):
        shape = tuple(self.r.choice(LENGTHS) for _ in range(self.r.randrange(4)))
        while np.prod(shape, dtype=float) > MOST:
            shape = shape[:-1]
        return self.r.choice([shape, shape, list(shape), shape[0] if shape else 3])

    def memory(self, shape, dtype):
        """An array of this shape, contiguous or not, aligned or not, of either byte order."""
        shape, dtype = np.empty(shape, np.bool_).shape, np.dtype(dtype)
        kind = self.r.randrange(6)
        if kind == 0:
            return np.empty(shape, dtype, order="F")
        if kind == 1:
            wide = np.empty((*shape, 3), dtype)
            return wide[..., self.r.randrange(3)]
        if kind == 2:
            return np.empty(shape, dtype)[tuple(slice(None, None, -1) for _ in shape)]
        if kind == 3:
            nbytes = int(np.prod(shape)) * dtype.itemsize
            return np.empty(nbytes + 1, np.uint8)[1:].view(dtype).reshape(shape)
        if kind == 4 and dtype.kind == "f":
            return np.empty(shape, dtype.newbyteorder())
        return np.empty(shape, dtype)

    def number(self):
        return self.r.choice(WRONG) if self.r.random() < 0.1 else self.r.choice(NUMBERS)

    def size(self):
        return self.r.choice([None, -1, 2.0, "a", True, 2**62]) if self.r.random() < 0.1 else self.shape()

    def index(self, shape):
        def entry(n):
            kind = self.r.randrange(5)
            if kind == 0:
                return self.r.randrange(-n - 1, n + 1)
            if kind == 1:
                return np.array([self.r.randrange(-n - 1, n + 1) for _ in range(self.r.randrange(6))], np.int64)
            if kind == 2:
                return np.array([self.r.random() < 0.3 for _ in range(n)])
            bounds = [self.r.choice([None, self.r.randrange(-n - 2, n + 2)]) for _ in range(2)]
            return slice(*bounds, self.r.choice([None, 1, 2, -1, -3, 7, 100]))

        entries = [entry(n) for n in np.empty(shape, np.bool_).shape]
        return tuple(entries[: self.r.randrange(len(entries) + 1)])

    # ---- calls ----

    def fill(self):
        name, shape, dtype = self.r.choice(list(INITIALIZERS)), self.shape(), self.r.choice(list(ELEMENT_TYPES))
        options = {"seed": self.r.randrange(2**40), "name": self.r.choice([None, "w", "layers.0", "\u00e4"]), "dtype": dtype}
        if self.r.random() < 0.4:
            options["index"] = self.index(shape)
        elif self.r.random() < 0.5:
            options["out"] = self.memory(shape, ELEMENT_TYPES[dtype].dtype)
        if self.r.random() < 0.2:
            options[self.r.choice(["std", "gain", "low", "value", "layout", "index", "seed", "name"])] = self.number()
        INITIALIZERS[name](shape, **options)

    def small_fills(self):
        for n in range(self.r.randrange(20)):
            fastinit.he_normal((self.r.randrange(1, 9), self.r.randrange(1, 9)), seed=n % 3, name=self.r.choice([None, "w"]))

    def many(self):
        shapes = {f"w{i}": self.shape() for i in range(self.r.randrange(8))}
        out = {name: self.memory(shape, np.float32) for name, shape in shapes.items()} if self.r.random() < 0.5 else None
        fastinit.fill_many("normal", shapes, seed=self.r.randrange(9), out=out)

    def draw(self):
        method = getattr(self.rng, self.r.choice(METHODS))
        arguments = [self.number() for _ in range(self.r.randrange(4))]
        named = {}
        if self.r.random() < 0.6:
            named["size"] = self.size()
        if self.r.random() < 0.3:
            named["dtype"] = self.r.choice([np.float32, np.float64, "float32", np.int64, np.uint8, bool, object])
        if self.r.random() < 0.3:
            dtype = self.r.choice([np.float32, np.float64, np.int64])
            named |= {"out": self.memory(self.shape(), dtype) if self.r.random() < 0.8 else self.number(), "dtype": dtype}
        method(*arguments, **named)

    def draw_as_before(self):
        name = self.r.choice(LEGACY)
        arguments = [self.number() for _ in range(self.r.randrange(3))]
        if name in ("rand", "randn"):
            arguments = [self.r.choice([1, 3, 17, 0, -1]) for _ in range(self.r.randrange(3))]
        with np.errstate(all="ignore"):
            getattr(self.state, name)(*arguments)

    def bounds(self):
        n = self.r.randrange(1, 6)
        low = np.array([self.r.choice([-3.0, -0.5, 1.0, -np.inf]) for _ in range(n)])
        self.rng.truncated_normal(self.r.choice([0.0, np.zeros(n)]), 1.0, low, low + 0.5, (7, n), np.float32)

    def bit_generators(self):
        bit_generator = fastinit.TiledXoshiro128(self.r.randrange(2**70))
        readers = [
            np.random.Generator(bit_generator),
            fastinit.Generator(bit_generator),
            np.random.RandomState(bit_generator),
        ]
        del bit_generator
        for _ in range(self.r.randrange(10)):
            reader = self.r.choice(readers)
            own = getattr(reader, "bit_generator", None) or reader._bit_generator
            step = self.r.randrange(7)
            if step == 0:
                type(own).__init__(own, self.r.choice([1, 2, "bad", -1, None]))
            elif step == 1:
                own.advance(self.r.randrange(2**66))
            elif step == 2:
                own.state = {**own.state, "state": {**own.state["state"], "used": self.r.randrange(-1, 2051)}}
            elif step == 3:
                readers.append(pickle.loads(pickle.dumps(reader)))
            elif step == 4:
                readers.append(np.random.Generator(copy.deepcopy(own).jumped(self.r.randrange(9))))
            elif step == 5:
                readers.remove(reader)
                gc.collect()
                readers.append(np.random.Generator(fastinit.TiledXoshiro128(5)))
            for reader in readers:
                reader.standard_normal(self.r.choice([1, 3, 2500]))
                own.random_raw(3)

    def threads(self):
        rng, numpys = self.rng, np.random.Generator(self.rng.bit_generator)
        calls = [lambda: rng.random(3000), lambda: rng.normal(0, 1, 10), lambda: numpys.random(700), lambda: rng.random()]
        with ThreadPoolExecutor(3) as pool:
            for call in [pool.submit(self.r.choice(calls)) for _ in range(12)]:
                call.result()

    def words(self):
        level = self.r.choice(available_levels())
        with fastinit.use_backend("c", level):
            self.rng.bytes(self.r.randrange(5000))
            self.rng.integers(self.r.choice([1, 7, 2**24, 2**24 + 1, 2**63]), size=self.r.choice(LENGTHS))
            self.fill()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    fuzz = Fuzz(arguments.seed)
    often = [fuzz.fill, fuzz.draw, fuzz.draw]
    calls = [*often, *often, fuzz.words, fuzz.many, fuzz.draw_as_before, fuzz.small_fills, fuzz.bounds, fuzz.bit_generators]
    refused = 0
    for number in range(arguments.calls):
        call = fuzz.threads if number % 100 == 99 else fuzz.r.choice(calls)
        try:
            call()
        except ALLOWED:
            refused += 1
        except BaseException:
            print(f"call {number} of seed {arguments.seed}: {call.__name__}")
            raise
    print(f"{arguments.calls} calls, {refused} refused")


if __name__ == "__main__":
    main()
