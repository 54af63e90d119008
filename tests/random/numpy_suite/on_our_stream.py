"""NumPy's test classes for a bit generator, with fastinit's; copied next to NumPy's modules as test_on_our_stream.py."""

from pathlib import Path

import numpy as np
import test_smoke
from test_direct import Base, test_generator_spawning, test_non_spawnable, test_seedsequence  # noqa: F401
from test_smoke import RNG

from fastinit import Generator, TiledXoshiro128

try:  # NumPy 2.3 on: one object for the settings; before, attributes of the class
    from test_smoke import RNGData
except ImportError:
    RNGData = None

dtype = getattr(test_smoke, "dtype", None)  # a fixture of the class's tests, up to NumPy 2.2

SEED = [2**231 + 2**102 + 2**63 + 1]  # of several words
VECTORS = Path(__file__).with_name("vectors")


class TestTiledXoshiro128(RNG):
    @classmethod
    def _create_rng(cls):
        return RNGData(TiledXoshiro128, 2**63 + 2**31 + 2**15 + 1, SEED, Generator(TiledXoshiro128(*SEED)), 64)

    if RNGData is None:

        @classmethod
        def setup_class(cls):
            cls.bit_generator = TiledXoshiro128
            cls.advance = 2**63 + 2**31 + 2**15 + 1
            cls.seed = SEED
            cls.rg = Generator(TiledXoshiro128(*SEED))
            cls.initial_state = cls.rg.bit_generator.state
            cls.seed_vector_bits = 64
            cls._extra_setup()


class TestTiledXoshiro128Directly(Base):
    @classmethod
    def setup_class(cls):
        cls.bit_generator = TiledXoshiro128
        cls.bits = 64
        cls.dtype = np.uint64
        cls.data1 = cls._read_csv(VECTORS / "direct-1.csv")
        cls.data2 = cls._read_csv(VECTORS / "direct-2.csv")
        cls.seed_error_type = (ValueError, TypeError)
        cls.invalid_init_types = [(3.2,), ([None],), (1, None)]
        cls.invalid_init_values = [(-1,)]
