"""Under `accelerate` fastinit draws torch's fills, with torch's meaning; without it nothing of torch has changed."""

import copy
import ctypes
import functools
import pickle
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from scipy import stats
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.init import _no_grad_trunc_normal_ as truncated_by_value
from torch.nn.init import kaiming_uniform_ as kaiming_by_value
from torch.nn.init import normal_ as normal_by_value
from torch.nn.init import orthogonal_ as orthogonal_by_value
from torch.nn.init import trunc_normal_ as trunc_normal_by_value
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import fastinit
import fastinit.torch
from fastinit.torch import accelerate
from fastinit.torch.drawing import replacements
from fastinit.torch.drawing.replacements import METHODS, STOCK
from fastinit.torch.drawing.streams import drawn_from
from tests.thresholds import LEAST_P_VALUE

STANDARD = fastinit.distributions.Normal(0.0, 1.0)


def everything_of_torch():
    """Each attribute of what could be patched, by identity."""
    owners = [torch.Tensor, torch._C.TensorBase, torch.random, nn.init, nn.modules.activation, nn.modules.transformer]
    return [{name: id(value) for name, value in vars(owner).items()} for owner in owners]


def of_stream(generator_seed, distribution, shape, dtype="float32"):
    """What a fill from a torch generator with this seed gives, by way of fastinit alone."""
    return fastinit.core.fill.fill(
        distribution, shape, seed=drawn_from(torch.Generator().manual_seed(generator_seed)), dtype=dtype
    )


def is_normal(values, std=1.0):
    return stats.kstest(values.detach().double().numpy().ravel(), "norm", (0, std)).pvalue > LEAST_P_VALUE


@pytest.fixture
def is_fastinits():
    """Whether values are fastinit's: those of the stream that torch.manual_seed(5) gives."""

    def are(fill, distribution=STANDARD):
        tensor = torch.empty(64, 65)
        fill(tensor, torch.manual_seed(5))
        return np.array_equal(tensor.numpy(), of_stream(5, distribution, (64, 65)))

    return are


def test_importing_changes_nothing_of_torch():
    assert torch.Tensor.normal_ is torch._C.TensorBase.normal_
    assert "normal_" not in vars(torch.Tensor) and "uniform_" not in vars(torch.Tensor)
    assert nn.init.orthogonal_.__module__ == "torch.nn.init" and not hasattr(nn.init.orthogonal_, "__wrapped__")


def test_afterwards_every_attribute_is_the_one_that_was_there():
    before = everything_of_torch()
    with accelerate():
        assert everything_of_torch() != before
    assert everything_of_torch() == before


def test_an_error_within_also_ends_it():
    before = everything_of_torch()
    with pytest.raises(KeyError), accelerate(seed=1):
        raise KeyError
    assert everything_of_torch() == before
    torch.manual_seed(0)
    stock = torch.empty(100).normal_()
    torch.manual_seed(0)
    assert torch.equal(torch.randn(100), stock)


FILLS = {
    "normal_": (lambda t, g: t.normal_(1, 2.0, generator=g), fastinit.distributions.Normal(1.0, 2.0)),
    "uniform_": (lambda t, g: t.uniform_(-1, 2.5, generator=g), fastinit.distributions.Uniform(-1.0, 2.5)),
    "trunc_normal_": (
        lambda t, g: nn.init.trunc_normal_(t, 0.0, 0.02, -0.04, 0.04, generator=g),
        fastinit.distributions.TruncatedNormal(0.0, 0.02, -2.0, 2.0),
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("fill, distribution", FILLS.values(), ids=FILLS)
def test_a_fill_that_was_asked_for_before_has_the_values_of_its_own_stream(fill, distribution, dtype):
    for seed in range(3):
        tensor = torch.empty(7, 9, dtype=getattr(torch, dtype))
        version = tensor._version
        with accelerate():
            fill(tensor, torch.manual_seed(seed))
        expected = torch.from_numpy(of_stream(seed, distribution, (7, 9), dtype).view(f"u{tensor.itemsize}"))
        assert torch.equal(tensor.view(expected.dtype), expected)
        assert tensor._version > version


def test_a_mean_far_outside_the_bounds_is_warned_of_each_time():
    for _ in range(3):
        with accelerate(), pytest.warns(UserWarning, match="mean is more than 2 std"):
            nn.init.trunc_normal_(torch.empty(9), 1.06, 0.02, -1.0, 1.0)


@pytest.mark.parametrize(
    "make",
    [lambda: torch.empty(9, 7).T, lambda: torch.empty(7, 18)[:, ::2], lambda: torch.empty(7, 9).to_sparse()],
    ids=["transposed", "strided", "sparse"],
)
def test_memory_of_other_kinds_is_not_filled_as_a_block_of_values(make):
    def values(tensor):
        with accelerate():
            torch.empty(7, 9).normal_()
            return tensor.normal_(generator=torch.manual_seed(1))

    try:
        filled = values(make())
    except RuntimeError:  # torch refuses it too
        with pytest.raises(RuntimeError):
            make().normal_()
    else:
        assert np.array_equal(filled.numpy(), of_stream(1, STANDARD, (7, 9)))


def test_the_words_of_a_stream_are_those_that_randint_draws():
    words = torch.randint(2**32, (4,), generator=torch.Generator().manual_seed(3)).tolist()
    assert [*drawn_from(torch.Generator().manual_seed(3))] == words


def test_blocks_nest(is_fastinits):
    before = everything_of_torch()
    with accelerate():
        with accelerate():
            pass
        assert is_fastinits(lambda t, g: t.normal_(generator=g))
    assert everything_of_torch() == before
    assert not is_fastinits(lambda t, g: t.normal_(generator=g))


def test_blocks_that_overlap_in_threads_end_with_the_last():
    before = everything_of_torch()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with accelerate():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with accelerate():
        thread.start()
        inside.wait()
    assert everything_of_torch() != before
    leave.set()
    thread.join()
    assert everything_of_torch() == before


def test_install_holds_until_uninstall(is_fastinits):
    before = everything_of_torch()
    fastinit.torch.install()
    fastinit.torch.install(seed=3)
    fastinit.torch.uninstall()
    try:
        assert is_fastinits(lambda t, g: t.normal_(generator=g))
    finally:
        fastinit.torch.uninstall()
    assert everything_of_torch() == before


def test_uninstall_without_install_is_an_error():
    with pytest.raises(RuntimeError, match=r"^uninstall\(\) without install\(\)$"):
        fastinit.torch.uninstall()


def test_torch_without_accelerate_draws_what_it_drew():
    """The first normals of torch's generator with seed 0, as in its documentation."""
    torch.manual_seed(0)
    with accelerate():
        torch.empty(100).normal_()
    torch.manual_seed(0)
    assert torch.allclose(torch.empty(2).normal_(), torch.tensor([1.5410, -0.2934]), atol=1e-4)


FILLS = {
    "Tensor.normal_": (lambda t, g: t.normal_(generator=g), STANDARD),
    "Tensor.normal_(mean, std)": (lambda t, g: t.normal_(1, 2, generator=g), fastinit.distributions.Normal(1.0, 2.0)),
    "Tensor.normal_(std=)": (lambda t, g: t.normal_(std=3, generator=g), fastinit.distributions.Normal(0.0, 3.0)),
    "Tensor.uniform_": (lambda t, g: t.uniform_(generator=g), fastinit.distributions.Uniform(0.0, 1.0)),
    "Tensor.uniform_(from)": (lambda t, g: t.uniform_(-1, generator=g), fastinit.distributions.Uniform(-1.0, 1.0)),
    "Tensor.uniform_(from, to)": (lambda t, g: t.uniform_(-2, 2, generator=g), fastinit.distributions.Uniform(-2.0, 2.0)),
    "Tensor.uniform_(to=)": (lambda t, g: t.uniform_(to=2, generator=g), fastinit.distributions.Uniform(0.0, 2.0)),
    "Tensor.uniform_(from=)": (
        lambda t, g: t.uniform_(**{"from": -2}, generator=g),
        fastinit.distributions.Uniform(-2.0, 1.0),
    ),
    "data.normal_": (lambda t, g: t.data.normal_(generator=g), STANDARD),
    "normal_": (lambda t, g: nn.init.normal_(t, generator=g), STANDARD),
    "normal_ by value": (lambda t, g: normal_by_value(t, generator=g), STANDARD),
    "uniform_": (lambda t, g: nn.init.uniform_(t, -3, 1, generator=g), fastinit.distributions.Uniform(-3.0, 1.0)),
    "trunc_normal_": (
        lambda t, g: nn.init.trunc_normal_(t, std=2.0, generator=g),
        fastinit.distributions.TruncatedNormal(0.0, 2.0, -1.0, 1.0),
    ),
    "trunc_normal_ by value": (
        lambda t, g: trunc_normal_by_value(t, generator=g),
        fastinit.distributions.TruncatedNormal(0.0, 1.0, -2.0, 2.0),
    ),
    "trunc_normal_, a partial made before": (
        functools.partial(lambda fill, t, g: fill(t, generator=g), functools.partial(nn.init.trunc_normal_, a=-1, b=1)),
        fastinit.distributions.TruncatedNormal(0.0, 1.0, -1.0, 1.0),
    ),
    "kaiming_uniform_ by value": (
        lambda t, g: kaiming_by_value(t, a=5**0.5, generator=g),
        fastinit.distributions.Uniform(-((3 / 65) ** 0.5) * (2 / 6) ** 0.5, (3 / 65) ** 0.5 * (2 / 6) ** 0.5),
    ),
    "orthogonal_": (
        lambda t, g: nn.init.orthogonal_(t, generator=g),
        fastinit.initializers.Orthogonal().distribution_for((64, 65), layout="oi"),
    ),
}


@pytest.mark.parametrize("name", FILLS)
def test_a_fill_is_fastinits_with_the_distribution_of_torch(is_fastinits, name):
    fill, distribution = FILLS[name]
    assert not is_fastinits(fill, distribution=distribution)
    tensor, expected = torch.empty(64, 65), of_stream(5, distribution, (64, 65))
    with accelerate():
        fill(tensor, torch.manual_seed(5))
    np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-6)  # torch's own arithmetic on bounds differs by a rounding


def test_a_name_bound_before_to_orthogonal_draws_fastinits_normals():
    q = torch.empty(128, 128)
    with accelerate(seed=0):
        orthogonal_by_value(q)
    assert torch.allclose(q @ q.T, torch.eye(128), atol=1e-5)


def test_the_truncated_normal_ends_under_every_name():
    """torch's own loop draws again what is outside; a stream that gives the same values each time would never end it."""
    model = nn.ParameterDict({"w": nn.Parameter(torch.empty(100, 100))})
    model.reset_parameters = lambda: truncated_by_value(model["w"], 0.0, 1.0, -1.0, 1.0)
    with accelerate(seed=0):
        truncated_by_value(torch.empty(1000), 0.0, 1.0, -1.0, 1.0)
        truncated_by_value(torch.empty(1000), 0.0, 1.0, 2.0, 3.0)
    fastinit.torch.init_(model)
    assert model["w"].abs().max() <= 1


@pytest.mark.parametrize(("a", "b"), [(-2.0, 2.0), (-0.5, 0.1), (2.0, 3.0), (-float("inf"), 0.0)])
def test_the_truncated_normal_has_its_distribution(a, b):
    with accelerate(seed=1):
        x = nn.init.trunc_normal_(torch.empty(20000), a=a, b=b)
    assert a <= x.min() and x.max() <= b
    assert stats.kstest(x.double().numpy(), stats.truncnorm(a, b).cdf).pvalue > LEAST_P_VALUE


def test_manual_seed_governs():
    def draw():
        return [torch.empty(5000).normal_(), nn.Linear(30, 40).weight, nn.init.orthogonal_(torch.empty(20, 20))]

    with accelerate():
        torch.manual_seed(7)
        first = draw()
        again = draw()
        torch.manual_seed(7)
        same = draw()
    assert all(map(torch.equal, first, same))
    assert not any(map(torch.equal, first, again))


@pytest.mark.parametrize("fill", [fill for fill, _ in FILLS.values()], ids=FILLS)
def test_a_generator_that_is_passed_gives_the_values_that_torch_gives(fill):
    """As fixed projections need, which adapters draw again from a seed where they are loaded."""
    expected, values = torch.empty(9, 9), torch.empty(9, 9)
    fill(expected, torch.Generator().manual_seed(3))
    default = torch.random.get_rng_state()
    with accelerate(seed=0):
        fill(values, torch.Generator().manual_seed(3))
    assert torch.equal(values, expected)
    assert torch.equal(torch.random.get_rng_state(), default)


def test_a_seed_of_the_block_gives_the_values_and_leaves_torchs_generator_alone():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    drawn = []
    for seed in (0, 0, 1, 2**100):
        with accelerate(seed=seed):
            drawn.append(torch.stack([torch.empty(100).normal_(), torch.empty(100).normal_()]))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(drawn[0], drawn[1])
    assert len({values.sum().item() for values in drawn}) == 3 and not torch.equal(*drawn[0])


def test_the_seed_is_that_of_the_innermost_block():
    with accelerate(seed=1):
        first = torch.empty(100).normal_()
    with accelerate(seed=2), accelerate(seed=1):
        assert torch.equal(torch.empty(100).normal_(), first)
    with accelerate(seed=1):
        with accelerate(seed=2):
            torch.empty(100).normal_()
        assert torch.equal(torch.empty(100).normal_(), first)


@pytest.mark.parametrize("seed", [-1, 1.5, "x"])
def test_a_seed_that_is_none_is_refused_and_nothing_is_left(seed):
    before = everything_of_torch()
    with pytest.raises((TypeError, ValueError), match="seed must"), accelerate(seed=seed):
        pass
    assert everything_of_torch() == before


def test_values_do_not_depend_on_the_number_of_threads(num_threads):
    drawn = []
    for n in (1, 2, 3):
        num_threads(n)
        with accelerate(seed=4):
            drawn.append(nn.Linear(700, 500).weight)
    assert torch.equal(drawn[0], drawn[1]) and torch.equal(drawn[0], drawn[2])


def test_threads_draw_from_the_same_block():
    drawn = [None] * 8

    def draw(i):
        drawn[i] = torch.empty(4000).normal_()

    with accelerate(seed=0):
        threads = [threading.Thread(target=draw, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with accelerate(seed=0):
        one_after_the_other = {torch.empty(4000).normal_().sum().item() for _ in range(8)}
    assert {values.sum().item() for values in drawn} == one_after_the_other


def test_a_model_may_be_copied_and_pickled():
    with accelerate(seed=0):
        model = nn.Sequential(nn.Linear(5, 6), nn.MultiheadAttention(6, 2))
        twin, thrice = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
        assert pickle.loads(pickle.dumps(nn.init.orthogonal_)) is nn.init.orthogonal_
    for a, b, c in zip(model.parameters(), twin.parameters(), thrice.parameters()):
        assert torch.equal(a, b) and torch.equal(a, c) and a.requires_grad


@pytest.mark.parametrize("fill", [nn.init.normal_, nn.init.uniform_, nn.init.trunc_normal_, nn.init.kaiming_normal_])
def test_meta_tensors_stay_and_draw_nothing(fill):
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    with accelerate():
        tensor = torch.empty(3, 4, device="meta")
        assert fill(tensor) is tensor and tensor.is_meta
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_model_is_built_on_the_meta_device():
    with accelerate(), torch.device("meta"):
        assert all(parameter.is_meta for parameter in nn.Transformer(8, 2, 1, 1, 8).parameters())


def test_fake_tensors_stay():
    with accelerate():
        with FakeTensorMode():
            within = torch.empty(4).normal_()
        within.uniform_()
    assert type(within).__name__ == "FakeTensor"


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("compiled_within", [True, False])
def test_a_compiled_function_keeps_torchs_distribution(backend, compiled_within):
    torch._dynamo.reset()
    torch.manual_seed(0)
    compiled = torch.compile(lambda x: nn.init.normal_(x * 1, 0.0, 2.0), backend=backend)
    if not compiled_within:
        compiled(torch.zeros(10000))
    with accelerate():
        first, second = compiled(torch.zeros(10000)), compiled(torch.zeros(10000))
    assert is_normal(first, 2) and is_normal(second, 2) and not torch.equal(first, second)
    assert is_normal(compiled(torch.zeros(10000)), 2)


def test_a_model_built_within_can_be_compiled():
    torch._dynamo.reset()
    with accelerate(seed=0):
        model = nn.Linear(4, 4)
        x = torch.empty(2, 4).normal_()
        assert torch.allclose(torch.compile(model, backend="aot_eager")(x), model(x))


def test_traces_hold_torchs_operation():
    with accelerate():
        traced = torch.jit.trace(lambda x: x.clone().normal_(), torch.zeros(3), check_trace=False)
        graph = torch.fx.experimental.proxy_tensor.make_fx(lambda x: x.clone().normal_())(torch.zeros(3))
    assert "aten::normal_" in str(traced.graph) and "aten.normal_" in graph.code


class Watcher:
    def __init__(self):
        super().__init__()
        self.seen = []


class DispatchWatcher(Watcher, TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.append(func._opname)
        return func(*args, **(kwargs or {}))


class FunctionWatcher(Watcher, TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("watcher", [DispatchWatcher, FunctionWatcher])
def test_modes_see_what_they_saw(watcher):
    with accelerate(), watcher() as watching:
        torch.zeros(3).normal_()
    assert "normal_" in watching.seen


def test_a_subclass_is_torchs(is_fastinits):
    class Tagged(torch.Tensor):
        pass

    with accelerate():
        tensor = torch.zeros(5000).as_subclass(Tagged)
        assert type(tensor.normal_()) is Tagged and is_normal(tensor.as_subclass(torch.Tensor))


def test_under_vmap_torch_decides_about_randomness():
    def noisy(x):
        return x.clone().normal_()

    with accelerate():
        different = torch.func.vmap(noisy, randomness="different")(torch.zeros(3, 5))
        same = torch.func.vmap(noisy, randomness="same")(torch.zeros(3, 5))
        with pytest.raises(RuntimeError, match="randomness"):
            torch.func.vmap(noisy)(torch.zeros(3, 5))
    assert not torch.equal(different[0], different[1]) and torch.equal(same[0], same[1])


def test_the_derivative_of_filled_values_is_zero():
    with accelerate():
        _, tangent = torch.func.jvp(lambda x: (x * 2).normal_(), (torch.ones(5),), (torch.ones(5),))
    assert torch.equal(tangent, torch.zeros(5))


def test_autograd_sees_the_fill_of_an_intermediate_tensor():
    x = torch.ones(5, requires_grad=True)
    with accelerate():
        y = x * 2
        y.normal_()
        (y.sum() + x.sum()).backward()
    assert torch.equal(x.grad, torch.ones(5))


@pytest.mark.parametrize("fill", ["normal_", "uniform_"])
def test_a_leaf_that_wants_gradients_is_an_error_as_in_torch(fill):
    def error(tensor):
        with pytest.raises(RuntimeError) as caught:
            getattr(tensor, fill)()
        return str(caught.value)

    leaf = torch.zeros(5, requires_grad=True)
    stock = error(leaf)
    with accelerate():
        assert error(leaf) == stock and torch.equal(leaf, torch.zeros(5))
        with torch.no_grad():
            getattr(leaf, fill)()
    assert leaf.requires_grad and leaf.is_leaf and leaf.grad_fn is None and not torch.equal(leaf, torch.zeros(5))


def test_the_version_rises_and_backward_notices():
    w = torch.ones(5, requires_grad=True)
    with accelerate():
        loss = (w * w).sum()
        before = w._version
        nn.init.normal_(w)
        assert w._version == before + 1
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


@pytest.mark.parametrize("filled_in_inference_mode", [True, False])
def test_inference_tensors(filled_in_inference_mode):
    with torch.inference_mode():
        tensor = torch.zeros(5000)
    with accelerate(seed=0):
        if filled_in_inference_mode:
            with torch.inference_mode():
                tensor.normal_()
            assert is_normal(tensor) and tensor.is_inference()
        else:
            with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside InferenceMode"):
                tensor.normal_()


VIEWS = {
    "transposed": lambda t: t.t(),
    "every second column": lambda t: torch.empty(t.shape[0], 2 * t.shape[1])[:, ::2],
    "a column-major tensor": lambda t: torch.empty(t.shape[::-1]).t(),
    "rows apart": lambda t: torch.empty(t.shape[0] * 2, t.shape[1])[1::2],
}


@pytest.mark.parametrize("view", VIEWS)
def test_values_go_by_place_and_not_by_memory(view):
    strided = VIEWS[view](torch.empty(70, 50))
    assert not strided.is_contiguous()
    with accelerate(seed=2):
        strided.normal_()
    with accelerate(seed=2):
        assert torch.equal(strided, torch.empty(strided.shape).normal_())


def test_a_channels_last_tensor_has_the_values_of_a_contiguous_one():
    channels_last = torch.empty(8, 6, 5, 4, memory_format=torch.channels_last)
    with accelerate(seed=2):
        nn.init.kaiming_normal_(channels_last)
    with accelerate(seed=2):
        expected = nn.init.kaiming_normal_(torch.empty(8, 6, 5, 4))
    assert torch.equal(channels_last, expected) and channels_last.is_contiguous(memory_format=torch.channels_last)


def test_a_view_is_filled_and_its_surroundings_stay():
    whole = torch.zeros(10, 10)
    with accelerate(seed=0):
        whole[2:5, 3:7].normal_()
    assert (whole[2:5, 3:7] != 0).all() and (whole != 0).sum() == 12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_every_dtype_that_torch_fills_is_fastinits(is_fastinits, dtype):
    tensor, name = torch.empty(100, dtype=dtype), str(dtype).removeprefix("torch.")
    with accelerate():
        tensor.normal_(generator=torch.manual_seed(5))
    expected = of_stream(5, STANDARD, (100,), name)
    assert np.array_equal(tensor.double().numpy(), expected.astype(np.float64))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0), (15,), (16,), (17,), (2049,)])  # torch's paths change at 16
def test_tensors_of_any_size_are_filled(shape):
    with accelerate(seed=0):
        tensor = torch.full(shape, float("nan")).normal_()
    assert tensor.shape == shape and not tensor.isnan().any()


@pytest.mark.parametrize("block", [fastinit.torch.accelerate, fastinit.torch.deferred])
def test_a_fault_of_fastinits_own_is_not_hidden_by_torchs_fill(block, monkeypatch):
    def broken(*numbers, **options):
        raise TypeError("missing 1 required positional argument")

    monkeypatch.setattr(replacements, "TruncatedNormal", broken)
    with block(), pytest.raises(TypeError, match="missing 1 required positional argument"):
        nn.init.trunc_normal_(torch.empty(40, 30), std=0.021)


def test_complex_numbers_are_torchs():
    with accelerate():
        z = torch.empty(5000, dtype=torch.complex64).normal_()
    assert is_normal(z.real, 0.5**0.5)


def test_the_methods_look_like_torchs():
    with accelerate():
        assert torch.Tensor.normal_.__doc__ == METHODS["normal_"].__doc__
        assert torch.Tensor.normal_.__name__ == "normal_" and nn.init.sparse_.__doc__ == STOCK["sparse_"].__doc__


def test_the_table_of_hugging_face_is_fastinits_within_and_its_own_afterwards():
    initialization = pytest.importorskip("transformers.initialization")
    table = initialization.TORCH_INIT_FUNCTIONS
    before = {name: id(function) for name, function in table.items()}
    with accelerate(seed=0):
        q = initialization.orthogonal_(torch.empty(40, 40))
        marked = torch.zeros(40, 40)
        marked._is_hf_initialized = True
        initialization.normal_(marked)
    with accelerate(seed=0):
        assert torch.equal(nn.init.orthogonal_(torch.empty(40, 40)), q)
    assert {name: id(function) for name, function in table.items()} == before
    assert not marked.any(), "what is marked as loaded was filled"


def test_the_guards_of_hugging_face_may_begin_and_end_within():
    initialization = pytest.importorskip("transformers.initialization")
    before = everything_of_torch()
    with accelerate(seed=0):
        with initialization.guard_torch_init_functions():
            nn.init.normal_(torch.empty(5))
        with initialization.no_init_weights():
            assert nn.init.orthogonal_(torch.zeros(5, 5)) is None
        assert nn.init.orthogonal_(torch.zeros(5, 5)).any()
    assert everything_of_torch() == before


def read_in_another_thread(tensor):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: tensor.detach().clone()).result()


def read_at_its_address(tensor):
    with torch._C.DisableTorchFunction():
        address = tensor.data_ptr()
    values = (ctypes.c_float * tensor.numel()).from_address(address)
    return torch.tensor(values).view(tensor.shape)


@pytest.mark.parametrize("read", [read_in_another_thread, read_at_its_address])
def test_what_hugging_face_draws_over_is_there_before_for_readers_that_no_mode_sees(read):
    transformers = pytest.importorskip("transformers")

    class Model(transformers.PreTrainedModel):
        config_class = transformers.PretrainedConfig

        def __init__(self, config):
            super().__init__(config)
            self.layer = nn.Linear(300, 200)
            self.before = read(self.layer.weight)
            self.post_init()

    with accelerate(seed=0):
        layer = nn.Linear(300, 200)
    with accelerate(seed=0):
        model = Model(transformers.PretrainedConfig())
    assert torch.equal(model.before, layer.weight)
    assert not torch.equal(model.layer.weight, layer.weight)


def test_a_replacement_made_by_others_within_stays():
    mine, before = (lambda *args: None), nn.init.sparse_
    try:
        with accelerate():
            nn.init.sparse_ = mine
        assert nn.init.sparse_ is mine
    finally:
        nn.init.sparse_ = before


def test_timms_trunc_normal_is_one_draw(monkeypatch):
    """Its module is a stand-in here, so that the test needs no timm; the sweep over the zoo has timm's own models."""
    timms = types.ModuleType("timm.layers.weight_init")
    exec("def _trunc_normal_(tensor, mean, std, a, b): raise AssertionError('timm drew itself')", vars(timms))
    monkeypatch.setitem(sys.modules, timms.__name__, timms)
    stock, tensor = timms._trunc_normal_, torch.empty(1000)
    with fastinit.torch.accelerate(seed=0):
        assert timms._trunc_normal_(tensor, 0.0, 0.02, -0.04, 0.06) is tensor
    assert timms._trunc_normal_ is stock
    assert -0.04 <= tensor.min() < -0.03
    assert 0.05 < tensor.max() <= 0.06


@pytest.mark.parametrize(("dtype", "high"), [(torch.float16, 1e6), (torch.bfloat16, 3.4e38), (torch.float32, 1e39)], ids=str)
def test_bounds_beyond_a_dtype_are_refused_as_by_torch(dtype, high):
    with pytest.raises(RuntimeError) as torchs:
        torch.zeros(100, dtype=dtype).uniform_(0, high)
    tensor = torch.zeros(100, dtype=dtype)
    with fastinit.torch.accelerate(seed=0), pytest.raises(RuntimeError) as ours:
        tensor.uniform_(0, high)
    assert str(ours.value) == str(torchs.value) and (tensor == 0).all()
