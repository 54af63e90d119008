"""In traced code on a CPU the values come from the kernels as XLA's own call, or from callbacks, and are the same."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.export
import jax.numpy as jnp

import fastinit.jax
from fastinit.backends.catalogue import ELEMENTS
from fastinit.distributions import Normal, TruncatedNormal, Uniform
from fastinit.jax import arrays, native
from fastinit.jax.keys import seed_of_words

_kernels = pytest.importorskip("fastinit._kernels")
if not native.is_registered():
    pytest.skip("there is no handler on Windows, nor for JAX before 0.5", allow_module_level=True)

SHAPE = (48, 32)
DTYPES = [name for name in ELEMENTS if name != "float64"]  # for which JAX is to be configured
DISTRIBUTIONS = {
    "uniform": Uniform(-0.5, 1.5),
    "normal": Normal(0.25, 1e-40),
    "truncated": TruncatedNormal(0.0, 0.02, -2.0, 2.0),
    "truncated, one end": TruncatedNormal(1.0, 2.0, -np.inf, -3.0),
    "truncated, far tail": TruncatedNormal(0.0, 1.0, 20.0, np.inf),
}


@pytest.fixture
def key():
    return jax.random.key(42)


@pytest.fixture
def keys():
    return jax.random.split(jax.random.key(1), 3)


@pytest.fixture(params=["buffer_callback", "pure_callback"])
def by_callback(request, monkeypatch):
    """The name of the callback that serves where there is no handler, in this JAX or in an older one."""
    monkeypatch.setattr(native, "is_registered", lambda: False)
    if request.param == "pure_callback":
        monkeypatch.setitem(sys.modules, "jax.experimental.buffer_callback", None)
    arrays._computation.cache_clear()
    yield request.param
    arrays._computation.cache_clear()


def same(array, expected):
    array, expected = np.asarray(array), np.asarray(expected)
    return array.shape == expected.shape and array.dtype == expected.dtype and array.tobytes() == expected.tobytes()


def traced(distribution, key, shape, dtype):
    return jax.jit(lambda key: arrays.drawn(distribution, key, shape, np.dtype(dtype)))(key)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 17])  # words; the pool has four
def test_the_stream_of_a_key_is_that_of_its_seed(n):
    words = np.random.default_rng(n).integers(0, 2**32, (300, n), dtype=np.uint32)
    words[:100] *= np.random.default_rng(n).integers(0, 2, (100, n), dtype=np.uint32)  # some of them 0
    streams, from_buffer = np.empty((300, 4), np.uint32), _kernels.ffi.from_buffer
    for key, stream in zip(words, streams):
        _kernels.lib.fi_stream_of_key(from_buffer("uint32_t[]", key), n, from_buffer("uint32_t[]", stream))
    assert same(streams, np.stack([seed_of_words(key).generate_state(4) for key in words]))


def test_traced_code_calls_the_handler_and_not_python(key):
    compiled = jax.jit(lambda key: fastinit.jax.he_normal()(key, SHAPE)).lower(key).compile().as_text()
    assert "fastinit_fill" in compiled and "callback" not in compiled


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_each_distribution_and_dtype_is_the_eager_one(distribution, dtype, key):
    expected = arrays.drawn(DISTRIBUTIONS[distribution], key, SHAPE, np.dtype(dtype))
    assert same(traced(DISTRIBUTIONS[distribution], key, SHAPE, dtype), expected)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_float64_is_the_eager_one(distribution, key):
    with jax.enable_x64(True):
        assert same(
            traced(DISTRIBUTIONS[distribution], key, SHAPE, "float64"),
            arrays.drawn(DISTRIBUTIONS[distribution], key, SHAPE, np.dtype("float64")),
        )


LEAST_FOR_THREADS = 2**16  # elements, as in csrc/bindings/xla_handler.c


@pytest.mark.parametrize("n", [
    0, 1, 2047, 2048, 2049,  # a tile
    LEAST_FOR_THREADS - 1, LEAST_FOR_THREADS, LEAST_FOR_THREADS + 1,  # from here on by several threads
    2**23 - 1, 2**23, 2**23 + 1,  # of float32 from here on by non-temporal stores
])  # fmt: skip
def test_any_size_is_the_eager_one(n, key):
    assert same(
        traced(DISTRIBUTIONS["normal"], key, (n,), "float32"),
        arrays.drawn(DISTRIBUTIONS["normal"], key, (n,), np.dtype("float32")),
    )


@pytest.mark.parametrize("shape", [(0,), (3,), (LEAST_FOR_THREADS // 2, 3)])
def test_vmap_gives_the_values_of_the_loop(shape, keys):
    init = fastinit.jax.normal(1.0)
    mapped = jax.jit(jax.vmap(jax.vmap(lambda key: init(key, shape))))(keys[None])
    assert same(mapped[0], np.stack([init(key, shape) for key in keys]))


def test_calls_at_a_time_from_many_threads_all_end(keys):
    from concurrent.futures import ThreadPoolExecutor

    init, shape = fastinit.jax.normal(1.0), (4 * LEAST_FOR_THREADS,)
    jitted, expected = jax.jit(lambda key: init(key, shape)), [init(key, shape) for key in keys]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: jitted(keys[i % 3]), range(48), timeout=120))
    assert all(same(array, expected[i % 3]) for i, array in enumerate(made))


def test_an_exported_function_gives_the_eager_values(key):
    init = fastinit.jax.he_normal()
    allowed = [jax.export.DisabledSafetyCheck.custom_call(native.TARGET)]
    exported = jax.export.export(jax.jit(lambda key: init(key, SHAPE)), disabled_checks=allowed)(key)
    assert same(jax.export.deserialize(exported.serialize()).call(key), init(key, SHAPE))


def test_whole_tensor_distributions_are_made_by_callback(key):
    init = fastinit.jax.orthogonal()
    jitted = jax.jit(lambda key: init(key, SHAPE))
    assert "fastinit_fill" not in jitted.lower(key).as_text() and same(jitted(key), init(key, SHAPE))


def test_without_the_handler_a_callback_gives_the_same_values(by_callback, key, keys):
    init = fastinit.jax.he_normal(dtype=jnp.bfloat16)
    jitted = jax.jit(jax.vmap(lambda key: init(key, SHAPE)))
    assert same(jitted(keys), np.stack([init(key, SHAPE) for key in keys]))
    program = str(jax.make_jaxpr(jitted)(keys))
    assert by_callback in program and "fastinit_fill" not in program


def test_a_wrong_call_is_an_error_and_no_crash(key):
    call = jax.ffi.ffi_call(native.TARGET, jax.ShapeDtypeStruct(SHAPE, jnp.float32))
    with pytest.raises(Exception, match="fastinit: no kernel for this distribution"):
        call(jax.random.key_data(key), distribution="gamma", parameters=np.zeros(2))


def run_python(code, **variables):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **variables}, timeout=300
    )


def test_a_chosen_backend_is_not_passed_over_nor_kept():
    def lowered(backend):
        with fastinit.use_backend(backend):
            return jax.jit(lambda key: fastinit.jax.he_normal()(key, (5, 5))).lower(jax.random.key(0)).as_text()

    assert ["fastinit_fill" in lowered(backend) for backend in ("reference", "c", "reference")] == [False, True, False]


def test_a_program_ends_while_a_fill_is_under_way():
    code = (
        "import jax, fastinit.jax; init = fastinit.jax.he_normal();"
        "make = jax.jit(lambda key: init(key, (8192, 4096))); [make(jax.random.key(i)) for i in range(3)]"
    )
    run = run_python(code)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("minors, is_taken", [((99,), False), ((99, *native.MINOR_VERSIONS), True)])
@pytest.mark.parametrize("header", [None, 98])
def test_versions_that_xla_refuses_leave_jax_its_cpu(minors, is_taken, header):
    code = f"""
import jax
import fastinit.jax
from fastinit.jax import native
native.MINOR_VERSIONS, native._version_of_header = {minors}, lambda: {header}
made = jax.jit(lambda key: fastinit.jax.he_normal()(key, (5, 5)))(jax.random.key(0))
assert (made == fastinit.jax.he_normal()(jax.random.key(0), (5, 5))).all()
print(native.is_registered())
"""
    done = run_python(code)
    assert (done.stdout.strip(), done.returncode) == (str(is_taken), 0), done.stderr


def test_shapes_are_told_before_jax_has_its_devices_and_values_come_from_the_handler():
    code = """
import jax
import fastinit.jax
init, key = fastinit.jax.he_normal(), jax.ShapeDtypeStruct((2,), jax.numpy.uint32)
made = jax.jit(lambda key: init(key, (5, 5)))
print(jax.eval_shape(made, key).shape)
jax.config.update("jax_num_cpu_devices", 3)  # which JAX refuses once it has devices, as it does jax.distributed
print(jax.device_count(), "fastinit_fill" in made.lower(jax.random.key(0)).as_text())
assert (made(jax.random.key(0)) == init(jax.random.key(0), (5, 5))).all()
"""
    done = run_python(code)
    assert (done.stdout, done.returncode) == ("(5, 5)\n3 True\n", 0), done.stderr
