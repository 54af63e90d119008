"""`fastinit.jax` has the factories of `jax.nn.initializers`, and gives NumPy's values by whatever way it is called."""

import inspect
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
from scipy.stats import ks_2samp

import fastinit
import fastinit.jax
from fastinit.backends.catalogue import ELEMENTS
from fastinit.initializers import HeNormal
from fastinit.initializers.layouts import Layout
from fastinit.jax import arrays

JAX = jax.nn.initializers
SHAPE = (48, 32)
DTYPES = [name for name in ELEMENTS if name != "float64"]  # for which JAX is to be configured
FACTORIES = [
    "constant", "delta_orthogonal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "kaiming_normal",
    "kaiming_uniform", "lecun_normal", "lecun_uniform", "normal", "orthogonal", "truncated_normal", "uniform",
    "variance_scaling", "xavier_normal", "xavier_uniform",
]  # fmt: skip
KEYS = {
    "typed": lambda: jax.random.key(7),
    "old": lambda: jax.random.PRNGKey(7),
    "rbg, four words": lambda: jax.random.key(7, impl="rbg"),
    "folded": lambda: jax.random.fold_in(jax.random.key(7), 1),
}
# A factory's call, a shape, and the NumPy call with the same values.
CALLS = {
    "uniform": (lambda: fastinit.jax.uniform(0.5), SHAPE, lambda **o: fastinit.uniform(SHAPE, low=0.0, high=0.5, **o)),
    "normal": (lambda: fastinit.jax.normal(), SHAPE, lambda **options: fastinit.normal(SHAPE, convention="jax", **options)),
    "truncated": (
        lambda: fastinit.jax.truncated_normal(0.1, lower=-1.0, upper=3.0),
        SHAPE,
        lambda **options: fastinit.truncated_normal(SHAPE, mean=0.0, std=0.1, low=-1.0, high=3.0, **options),
    ),
    **{
        name: (
            lambda name=name: getattr(fastinit.jax, name)(),
            (3, 3, 8, 16),
            lambda name=name, **options: getattr(fastinit.initializers, name)((3, 3, 8, 16), convention="jax", **options),
        )
        for name in ("he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform")
    },
    "axes": (
        lambda: fastinit.jax.he_uniform(in_axis=(0, 1), out_axis=2, batch_axis=3),
        (3, 4, 5, 6),
        lambda **options: fastinit.he_uniform(
            (3, 4, 5, 6), layout=Layout(in_axis=(0, 1), out_axis=2, batch_axis=3), **options
        ),
    ),
    "embedding": (  # Flax's
        lambda: fastinit.jax.variance_scaling(1.0, "fan_in", "normal", out_axis=0),
        (96, 48),
        lambda **options: fastinit.normal((96, 48), mean=0.0, std=48**-0.5, **options),
    ),
    "variance_scaling": (
        lambda: fastinit.jax.variance_scaling(0.7, "fan_geo_avg", "normal"),
        SHAPE,
        lambda **options: fastinit.variance_scaling(SHAPE, scale=0.7, mode="fan_geo_avg", distribution="normal", **options),
    ),
    "orthogonal": (
        lambda: fastinit.jax.orthogonal(2.0),
        (3, 4, 24),
        lambda **options: fastinit.orthogonal((3, 4, 24), gain=2.0, convention="jax", **options),
    ),
    "delta_orthogonal": (
        lambda: fastinit.jax.delta_orthogonal(),
        (3, 4, 8),
        lambda **options: fastinit.initializers.delta_orthogonal((3, 4, 8), convention="jax", **options),
    ),
}


@pytest.fixture
def key():
    return jax.random.key(42)


@pytest.fixture
def keys():
    return jax.random.split(jax.random.key(1), 3)


def same(array, expected):
    """Whether the bits are."""
    array, expected = np.asarray(array), np.asarray(expected)
    return array.shape == expected.shape and array.dtype == expected.dtype and array.tobytes() == expected.tobytes()


def parameters(function):
    return [(p.name, p.default, p.kind) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_has_the_parameters_of_jaxs(name):
    assert parameters(getattr(fastinit.jax, name)) == parameters(getattr(JAX, name))


@pytest.mark.parametrize("name", [name for name in dir(JAX) if name[0].islower() and callable(getattr(JAX, name))])
def test_every_initializer_of_jax_is_there(name):
    assert hasattr(fastinit.jax, name) and name in fastinit.jax.__all__


def test_an_initializer_is_called_as_jaxs_is():
    names = [name for name, _, _ in parameters(fastinit.jax.he_normal())]
    assert names == [name for name, _, _ in parameters(JAX.he_normal())]


@pytest.mark.parametrize("name", CALLS)
def test_values_are_numpys_for_seed_of_the_key(name, key):
    make, shape, numpy_call = CALLS[name]
    assert same(make()(key, shape, jnp.float32), numpy_call(seed=fastinit.jax.seed_of(key)))


@pytest.mark.parametrize("name", CALLS)
def test_jit_gives_the_eager_values(name, key):
    make, shape, _ = CALLS[name]
    assert same(jax.jit(lambda key: make()(key, shape))(key), make()(key, shape))


@pytest.mark.parametrize("of_key", KEYS)
def test_every_kind_of_key_gives_the_same_values_each_way(of_key):
    key, init = KEYS[of_key](), fastinit.jax.he_normal()
    expected = fastinit.he_normal(SHAPE, seed=fastinit.jax.seed_of(key), convention="jax")
    assert same(init(key, SHAPE), expected) and same(jax.jit(lambda key: init(key, SHAPE))(key), expected)


@pytest.mark.parametrize("of_key", KEYS)
def test_a_key_that_traced_code_closes_over_is_no_constant_of_its_values(of_key):
    key, init = KEYS[of_key](), fastinit.jax.he_normal()
    jitted = jax.jit(lambda: init(key, SHAPE))
    assert same(jitted(), init(key, SHAPE)) and len(jitted.lower().as_text()) < 20_000  # the values as text have more


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_dtype_is_the_same_each_way(dtype, key, keys):
    init = fastinit.jax.he_normal(dtype=dtype)
    expected = fastinit.he_normal(SHAPE, seed=fastinit.jax.seed_of(key), convention="jax", dtype=dtype)
    assert same(init(key, SHAPE), expected) and same(jax.jit(lambda key: init(key, SHAPE))(key), expected)
    assert same(jax.vmap(lambda key: init(key, SHAPE))(keys)[1], init(keys[1], SHAPE))


def test_without_x64_float64_is_float32_and_with_it_float64(key):
    init, seed = fastinit.jax.normal(), fastinit.jax.seed_of(key)
    assert init(key, SHAPE, jnp.float64).dtype == jnp.float32
    with jax.enable_x64(True):
        expected = fastinit.normal(SHAPE, std=0.01, seed=seed, dtype=np.float64)
        assert same(init(key, SHAPE, jnp.float64), expected) and same(init(key, SHAPE), expected)
        assert same(jax.jit(lambda key: init(key, SHAPE))(key), expected)


@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (1, 1)])
def test_any_shape_is_the_same_each_way(shape, key):
    init = fastinit.jax.normal(1.0)
    expected = fastinit.normal(shape, seed=fastinit.jax.seed_of(key))
    assert same(init(key, shape), expected) and same(jax.jit(lambda key: init(key, shape))(key), expected)


def test_vmap_gives_the_values_of_the_loop(keys):
    init = fastinit.jax.he_normal()
    loop = np.stack([init(key, SHAPE) for key in keys])
    mapped = jax.vmap(lambda key: init(key, SHAPE))
    assert same(mapped(keys), loop) and same(jax.jit(mapped)(keys), loop)


def test_vmap_of_vmap_gives_the_values_of_the_loops():
    init, keys = fastinit.jax.he_normal(), jax.random.split(jax.random.key(2), (2, 3))
    loops = np.stack([np.stack([init(key, SHAPE) for key in row]) for row in keys])
    assert same(jax.vmap(jax.vmap(lambda key: init(key, SHAPE)))(keys), loops)


def test_vmap_over_something_else_than_the_key_leaves_the_values(key):
    init = fastinit.jax.he_normal()
    mapped = jax.vmap(lambda x: x * init(key, SHAPE))(jnp.ones(2))
    assert same(mapped[0], init(key, SHAPE)) and same(mapped[1], init(key, SHAPE))


@pytest.mark.parametrize("how", [
    lambda init, keys: jax.lax.scan(lambda carry, key: (carry, init(key, SHAPE)), 0, keys)[1],
    lambda init, keys: jax.lax.map(lambda key: init(key, SHAPE), keys),
    lambda init, keys: jnp.stack([jax.jit(jax.checkpoint(lambda key: init(key, SHAPE)))(key) for key in keys]),
], ids=["scan", "map", "checkpoint"])  # fmt: skip
def test_other_transformations_give_the_eager_values(how, keys):
    init = fastinit.jax.he_normal()
    assert same(how(init, keys), np.stack([init(key, SHAPE) for key in keys]))


def test_gradients_pass_by_values_that_depend_on_no_input(key):
    init = fastinit.jax.he_normal()
    slope = jax.jit(jax.grad(lambda scale: (scale * init(key, SHAPE)).sum()))(1.0)
    assert slope == init(key, SHAPE).sum()


def test_eval_shape_fills_nothing(key, monkeypatch):
    def never(*args, **options):
        raise AssertionError

    monkeypatch.setattr(arrays, "fill", never)
    result = jax.eval_shape(lambda key: fastinit.jax.he_normal()(key, (2**20, 2**20), jnp.bfloat16), key)
    assert result.shape == (2**20, 2**20) and result.dtype == jnp.bfloat16


def test_tracing_again_compiles_nothing(key):
    init = fastinit.jax.he_normal()
    assert arrays._computation.cache_info().maxsize
    first = jax.make_jaxpr(lambda key: init(key, (31, 7)))(key)
    again = jax.make_jaxpr(lambda key: fastinit.jax.he_normal()(key, (31, 7)))(key)
    assert str(first) == str(again) and init == fastinit.jax.he_normal() and hash(init) == hash(fastinit.jax.he_normal())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3,), (1024, 1025)])
def test_an_eager_array_is_the_memory_that_was_filled(shape, dtype, key, monkeypatch):
    filled, original = [], arrays.filled
    monkeypatch.setattr(arrays, "filled", lambda *args: filled.append(original(*args)) or filled[-1])
    array = fastinit.jax.normal()(key, shape, dtype)
    assert array.unsafe_buffer_pointer() == filled[0].ctypes.data and filled[0].ctypes.data % 64 == 0


def test_a_donated_array_is_not_written_to(key, monkeypatch):
    filled, original = [], arrays.filled
    monkeypatch.setattr(arrays, "filled", lambda *args: filled.append(original(*args)) or filled[-1])
    array = fastinit.jax.normal()(key, SHAPE)
    before = filled[0].copy()
    jax.block_until_ready(jax.jit(lambda x: x + 1, donate_argnums=0)(array))
    assert same(filled[0], before)


PEAK = """
import sys, jax, fastinit.jax
def peak():  # not ru_maxrss, which begins with that of the parent
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
def make(n, init=fastinit.jax.he_normal()):
    call = (lambda key: init(key, (n, 1024)))
    return jax.block_until_ready((jax.jit(call) if sys.argv[1] == "jit" else call)(jax.random.key(0)))
make(64)
before = peak()
array = make(2**15)
print((peak() - before) / array.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("way", ["eager", "jit"])
def test_memory_at_the_peak_is_that_of_the_result(way):
    run = subprocess.run([sys.executable, "-c", PEAK, way], check=True, capture_output=True, text=True)
    assert 0.9 < float(run.stdout) < 1.1  # of 128 MiB


def test_an_out_sharding_without_mesh_or_of_another_type_is_refused(key):
    with pytest.raises(ValueError, match=r"out_sharding=.* needs a mesh: pass a NamedSharding, or use jax.set_mesh"):
        fastinit.jax.normal()(key, SHAPE, jnp.float32, PartitionSpec("a"))
    with pytest.raises(TypeError, match="out_sharding must be a Sharding, a PartitionSpec or None, got 'a'"):
        fastinit.jax.normal()(key, SHAPE, jnp.float32, "a")


@pytest.mark.parametrize("traced", [False, True])
def test_an_out_sharding_is_that_of_the_array(key, traced):
    sharding = NamedSharding(jax.make_mesh((1,), ("a",)), PartitionSpec("a"))
    with jax.set_mesh(sharding.mesh):
        call = lambda key: fastinit.jax.he_normal()(key, SHAPE, jnp.float32, sharding)  # noqa: E731
        array = (jax.jit(call) if traced else call)(key)
    assert array.sharding.is_equivalent_to(sharding, 2) and same(array, fastinit.jax.he_normal()(key, SHAPE))


def test_the_same_words_are_the_same_key_and_all_words_count():
    data = jax.random.key_data(jax.random.key(3))
    states = {
        tuple(fastinit.jax.seed_of(jax.random.wrap_key_data(jnp.asarray(words, jnp.uint32), impl=impl)).generate_state(4))
        for impl, words in [
            ("threefry2x32", [0, 1]), ("threefry2x32", [1, 0]), ("threefry2x32", [1, 1]), ("rbg", [0, 1, 0, 0]),
            ("rbg", [0, 1, 0, 1]), ("rbg", [0, 1, 1, 0]),
        ]
    }  # fmt: skip
    assert len(states) == 6
    assert fastinit.jax.seed_of(data).entropy == fastinit.jax.seed_of(jax.random.key(3)).entropy


def test_seed_of_is_as_it_says():
    sequence = np.random.SeedSequence([0, 42], spawn_key=(0x6A6178, 2))
    found = fastinit.jax.seed_of(jax.random.key(42, impl="threefry2x32"))
    assert found.generate_state(4).tolist() == sequence.generate_state(4).tolist()


def test_seed_of_a_traced_key_is_refused(key):
    with pytest.raises(TypeError, match="key is traced, so its value is not known here"):
        jax.jit(lambda key: fastinit.jax.seed_of(key).entropy)(key)


@pytest.mark.parametrize(("wrong", "error", "message"), [
    (0, TypeError, r"key must be made by jax\.random\.key or PRNGKey, got 0"),
    (np.zeros(2), TypeError, r"key must be made by jax\.random\.key or PRNGKey, got array"),
    (np.zeros((3, 2), np.uint32), ValueError, r"key must be one key, got an array of shape \(3, 2\): use jax.vmap"),
])  # fmt: skip
def test_what_is_no_key_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        fastinit.jax.normal()(wrong, SHAPE)


def test_several_keys_are_refused(keys):
    with pytest.raises(ValueError, match=r"key must be one key, got \(3,\) keys: use jax.vmap for several"):
        fastinit.jax.normal()(keys, SHAPE)


@pytest.mark.parametrize(("make", "shape", "dtype", "error", "message"), [
    (fastinit.jax.he_normal, (128,), "float32", ValueError, "shape \\(128,\\) has no fan_in: .* Must be at least 2D"),
    (fastinit.jax.uniform, (4, 4), "complex64", TypeError, "dtype must be one of float32, float64"),
    (fastinit.jax.truncated_normal, (4, 4), "complex64", TypeError, "dtype must be one of float32, float64"),
    (lambda: fastinit.jax.initializer("he_normal"), (4, 4), "complex64", TypeError, "dtype must be one of float32"),
    (fastinit.jax.normal, (4, 4), "int32", TypeError, "dtype must be one of float32, float64"),
    (fastinit.jax.normal, (-1,), "float32", ValueError, "shape must have no negative length"),
    (lambda: fastinit.jax.orthogonal(column_axis=2), (4, 4), "float32", ValueError, "column_axis=2 is out of range"),
    (fastinit.jax.delta_orthogonal, (3, 8, 4), "float32", ValueError, "needs at least as many"),
    (lambda: fastinit.jax.delta_orthogonal(column_axis=2), (3, 4, 4), "float32", ValueError, "column_axis must be an axis"),
    (lambda: fastinit.jax.normal(-1.0), (4,), "float32", ValueError, "std must not be negative"),
    (lambda: fastinit.jax.variance_scaling(1.0, "fan", "normal"), (4, 4), "float32", ValueError, "mode must be one of"),
])  # fmt: skip
def test_what_cannot_be_filled_is_refused(make, shape, dtype, error, message, key):
    with pytest.raises(error, match=message):
        make()(key, shape, dtype)


@pytest.mark.parametrize("name", ["zeros", "ones"])
def test_zeros_and_ones_are_jaxs(name, key):
    assert getattr(fastinit.jax, name) is getattr(JAX, name) is getattr(fastinit.jax, f"{name}_init")()


COMPLEX = {
    "normal": lambda module: module.normal(0.5),
    "he_normal": lambda module: module.he_normal(),
    "he_uniform": lambda module: module.he_uniform(),
    "variance_scaling": lambda module: module.variance_scaling(2.0, "fan_avg", "normal", in_axis=[0], out_axis=[1]),
    "orthogonal": lambda module: module.orthogonal(2.0, column_axis=0),
    "delta_orthogonal": lambda module: module.delta_orthogonal(),
}


@pytest.mark.parametrize("dtype", ["complex64", jnp.complex128])
@pytest.mark.parametrize("name", COMPLEX)
def test_complex_numbers_are_drawn_by_jaxs_own(name, dtype, key):
    init, of_jax = (COMPLEX[name](module) for module in (fastinit.jax, JAX))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX's own, of complex128
        expected = of_jax(key, (3, 4, 6), dtype)
        assert same(init(key, (3, 4, 6), dtype), expected)
        np.testing.assert_allclose(jax.jit(lambda key: init(key, (3, 4, 6), dtype))(key), expected, rtol=1e-5, atol=1e-6)
    assert {init: 1}[COMPLEX[name](fastinit.jax)] == 1  # they are equal and have one hash, as others


def test_factories_assigned_into_jax_leave_complex_numbers_to_what_was_there_before(monkeypatch, key):
    expected = JAX.he_normal()(key, (3, 4), "complex64")
    for name in ("variance_scaling", "he_normal", "normal"):
        monkeypatch.setattr(JAX, name, getattr(fastinit.jax, name))
    assert same(JAX.he_normal()(key, (3, 4), "complex64"), expected)


@pytest.mark.parametrize("std", [2.0, np.float64(2.0), jnp.array(2.0)], ids=["float", "NumPy", "JAX"])
def test_a_parameter_may_be_an_array_of_no_axes(std):
    assert hash(fastinit.jax.normal(std)) == hash(fastinit.jax.normal(2.0))


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        (((), ()), ()), (((), ()), (4000,)), (([0], []), (4000,)), (([], [0]), (4000,)), ((0, ()), (4000,)),
        (((-1,), ()), (4000,)), (([], []), (50, 80)), (([0], []), (50, 80)), (([], [1]), (50, 80)),
        ((0, 0), (4000,)), (([], [-1]), (5, 10, 80)),
    ],
)  # fmt: skip
def test_fans_of_any_axes_are_those_of_jax(axes, shape, mode, key):
    """Also of vectors and scalars. JAX's values are those of a standard normal times the std."""
    init = fastinit.jax.variance_scaling(3.0, mode, "normal", *axes)
    of_jax = JAX.variance_scaling(3.0, mode, "normal", *axes)(key, shape)
    std = float((of_jax / jax.random.normal(key, shape)).ravel()[0])
    assert init.initializer.distribution_for(shape, layout=init.layout_for(shape)).std == pytest.approx(std, rel=1e-5)
    assert init(key, shape).shape == shape


@pytest.mark.parametrize("shape", [(), (5,)])
def test_the_default_axes_need_two_axes(shape, key):
    texts = []
    for module in (fastinit.jax, JAX):
        with pytest.raises(ValueError) as caught:
            module.variance_scaling(1.0, "fan_in", "normal")(key, shape)
        texts.append(str(caught.value))
    assert texts[1] in texts[0] and str(shape) in texts[0]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_columns_of_an_orthogonal_tensor_are_orthonormal(axis, key):
    tensor = np.moveaxis(np.asarray(fastinit.jax.orthogonal(column_axis=axis)(key, (6, 4, 5)), np.float64), axis, -1)
    matrix = tensor.reshape(-1, tensor.shape[-1])
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-6)


def test_initializer_takes_any_of_fastinits(key):
    init = fastinit.jax.initializer("he_normal", layout="oi", negative_slope=0.2)
    expected = fastinit.he_normal(SHAPE, negative_slope=0.2, layout="oi", seed=fastinit.jax.seed_of(key))
    assert same(init(key, SHAPE), expected)
    assert init == fastinit.jax.initializer(HeNormal(negative_slope=0.2), layout="oi")


DISTRIBUTIONS = {
    "uniform": ((), SHAPE), "normal": ((), SHAPE), "truncated_normal": ((), SHAPE), "glorot_normal": ((), (3, 8, 64)),
    "glorot_uniform": ((), (3, 8, 64)), "he_normal": ((), (3, 8, 64)), "he_uniform": ((), (3, 8, 64)),
    "lecun_normal": ((), (3, 8, 64)), "lecun_uniform": ((), (3, 8, 64)), "orthogonal": ((2.0, 0), (4, 8, 48)),
    "delta_orthogonal": ((2.0,), (3, 16, 96)), "variance_scaling": ((2.0, "fan_out", "normal"), (3, 8, 64)),
}  # fmt: skip


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_distribution_is_that_of_jaxs(name):
    arguments, shape = DISTRIBUTIONS[name]
    keys = jax.random.split(jax.random.key(11), 64)
    found, expected = (
        np.asarray(jax.vmap(lambda key: getattr(of, name)(*arguments)(key, shape))(keys)).ravel()  # noqa: B023
        for of in (fastinit.jax, JAX)
    )
    assert ks_2samp(found, expected).pvalue > 1e-3  # about 1e5 values a side; 12 cases, seed fixed: 1 in 80 for new seeds


@pytest.mark.parametrize("module", ["jax", "jaxlib"])
def test_a_missing_jax_is_named_with_what_to_install(module):
    code = f"import sys; sys.modules[{module!r}] = None; import fastinit.jax"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert run.stderr.splitlines()[-1] == "ImportError: fastinit.jax needs JAX: pip install -e '.[jax]' in fastinit's clone"


def test_jax_is_imported_on_request_and_flax_never():
    code = (
        "import sys, fastinit; print('jax' in sys.modules); import fastinit.jax;"
        "print(*(name in sys.modules for name in ('flax', 'torch', 'numba')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "False\nFalse False False\n"
