"""Gains keep the second moment, and have the digits that they are said to have."""

import math
import os
import re
import subprocess
import sys
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

import fastinit
from fastinit.initializers.gains import ACTIVATIONS, ALIASES, gain, second_moment

# ---- against the textbook's functions, integrated by QUADPACK ----


def above(z, bound):
    return z.real > bound


def elu(z, alpha=1.0, scale=1.0, rate=1.0):
    return scale * np.where(above(z, 0), z, alpha * (np.exp(z / rate) - 1))


def gelu_tanh(z):
    return 0.5 * z * (1 + np.tanh((2 / np.pi) ** 0.5 * (z + 0.044715 * z**3)))


def clipped(z, low, high):
    return np.where(above(z, low), np.where(above(z, high), high, z), low)


def logistic(z):
    return 1 / (1 + np.exp(-z))


def softplus(z):
    return np.log1p(np.exp(z))


def leaky(z, slope):
    return np.where(above(z, 0), z, slope * z)


TEXTBOOK = {  # each for real and for complex numbers, the latter for its derivative
    "linear": lambda z: z,
    "relu": lambda z: clipped(z, 0, np.inf),
    "leaky_relu": lambda z, negative_slope=0.01: leaky(z, negative_slope),
    "prelu": lambda z, negative_slope=0.25: leaky(z, negative_slope),
    "relu6": lambda z: clipped(z, 0, 6),
    "relu_squared": lambda z: clipped(z, 0, np.inf) ** 2,
    "hardtanh": lambda z: clipped(z, -1, 1),
    "hardsigmoid": lambda z: clipped(z + 3, 0, 6) / 6,
    "hardswish": lambda z: z * clipped(z + 3, 0, 6) / 6,
    "elu": lambda z, alpha=1.0: elu(z, alpha),
    "selu": lambda z: elu(z, 1.6732632423543772, 1.0507009873554805),
    "celu": lambda z, alpha=1.0: elu(z, alpha, rate=alpha),
    "gelu": lambda z: z * (1 + special.erf(z / 2**0.5)) / 2,
    "gelu_tanh": gelu_tanh,
    "quick_gelu": lambda z: z * logistic(1.702 * z),
    "silu": lambda z: z * logistic(z),
    "mish": lambda z: z * np.tanh(softplus(z)),
    "tanh": np.tanh,
    "sigmoid": logistic,
    "softplus": softplus,
    "softsign": lambda z: z / (1 + np.where(above(z, 0), z, -z)),
    "sin": lambda z, w0=1.0: np.sin(w0 * z),
    "erf": special.erf,
}
GATES = {"swiglu": "silu", "geglu": "gelu", "reglu": "relu", "glu": "sigmoid"}
WITH_PARAMETERS = [
    ("leaky_relu", {"negative_slope": -0.5}),
    ("prelu", {"negative_slope": 0.7}),
    ("elu", {"alpha": 0.3}),
    ("elu", {"alpha": -2}),
    ("celu", {"alpha": 0.04}),
    ("celu", {"alpha": 50.0}),
    ("celu", {"alpha": -1.5}),
    ("sin", {"w0": 1e-3}),
    ("sin", {"w0": 7}),
]
CASES = [*((name, {}) for name in TEXTBOOK), *WITH_PARAMETERS]


def mean_square(f):
    """E[f(z)^2] by QUADPACK, between the places where an activation may have its kinks."""
    kinks = [-14, -6, -3, -1, 0, 1, 3, 6, 14]  # pdf(14) = 1e-43

    def integrand(z):
        return float(f(z)) ** 2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    parts = (integrate.quad(integrand, *ends, epsabs=1e-16, epsrel=1e-13, limit=200)[0] for ends in pairwise(kinks))
    return math.fsum(parts)


def slope_of(f):
    """f' without differences: Im f(z + ih) / h has an error of h^2 (Squire and Trapp 1998)."""
    return lambda z: complex(f(np.complex128(complex(z, 1e-30)))).imag / 1e-30


def test_every_activation_is_in_these_tests():
    assert {*TEXTBOOK, *GATES} == {*ACTIVATIONS}
    assert {*ALIASES.values()} <= {*ACTIVATIONS}


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_second_moments_are_those_of_the_textbook_function(name, parameters):
    f = partial(TEXTBOOK[name], **parameters)
    assert second_moment(name, **parameters) == pytest.approx(mean_square(lambda z: f(np.float64(z))), rel=1e-11, abs=0)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_backward_second_moments_are_those_of_the_derivative(name, parameters):
    expected = mean_square(slope_of(partial(TEXTBOOK[name], **parameters)))
    assert second_moment(name, backward=True, **parameters) == pytest.approx(expected, rel=1e-11, abs=0)


@pytest.mark.parametrize(("name", "gate"), GATES.items())
def test_a_gated_unit_has_the_second_moment_of_its_gate(name, gate):
    assert second_moment(name) == second_moment(gate)
    expected = (
        f"a gated unit f(a) b has two inputs: backwards to a it is second_moment({gate!r}, backward=True), to b it is "
        f"second_moment({gate!r})"
    )
    with pytest.raises(ValueError) as raised:
        gain(name, backward=True)
    assert str(raised.value) == expected


# mpmath 1.4 with 40 digits, quad(lambda z: f(z)**2 * npdf(z)) between the kinks: E[f^2], E[f'^2]
DIGITS = {
    "elu": (0.6449454174929239, 0.6681020012231706),
    "hardswish": (0.3315673751379077, 0.3585315171786052),
    "gelu": (0.4252214825702987, 0.4558508656492871),
    "gelu_tanh": (0.4251937110330995, 0.4558178459629506),
    "quick_gelu": (0.4219528068969808, 0.4495492004791021),
    "silu": (0.3557755198173522, 0.3794823516328293),
    "mish": (0.4523421923758828, 0.4790837583739698),
    "tanh": (0.3942944903978412, 0.4644029024482682),
    "sigmoid": (0.2933790358580930, 0.04483624135019437),
    "softplus": (0.9212459088593003, 0.2933790358580930),
    "softsign": (0.1830140212665475, 0.2276713404221825),
}


@pytest.mark.parametrize("name", DIGITS)
def test_second_moments_have_14_digits(name):
    found = second_moment(name), second_moment(name, backward=True)
    assert found == pytest.approx(DIGITS[name], rel=4e-15, abs=0)


GAINS = [  # forward, to 12 decimals, and backward, to 8
    ("linear", {}, 1, 1),
    ("relu", {}, 1.414213562373, 1.41421356),
    ("leaky_relu", {}, 1.414142856998, 1.41414286),
    ("leaky_relu", {"negative_slope": 0.2}, 1.386750490563, 1.38675049),
    ("elu", {}, 1.245198300701, 1.22342856),
    ("celu", {}, 1.245198300701, 1.22342856),
    ("selu", {}, 1, 0.96602578),
    ("gelu", {}, 1.533530441196, 1.48111441),
    ("gelu_tanh", {}, 1.533580521666, 1.48116806),
    ("quick_gelu", {}, 1.539458762299, 1.49145923),
    ("silu", {}, 1.676532470331, 1.62332026),
    ("mish", {}, 1.486847581273, 1.44475523),
    ("tanh", {}, 1.592537419723, 1.46741359),
    ("sigmoid", {}, 1.846228545339, 4.72264609),
    ("softplus", {}, 1.041866835535, 1.84622855),
    ("softsign", {}, 2.337533363109, 2.09578061),
    ("hardtanh", {}, 1.392036140448, 1.21028706),
    ("hardswish", {}, 1.736657212767, 1.67007637),
    ("relu6", {}, 1.414213565095, 1.41421356),
    ("relu_squared", {}, 0.816496580928, 0.70710678),
    ("sin", {}, 1.520866623179, 1.32725060),
]


@pytest.mark.parametrize(("name", "parameters", "forward", "backward"), GAINS)
def test_gains_are_those_of_the_table(name, parameters, forward, backward):
    assert gain(name, **parameters) == pytest.approx(forward, abs=5.1e-13)
    assert gain(name, backward=True, **parameters) == pytest.approx(backward, abs=5.1e-9)


@given(slope=st.floats(-100, 100))
@settings(max_examples=200, deadline=None)
def test_a_leaky_relu_has_the_gain_of_he_at_every_slope(slope):
    assert gain("leaky_relu", negative_slope=slope) == math.sqrt(2 / (1 + slope * slope))
    assert gain("leaky_relu", negative_slope=slope, backward=True) == gain("prelu", negative_slope=slope)


def test_the_gains_of_relu_and_selu_are_exact():
    assert gain("relu") == math.sqrt(2)
    assert gain("selu") == pytest.approx(1, abs=3e-16)


# ---- names ----


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("identity", "linear"), ("conv1d", "linear"), ("conv_transpose3d", "linear"), ("swish", "silu"), ("SiLU", "silu"),
        ("LeakyReLU", "leaky_relu"), ("hard_sigmoid", "hardsigmoid"), ("hard_silu", "hardswish"), ("relu2", "relu_squared"),
        ("gelu_pytorch_tanh", "gelu_tanh"), ("gelu_new", "gelu_tanh"), ("QuickGELU", "quick_gelu"),
    ],
)  # fmt: skip
def test_other_names_mean_the_same(alias, name):
    assert gain(alias) == gain(name)


# ---- conventions ----

LINEAR = ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
TORCH = [
    *((name, {}, 1.0) for name in [*LINEAR, "sigmoid"]),
    ("tanh", {}, 5 / 3),
    ("relu", {}, math.sqrt(2)),
    ("leaky_relu", {}, math.sqrt(2 / (1 + 0.01**2))),
    ("leaky_relu", {"negative_slope": 0.3}, math.sqrt(2 / (1 + 0.3**2))),
    ("selu", {}, 0.75),
]


@pytest.mark.parametrize(("name", "parameters", "expected"), TORCH)
def test_the_convention_of_torch_has_the_numbers_of_calculate_gain(name, parameters, expected):
    assert gain(name, convention="torch", **parameters) == expected


@pytest.mark.parametrize(("name", "parameters", "expected"), TORCH)
def test_torch_itself_has_these_numbers(name, parameters, expected):
    init = pytest.importorskip("torch.nn.init")
    assert init.calculate_gain(name, *parameters.values()) == expected


@pytest.mark.parametrize("name", [*ACTIVATIONS, *ALIASES, "conv_transpose2d", "ReLU"])
def test_the_convention_of_torch_has_a_gain_where_torch_has_one(name):
    init = pytest.importorskip("torch.nn.init")
    try:
        expected = init.calculate_gain(name)
    except ValueError:
        with pytest.raises(ValueError, match="torch has no gain for"):
            gain(name, convention="torch")
    else:
        assert gain(name, convention="torch") == expected


# ---- callables ----


def test_a_callable_has_the_gain_of_its_name():
    assert gain(np.tanh) == gain("tanh")
    assert gain(math.tanh) == pytest.approx(gain("tanh"), rel=1e-14)
    assert gain(np.tanh, backward=True, derivative=lambda z: 1 - np.tanh(z) ** 2) == pytest.approx(
        gain("tanh", backward=True), rel=1e-14
    )


@given(kink=st.floats(-3, 3))
@settings(max_examples=50, deadline=None)
def test_a_kink_is_where_the_callable_has_it(kink):
    def shifted(z):
        return np.maximum(z, kink)

    mass, density = special.ndtr(kink), math.exp(-kink * kink / 2) / math.sqrt(2 * math.pi)
    expected = kink * kink * mass + kink * density + 1 - mass
    assert second_moment(shifted) == pytest.approx(expected, rel=1e-12)


def test_tensors_of_torch_are_values():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional.gelu
    assert second_moment(lambda z: f(torch.from_numpy(z))) == pytest.approx(second_moment("gelu"), rel=1e-12)
    assert second_moment(lambda z: f(torch.tensor(z))) == pytest.approx(second_moment("gelu"), rel=1e-12)
    in_float32 = second_moment(lambda z: f(torch.from_numpy(z).float()))
    assert in_float32 == pytest.approx(second_moment("gelu"), rel=1e-6)


def test_arrays_of_jax_are_values():
    jax = pytest.importorskip("jax")
    assert second_moment(jax.nn.silu) == pytest.approx(second_moment("silu"), rel=1e-6)  # float32
    assert second_moment(jax.nn.gelu) == pytest.approx(second_moment("gelu_tanh"), rel=1e-6)


# ---- errors ----

KNOWN = (
    "celu, elu, erf, geglu, gelu, gelu_tanh, glu, hardsigmoid, hardswish, hardtanh, leaky_relu, linear, mish, prelu, "
    "quick_gelu, reglu, relu, relu6, relu_squared, selu, sigmoid, silu, sin, softplus, softsign, swiglu, tanh"
)
TORCH_KNOWN = ", ".join([*LINEAR, "sigmoid", "tanh", "relu", "leaky_relu", "selu"])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("gelo",), {}, ValueError, f"unknown activation 'gelo': did you mean 'gelu'? known: {KNOWN}"),
        (("xyz",), {}, ValueError, f"unknown activation 'xyz': known: {KNOWN}"),
        ((None,), {}, TypeError, "activation must be a name or a callable, got None"),
        ((5.0,), {"backward": True}, TypeError, "activation must be a name or a callable, got 5.0"),
        (("relu",), {"alpha": 1}, TypeError, "relu has no parameter 'alpha': it takes none"),
        (("elu",), {"slope": 1}, TypeError, "elu has no parameter 'slope': it takes alpha"),
        (("elu",), {"alpha": "1"}, TypeError, "alpha must be a number, got '1'"),
        (("elu",), {"alpha": math.nan}, ValueError, "alpha must be finite, got nan"),
        (("celu",), {"alpha": 0}, ValueError, "alpha must not be 0 for celu, which is alpha (exp(z / alpha) - 1) below 0"),
        (("elu",), {"alpha": 1e200}, ValueError, "second moment of elu is beyond float64 for {'alpha': 1e+200}"),
        (("sin",), {"w0": 0}, ValueError, "activation 'sin' has second moment 0.0: no gain makes up for it"),
        ((np.zeros_like,), {}, ValueError, f"activation {np.zeros_like!r} has second moment 0.0: no gain makes up for it"),
        ((np.tanh,), {"k": 1}, TypeError, "parameters k go with a name: bind a callable's with functools.partial"),
        ((np.tanh,), {"backward": True}, ValueError,
         "backward=True needs derivative=, f' as a callable: numerical differences have too few digits"),
        (("tanh",), {"derivative": np.cos}, TypeError,
         "tanh has a derivative of its own: derivative= goes with a callable"),
        ((np.tanh,), {"backward": True, "derivative": np.sum}, ValueError,
         "derivative must return one real number for each z: got float64 () for (384,)"),
        ((np.sum,), {}, ValueError, "activation must return one real number for each z: got float64 () for (384,)"),
        (("relu",), {"convention": "keras"}, ValueError,
         "convention must be 'math' or 'torch', got 'keras': Keras and JAX have no table of gains"),
        (("relu",), {"convention": "jax"}, ValueError,
         "convention must be 'math' or 'torch', got 'jax': Keras and JAX have no table of gains"),
        (("gelu",), {"convention": "torch"}, ValueError,
         f"torch has no gain for 'gelu', only for {TORCH_KNOWN}: use convention='math'"),
        (("tanh",), {"convention": "torch", "backward": True}, ValueError,
         "torch has the same gain in both directions: use convention='math' with backward or derivative"),
        (("tanh",), {"convention": "torch", "negative_slope": 1}, TypeError,
         "tanh has no parameter 'negative_slope': it takes none"),
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", str(value)),  # an address would differ in each process
)  # fmt: skip
def test_errors_say_what_is_wrong_and_what_to_do(arguments, options, error, message):
    with pytest.raises(error) as raised:
        gain(*arguments, **options)
    assert str(raised.value) == message


def test_the_gains_need_neither_scipy_nor_a_framework():
    code = "import sys, fastinit.initializers.gains; print({'scipy', 'torch', 'jax', 'mpmath'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


# ---- what a gain does ----

LAYERS, WIDTH, INPUTS = 30, 1024, 64
PLAIN = {"gelu": TEXTBOOK["gelu"], "silu": TEXTBOOK["silu"], "tanh": np.tanh}


def moments_through_the_layers(name, factor, normalized):
    """E[z^2] after each layer, `normalized` or not before the next; the weights have std factor / sqrt(fan_in)."""
    z = fastinit.normal((INPUTS, WIDTH), seed=0, name="inputs", mean=0.0, std=1.0)
    for layer in range(LAYERS):
        w = fastinit.normal((WIDTH, WIDTH), seed=0, name=f"layer {layer}", mean=0.0, std=factor / math.sqrt(WIDTH))
        z = PLAIN[name](z).astype(np.float32) @ w
        yield float(np.mean(z.astype(np.float64) ** 2))
        if normalized:
            z /= np.sqrt(np.mean(z * z, axis=1, keepdims=True))


def std_of_one_layer(name):
    """Of mean z^2 over the units of one input: sqrt((2 + Var f^2 / E[f^2]^2) / width), for normal z and weights."""
    f = PLAIN[name]
    return math.sqrt((1 + second_moment(lambda z: f(z) ** 2) / second_moment(name) ** 2) / WIDTH)


@pytest.mark.parametrize(("name", "convention"), [("gelu", math.sqrt(2)), ("silu", math.sqrt(2)), ("tanh", 5 / 3)])
def test_each_of_30_normalized_layers_keeps_the_second_moment_but_not_by_convention(name, convention):
    moments = np.array([*moments_through_the_layers(name, gain(name), normalized=True)])
    one = std_of_one_layer(name)  # 0.05 to 0.09; the inputs share the weights, so that more of them need not lessen it
    bound = 4 * one / math.sqrt(LAYERS)  # 0.04 to 0.07: 1 in 16000, seed fixed
    assert abs(moments - 1).max() < 4.5 * one  # 1 in 5000 for 30 layers, seed fixed
    assert abs(np.log(moments).mean()) < bound
    assert abs(np.log(moments * (convention / gain(name)) ** 2).mean()) > bound  # the same weights, scaled


def test_tanh_keeps_the_second_moment_through_30_layers_without_normalization():
    # Deviations shrink to 0.46 a layer, so their std is 1.13 of one layer's; the inputs stay uncorrelated, but for
    # 1 / sqrt(width (1 - 0.93^2)), and their mean has it divided by sqrt(1 / inputs + that squared): 0.009.
    std = 1.13 * std_of_one_layer("tanh") * math.sqrt(1 / INPUTS + 1 / (WIDTH * (1 - 0.93**2)))
    moments = np.array([*moments_through_the_layers("tanh", gain("tanh"), normalized=False)])
    assert abs(moments - 1).max() < 4.5 * std  # 1 in 5000 for 30 layers, seed fixed: 4 %


@pytest.mark.parametrize(("name", "growth"), [("silu", 1.17), ("gelu", 1.14), ("tanh", 0.46)])
def test_a_deviation_grows_by_as_much_a_layer_as_the_docstring_says(name, growth):
    h = 1e-4
    above, below = (second_moment(lambda z, q=q: PLAIN[name](math.sqrt(q) * z)) for q in (1 + h, 1 - h))
    assert (above - below) / (2 * h) / second_moment(name) == pytest.approx(growth, abs=0.005)


HASH_OF_WEIGHTS = """
import hashlib, fastinit
from fastinit.initializers.gains import ACTIVATIONS
drawn = (fastinit.he_normal((8, 8), seed=0, nonlinearity=name, dtype="float64") for name in ACTIVATIONS)
print(hashlib.sha256(b"".join(weights.tobytes() for weights in drawn)).hexdigest())
"""


def test_float64_weights_do_not_depend_on_the_order_in_which_blas_sums():
    hashes = set()
    for core in ("Haswell", "SkylakeX", "Nehalem"):  # kernels of OpenBLAS, with which NumPy's wheels come
        environment = {**os.environ, "OPENBLAS_CORETYPE": core}
        done = subprocess.run([sys.executable, "-c", HASH_OF_WEIGHTS], env=environment, capture_output=True, check=True)
        hashes.add(done.stdout)
    assert len(hashes) == 1
