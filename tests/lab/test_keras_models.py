"""`lab.inspect` of Keras models: what torch's has of the same network. Keras has one backend a process, by default jax."""

import os
import subprocess
import sys

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

from torch import nn  # noqa: E402

from fastinit import lab  # noqa: E402
from tests.lab.networks import normal_batch  # noqa: E402

HAS_GRADIENTS = keras.backend.backend() in ("torch", "jax")


def keras_mlp(depth, width, activation="relu", initializer="he_normal"):
    keras.utils.set_random_seed(0)
    parts = [keras.layers.Dense(width, activation=activation, kernel_initializer=initializer) for _ in range(depth - 1)]
    return keras.Sequential([keras.Input((width,)), *parts, keras.layers.Dense(width, kernel_initializer=initializer)])


def as_torch(model, activation):
    """The same network of torch, with the same weights."""
    parts = []
    for layer in model.layers:
        kernel, bias = (torch.from_numpy(np.array(w)) for w in layer.get_weights())
        made = nn.Linear(*kernel.shape)
        with torch.no_grad():
            made.weight.copy_(kernel.T)
            made.bias.copy_(bias)
        parts += [made, activation()]
    return nn.Sequential(*parts[:-1])


@pytest.mark.parametrize(("activation", "module"), [("relu", nn.ReLU), ("gelu", nn.GELU)])
def test_a_keras_model_has_the_rows_of_its_like_in_torch(activation, module):
    model, x = keras_mlp(4, 16, activation), normal_batch(8, 16)
    ours, theirs = lab.inspect(model, x), lab.inspect(as_torch(model, module), x)
    assert [row.kind for row in ours.layers] == [row.kind for row in theirs.layers]
    for one, other in zip(ours.layers, theirs.layers):
        assert (one.output.mean, one.output.std) == pytest.approx((other.output.mean, other.output.std), rel=1e-4, abs=1e-6)
        assert one.dead == other.dead and one.correlation == pytest.approx(other.correlation, rel=1e-4)
        if HAS_GRADIENTS:
            assert one.gradient.rms == pytest.approx(other.gradient.rms, rel=1e-3)
    assert ours.shrink_per_layer == pytest.approx(theirs.shrink_per_layer, rel=1e-4)
    assert [f.kind for f in ours.findings] == [f.kind for f in theirs.findings]


@pytest.mark.skipif(not HAS_GRADIENTS, reason="gradients are measured on torch and JAX")
def test_parameters_have_their_gradients():
    model, x = keras_mlp(3, 16), normal_batch(8, 16)
    ours, theirs = lab.inspect(model, x).parameters, lab.inspect(as_torch(model, nn.ReLU), x).parameters
    assert ours[0].name.endswith("kernel") and ours[0].shape == (16, 16)
    assert [row.gradient.rms for row in ours] == pytest.approx([row.gradient.rms for row in theirs], rel=1e-3)


def test_a_finding_names_the_cure():
    report = lab.inspect(keras_mlp(12, 64, initializer="lecun_normal"), normal_batch(64, 64))
    assert report.findings[0].kind == "activations shrink" and "use he_normal" in report.findings[0].text


def test_convolutions_norms_and_sums_are_seen():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv1")(inputs)
    y = keras.layers.ReLU(name="relu")(keras.layers.BatchNormalization(name="norm")(x))
    y = keras.layers.Conv2D(4, 3, padding="same", name="conv2")(y)
    y = keras.layers.Add(name="sum")([x, y])
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="head")(keras.layers.Flatten()(y)))
    before = [np.array(weight) for weight in model.get_weights()]
    rows = lab.inspect(model, normal_batch(4, 8, 8, 3)).layers
    assert [row.name.rsplit("/")[-1] for row in rows] == ["conv1", "norm", "relu", "conv2", "sum", "head"]
    assert rows[3].source is rows[2] and rows[2].dead is not None and rows[4].addends == (rows[0], rows[3])
    assert rows[0].weights.fan_in == 27 and rows[5].source is rows[4]
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_the_layers_are_as_before_also_after_an_error():
    model = keras_mlp(3, 16)
    activations = [layer.activation for layer in model.layers]
    lab.inspect(model, normal_batch(4, 16))
    with pytest.raises(ValueError, match=r"batch of shape \(4, 9\) does not go through the model"):
        lab.inspect(model, normal_batch(4, 9))
    assert [layer.activation for layer in model.layers] == activations
    assert not any("call" in vars(layer) for layer in model.layers)


@pytest.mark.parametrize(
    ("model", "batch", "options", "error", "message"),
    [
        (keras.Sequential([keras.layers.Dense(3)]), normal_batch(2, 3), {}, ValueError, "model must be built"),
        (keras_mlp(2, 3), (normal_batch(2, 3),) * 2, {}, ValueError, "batch must be one tensor for a Keras model"),
        (keras_mlp(2, 3), normal_batch(2, 3), {"spectra": True}, ValueError, "spectra must be None or False for a Keras"),
    ],
)
def test_wrong_input_is_refused_in_a_line(model, batch, options, error, message):
    with pytest.raises(error, match=message) as raised:
        lab.inspect(model, batch, **options)
    assert "\n" not in str(raised.value)


def test_what_is_for_torch_alone_says_so():
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, got Sequential: Keras models only by"):
        lab.suggest(keras_mlp(2, 3), normal_batch(2, 3))


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="this is the backend")
def test_all_of_this_holds_on_the_backend_torch():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    subprocess.run(command, env={**os.environ, "KERAS_BACKEND": "torch"}, check=True)


def test_flax_models_are_refused():
    nnx = pytest.importorskip("flax.nnx")
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, got Linear: Flax models are not supported"):
        lab.inspect(nnx.Linear(3, 3, rngs=nnx.Rngs(0)), normal_batch(2, 3))
