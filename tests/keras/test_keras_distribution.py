"""A ModelParallel model on 8 devices has the values it has on one, and each device's shards alone are filled.

The number of devices is fixed when JAX starts, so this file is also a program: it prints what it made on 8.
"""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("keras")
pytest.importorskip("jax")


def main():
    import jax
    import keras
    import numpy as np

    import fastinit
    import fastinit.keras
    from fastinit.jax import arrays

    fills, fill = [], arrays.fill

    def watched(distribution, shape, **options):
        made = fill(distribution, shape, **options)
        fills.append([list(shape), list(made.shape)])
        return made

    arrays.fill = watched
    mesh = keras.distribution.DeviceMesh((2, 4), ["batch", "model"], keras.distribution.list_devices())
    layout_map = keras.distribution.LayoutMap(mesh)
    layout_map[".*wide/kernel"], layout_map[".*wide/bias"] = (None, "model"), ("model",)
    generator = keras.random.SeedGenerator(7)
    state = fastinit.keras.seed_of(generator)
    keras.distribution.set_distribution(keras.distribution.ModelParallel(layout_map=layout_map, batch_dim_name="batch"))

    he_normal = fastinit.keras.HeNormal(seed=1)
    wide = keras.layers.Dense(32, "relu", True, he_normal, "fastinit>ones", name="wide", dtype="bfloat16")
    narrow = keras.layers.Dense(8, name="narrow", kernel_initializer=fastinit.keras.Orthogonal(seed=2))
    model = keras.Sequential([keras.Input((16,)), wide, narrow])
    filled = list(fills)

    layout = keras.distribution.TensorLayout((None, "model"), mesh)
    drawn = keras.Variable(fastinit.keras.RandomNormal(seed=generator), shape=(4, 8), layout=layout).value
    ones = keras.Variable(fastinit.keras.Ones(), shape=(4, 8), dtype="int32", layout=layout).value
    jitted = jax.jit(lambda: he_normal((16, 32), "bfloat16", layout))()
    older = jax.jit(  # as Keras made them sharded before initializers took a layout
        he_normal.__call__, out_shardings=layout.backend_layout, static_argnames=["shape", "dtype"]
    )(shape=(16, 32), dtype="bfloat16")
    he = fastinit.he_normal((16, 32), seed=1, convention="keras", dtype="bfloat16")
    expected = {
        "wide/kernel": (wide.kernel.value, he),
        "wide/bias": (wide.bias.value, np.ones(32, he.dtype)),
        "narrow/kernel": (narrow.kernel.value, fastinit.orthogonal((32, 8), seed=2)),
        "drawn": (drawn, fastinit.normal((4, 8), mean=0.0, std=0.05, seed=state)),
        "ones": (ones, np.ones((4, 8), np.int32)),
        "jitted": (jitted, he),
        "older": (older, he),
    }
    print(json.dumps({
        "fills": filled,
        "equal": {name: np.asarray(found).tobytes() == wanted.tobytes() for name, (found, wanted) in expected.items()},
        "shards": {name: list(found.addressable_shards[0].data.shape) for name, (found, _) in expected.items()},
    }))  # fmt: skip
    model.compile("adam", "mse")
    model.fit(np.ones((16, 16)), np.ones((16, 8)), verbose=0)


@pytest.fixture(scope="module")
def on_8_devices():
    flags = "--xla_force_host_platform_device_count=8"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    done = subprocess.run([sys.executable, "-W", "ignore", __file__], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_sharded_values_are_numpys(on_8_devices):
    assert all(on_8_devices["equal"].values()), on_8_devices["equal"]


def test_each_device_has_its_shard(on_8_devices):
    assert on_8_devices["shards"] == {
        "wide/kernel": [16, 8], "wide/bias": [8], "narrow/kernel": [32, 8], "drawn": [4, 2], "ones": [4, 2],
        "jitted": [16, 8], "older": [16, 8],
    }  # fmt: skip


def test_only_shards_are_filled_and_each_once(on_8_devices):
    shards = [[[16, 32], [16, 8]]] * 4 + [[[32], [8]]] * 4
    assert on_8_devices["fills"] == [*shards, [[32, 8], [32, 8]]]  # the last one lies on each device in full


if __name__ == "__main__":
    main()
