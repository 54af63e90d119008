"""Code written for NumPy under `patch_numpy`: its seeds, states, errors and what other libraries draw there."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.stats

import fastinit
from fastinit import TiledXoshiro128


@pytest.fixture
def patched():
    with fastinit.patch_numpy():
        np.random.seed(0)
        yield np.random


# ---- default_rng ----


@pytest.mark.parametrize(
    "seed",
    [np.random.PCG64(1), np.random.RandomState(1), TiledXoshiro128(1), np.random.default_rng(1), fastinit.default_rng(1)],
    ids=lambda seed: type(seed).__name__,
)
@pytest.mark.parametrize("default_rng", [lambda s: np.random.default_rng(s), lambda s: fastinit.default_rng(s)])
def test_default_rng_takes_generators_and_bit_generators(patched, default_rng, seed):
    drawn = default_rng(seed)
    assert isinstance(drawn, np.random.Generator)
    assert drawn is seed or drawn.bit_generator in (seed, getattr(seed, "_bit_generator", None))


@pytest.mark.parametrize(
    "code",
    [
        "import scipy.stats",
        "import scipy.sparse; scipy.sparse.random_array((5, 5), density=0.5, rng=np.random.default_rng(0))",
        "import sklearn.utils; sklearn.utils.check_random_state(None).rand()",
        "import dask.array as da; da.random.default_rng(0).normal(size=10, chunks=5).compute()",
    ],
)
def test_what_was_not_imported_before_runs_within_the_block(code):
    pytest.importorskip(code.split()[1].split(".")[0].rstrip(";"))
    program = f"import numpy as np, fastinit\nwith fastinit.patch_numpy():\n    {code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# ---- seeds and states ----

OTHERS = {
    "scipy.stats": lambda: scipy.stats.norm.rvs(size=3).tolist(),
    "a RandomState of None": lambda: np.random.mtrand._rand.rand(3).tolist(),
    "numpy.random": lambda: [np.random.normal(), np.random.standard_t(3), *np.random.rand(3)],
    "scikit-learn": lambda: pytest.importorskip("sklearn.model_selection").train_test_split(range(20))[0],
}


@pytest.mark.parametrize("draw", OTHERS.values(), ids=OTHERS)
def test_seed_makes_what_others_draw_repeatable(patched, draw):
    first = draw()
    patched.seed(0)
    assert draw() == first


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("kept", [lambda state: state, lambda state: pickle.loads(pickle.dumps(state))])
@pytest.mark.parametrize("draw", OTHERS.values(), ids=OTHERS)
def test_a_state_returns_to_where_it_was_taken(patched, draw, kept, legacy):
    patched.randn()  # one of a pair: the other is kept for the next call
    state = kept(patched.get_state(legacy=legacy))
    first = draw()
    patched.set_state(state)
    assert draw() == first


def test_a_state_has_numpys_form(patched):
    name, words, place, has_gauss, gauss = patched.get_state()
    assert (name, words.shape, words.dtype, has_gauss, gauss) == ("MT19937", (624,), np.uint32, 0, 0.0)
    assert 0 <= place <= 624
    assert patched.get_state(legacy=False)["bit_generator"] == "MT19937"


@pytest.mark.parametrize("legacy", [True, False])
def test_a_state_from_outside_can_be_set_and_always_gives_the_same(patched, legacy):
    outside = np.random.RandomState(7).get_state(legacy=legacy)
    draws = []
    for _ in range(2):
        patched.set_state(outside)
        draws.append([*patched.rand(3), *scipy.stats.norm.rvs(size=2)])
    assert draws[0] == draws[1]
    assert draws[0][3:] == np.random.RandomState(7).normal(size=2).tolist()


def test_a_state_from_inside_can_be_set_outside():
    with fastinit.patch_numpy():
        np.random.seed(5)
        state = np.random.get_state()
    np.random.set_state(state)
    assert np.random.rand() == np.random.RandomState(5).rand()


@pytest.mark.parametrize("legacy", [True, False])
def test_the_module_has_states_of_both_forms(legacy):
    fastinit.random.seed(3)
    state = fastinit.random.get_state(legacy)
    assert isinstance(state, tuple if legacy else dict)
    first = fastinit.random.random(3)
    fastinit.random.set_state(state)
    np.testing.assert_array_equal(fastinit.random.random(3), first)


# ---- the legacy functions' own arguments and errors ----

LEGACY = {
    "choice of rows": lambda random: random.choice([[1, 2], [3, 4]]),
    "a seed of 33 bits": lambda random: random.seed(2**32),
    "a negative seed": lambda random: random.seed(-1),
    "an empty seed": lambda random: random.seed([]),
    "a permutation of text": lambda random: random.permutation("abc"),
    "an axis for shuffle": lambda random: random.shuffle([1, 2], 0),
    "a negative scale": lambda random: random.normal(0, -1, 3),
    "an infinite interval": lambda random: random.uniform(0, np.inf, 3),
    "nothing to draw": lambda random: random.randint(0, 0, 3),
    "a range beyond the dtype": lambda random: random.randint(0, 300, 3, np.uint8),
    "a wrong size": lambda random: random.rand(2.5),
    "a state of another kind": lambda random: random.set_state(("PCG64", 1, 2)),
    "too short a state": lambda random: random.set_state(("MT19937",)),
}
WITHOUT_ERROR = {
    "no outcomes": lambda random: random.multinomial(10, []),
    "large populations": lambda random: 0 <= random.hypergeometric(2**30, 2**30, 5) <= 5,
    "bounds in either order": lambda random: bool((abs(random.uniform(1.0, -1.0, 100)) <= 1).all()),
    "a Python int": lambda random: type(random.randint(5)),
    "the default dtype": lambda random: random.randint(5, size=3).dtype,
    "integers of text": lambda random: random.randint("7") < 7,
    "a plain float": lambda random: type(random.normal()),
}


@pytest.mark.parametrize("call", LEGACY.values(), ids=LEGACY)
def test_an_error_is_that_of_numpys_function(patched, call):
    with pytest.raises(Exception) as numpys:
        call(np.random.RandomState(0))
    with pytest.raises(type(numpys.value)) as ours:
        call(patched)
    assert str(ours.value) == str(numpys.value)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("normal", {"dtype": np.float32}), ("random", {"out": None}), ("standard_exponential", {"method": "zig"})],
)
def test_arguments_of_generators_methods_are_refused(patched, name, arguments):
    with pytest.raises(TypeError, match="got an unexpected keyword argument"):
        getattr(patched, name)(**arguments)


@pytest.mark.parametrize("call", WITHOUT_ERROR.values(), ids=WITHOUT_ERROR)
def test_what_numpys_function_takes_is_taken(patched, call):
    assert np.array_equal(call(patched), call(np.random.RandomState(0)))


def test_deprecated_functions_warn_as_numpys_do(patched):
    with pytest.warns(DeprecationWarning, match="This function is deprecated"):
        assert 1 <= patched.random_integers(6) <= 6


def test_another_bit_generator_can_be_set_and_seeded(patched):
    own = patched.get_bit_generator()
    patched.set_bit_generator(np.random.PCG64(3))
    assert patched.rand(3).tolist() == np.random.RandomState(np.random.PCG64(3)).rand(3).tolist()
    patched.seed(5)
    assert np.random.mtrand._rand.rand() == np.random.RandomState(np.random.PCG64(5)).rand()
    patched.set_bit_generator(own)
    assert isinstance(np.random.mtrand._rand._bit_generator, np.random.MT19937)
    assert isinstance(own, TiledXoshiro128) and patched.get_bit_generator() is own


# ---- without a block ----


def test_the_call_alone_warns_that_it_replaces_nothing():
    with pytest.warns(RuntimeWarning, match=r"fastinit.patch_numpy\(\) alone replaces nothing: write `with "):
        fastinit.patch_numpy()


def test_installed_it_stays_until_it_is_uninstalled_and_does_not_warn():
    stock = np.random.normal
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastinit.patch_numpy().install()
        assert np.random.normal is not stock and fastinit.patch_numpy().is_installed
        fastinit.patch_numpy().uninstall()
    assert np.random.normal is stock


# ---- RandomState ----


def test_a_random_state_has_the_generators_arrays():
    state, rng = fastinit.random.RandomState(3), fastinit.default_rng(3)
    for name, arguments in {
        "random_sample": (50,),
        "standard_normal": (50,),
        "normal": (1.0, [2.0, 3.0], (25, 2)),
        "uniform": (-1.0, 1.0, 50),
        "exponential": (2.0, 50),
        "lognormal": (0.0, 0.5, 50),
        "bytes": (10,),
    }.items():
        drawn = getattr(state, name)(*arguments)
        np.testing.assert_array_equal(drawn, getattr(rng, name.replace("_sample", ""))(*arguments))
    np.testing.assert_array_equal(state.randint(-5, 100, 50), rng.integers(-5, 100, 50))


def test_a_pickled_random_state_goes_on_where_it_stood():
    state = fastinit.random.RandomState(3)
    state.standard_t(3), state.rand(5)
    other = pickle.loads(pickle.dumps(state))
    assert type(other) is fastinit.random.RandomState
    assert [state.standard_t(3), *state.rand(3)] == [other.standard_t(3), *other.rand(3)]


def test_scikit_learn_takes_it_where_it_takes_no_generator():
    projections = pytest.importorskip("sklearn.random_projection")

    def components(state):
        return projections.GaussianRandomProjection(3, random_state=state).fit(np.zeros((5, 8))).components_

    made = components(fastinit.random.RandomState(0))
    np.testing.assert_array_equal(made, components(fastinit.random.RandomState(0)))
    with pytest.raises(ValueError):
        components(fastinit.default_rng(0))
