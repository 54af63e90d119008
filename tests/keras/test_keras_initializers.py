"""`fastinit.keras` has the classes of `keras.initializers`, called and seeded as those are, and gives NumPy's values.

Keras has one backend a process, here jax where KERAS_BACKEND says no other; test_keras_backends.py runs this on the others.
"""

import inspect
import json
import os
import warnings
from importlib import import_module

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
from scipy.signal import get_window

import fastinit
import fastinit.keras
from fastinit import distributions
from fastinit.backends.catalogue import ELEMENTS
from fastinit.initializers import HeNormal, Orthogonal
from fastinit.initializers.layouts import Layout
from fastinit.keras.names import NAMES

KERAS = keras.initializers
BACKEND = keras.backend.backend()
FILLING = import_module("fastinit.jax.arrays" if BACKEND == "jax" else "fastinit.keras.tensors")
CLASSES = [name for name in dir(KERAS) if name[0].isupper() and not name.endswith("Initializer")]  # without the aliases
SEEDED = [name for name in CLASSES if "seed" in inspect.signature(getattr(KERAS, name)).parameters]
SCALED = ["VarianceScaling", *(name for name in CLASSES if name.startswith(("Glorot", "He", "Lecun")))]
DTYPES = [name for name in ELEMENTS if name in keras.src.backend.common.dtypes.ALLOWED_DTYPES]
SHAPE, KERNEL = (48, 32), (3, 3, 8, 16)
DEPTHWISE = Layout(in_axis=(), out_axis=3, batch_axis=2)
PRESETS = {
    "GlorotNormal": fastinit.glorot_normal, "GlorotUniform": fastinit.glorot_uniform, "HeNormal": fastinit.he_normal,
    "HeUniform": fastinit.he_uniform, "LecunNormal": fastinit.lecun_normal, "LecunUniform": fastinit.lecun_uniform,
    "VarianceScaling": lambda shape, **o: fastinit.variance_scaling(
        shape, scale=1.0, mode="fan_in", distribution="truncated_normal", **o
    ),
    "Orthogonal": fastinit.orthogonal, "RandomNormal": fastinit.normal, "RandomUniform": fastinit.uniform,
    "TruncatedNormal": fastinit.truncated_normal,
}  # fmt: skip
# The arguments of a class, a shape, and the NumPy call with the same values.
CALLS = {
    "RandomNormal": ({"mean": 0.5, "stddev": 2.0}, KERNEL, lambda **o: fastinit.normal(KERNEL, mean=0.5, std=2.0, **o)),
    "RandomUniform": (
        {"minval": -1.0, "maxval": 3.0},
        KERNEL,
        lambda **o: fastinit.uniform(KERNEL, low=-1.0, high=3.0, **o),
    ),
    "TruncatedNormal": (
        {"mean": 0.5, "stddev": 2.0},
        KERNEL,
        lambda **o: fastinit.truncated_normal(KERNEL, mean=0.5, std=2.0, **o),
    ),
    "Orthogonal": ({"gain": 2.0}, KERNEL, lambda **o: fastinit.orthogonal(KERNEL, gain=2.0, layout="io", **o)),
    "VarianceScaling": (
        {"scale": 0.7, "mode": "fan_avg", "distribution": "untruncated_normal"},
        KERNEL,
        lambda **o: fastinit.variance_scaling(KERNEL, scale=0.7, mode="fan_avg", distribution="normal", layout="io", **o),
    ),
    "HeNormal": (
        {"input_axes": [0, 1], "output_axes": [2]},
        (4, 6, 8),
        lambda **o: fastinit.he_normal((4, 6, 8), layout=Layout(in_axis=(0, 1), out_axis=2), convention="keras", **o),
    ),
}


def initializer(cls, /, **arguments):
    return getattr(fastinit.keras, cls)(**arguments)


def array(tensor):
    """The bits as an array of NumPy's, of the tensor's dtype."""
    if BACKEND == "torch":
        from fastinit.torch.tensors import as_array

        return as_array(tensor.cpu())
    return np.asarray(tensor)


def same(tensor, expected):
    """Whether the bits are."""
    found = array(tensor)
    return found.shape == expected.shape and found.dtype == expected.dtype and found.tobytes() == expected.tobytes()


@pytest.fixture
def generator():
    return keras.random.SeedGenerator(7)


@pytest.fixture
def fills(monkeypatch):
    """The shapes that are filled, as they are."""
    shapes, fill = [], FILLING.fill
    monkeypatch.setattr(
        FILLING, "fill", lambda distribution, shape, **options: shapes.append(shape) or fill(distribution, shape, **options)
    )
    return shapes


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_of_keras_has_a_subclass_of_the_same_name(name):
    cls = getattr(fastinit.keras, name)
    assert issubclass(cls, getattr(KERAS, name)) and name in fastinit.keras.__all__


@pytest.mark.parametrize("name", CLASSES)
def test_arguments_are_those_of_keras_and_a_name_by_keyword_where_something_is_drawn(name):
    found, expected = (
        [(p.name, p.default, p.kind) for p in inspect.signature(getattr(module, name)).parameters.values()]
        for module in (fastinit.keras, KERAS)
    )
    assert found[: len(expected)] == expected
    assert found[len(expected) :] == ([("name", None, inspect.Parameter.KEYWORD_ONLY)] if name in SEEDED else [])


@pytest.mark.parametrize("name", CLASSES)
def test_the_call_has_the_argument_layout_that_keras_looks_for(name):
    assert list(inspect.signature(initializer(name)).parameters) == ["shape", "dtype", "layout"]


@pytest.mark.parametrize("shape", [SHAPE, KERNEL], ids=["matrix", "kernel"])
@pytest.mark.parametrize("name", SEEDED)
def test_values_are_numpys_under_the_convention_of_keras(name, shape):
    assert same(initializer(name, seed=3)(shape), PRESETS[name](shape, seed=3, convention="keras"))


@pytest.mark.parametrize("name", CALLS)
def test_values_are_numpys_whatever_the_arguments(name):
    arguments, shape, numpy_call = CALLS[name]
    assert same(initializer(name, seed=3, name="w", **arguments)(shape), numpy_call(seed=3, name="w"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_dtype_is_numpys(dtype):
    wanted = "float32" if (BACKEND, dtype) == ("jax", "float64") else dtype  # without jax_enable_x64
    assert same(
        initializer("HeNormal", seed=3)(SHAPE, dtype), fastinit.he_normal(SHAPE, seed=3, convention="keras", dtype=wanted)
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])  # of which Keras' own raises
def test_orthogonal_matrices_are_of_narrow_dtypes_too(dtype):
    assert same(initializer("Orthogonal", seed=3)(SHAPE, dtype), fastinit.orthogonal(SHAPE, seed=3, dtype=dtype))


def test_no_dtype_is_floatx():
    before = keras.config.floatx()
    keras.config.set_floatx("bfloat16")
    try:
        assert keras.backend.standardize_dtype(initializer("HeNormal")(SHAPE).dtype) == "bfloat16"
    finally:
        keras.config.set_floatx(before)


@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (1, 1)])
def test_any_shape_is_numpys(shape):
    assert same(initializer("RandomNormal", stddev=1.0, seed=3)(shape), fastinit.normal(shape, seed=3))


# Keras' fans of a shape, as (fan_in, fan_out).
@pytest.mark.parametrize(("shape", "axes", "fans"), [
    ((), (None, None), (1, 1)), ((6,), (None, None), (6, 6)), ((4, 6), (None, None), (4, 6)),
    ((3, 3, 8, 16), (None, None), (72, 144)), ((4, 6, 8), ([0], [1, 2]), (4, 48)), ((4, 6, 8), ([-1], [0, 1]), (8, 24)),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_variances_are_those_of_keras(shape, axes, fans, mode):
    n = {"fan_in": fans[0], "fan_out": fans[1], "fan_avg": sum(fans) / 2}[mode]
    scaling = fastinit.keras.VarianceScaling(3.0, mode, "untruncated_normal", None, *axes)
    assert scaling.distribution_for(shape) == distributions.Normal(0.0, np.sqrt(3.0 / n))


@pytest.mark.parametrize("name", SCALED)
def test_samples_have_the_spread_that_keras_gives_them(name):
    found, expected = (array(getattr(module, name)(seed=1)((256, 256))) for module in (fastinit.keras, KERAS))
    assert found.std() == pytest.approx(expected.std(), rel=0.02)  # n = 65536: 7 standard errors
    assert abs(found).max() == pytest.approx(abs(expected).max(), rel=0.02)  # both distributions end


def test_the_same_values_at_every_call_of_an_int_or_none():
    for seed in (3, None):
        init = initializer("HeNormal", seed=seed)
        assert same(init(SHAPE), array(init(SHAPE)))
        assert same(init(SHAPE), fastinit.he_normal(SHAPE, seed=init.seed, convention="keras"))


def warnings_of(calls, **arguments):
    init = initializer("HeNormal", **arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(calls):
            init((4, 6))
    return [str(warning.message) for warning in caught if warning.category is UserWarning]  # others are torch's and NumPy's


def test_one_instance_without_a_seed_warns_once_that_its_calls_give_equal_values():
    (text,) = warnings_of(4)
    assert text.startswith("HeNormal gives the same values at each call, as Keras' own do: it was given no seed")


def test_a_layer_that_takes_the_instance_of_another_warns():
    with pytest.warns(UserWarning, match="it was given no seed, and has been called twice"):
        shared = initializer("HeNormal")
        for _ in range(2):
            keras.layers.Dense(6, kernel_initializer=shared).build((None, 4))


@pytest.mark.parametrize("seed", [3, "generator"])
def test_a_seed_that_was_given_does_not_warn(seed):
    assert warnings_of(3, seed=keras.random.SeedGenerator(3) if seed == "generator" else seed) == []
    assert warnings_of(1) == []


def test_set_random_seed_governs_what_has_no_seed():
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        found.append([array(initializer("HeNormal")(SHAPE)) for _ in range(2)])
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0][0], found[0][1])


def test_set_random_seed_gives_the_seeds_that_it_gives_keras():
    keras.utils.set_random_seed(5)
    expected = KERAS.HeNormal().seed
    keras.utils.set_random_seed(5)
    assert initializer("HeNormal").seed == expected


def test_a_generator_moves_on_and_seed_of_tells_what_is_next(generator):
    init = initializer("HeNormal", seed=generator, name="w")
    for counter in range(3):
        seed = fastinit.keras.seed_of(init)
        expected = np.random.SeedSequence([7, 0, counter, 0], spawn_key=(0x6B65726173,))
        assert seed.generate_state(4).tolist() == expected.generate_state(4).tolist()
        assert same(init(SHAPE), fastinit.he_normal(SHAPE, seed=seed, name="w", convention="keras"))
    assert keras.ops.convert_to_numpy(generator.state.value).tolist() == [7, 3]


def test_the_counter_is_not_added_to_the_seed():
    first, second = (keras.random.SeedGenerator(seed) for seed in (1, 2))
    first.next()
    states = [fastinit.keras.seed_of(seed) for seed in (first, second)] + [np.random.SeedSequence(seed) for seed in (1, 2)]
    assert len({tuple(state.generate_state(4)) for state in states}) == 4


def test_initializers_share_a_generator_in_turn(generator):
    first, second = (array(initializer("HeNormal", seed=generator)(SHAPE)) for _ in range(2))
    assert not np.array_equal(first, second)


def test_tensors_of_different_names_are_independent():
    a, b, none = (array(initializer("HeNormal", seed=3, name=name)(SHAPE)) for name in ("a", "b", None))
    assert abs(np.corrcoef([a.ravel(), b.ravel(), none.ravel()])[np.triu_indices(3, 1)]).max() < 0.1  # n = 1536: 4 sigmas


@pytest.mark.parametrize("name", CLASSES)
def test_a_clone_has_the_config_and_for_an_int_the_values(name):
    init = initializer(name, seed=3, name="w") if name in SEEDED else initializer(name)
    clone = init.clone()
    assert type(clone) is type(init) and clone.get_config() == init.get_config()
    shape = (8, 1, 5) if name == "STFT" else SHAPE
    assert same(init(shape), array(clone(shape)))


@pytest.mark.parametrize("name", CLASSES)
def test_the_config_survives_json_and_keras(name):
    init = initializer(name, seed=3) if name in SEEDED else initializer(name)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(init)))
    assert config["registered_name"] == f"fastinit>{name}"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(init) and again.get_config() == init.get_config()


@pytest.mark.parametrize("name", CLASSES)
def test_a_config_without_a_name_is_one_that_keras_takes(name):
    config = initializer(name).get_config()
    assert "name" not in config
    assert getattr(KERAS, name).from_config(config).get_config().items() <= config.items()


def test_a_name_that_was_given_is_in_the_config():
    config = fastinit.keras.HeNormal(seed=1, name="w").get_config()
    assert config["name"] == "w" and fastinit.keras.HeNormal.from_config(config).name == "w"


def test_a_config_keeps_the_seed_that_was_given(generator):
    assert initializer("HeNormal").get_config()["seed"] is None
    config = keras.saving.serialize_keras_object(initializer("HeNormal", seed=generator))
    assert keras.saving.deserialize_keras_object(config).seed.get_config() == generator.get_config()


def test_the_gain_of_the_identity_is_in_its_config():
    assert np.array_equal(array(initializer("Identity", gain=2.0).clone()((3, 4))), 2 * np.eye(3, 4, dtype=np.float32))


@pytest.mark.parametrize("name", [name for name in NAMES if name.lower() != "constant"])  # a KeyError in Keras
def test_a_string_of_keras_with_the_prefix_is_the_class_of_fastinit(name):
    expected, found = KERAS.get(name), KERAS.get(f"fastinit>{name}")
    assert type(found) is getattr(fastinit.keras, type(expected).__name__)
    assert not type(expected).__module__.startswith("fastinit")


@pytest.mark.parametrize("name", [name for name in fastinit.initializers.INITIALIZERS if name not in NAMES])
def test_a_name_of_fastinit_with_the_prefix_is_that_initializer(name):
    cls = fastinit.initializers.INITIALIZERS[name].initializer
    try:
        cls()
    except (TypeError, ValueError) as error:  # it has parameters that must be given
        with pytest.raises(type(error), match=r"ha(?:s|ve) no default|must be at least"):
            KERAS.get(f"fastinit>{name}")
    else:
        assert type(KERAS.get(f"fastinit>{name}").equivalent()) is cls


def test_a_config_with_a_string_gives_parameters():
    init = KERAS.get({"class_name": "fastinit>layer_scale", "config": {"depth": 24, "seed": 3}})
    assert same(init((8,)), fastinit.initializers.layer_scale((8,), depth=24))


def test_every_name_of_keras_is_known():
    expected = __import__("keras.src.initializers", fromlist=["ALL_OBJECTS_DICT"]).ALL_OBJECTS_DICT
    assert set(NAMES) == {name for name, cls in expected.items() if cls is not KERAS.Initializer}


def test_accelerate_gives_keras_names_to_fastinit_and_back():
    def classes():
        layer = keras.layers.LSTM(4)
        return {type(i).__module__.split(".")[0] for i in (layer.cell.kernel_initializer, layer.cell.recurrent_initializer)}

    with fastinit.keras.accelerate():
        assert classes() == {"fastinit"}
    assert classes() == {"keras"}


def test_in_accelerate_an_initializer_of_keras_that_was_serialized_stays_so():
    config = keras.layers.Dense(4, kernel_initializer=KERAS.HeNormal(seed=1)).get_config()
    with fastinit.keras.accelerate():
        assert type(keras.layers.Dense.from_config(config).kernel_initializer) is KERAS.HeNormal


@pytest.mark.parametrize(("identifier", "arguments", "shape", "numpy_call"), [
    ("mamba_dt_bias", {}, (8,), lambda **o: fastinit.initializers.mamba_dt_bias((8,), **o)),
    ("kaiming_normal", {}, KERNEL, lambda **o: fastinit.he_normal(KERNEL, convention="keras", **o)),
    ("he_normal", {"convention": "math"}, SHAPE, lambda **o: fastinit.he_normal(SHAPE, **o)),
    (HeNormal(negative_slope=0.2), {}, SHAPE, lambda **o: fastinit.he_normal(SHAPE, negative_slope=0.2, **o)),
    (HeNormal, {"negative_slope": 0.2}, SHAPE,
     lambda **o: fastinit.he_normal(SHAPE, negative_slope=0.2, convention="keras", **o)),
    (HeNormal(), {"layout": DEPTHWISE}, (3, 3, 8, 2), lambda **o: fastinit.he_normal((3, 3, 8, 2), layout=DEPTHWISE, **o)),
    ("he_normal", {"layout": Layout("io", groups=2)}, KERNEL,
     lambda **o: fastinit.he_normal(KERNEL, layout=Layout("io", groups=2), convention="keras", **o)),
    ("orthogonal", {"layout": Layout(in_axis=0, out_axis=(1, 2))}, (8, 2, 4),
     lambda **o: fastinit.orthogonal((8, 2, 4), layout=Layout(in_axis=0, out_axis=(1, 2)), **o)),
    (Orthogonal(), {"input_axes": [0], "output_axes": [1, 2]}, (8, 2, 4),
     lambda **o: fastinit.orthogonal((8, 2, 4), layout=Layout(in_axis=0, out_axis=(1, 2)), **o)),
    ("icnr", {"initializer": HeNormal()}, KERNEL,
     lambda **o: fastinit.initializers.icnr(KERNEL, initializer=HeNormal(), layout="io", **o)),
])  # fmt: skip
def test_any_initializer_of_fastinit_gives_its_values_before_and_after_json(identifier, arguments, shape, numpy_call):
    init = fastinit.keras.Initializer(identifier, seed=3, name="w", **arguments)
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(init))))
    for each in (init, again, init.clone()):
        assert same(each(shape), numpy_call(seed=3, name="w")) and each.get_config() == init.get_config()


@pytest.mark.parametrize("value", [np.arange(3.0), [1.0, 2.0, 3.0], np.ones((2, 1)), np.float32(2.0), np.array(3)], ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_an_array_as_a_constant_is_broadcast_as_keras_does(value, dtype):
    init = fastinit.keras.Constant(value)
    for again in (init, type(init).from_config(json.loads(json.dumps(init.get_config())))):
        values, expected = again((2, 3), dtype), KERAS.Constant(value)((2, 3), dtype)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(values), keras.ops.convert_to_numpy(expected))


def test_an_array_as_a_constant_has_no_distribution():
    with pytest.raises(ValueError, match=r"^value is an array of shape \(3,\), which has no distribution: Keras fills it$"):
        fastinit.keras.Constant(np.arange(3.0)).distribution_for((3,))


@pytest.mark.parametrize("name", ["Zeros", "Ones"])
@pytest.mark.parametrize("dtype", ["int32", "bool", "float32", "bfloat16"])
def test_constants_are_of_any_dtype(name, dtype):
    found, expected = (
        keras.ops.convert_to_numpy(getattr(module, name)()((2, 3), dtype)) for module in (fastinit.keras, KERAS)
    )
    assert found.dtype == expected.dtype and np.array_equal(found, expected)


@pytest.mark.parametrize("arguments", [
    {}, {"side": "imag"}, {"window": "blackman", "periodic": True}, {"window": "parzen"}, {"window": None},
    {"scaling": "spectrum"}, {"window": np.linspace(0.1, 1.0, 16)},
], ids=str)  # fmt: skip
def test_stft_is_that_of_keras(arguments):
    found, expected = (array(module.STFT(**arguments)((16, 1, 9))) for module in (fastinit.keras, KERAS))
    np.testing.assert_allclose(found, expected, atol=2e-6)  # Keras multiplies angles in float32


def test_windows_that_fastinit_lacks_are_scipys():
    expected = fastinit.initializers.stft((16, 1, 9), window=tuple(get_window("parzen", 16, True)))
    assert same(initializer("STFT", window="parzen", periodic=True)((16, 1, 9)), expected)


def test_each_weight_of_a_layer_inside_a_layer_is_filled_once(fills):
    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(32, kernel_initializer=fastinit.keras.HeNormal(seed=1))

        def call(self, inputs):
            return self.inner(inputs)

    inputs = keras.Input((16,))
    model = keras.Model(inputs, Outer()(inputs))
    assert model.weights[0].shape == (16, 32)
    assert fills == [(16, 32)] * (3 if BACKEND == "numpy" else 1)  # on which Keras infers shapes by values


@pytest.mark.skipif(BACKEND not in ("jax", "torch"), reason="tells where its memory is")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn"])
def test_a_tensor_is_the_memory_that_was_filled(dtype, monkeypatch):
    filled, fill = [], FILLING.fill
    monkeypatch.setattr(FILLING, "fill", lambda *args, **options: filled.append(fill(*args, **options)) or filled[-1])
    tensor = keras.Variable(initializer("HeNormal", seed=1), shape=(1024, 1025), dtype=dtype).value
    at = tensor.unsafe_buffer_pointer() if BACKEND == "jax" else tensor.data_ptr()
    assert at == filled[0].ctypes.data


@pytest.mark.skipif(BACKEND != "jax", reason="is JAX's")
def test_traced_values_are_the_eager_ones(generator):
    import jax

    init = initializer("HeNormal", seed=3, name="w")
    traced = jax.jit(lambda: init((512, 64), "bfloat16"))
    assert same(traced(), array(init((512, 64), "bfloat16"))) and len(traced.lower().as_text()) < 20_000

    def stateless(state):
        with keras.StatelessScope(state_mapping=[(generator.state, state)]):
            return initializer("HeNormal", seed=generator)(SHAPE)

    seed = fastinit.keras.seed_of(generator)
    assert same(jax.jit(stateless)(generator.state.value), fastinit.he_normal(SHAPE, seed=seed, convention="keras"))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="is TensorFlow's")
def test_values_in_a_graph_are_the_eager_ones(generator):
    import tensorflow as tf

    init = initializer("HeNormal", seed=generator)
    in_a_graph = tf.function(lambda: init((512, 64), "bfloat16"))
    for _ in range(2):
        seed = fastinit.keras.seed_of(generator)
        expected = fastinit.he_normal((512, 64), seed=seed, convention="keras", dtype="bfloat16")
        assert same(in_a_graph(), expected)


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: initializer("HeNormal", seed=-1), ValueError, "seed must not be negative, got -1"),
    (lambda: initializer("HeNormal", seed=True), TypeError, "seed must be an int, a SeedSequence or None, got True"),
    (lambda: initializer("HeNormal", seed="a"), ValueError, "seed"),
    (lambda: initializer("HeNormal", name=3), TypeError, "name must be a string or None, got 3"),
    (lambda: initializer("HeNormal", input_axes=[0]), ValueError, r"go together, got input_axes=\[0\], output_axes=None"),
    (lambda: initializer("HeNormal", input_axes=[0], output_axes=[2])(SHAPE), ValueError, "axis 2 .* is out of range"),
    (lambda: initializer("HeNormal")(SHAPE, "int32"), TypeError, "dtype must be one of float32, .*, got 'int32'"),
    (lambda: initializer("HeNormal")((-1, 3)), ValueError, "shape must have no negative length"),
    (lambda: initializer("HeNormal")(SHAPE, layout="rows"), (TypeError, ValueError), "layout must be .*, got 'rows'"),
    (lambda: initializer("Zeros")(SHAPE, "int32", "rows"), (TypeError, ValueError), "layout must be .*, got 'rows'"),
    (lambda: initializer("RandomNormal", stddev=-1.0), ValueError, "std must not be negative, got -1.0"),
    (lambda: initializer("RandomUniform", minval=1.0, maxval=0.0), ValueError, "low must not be above high"),
    (lambda: initializer("Constant", value="a")(SHAPE), TypeError, "value must be a number, got 'a'"),
    (lambda: initializer("Identity")((3, 4, 4)), ValueError, "identity is for matrices"),
    (lambda: initializer("Orthogonal")((4,)), ValueError, "orthogonal needs at least 2 axes"),
    (lambda: initializer("STFT", window="parzen")((4, 4)), ValueError, "stft needs a shape of"),
    (lambda: fastinit.keras.Initializer("he_norml"), ValueError, "unknown initializer 'he_norml': did you mean 'he_normal'"),
    (lambda: fastinit.keras.Initializer("he_normal", slopes=1), TypeError, "he_normal has no parameter 'slopes'"),
    (lambda: fastinit.keras.Initializer("he_normal", layout="ii"), ValueError, "layout must be one of"),
    (lambda: fastinit.keras.Initializer("he_normal")((4,)), ValueError, "he_normal needs at least 2 axes"),
    (lambda: fastinit.keras.seed_of("a"), TypeError, "seed must be an initializer, an int or a keras.random.SeedGenerator"),
])  # fmt: skip
def test_what_means_nothing_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
