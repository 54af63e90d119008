"""Initializers are values, and `fastinit.get` makes them of whatever names them: every name that other libraries have."""

import copy
import json
import os
import pickle
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

import fastinit
from fastinit.initializers import (
    CLASSES,
    CONVENTIONS,
    INITIALIZERS,
    Constant,
    HeNormal,
    Initializer,
    Layout,
    Normal,
    Stacked,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from tests.support import SHAPES_OF_OTHERS, made

# ---- values ----


@pytest.mark.parametrize("name", INITIALIZERS)
def test_an_initializer_is_an_immutable_value(name):
    initializer = made(name)
    assert initializer == made(name) and hash(initializer) == hash(made(name))
    assert initializer != Normal(7.0) and initializer != "normal"
    for field in fields(initializer):
        with pytest.raises(FrozenInstanceError):
            setattr(initializer, field.name, None)


@pytest.mark.parametrize("name", ["HeNormal", "HeUniform", "XavierNormal", "XavierUniform", "LecunNormal", "LecunUniform"])
def test_a_seed_by_position_is_refused_where_keras_has_it_there(name):
    with pytest.raises(TypeError, match=f"{name} takes nothing by position, got 42: did you mean"):
        CLASSES[name](42)


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize(
    "again",
    [
        lambda initializer: eval(repr(initializer), dict(CLASSES)),
        lambda initializer: type(initializer).from_config(json.loads(json.dumps(initializer.get_config()))),
        lambda initializer: fastinit.get({"class_name": type(initializer).__name__, "config": initializer.get_config()}),
        lambda initializer: pickle.loads(pickle.dumps(initializer)),
        copy.deepcopy,
    ],
    ids=["repr", "JSON of the config", "class and config", "pickle", "copy"],
)
def test_an_equal_one_is_made_again(name, again):
    assert again(made(name)) == made(name)


FLAVOURED = [name for name, fills in INITIALIZERS.items() if "convention" in fills.__signature__.parameters]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("name", FLAVOURED)
def test_a_convention_is_kept(name, convention):
    initializer = made(name, convention=convention)
    assert initializer.get_config()["convention"] == convention
    assert type(initializer).from_config(initializer.get_config()) == initializer


def test_the_repr_has_what_is_not_the_default():
    assert repr(HeNormal()) == "HeNormal()"
    assert repr(HeNormal(negative_slope=0.2, convention="torch")) == "HeNormal(negative_slope=0.2, convention='torch')"
    assert repr(Stacked(Constant(1))) == "Stacked(initializer=Constant(value=1.0))"


def test_parameters_are_compared_as_numbers_and_zeros_by_their_sign():
    assert Normal(0, 1) == Normal(np.float32(0), np.int64(1)) == Normal()
    assert Constant(0.0) != Constant(-0.0)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_value_and_its_function_fill_alike(name):
    shape = SHAPES_OF_OTHERS.get(name, (5, 6))
    by_value = made(name)(shape, seed=0, layout="oi")
    assert np.array_equal(by_value, INITIALIZERS[name](shape, **vars(made(name)), seed=0, layout="oi"))


# ---- names ----

# Kept as lists, so that they are tested without the libraries; the test after that has those of the installed ones.
NAMES = {
    "torch": "uniform_ normal_ trunc_normal_ constant_ ones_ zeros_ eye_ dirac_ xavier_uniform_ xavier_normal_ "
    "kaiming_uniform_ kaiming_normal_ orthogonal_ sparse_ uniform normal constant eye dirac xavier_uniform xavier_normal "
    "kaiming_uniform kaiming_normal orthogonal sparse",
    "jax": "constant delta_orthogonal glorot_normal glorot_uniform he_normal he_uniform kaiming_normal kaiming_uniform "
    "lecun_normal lecun_uniform normal ones orthogonal truncated_normal uniform variance_scaling xavier_normal "
    "xavier_uniform zeros",
    "flax": "zeros_init ones_init",
    "keras": "Constant constant Zeros zeros zero Ones ones one Identity identity IdentityInitializer STFT stft "
    "STFTInitializer RandomNormal random_normal normal RandomUniform random_uniform uniform TruncatedNormal "
    "truncated_normal VarianceScaling variance_scaling GlorotUniform glorot_uniform GlorotNormal glorot_normal HeUniform "
    "he_uniform HeNormal he_normal LecunUniform lecun_uniform LecunNormal lecun_normal Orthogonal orthogonal "
    "OrthogonalInitializer",
    "tensorflow 1": "uniform_unit_scaling convolutional_delta_orthogonal",
    "mxnet": "Zero zeros One ones Constant constant Uniform uniform Normal normal Orthogonal orthogonal Xavier xavier "
    "MSRAPrelu msraprelu Bilinear bilinear LSTMBias lstmbias",
    "paddle": "Bilinear Constant Dirac KaimingNormal KaimingUniform Normal Orthogonal TruncatedNormal Uniform XavierNormal "
    "XavierUniform",
    "haiku": "Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling UniformScaling Orthogonal Identity",
    "chainer": "Constant Identity Zero One Normal GlorotNormal HeNormal LeCunNormal Orthogonal Uniform GlorotUniform "
    "HeUniform LeCunUniform",
}


@pytest.mark.parametrize(("library", "name"), [(library, name) for library in NAMES for name in NAMES[library].split()])
def test_the_name_of_another_library_is_known(library, name):
    needed = {"constant": {"value": 0.5}, "sparse": {"sparsity": 0.5}}.get(name.lower().rstrip("_"), {})
    assert isinstance(fastinit.get(name, **needed), Initializer)


def installed(library):
    module = pytest.importorskip("flax.nnx" if library == "flax" else library)
    if library == "torch":
        listed = vars(module.nn.init).items()
        return [n for n, f in listed if n[0] != "_" and getattr(f, "__module__", "") == "torch.nn.init"]
    if library == "jax":
        return [n for n, f in vars(module.nn.initializers).items() if n[0].islower() and callable(f)]
    if library == "flax":
        return [n for n, f in vars(module.initializers).items() if n[0].islower() and callable(f)]
    from keras.src.initializers import ALL_OBJECTS_DICT

    return list(ALL_OBJECTS_DICT)


@pytest.mark.parametrize("library", ["torch", "jax", "flax", "keras"])
def test_the_names_are_all_that_the_installed_library_has(library):
    os.environ.setdefault("KERAS_BACKEND", "jax")  # TensorFlow, its default, need not be there
    no_initializers = {"calculate_gain", "Initializer", "initializer", "Callable", "TypeVar", "ParamSpec"}
    known = set(" ".join(NAMES.values()).split())
    assert set(installed(library)) - no_initializers <= known


@pytest.mark.parametrize(
    ("identifier", "parameters", "expected"),
    [
        (
            "kaiming_uniform_",
            {"a": 5**0.5, "convention": "torch"},
            fastinit.initializers.HeUniform(negative_slope=5**0.5, convention="torch"),
        ),
        ("trunc_normal_", {"a": -1, "b": 3}, TruncatedNormal(low=-1, high=3)),
        ("uniform_", {"a": 1, "b": 2}, Uniform(1, 2)),
        ("constant_", {"val": 3}, Constant(3)),
        ("RandomUniform", {"minval": 1, "maxval": 2}, Uniform(1, 2)),
        ("RandomNormal", {"stddev": 2}, Normal(0, 2)),
        ("truncated_normal", {"stddev": 2, "lower": -1, "upper": 1}, TruncatedNormal(0, 2, -1, 1)),
        ("Normal", {"sigma": 0.01}, Normal(0, 0.01)),
        ("orthogonal", {"scale": 2}, fastinit.initializers.Orthogonal(2)),
        ("MSRAPrelu", {}, HeNormal(negative_slope=0.25, mode="fan_avg")),
        ("MSRAPrelu", {"slope": 0.1}, HeNormal(negative_slope=0.1, mode="fan_avg")),
        ("Xavier", {}, fastinit.initializers.XavierUniform()),
        ("HE-NORMAL", {}, HeNormal()),
        (HeNormal, {"negative_slope": 0.2}, HeNormal(negative_slope=0.2)),
        (fastinit.he_normal, {}, HeNormal()),
        (HeNormal(negative_slope=0.2), {}, HeNormal(negative_slope=0.2)),
        (
            {"class_name": "GlorotUniform", "config": {"convention": "keras"}},
            {},
            fastinit.initializers.XavierUniform(convention="keras"),
        ),
        ({"class_name": "HeNormal"}, {"convention": "jax"}, HeNormal(convention="jax")),
        ("zeros_", {"convention": "torch"}, fastinit.initializers.Zeros()),
        ("constant", {"val": 2.0, "convention": "keras"}, fastinit.initializers.Constant(2.0)),
    ],
)
def test_get_makes_the_initializer_that_is_meant(identifier, parameters, expected):
    assert fastinit.get(identifier, **parameters) == expected


ERRORS = [
    (lambda: fastinit.get("he_nrmal"), ValueError, "unknown initializer 'he_nrmal': did you mean 'he_normal'? known: "),
    (lambda: fastinit.get(None), TypeError, "identifier must be a name, an initializer, its class, function or config"),
    (lambda: fastinit.get(len), TypeError, "identifier must be a name, an initializer, its class, function or config"),
    (lambda: fastinit.get(HeNormal(), mode="fan_out"), TypeError, "parameters mode cannot be given with an initializer"),
    (lambda: fastinit.get("he_normal", std=1), TypeError, "he_normal has no parameter 'std': it takes negative_slope"),
    (lambda: fastinit.get("uniform", a=0, low=1), TypeError, "low of uniform is given twice, under two names: a, low"),
    (lambda: fastinit.get({"class": "HeNormal"}), ValueError, "a config must have the keys class_name and config, got"),
    (lambda: fastinit.get({"class_name": 3}), TypeError, "class_name must be a name, got 3"),
    (lambda: fastinit.get({"class_name": "HeNormal", "config": 3}), TypeError, "config must be a mapping from parameters"),
    (lambda: HeNormal.from_config({"slope": 3}), TypeError, "he_normal has no parameter 'slope': it takes negative_slope"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[message for *_, message in ERRORS])
def test_what_names_nothing_is_refused_and_says_what_is_allowed(call, error, message):
    with pytest.raises(error) as refusal:
        call()
    assert str(refusal.value).startswith(message)


def test_layouts_and_initializers_go_together_in_a_call():
    init = VarianceScaling(2.0, "fan_out")
    assert (
        init.distribution_for((3, 4, 5), layout="eio")
        == init.distribution_for((4, 5))
        == init.distribution_for((5, 4), layout=Layout("oi"))
    )
