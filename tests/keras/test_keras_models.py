"""Models of Keras with fastinit's initializers are built, trained, saved, cloned and seeded as with Keras' own.

On jax where KERAS_BACKEND says no other; test_keras_backends.py runs this on the others.
"""

import os
import subprocess
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
from scipy import stats

import fastinit
import fastinit.keras

SEEDS = range(20)
EPOCHS, BATCH = 3, 64


def a_model(**initializers):
    layers = keras.layers
    return keras.Sequential([
        keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu", **initializers), layers.Flatten(),
        layers.Dense(16, activation="relu", **initializers), layers.Dense(10, **initializers),
    ])  # fmt: skip


def equal(model, other):
    pairs = zip(model.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs)


@pytest.mark.skipif(keras.backend.backend() == "numpy", reason="does not train")
def test_the_tutorials_example_learns_with_initializers_by_name():
    """y = 2 x + noise of variance 0.25, which is the least loss."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.uniform(-1.0, 1.0, (200, 1))
    y = 2 * x + random.normal(0.0, 0.5, (200, 1))
    model = keras.Sequential([
        keras.Input((1,)),
        keras.layers.Dense(10, activation="relu", kernel_initializer="fastinit>random_uniform"),
        keras.layers.Dense(1, kernel_initializer="fastinit>orthogonal"),
    ])  # fmt: skip
    first, second = (layer.kernel_initializer for layer in model.layers)
    weights = model.get_weights()
    assert np.array_equal(weights[0], fastinit.uniform((1, 10), convention="keras", seed=first.seed))
    assert np.array_equal(weights[2], fastinit.orthogonal((10, 1), seed=second.seed))
    model.compile("adam", "mse")
    losses = model.fit(x, y, epochs=50, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 3 and losses[-1] < 0.5


def test_a_saved_model_has_the_weights_and_the_initializers(tmp_path):
    model = a_model(kernel_initializer=fastinit.keras.HeNormal(seed=3), bias_initializer="fastinit>random_normal")
    model.add(keras.layers.Dense(4, kernel_initializer=fastinit.keras.Initializer("spectral", layout="io", name="last")))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert equal(model, again)
    for layer, loaded in zip(model.layers, again.layers, strict=True):
        assert loaded.get_config() == layer.get_config()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_model_of_accelerate_loads_where_fastinit_is_not(tmp_path, suffix):
    with fastinit.keras.accelerate():
        model = a_model()
    path = tmp_path / f"model.{suffix}"
    model.save(path)
    code = (
        "import sys; sys.modules['fastinit'] = None; import keras, numpy as np; "
        f"model = keras.saving.load_model({str(path)!r}); "
        "print(type(model.layers[0].kernel_initializer).__module__, sum(float(abs(w).sum()) for w in model.get_weights()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    module, total = done.stdout.split()
    assert module.startswith("keras.")
    assert float(total) == pytest.approx(sum(float(abs(w).sum()) for w in model.get_weights()), rel=1e-5)


def test_saved_weights_are_loaded(tmp_path):
    first, second = (a_model(kernel_initializer=fastinit.keras.HeNormal(seed=seed)) for seed in (1, 2))
    first.save_weights(tmp_path / "model.weights.h5")
    assert not equal(first, second)
    second.load_weights(tmp_path / "model.weights.h5")
    assert equal(first, second)


def test_a_cloned_model_has_the_values_for_an_int_and_others_for_none():
    seeded = a_model(kernel_initializer=fastinit.keras.HeNormal(seed=3))
    assert equal(seeded, keras.models.clone_model(seeded))
    unseeded = a_model(kernel_initializer="fastinit>he_normal")
    assert not equal(unseeded, keras.models.clone_model(unseeded))


@pytest.mark.parametrize("how", ["strings", "accelerate"])
def test_set_random_seed_makes_the_same_model_again(how):
    def make():
        keras.utils.set_random_seed(11)
        if how == "strings":
            return a_model(kernel_initializer="fastinit>he_normal", bias_initializer="fastinit>random_normal")
        with fastinit.keras.accelerate():
            return a_model()

    first, again = make(), make()
    assert equal(first, again)
    kernels = [layer.kernel_initializer for layer in first.layers if hasattr(layer, "kernel")]
    assert len({kernel.seed for kernel in kernels}) == 3
    assert {type(kernel).__module__ for kernel in kernels} == {"fastinit.keras.initializers"}


def test_a_generator_gives_each_layer_other_values():
    model = a_model(kernel_initializer=fastinit.keras.RandomNormal(stddev=1.0, seed=keras.random.SeedGenerator(3)))
    kernels = [kernel.ravel()[:36] for kernel in model.get_weights()[::2]]
    assert len({tuple(kernel) for kernel in kernels}) == 3


def test_one_seed_and_names_are_numpys_values_of_seed_and_name():
    names = ["conv.kernel", "hidden.kernel"]
    first, second = (fastinit.keras.HeNormal(seed=0, name=name) for name in names)
    model = keras.Sequential([
        keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, kernel_initializer=first), keras.layers.GlobalMaxPooling2D(),
        keras.layers.Dense(4, kernel_initializer=second),
    ])  # fmt: skip
    for name, kernel in zip(names, model.get_weights()[::2]):
        assert np.array_equal(kernel, fastinit.he_normal(kernel.shape, seed=0, name=name, convention="keras"))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "float16", "float64"])
def test_each_dtype_policy_builds(policy):
    model = keras.layers.Dense(4, kernel_initializer=fastinit.keras.HeNormal(seed=3), dtype=policy)
    model.build((None, 8))
    variable = model.kernel.value
    dtype = keras.backend.standardize_dtype(variable.dtype)
    if (keras.backend.backend(), policy) == ("numpy", "float64"):
        pytest.skip("Keras rounds it to float32")
    expected = fastinit.he_normal((8, 4), seed=3, convention="keras", dtype=dtype)
    assert np.array_equal(keras.ops.convert_to_numpy(variable), expected)


def test_attention_has_the_fans_of_its_axes():
    layer = keras.layers.MultiHeadAttention(4, 16, kernel_initializer=fastinit.keras.HeNormal(seed=1))
    layer.build((None, 5, 32), (None, 5, 32))
    kernels = [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in layer.weights if weight.path.endswith("kernel")]
    for kernel, fan_in in zip(kernels, (32, 32, 32, 64), strict=True):  # query, key, value: 32 inputs; output: 4 heads of 16
        assert kernel.std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.08)  # n = 2048: 5 standard errors


def test_attention_is_orthogonal_over_its_axes_by_initializer():
    layer = keras.layers.MultiHeadAttention(4, 16, kernel_initializer=fastinit.keras.Initializer("orthogonal", seed=1))
    layer.build((None, 5, 32), (None, 5, 32))
    kernel = np.asarray(keras.ops.convert_to_numpy(layer.weights[0])).reshape(32, 64)
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(32), atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() == "numpy", reason="does not train")
@pytest.mark.slow
def test_digits_train_as_well_as_with_keras_own():
    """Mann-Whitney on the losses after training from 20 seeds each: an even better one fails 1 in 100, seeds fixed."""
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    images, labels = digits.images[..., None].astype("float32") / 8 - 1, digits.target

    model = a_model()
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    state = [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in model.optimizer.variables]

    def loss_of(seed, **initializers):
        """After training on the same batches in the same order: only the initial values differ. Compiled once for all."""
        keras.utils.set_random_seed(seed)
        model.set_weights(a_model(**initializers).get_weights())
        for variable, value in zip(model.optimizer.variables, state, strict=True):
            variable.assign(value)
        model.fit(images, labels, BATCH, EPOCHS, shuffle=False, verbose=0)
        return model.evaluate(images, labels, 512, verbose=0)

    for name in ("glorot_uniform", "he_normal"):
        losses = [[loss_of(seed, kernel_initializer=by) for seed in SEEDS] for by in (name, f"fastinit>{name}")]
        p, (of_keras, of_fastinit) = stats.mannwhitneyu(*losses).pvalue, map(np.median, losses)
        print(
            f"{keras.backend.backend()}, {name}: median losses {of_keras:.3f}, with fastinit {of_fastinit:.3f}, {p = :.2f}"
        )
        assert of_fastinit < 1.0 and p > 0.01
