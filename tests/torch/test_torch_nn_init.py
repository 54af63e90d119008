"""The functions of `torch.nn.init` keep distributions, errors and warnings, under `accelerate` and as `nn_init`."""

import inspect
import math
import tracemalloc
import warnings
from functools import partial
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

import torch
from scipy import stats
from torch import nn

import fastinit.torch
from fastinit.torch import nn_init
from tests.thresholds import LEAST_P_VALUE

SHAPES = {1: (4000,), 2: (60, 70), 3: (20, 15, 14), 4: (12, 10, 6, 6), 5: (8, 7, 4, 4, 4)}
DRAWING = ["uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_"]
DRAWING += ["kaiming_normal_", "orthogonal_", "sparse_"]
NEEDED = {"sparse_": {"sparsity": 0.5}, "constant_": {"val": 1.0}}  # arguments without a default


@pytest.fixture(params=["accelerate", "nn_init"])
def init(request):
    """A module with torch's functions, drawn by fastinit: torch's own under `accelerate`, or `nn_init`'s."""
    torch.manual_seed(0)
    if request.param == "nn_init":
        yield nn_init
    else:
        with fastinit.torch.accelerate():
            yield nn.init


def follows(tensor, distribution):
    """Whether the values are of a distribution of SciPy's, by Kolmogorov's and Smirnov's test."""
    return stats.kstest(tensor.detach().double().numpy().ravel(), distribution.cdf).pvalue > LEAST_P_VALUE


def uniform(bound):
    return stats.uniform(-bound, 2 * bound)


def fans(shape):
    receptive = math.prod(shape[2:])
    return shape[1] * receptive, shape[0] * receptive


@pytest.mark.parametrize("name", nn_init.__all__)
def test_names_arguments_and_defaults_are_torchs(name):
    fastinits, torchs = (inspect.signature(getattr(module, name)).parameters.values() for module in (nn_init, nn.init))
    assert [(p.name, p.default, p.kind) for p in fastinits] == [(p.name, p.default, p.kind) for p in torchs]


def test_every_function_of_torch_that_is_not_deprecated_is_there():
    assert {name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")} <= {*nn_init.__all__}
    assert nn_init.calculate_gain is nn.init.calculate_gain


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (-3.0, -1.0), (-0.02, 0.02)])
def test_uniform(init, ndim, a, b):
    tensor = init.uniform_(torch.empty(SHAPES[ndim]), a, b)
    assert follows(tensor, stats.uniform(a, b - a)) and a <= tensor.min() and tensor.max() <= b


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (-3.0, 0.02), (5.0, 7.0)])
def test_normal(init, ndim, mean, std):
    assert follows(init.normal_(torch.empty(SHAPES[ndim]), mean, std), stats.norm(mean, std))


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0.0, 1.0, -2.0, 2.0), (0.0, 0.02, -2.0, 2.0), (0.0, 0.02, -0.04, 0.04), (1.0, 2.0, -1.0, 0.5), (0.0, 1.0, 2.0, 3.0)],
)
def test_truncated_normal_with_bounds_in_values(init, ndim, mean, std, a, b):
    tensor = init.trunc_normal_(torch.empty(SHAPES[ndim]), mean, std, a, b)
    assert follows(tensor, stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std))
    assert a <= tensor.min() and tensor.max() <= b


def test_truncated_normal_of_no_width_is_the_mean(init):
    assert (init.trunc_normal_(torch.empty(10), 0.5, 0.0) == 0.5).all()
    assert (init.trunc_normal_(torch.empty(10), 3.0, 0.0) == 2.0).all()


@pytest.mark.parametrize("ndim", [2, 3, 4, 5])
@pytest.mark.parametrize("gain", [1, 0.3, 2.5])
def test_xavier(init, ndim, gain):
    shape = SHAPES[ndim]
    std = gain * (2 / sum(fans(shape))) ** 0.5
    assert follows(init.xavier_uniform_(torch.empty(shape), gain), uniform(3**0.5 * std))
    assert follows(init.xavier_normal_(torch.empty(shape), gain), stats.norm(0, std))


@pytest.mark.parametrize("ndim", [2, 3, 4, 5])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "FAN_OUT"])
@pytest.mark.parametrize(("a", "nonlinearity"), [(0, "leaky_relu"), (5**0.5, "leaky_relu"), (0.1, "relu"), (1, "tanh")])
def test_kaiming(init, ndim, mode, a, nonlinearity):
    shape = SHAPES[ndim]
    std = nn.init.calculate_gain(nonlinearity, a) / fans(shape)[mode.lower() == "fan_out"] ** 0.5
    assert follows(init.kaiming_uniform_(torch.empty(shape), a, mode, nonlinearity), uniform(3**0.5 * std))
    assert follows(init.kaiming_normal_(torch.empty(shape), a, mode, nonlinearity), stats.norm(0, std))


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (30, 3, 3), (3, 8, 2, 2), (5, 5)])
@pytest.mark.parametrize("gain", [1, 2.5])
def test_orthogonal(init, shape, gain):
    matrix = init.orthogonal_(torch.empty(shape), gain).flatten(1).double()
    rows, columns = matrix.shape
    product = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    assert torch.allclose(product, gain**2 * torch.eye(min(rows, columns), dtype=torch.float64), atol=1e-5)


def test_orthogonal_matrices_are_as_likely_with_either_sign(init):
    """Of a Haar matrix the determinant's sign is a coin and the first entry of n rows is Beta-distributed."""
    matrices = torch.stack([init.orthogonal_(torch.empty(4, 4)) for _ in range(2000)])
    positive = (torch.linalg.det(matrices.double()) > 0).sum().item()
    assert stats.binomtest(positive, 2000).pvalue > LEAST_P_VALUE
    assert stats.kstest((matrices[:, 0, 0].double() ** 2).numpy(), stats.beta(0.5, 1.5).cdf).pvalue > LEAST_P_VALUE


@pytest.mark.parametrize("shape", [(50, 40), (7, 300), (1, 5), (64, 1)])
@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9])
def test_sparse_has_its_zeros_in_each_column(init, shape, sparsity):
    tensor = init.sparse_(torch.empty(shape), sparsity, std=0.5)
    assert ((tensor == 0).sum(0) == math.ceil(sparsity * shape[0])).all()
    if (tensor != 0).sum() > 100:
        assert follows(tensor[tensor != 0], stats.norm(0, 0.5))


def test_the_zeros_of_sparse_are_anywhere(init):
    zeros = (init.sparse_(torch.empty(10, 2000), 0.3) == 0).sum(1)  # in each row, three of ten in each column
    assert stats.chisquare(zeros.numpy()).pvalue > LEAST_P_VALUE


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("ndim", [3, 4, 5])
def test_dirac_keeps_the_channels(init, ndim, groups):
    weight = init.dirac_(torch.empty(4, 4 // groups, *[3] * (ndim - 2)), groups)
    x = torch.randn(1, 4, *[5] * (ndim - 2))
    convolution = (nn.functional.conv1d, nn.functional.conv2d, nn.functional.conv3d)[ndim - 3]
    assert torch.equal(convolution(x, weight, padding=1, groups=groups), x)


def test_constants(init):
    assert (init.constant_(torch.empty(3, 4), 2.5) == 2.5).all()
    assert (init.ones_(torch.empty(3, 4)) == 1).all() and not init.zeros_(torch.ones(3, 4)).any()
    assert torch.equal(init.eye_(torch.empty(3, 4)), torch.eye(3, 4))


@pytest.mark.parametrize("name", nn_init.__all__[1:])
def test_the_tensor_itself_comes_back(init, name):
    parameter = nn.Parameter(torch.empty(4, 4, 3) if name == "dirac_" else torch.empty(4, 4))
    assert getattr(init, name)(parameter, **NEEDED.get(name, {})) is parameter
    assert parameter.requires_grad and parameter.grad_fn is None


@pytest.mark.parametrize("name", DRAWING)
def test_the_generator_governs_all(name):
    def draw(seed):
        generator = torch.Generator().manual_seed(seed)
        return getattr(nn_init, name)(torch.empty(30, 30), **NEEDED.get(name, {}), generator=generator)

    state = torch.random.get_rng_state()
    assert torch.equal(draw(1), draw(1)) and not torch.equal(draw(1), draw(2))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("name", DRAWING)
def test_the_same_values_come_from_both_ways(name):
    """Up to the last bit: torch computes its bounds and stds in another order."""
    both = [torch.empty(30, 30), torch.empty(30, 30)]
    getattr(nn_init, name)(both[0], **NEEDED.get(name, {}), generator=torch.manual_seed(1))
    with fastinit.torch.accelerate():
        getattr(nn.init, name)(both[1], **NEEDED.get(name, {}), generator=torch.manual_seed(1))
    torch.testing.assert_close(*both, rtol=1e-6, atol=1e-7)


TENSORS = {
    "a matrix": partial(torch.empty, 4, 6),
    "no rows": partial(torch.empty, 0, 5),
    "no columns": partial(torch.empty, 5, 0),
    "nothing": partial(torch.empty, 0, 0),
    "a vector": partial(torch.empty, 3),
    "a scalar": partial(torch.empty, ()),
    "three axes": partial(torch.empty, 4, 3, 3),
    "integers": partial(torch.empty, 4, 6, dtype=torch.int32),
    "booleans": partial(torch.empty, 4, 6, dtype=torch.bool),
    "complex numbers": partial(torch.empty, 4, 6, dtype=torch.complex64),
    "on the meta device": partial(torch.empty, 4, 6, device="meta"),
    "expanded": lambda: torch.empty(4, 1).expand(4, 6),
    "overlapping": lambda: torch.empty(20).as_strided((4, 6), (2, 1)),
    "negated": lambda: torch.zeros(4, 6, dtype=torch.complex64).conj().imag,
    "wanting gradients": partial(torch.empty, 4, 6, requires_grad=True),
    "sparse": lambda: torch.eye(4).to_sparse(),
    "no tensor": lambda: [1.0, 2.0],
}
nan, inf = float("nan"), float("inf")
ARGUMENTS = {
    "uniform_": [
        *({"a": a, "b": b} for a, b in [(1, 0), (1, 1), (nan, 1), (0, inf), (-3e38, 3e38), (1e300, 1e301)]),
        *({"a": a} for a in ["x", None, True, torch.tensor(0.5), torch.zeros(2)]),
    ],
    "normal_": [
        *({"std": std} for std in [-1, 0, nan, inf, 1j, None, "x", torch.tensor(2.0)]),
        *({"mean": mean} for mean in [nan, inf, 1e300, None, "x"]),
    ],
    "trunc_normal_": [
        *({"a": a, "b": b} for a, b in [(1, 0), (1, 1), (nan, 1), (-inf, inf), (-inf, 0), (2, 3), (50, 51)]),
        *({"mean": mean} for mean in [10, -10, 100, nan, "x"]),
        *({"std": std} for std in [-1, nan, "x"]),
    ],
    **{name: [{"gain": gain} for gain in [-1, 0, nan, inf, "x"]] for name in ("xavier_uniform_", "xavier_normal_")},
    **{
        name: [
            *({"mode": mode} for mode in ["fan_avg", "FAN_IN", "x", None]),
            *({"nonlinearity": name} for name in ["gelu", "selu", "conv2d", "identity", "x", None]),
            *({"a": a} for a in [True, -1, nan, inf, "x", None]),
            {"a": True, "nonlinearity": "relu"},
        ]
        for name in ("kaiming_uniform_", "kaiming_normal_")
    },
    "orthogonal_": [{"gain": gain} for gain in [0, -2, nan, None, "x"]],
    "sparse_": [
        *({"sparsity": sparsity} for sparsity in [0, 1, -0.5, 1.5, nan, "x"]),
        *({"sparsity": 0.5, "std": std} for std in [-1, 0, nan]),
    ],
}
CASES = [
    *((name, tensor, NEEDED.get(name, {})) for name in nn_init.__all__[1:] for tensor in TENSORS),
    *((name, "a matrix", {**NEEDED.get(name, {}), "generator": generator}) for name in DRAWING for generator in (5, "x")),
    *((name, "a matrix", arguments) for name, choices in ARGUMENTS.items() for arguments in choices),
]


def outcome(module, name, tensor, arguments):
    """The error or the shape, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = tuple(getattr(module, name)(TENSORS[tensor](), **arguments).shape)
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
    return found, [(warning.category, str(warning.message)) for warning in caught]


@pytest.mark.parametrize(("name", "tensor", "arguments"), CASES, ids=str)
def test_errors_and_warnings_are_those_of_torch(name, tensor, arguments):
    stock = outcome(nn.init, name, tensor, arguments)
    assert outcome(nn_init, name, tensor, arguments) == stock
    with fastinit.torch.accelerate():
        assert outcome(nn.init, name, tensor, arguments) == stock


@pytest.fixture
def assigned(monkeypatch):
    """torch.nn.init with fastinit's functions under torch's names, as code does that wants them everywhere."""
    for name in nn_init.__all__:
        monkeypatch.setattr(nn.init, name, getattr(nn_init, name))


STOCK_INIT = SimpleNamespace(**{name: getattr(nn.init, name) for name in nn_init.__all__})


@pytest.mark.parametrize(("name", "tensor", "arguments"), CASES, ids=str)
def test_functions_assigned_into_torch_leave_to_torch_what_they_left_before(assigned, name, tensor, arguments):
    stock = outcome(STOCK_INIT, name, tensor, arguments)
    assert outcome(nn.init, name, tensor, arguments) == stock
    with fastinit.torch.accelerate():
        assert outcome(nn.init, name, tensor, arguments) == stock


@pytest.mark.parametrize("name", [name for name in DRAWING if name != "sparse_"])  # torch's own cannot be compiled
def test_functions_assigned_into_torch_can_be_compiled(assigned, name):
    torch.compiler.reset()
    compiled = torch.compile(getattr(nn.init, name), backend="eager")
    assert compiled(torch.zeros(6, 6)).std() > 0.01


def test_functions_assigned_into_torch_are_recorded_and_replayed(assigned):
    def factory():
        layer = nn.Linear(30, 20)
        nn.init.xavier_normal_(layer.weight)
        return layer

    weight = fastinit.torch.build(factory, seed=0).weight
    assert weight.std().item() == pytest.approx((2 / 50) ** 0.5, rel=0.1)


@pytest.mark.parametrize("name", ["kaiming_uniform_", "kaiming_normal_"])
def test_a_tensor_of_no_elements_is_warned_of(init, name):
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        getattr(init, name)(torch.empty(0, 5))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("name", "arguments", "mean", "std"),
    [
        ("uniform_", {}, 0.5, 12**-0.5),
        ("uniform_", {"a": -0.02, "b": 0.02}, 0.0, 0.04 * 12**-0.5),
        ("normal_", {"std": 0.02}, 0.0, 0.02),
        ("trunc_normal_", {"std": 0.02, "a": -0.04, "b": 0.04}, 0.0, 0.02 * 0.87962566103423978),
        ("kaiming_uniform_", {"a": 5**0.5}, 0.0, (3 * 2048) ** -0.5),
    ],
)
def test_narrow_dtypes_are_unbiased(init, dtype, name, arguments, mean, std):
    """Means of 4 Mi values are within 5 standard errors, stds within 5 of theirs and the variance that rounding adds.

    torch's bfloat16 uniform_ has mean 0.498 here, 14 standard errors from 0.5.
    """
    tensor = getattr(init, name)(torch.empty(2048, 2048, dtype=dtype), **arguments).double()
    n = tensor.numel()
    assert abs(tensor.mean().item() - mean) < 5 * std / n**0.5
    rounding = torch.finfo(dtype).eps ** 2 / 12  # at most, as a share of the values' second moment
    assert abs(tensor.std().item() / std - 1) < 5 / (2 * n) ** 0.5 + rounding * (1 + (mean / std) ** 2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("name", ["uniform_", "normal_", "trunc_normal_", "kaiming_normal_", "orthogonal_", "sparse_"])
def test_narrow_dtypes_are_the_float32_values_rounded_once(init, dtype, name):
    def draw(dtype):
        generator = torch.manual_seed(1)
        return getattr(init, name)(torch.empty(60, 60, dtype=dtype), **NEEDED.get(name, {}), generator=generator)

    assert torch.equal(draw(dtype).float(), draw(torch.float32).to(dtype).float())


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("name", ["normal_", "uniform_", "trunc_normal_", "xavier_uniform_", "kaiming_normal_"])
def test_no_dtype_needs_a_temporary(init, dtype, name):
    tensor = torch.empty(4096, 1024, dtype=dtype)
    fill = partial(getattr(init, name), tensor)
    fill()
    tracemalloc.start()
    with torch.profiler.profile(profile_memory=True) as profile:
        fill()
    by_numpy = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    by_torch = sum(max(event.self_cpu_memory_usage, 0) for event in profile.key_averages())
    assert by_torch < 2**16 and by_numpy < 2**21, "bytes, of 4 Mi elements"


def test_nothing_of_torch_is_changed_by_nn_init():
    before = dict(vars(nn.init))
    for name in nn_init.__all__[1:]:
        getattr(nn_init, name)(torch.empty(4, 4, 3) if name == "dirac_" else torch.empty(4, 4), **NEEDED.get(name, {}))
    assert vars(nn.init) == before and "normal_" not in vars(torch.Tensor)


def test_nn_init_takes_the_seed_of_torch():
    torch.manual_seed(3)
    first, second = nn_init.normal_(torch.empty(10)), nn_init.normal_(torch.empty(10))
    torch.manual_seed(3)
    assert torch.equal(nn_init.normal_(torch.empty(10)), first) and not torch.equal(first, second)


@pytest.mark.parametrize("name", DRAWING)
def test_tensors_of_as_many_elements_are_not_confused_once_their_fills_are_remembered(name):
    def draw(shape):
        return getattr(nn_init, name)(torch.empty(shape), **NEEDED.get(name, {}), generator=torch.manual_seed(1))

    for shape in ((6, 4), (4, 6), (24, 1)) * 3:
        with fastinit.use_backend("c"):  # remembers nothing
            expected = draw(shape)
        assert torch.equal(draw(shape), expected)


def test_half_of_the_signs_is_negative(init):
    negative = (init.normal_(torch.empty(100, 100)) < 0).sum().item()
    assert stats.binomtest(negative, 10000).pvalue > LEAST_P_VALUE
