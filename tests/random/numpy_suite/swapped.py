"""The conftest.py of a copy of NumPy's own tests: what they import from numpy.random is fastinit's."""

from pathlib import Path

import numpy as np

import fastinit

np.random.Generator = fastinit.Generator
np.random.MT19937 = np.random.PCG64DXSM = fastinit.TiledXoshiro128
np.random.default_rng = fastinit.default_rng


def pytest_collection_modifyitems(config, items):
    """Leave out the tests that pin NumPy's own streams; streams.txt lists them."""
    lines = Path(__file__).with_name("streams.txt").read_text().splitlines()
    names = {line for line in lines if line and not line.startswith("#")}

    def is_listed(item):
        name = item.nodeid.split("::", 1)[1]
        return name in names or name.split("[")[0] in names

    left_out = [item for item in items if is_listed(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not is_listed(item)]
