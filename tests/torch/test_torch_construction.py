"""`deferred()`, `build` and `record`: a model's distributions are what its construction does."""

import copy
import math
import pickle
import sys
import threading
import types
from functools import partial

import numpy as np
import pytest

import fastinit

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

import fastinit.torch  # noqa: E402
from fastinit.torch import build, deferred, init_, init_missing_, record  # noqa: E402
from fastinit.torch.construction import file_plan, nn_functions, replayed_by_torch, resets  # noqa: E402
from fastinit.torch.construction.tape import current_tape  # noqa: E402
from fastinit.torch.structure import attributes  # noqa: E402


def made_by(fill, *shape, dtype=torch.float32):
    """A module whose parameter `w` is what `fill()` returns, or a tensor of this shape that `fill(w)` has changed."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            if not shape:
                self.w = nn.Parameter(fill())
                return
            self.w = nn.Parameter(torch.empty(shape, dtype=dtype))
            with torch.no_grad():
                fill(self.w)

    return Model


def filled(factory, seed=0, **options):
    with deferred():
        model = factory()
    return model, init_(model, seed=seed, **options)


def timms_trunc_normal_(w, mean=0.0, std=0.02, a=-0.04, b=0.06):
    """timm's arithmetic: the inverse cdf of a uniform draw, clamped."""

    def cdf(x):
        return (1 + math.erf(x / math.sqrt(2))) / 2

    w.uniform_(2 * cdf((a - mean) / std) - 1, 2 * cdf((b - mean) / std) - 1)
    w.erfinv_()
    w.mul_(std * math.sqrt(2))
    w.add_(mean)
    return w.clamp_(min=a, max=b)


class Tiny(nn.Module):
    """nanoGPT's kind of model: it initializes itself at the end of its constructor, in its own way."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 8, padding_idx=0)
        self.fc = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.register_buffer("positions", torch.arange(5), persistent=False)
        self.register_buffer("table", torch.tensor([1.0, 2.0]))
        self.apply(self._init)
        nn.init.orthogonal_(self.fc.weight)

    def _init(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)


RECOGNIZED = {
    "one draw": (made_by(lambda w: w.normal_(1.0, 0.1), 20, 4), "Normal(mean=1.0, std=0.1)"),
    "a draw times a number": (made_by(lambda: torch.randn(20, 4) * 0.02), "Normal(mean=0.0, std=0.02)"),
    "a draw moved to an interval": (made_by(lambda: torch.rand(20) * 2 - 1), "Uniform(low=-1.0, high=1.0)"),
    "a number minus thrice a draw": (made_by(lambda: torch.rsub(torch.rand(20), 2, alpha=3)), "Uniform(low=-1.0, high=2.0)"),
    "minus a draw": (made_by(lambda: 1 - torch.rand(20) / 4), "Uniform(low=0.75, high=1.0)"),
    "trunc_normal_": (
        made_by(lambda w: nn.init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04), 20, 4),
        "TruncatedNormal(mean=0.0, std=0.02, low=-2.0, high=2.0)",
    ),
    "timm's trunc_normal_": (
        made_by(timms_trunc_normal_, 20, 4),
        "TruncatedNormal(mean=0.0, std=0.02, low=-2.0, high=3.0)",
    ),
    "a constant": (made_by(lambda: torch.ones(20) * 1e-5), f"Constant(value={float(np.float32(1e-5))})"),
    "a float32 temporary": (
        made_by(lambda w: w.copy_(torch.randn(20, 4) * 0.5), 20, 4, dtype=torch.bfloat16),
        "Normal(mean=0.0, std=0.5)",
    ),
    "a padding row": (
        lambda: nn.Embedding(20, 4, padding_idx=3),
        "Slabs([:3] Normal(mean=0.0, std=1.0), [3] Constant(value=0.0), [4:] Normal(mean=0.0, std=1.0))",
    ),
    "draws into parts": (
        made_by(lambda w: (w[:2].normal_(0, 0.1), w[2:].uniform_(-1, 1)), 6, 4),
        "Slabs([:2] Normal(mean=0.0, std=0.1), [2:] Uniform(low=-1.0, high=1.0))",
    ),
    "a draw that another one overwrites": (made_by(lambda w: w.uniform_().normal_(), 20), "Normal(mean=0.0, std=1.0)"),
    "orthogonal_": (made_by(nn.init.orthogonal_, 8, 4), "Orthogonal()"),
}


@pytest.mark.parametrize(("factory", "text"), RECOGNIZED.values(), ids=list(RECOGNIZED))
def test_what_construction_draws_is_named_in_the_report(factory, text):
    _, report = filled(factory)
    (got,) = report.filled.values()
    assert got == text


def with_default_dtype(dtype, make):
    def made():
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            return make()
        finally:
            torch.set_default_dtype(before)

    return made_by(made)


def plus_an_array_that_changes():
    array = np.array([1.0, 2.0, 3.0])
    given, made = torch.from_numpy(array), torch.zeros(3, dtype=torch.float64)
    made.add_(given)
    array[0] = 5.0
    return made.add_(given)


def columns_that_are_not_zero():
    w = torch.randn(10, 4, dtype=torch.float64)
    return w[:, w.norm(dim=0) > 1e-12] * 2


COMPUTED = {
    "masked_fill_ of a draw": made_by(lambda w: w.normal_().masked_fill_(torch.eye(10) > 0, 0.0), 10, 10),
    "index_fill_ of a draw": made_by(lambda w: w.normal_().index_fill_(0, torch.tensor([1]), 0.0), 10, 10),
    "index_copy_ into a draw": made_by(lambda w: w.normal_().index_copy_(0, torch.tensor([1]), torch.ones(1, 10)), 10, 10),
    "linspace of bfloat16 by default": with_default_dtype(torch.bfloat16, lambda: torch.linspace(0, 1, 60)),
    "a quotient of integers in float64 by default": with_default_dtype(torch.float64, lambda: torch.arange(60) / 7),
    "bincount": made_by(lambda: torch.bincount(torch.arange(5)) * torch.arange(5.0)),
    "repeat_interleave by a tensor": made_by(lambda: torch.arange(3.0).repeat_interleave(torch.arange(3))),
    "rows by a tuple": made_by(lambda: torch.arange(20.0).view(10, 2)[(1, 2),]),
    "rows by a range": made_by(lambda: torch.arange(20.0).view(10, 2)[range(1, 3)]),
    "columns by a mask of draws": made_by(columns_that_are_not_zero),
    "rows by a mask": made_by(lambda: torch.randn(6, 4)[torch.tensor([True, False] * 3)]),
    "elements by a mask": made_by(lambda: torch.randn(6, 4)[torch.eye(6, 4) > 0]),
    "an array that changes": made_by(plus_an_array_that_changes),
    "complex draws": made_by(lambda: torch.randn(20, dtype=torch.complex64)),
    "a function of a draw": made_by(lambda: torch.rand(50).log()),
    "a draw plus a draw": made_by(lambda: torch.randn(50) + torch.rand(50)),
    "values of a list": made_by(lambda w: w.copy_(torch.tensor([1.0, 2.0, 3.0])), 3),
    "dirac_": made_by(nn.init.dirac_, 4, 4, 3),
    "every second row": made_by(lambda w: (w.zero_(), w[::2].normal_()), 6, 4),
    "clamped at a bound that matters": made_by(lambda w: w.normal_().clamp_(-1, 1), 50),
}


@pytest.mark.parametrize("factory", COMPUTED.values(), ids=list(COMPUTED))
def test_what_is_no_distribution_is_computed_as_construction_does(factory):
    model, report = filled(factory)
    assert report.filled["w"].startswith("computed by ")
    torch.manual_seed(0)
    assert torch.isfinite(model.w).all()
    assert model.w.shape == factory().w.shape


BEYOND = {
    "below the range of float32": (lambda: torch.randn(50) * 1e-30 * 1e-30 * 1e30 * 1e30, lambda w: w == 0),
    "above the range of float32": (lambda: torch.randn(50) * 1e30 * 1e30 / 1e30 / 1e30, torch.isinf),
    "below the range of float16": (lambda: torch.randn(50).half() * 1e-9 * 1e4, lambda w: w == 0),
    "beside 1": (lambda: torch.rand(50) * 1e-9 + 1 - 1, lambda w: w == 0),
    "a small draw": (lambda: torch.empty(50).normal_(std=5e-45) * 1e40, lambda w: torch.tensor(len(w.unique()) < 40)),
}


@pytest.mark.parametrize(("make", "is_lost"), BEYOND.values(), ids=list(BEYOND))
def test_digits_that_a_dtype_loses_midway_are_lost_as_in_construction(make, is_lost):
    assert is_lost(make()).all()
    model, _ = filled(made_by(make))
    assert is_lost(model.w).all()


def test_a_draw_that_is_indexed_by_a_mask_depends_on_any_seed():
    model, _ = filled(COMPUTED["rows by a mask"], seed=7)
    assert not torch.equal(model.w, filled(COMPUTED["rows by a mask"], seed=8)[0].w)


def test_draws_as_integers_are_computed():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("w", (torch.rand(500) * 5).int())

    model, _ = filled(Model)
    assert model.w.dtype is torch.int32
    assert set(model.w.tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("factory", [Tiny, *(f for f, _ in RECOGNIZED.values()), *COMPUTED.values()])
def test_the_record_replayed_by_torch_is_the_stock_model_to_the_bit(factory):
    torch.manual_seed(3)
    stock = factory()
    with deferred():
        model = factory()
    torch.manual_seed(3)
    replayed = replayed_by_torch(model)
    for name, tensor in [*stock.named_parameters(), *stock.named_buffers()]:
        assert torch.equal(replayed[name], tensor), name


def _within(change):
    """What a weight is that `change` writes to within the block, after `init_`."""
    with deferred(seed=3):
        layer = nn.Linear(40, 30, bias=False)
        change(layer.weight)
    init_(layer, seed=3)
    return layer.weight.detach()


@pytest.mark.parametrize(
    ("change", "std"),
    [
        (lambda weight: nn.init.trunc_normal_(weight, std=torch.tensor(0.02)), 0.02),
        (lambda weight: nn.init.orthogonal_(weight, gain=torch.tensor(2.0)), 2 / 40**0.5),
        (lambda weight: nn.init.sparse_(weight, 1.5), 0.0),
    ],
    ids=["trunc_normal_ with a tensor", "orthogonal_ with a tensor", "sparse_ of nothing"],
)
def test_arguments_that_only_torch_understands_are_not_lost(change, std):
    """1,200 values, their std within 5 standard errors, std / sqrt(2 n) (a false alarm in 2e6 runs): 10 %."""
    assert abs(float(_within(change).std()) - std) <= 0.1 * std


@pytest.mark.parametrize(
    "change",
    [lambda weight: nn.init.trunc_normal_(weight, 0, 1, 2, -2), lambda weight: nn.init.sparse_(weight, 0.5, std=-1)],
    ids=["bounds that are reversed", "a negative std"],
)
def test_what_torch_refuses_is_refused_in_the_block(change):
    with pytest.raises(RuntimeError):
        _within(change)


def test_construction_takes_no_memory():
    with deferred():
        model = nn.Linear(2**20, 2**20)
    assert model.weight.is_meta


def test_values_are_those_of_the_name_and_seed():
    model, _ = filled(Tiny, seed=5)
    expected = fastinit.normal((30, 8), std=0.02, seed=5, name="embed.weight")
    assert np.array_equal(model.embed.weight.detach(), expected)


def test_a_recorded_model_has_the_values_of_one_that_was_not():
    factory = lambda: nn.Sequential(nn.Embedding(9, 4, padding_idx=2), nn.Linear(4, 3), nn.LSTM(3, 2))  # noqa: E731
    recorded, _ = filled(factory)
    plain = factory()
    init_(plain, seed=0, overwrite=True)
    for (name, tensor), other in zip(recorded.named_parameters(), plain.parameters(), strict=True):
        assert torch.equal(tensor, other), name


def test_a_narrow_tensor_filled_by_way_of_float32_has_its_values_rounded_once():
    model, _ = filled(RECOGNIZED["a float32 temporary"][0])
    wide = torch.from_numpy(fastinit.normal((20, 4), std=0.5, seed=0, name="w"))
    assert torch.equal(model.w, wide.to(torch.bfloat16))


def test_buffers_are_as_construction_computes_them():
    model, report = filled(Tiny)
    stock = Tiny()
    assert torch.equal(model.positions, stock.positions)
    assert torch.equal(model.table, stock.table)
    assert report.filled["table"] == "given by construction"


def test_code_that_leaves_tensors_on_the_meta_device_alone_sees_them_on_the_cpu():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.norm = nn.Parameter(torch.randn(8, 4)), nn.Parameter(torch.ones(4))
            if not self.w.is_meta and self.w.device.type != "meta":
                self.norm.data = self.w.detach().norm(dim=0).to(self.w.device)
            self.same = nn.Parameter(self.w.detach().to("cpu"))
            self.wide = nn.Parameter(self.w.detach().to(device=self.w.device, dtype=torch.float64))

    with deferred():
        model = Model()
    assert model.w.is_meta and model.w.device.type == "meta"
    init_(model, seed=0)
    assert torch.equal(model.norm, model.w.norm(dim=0)) and torch.equal(model.wide, model.w.double())
    assert model.same.data_ptr() == model.w.data_ptr()


def skips_on_meta(ask):
    """A factory whose second parameter is left uninitialized where `ask` says that the first is on the meta device."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.norm = nn.Parameter(torch.randn(8, 4)), nn.Parameter(torch.empty(4))
            if not ask(self.w):
                self.norm.data.copy_(self.w.detach().norm(dim=0))

    return Model


ASKING = {
    "is_meta": lambda w: w.is_meta,
    "device.type": lambda w: w.device.type == "meta",
    "device": lambda w: w.device == torch.device("meta"),
    "is_cpu": lambda w: not w.is_cpu,
    "genexpr": lambda w: any(p.is_meta for p in [w, w.data, w[0], w + 1]),
    "getattr": lambda w: getattr(w, "is_meta"),  # noqa: B009
    "made there": lambda w: torch.empty(2, device=w.device).is_meta or torch.zeros_like(w, device="meta").is_meta,
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=list(ASKING))
def test_initialization_that_is_left_out_on_the_meta_device_is_recorded(ask):
    model, _ = filled(skips_on_meta(ask))
    assert torch.equal(model.norm, model.w.norm(dim=0))


@pytest.mark.parametrize("ask", ASKING.values(), ids=list(ASKING))
def test_what_is_made_on_the_meta_device_before_the_block_says_so_in_it(ask):
    before = nn.Parameter(torch.empty(8, 4, device="meta"))
    with deferred():
        before * 2  # an operation of the block that reads it
        assert before.is_meta and before.device.type == "meta" and not before.is_cpu


def test_other_threads_and_torch_itself_see_where_recorded_tensors_are():
    seen = []
    with deferred():
        w = torch.empty(3)
        thread = threading.Thread(target=lambda: seen.append((w.is_meta, w.device.type, w.is_cpu)))
        thread.start()
        thread.join()
        assert "meta" in repr(w)
    assert seen == [(True, "meta", False)] and w.is_meta and w.device.type == "meta"
    assert not {"is_meta", "is_cpu", "device", "data", "to", "cpu"} & set(vars(torch.Tensor))


@pytest.mark.parametrize(
    "same",
    [
        lambda t, other: t.to("cpu"),
        lambda t, other: t.to(torch.device("cpu"), torch.float32),
        lambda t, other: t.to(device=t.device, dtype=torch.float32),
        lambda t, other: t.to(other),
        lambda t, other: t.to(other.device),
        lambda t, other: t.cpu(),
    ],
)
@pytest.mark.parametrize("given", [False, True], ids=["drawn", "given"])
@pytest.mark.parametrize("other", [False, True], ids=["beside drawn", "beside given"])
def test_what_goes_to_the_cpu_is_the_tensor_itself(same, given, other):
    with deferred():
        tensor = torch.tensor([1.0, 2.0]) if given else torch.randn(2, requires_grad=True)
        assert same(tensor, torch.tensor([3.0]) if other else torch.zeros(1)) is tensor


@pytest.mark.parametrize("move", [lambda m: m.to("cpu"), lambda m: m.cpu(), lambda m: m.to("cpu", torch.float32)])
def test_modules_that_go_to_the_cpu_stay_what_they_are(move):
    with deferred():
        model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        before = [*model.parameters(), *model.buffers()]
        move(model)
        assert all(a is b for a, b in zip(before, [*model.parameters(), *model.buffers()], strict=True))


def test_lazy_modules_go_to_the_cpu_in_the_block():
    with deferred():
        layer = nn.LazyLinear(4).to("cpu").cpu()
        layer(torch.zeros(1, 3))
    assert str(init_(layer, seed=0)).count("Uniform") == 2


@pytest.mark.parametrize("copies", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t)), copy.copy])
@pytest.mark.parametrize("kind", [nn.Parameter, lambda t: t], ids=["parameter", "tensor"])
def test_copies_of_tensors_in_the_block_are_filled(copies, kind):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = kind(torch.randn(300))
            if copies is copy.deepcopy:
                self.c = kind(copies(self.w))
            else:
                assert copies(self.w).shape == self.w.shape

    with deferred():
        model = Model()
    init_(model, seed=0)
    assert not model.w.is_meta and model.w.std() > 0.5
    assert copies is not copy.deepcopy or torch.equal(model.c, model.w)


def test_data_of_a_recorded_parameter_may_be_set_to_real_values():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(2))
            self.w.data = torch.tensor([1.0, 2.0])
            with torch.no_grad():
                self.w.mul_(2)

    assert filled(Model)[0].w.tolist() == [2.0, 4.0]


def test_a_device_context_first_used_in_the_block_works_after_it():
    torch.utils._device._device_constructors.cache_clear()
    with deferred(), torch.device("meta"):
        inner = nn.Linear(3, 2)
    init_(inner, seed=0)
    assert not inner.weight.is_meta
    with torch.device("meta"):
        assert nn.Linear(3, 2).weight.is_meta and torch.zeros(2).is_meta and torch.tensor([1.0]).is_meta


@pytest.mark.parametrize("index", [[3, 5], (slice(None), [1, 0]), [True, False] * 4], ids=str)
def test_lists_as_indices_are_not_lost(index):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(8, 4))
            self.rows = nn.Parameter(self.w[index].detach().clone())
            self.ones = nn.Parameter(torch.zeros(8, 4))
            with torch.no_grad():
                self.ones[index] = 1.0

    model, _ = filled(Model)
    assert torch.equal(model.rows, model.w[index])
    assert bool((model.ones[index] == 1).all()) and model.ones.sum() == model.rows.numel()


def test_copies_are_equal_and_the_report_says_of_whom():
    model, report = filled(lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2))
    first, second = (layer.linear1.weight for layer in model.layers)
    assert torch.equal(first, second)
    assert report.filled["layers.1.linear1.weight"].endswith("a copy of layers.0.linear1.weight")


def test_independent_copies_are_drawn_by_their_own_names():
    with deferred(independent_copies=True):
        model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
    init_(model)
    first, second = (layer.linear1.weight for layer in model.layers)
    assert not torch.equal(first, second)


def test_parameters_that_share_memory_still_do():
    class Transposed(nn.Module):
        def __init__(self):
            super().__init__()
            w = torch.randn(4, 6)
            self.a, self.b = nn.Parameter(w), nn.Parameter(w.t())

    model, _ = filled(Transposed)
    assert model.a.data_ptr() == model.b.data_ptr()
    assert torch.equal(model.a.t(), model.b)


def test_buffers_that_share_memory_are_converted():
    with deferred():
        model = nn.Linear(4, 4)
        model.register_buffer("mask", torch.ones(5, 5))
        model.register_buffer("part", model.mask[2:])
    init_(model, dtype="bfloat16")
    assert model.mask.dtype is model.part.dtype is torch.bfloat16 and bool((model.part == 1).all())


def test_parts_of_one_draw_are_drawn_by_their_own_names():
    class Parts(nn.Module):
        def __init__(self):
            super().__init__()
            a, b = torch.randn(8, 4).chunk(2)
            self.a, self.b = nn.Parameter(a), nn.Parameter(b.clone())

    model, report = filled(Parts)
    assert report.filled == dict.fromkeys(("a", "b"), "Normal(mean=0.0, std=1.0)")
    assert not torch.equal(model.a, model.b)


class Random(nn.Module):
    """Looks at random values: as an index, and as a number."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(20))
        with torch.no_grad():
            self.w[torch.randperm(20)[:5]] = 0
        self.n = int(torch.randint(3, 1000, ()))


def test_random_values_that_construction_looks_at_are_determined_by_the_seed_of_deferred():
    sizes = []
    for seed in (1, 1, 2):
        with deferred(seed=seed):
            sizes.append(Random().n)
    assert sizes[0] == sizes[1] != sizes[2]


def test_init_takes_no_other_seed_where_construction_looked_at_random_values():
    with deferred(seed=1):
        model = Random()
    with pytest.raises(ValueError, match=r"seed must be 1, that of deferred\(\), got 0"):
        init_(model, seed=0)
    init_(model, seed=1)
    assert (model.w == 0).sum() == 5


def test_draws_from_a_generator_that_code_passes_stay_what_they_are():
    factory = made_by(lambda: torch.randn(20, generator=torch.Generator().manual_seed(7)))
    model, _ = filled(factory)
    assert torch.equal(model.w, factory().w)


def test_torchs_generator_is_as_before_afterwards():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build(Random, seed=1)
    assert torch.equal(torch.rand(3), expected)


CHANGES = {
    "a function of torch.nn.init": lambda model: nn.init.ones_(model.norm.weight),
    "apply": lambda model: model.apply(lambda part: isinstance(part, nn.LayerNorm) and nn.init.ones_(part.weight)),
    "a part": lambda model: model.norm.weight.detach()[:2].zero_(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_is_changed_after_the_block_is_refused_by_name(change):
    with deferred():
        model = Tiny()
    change(model)
    with pytest.raises(ValueError, match=r"changed after construction: norm.weight was written to; move what"):
        init_(model)
    assert model.fc.weight.is_meta


def test_what_is_changed_and_skipped_is_no_error():
    with deferred():
        model = Tiny()
    nn.init.ones_(model.norm.weight)
    with pytest.warns(UserWarning, match="norm.weight"):
        init_(model, skip=["norm.weight"])


SURVIVED = {
    "deepcopy": copy.deepcopy,
    "pickling": lambda model: pickle.loads(pickle.dumps(model)),
    "to_empty": lambda model: model.to_empty(device="cpu"),
    "compile": torch.compile,
    "wrapping": nn.Sequential,
}


@pytest.mark.parametrize("change", SURVIVED.values(), ids=list(SURVIVED))
def test_the_record_survives(change):
    expected = build(Tiny)
    with deferred():
        model = Tiny()
    changed = change(model)
    init_(changed[0] if isinstance(changed, nn.Sequential) else changed, overwrite=True)
    for tensor, other in zip(changed.parameters(), expected.parameters(), strict=True):
        assert torch.equal(tensor, other)


def test_a_model_converted_after_the_block_is_filled_in_its_dtype():
    with deferred():
        model = Tiny()
    init_(model.to(torch.bfloat16))
    assert torch.equal(model.embed.weight, build(Tiny, dtype="bfloat16").embed.weight)


def test_adapters_of_a_loaded_model_are_drawn_and_its_weights_kept():
    class Lora(nn.Module):
        def __init__(self, base):
            super().__init__()
            self.base = base
            self.a, self.b = nn.Linear(base.in_features, 2, bias=False), nn.Linear(2, base.out_features, bias=False)
            nn.init.zeros_(self.b.weight)

    base = nn.Linear(6, 5)
    before = base.weight.detach().clone()
    with deferred():
        model = Lora(base)
    init_missing_(model, ["base.weight", "base.bias"])
    assert torch.equal(model.base.weight, before)
    assert model.a.weight.std() > 0
    assert not model.b.weight.any()


def test_attributes_that_are_no_buffers_get_their_values():
    class Rope(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(2))
            self.angles = torch.arange(4) * 0.5

    model, _ = filled(Rope)
    assert torch.equal(model.angles, torch.arange(4) * 0.5)


def test_what_construction_leaves_uninitialized_is_nan_and_warned_of():
    with deferred():
        model = made_by(lambda: torch.empty(3))()
    with pytest.warns(UserWarning, match="nothing initializes w"):
        report = init_(model)
    assert model.w.isnan().all()
    assert report.untouched == ["w"]


def test_another_thread_constructs_as_ever_meanwhile():
    made = []
    with deferred():
        thread = threading.Thread(target=lambda: made.append(nn.Linear(3, 2)))
        thread.start()
        thread.join()
    assert not made[0].weight.is_meta


def test_a_block_within_a_block_is_refused():
    with deferred(), pytest.raises(RuntimeError, match=r"deferred\(\) within deferred\(\)"), deferred():
        pass


def test_torch_is_as_before_after_an_error_in_the_block():
    with pytest.raises(ZeroDivisionError), deferred():
        1 / 0  # noqa: B018
    assert not nn.Linear(3, 2).weight.is_meta


@pytest.mark.parametrize("seed", [-1, 1.5, "0", True])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises((TypeError, ValueError), match="seed must"), deferred(seed):
        pass


def test_build_passes_on_what_the_factory_takes():
    model = build(nn.Linear, 4, 3, bias=False, seed=1, dtype=torch.float16)
    assert model.bias is None
    assert model.weight.dtype is torch.float16


@pytest.mark.parametrize("call", [build, record])
def test_a_factory_that_makes_no_module_is_refused(call):
    with pytest.raises(TypeError, match=r"factory must make a torch.nn.Module, got 3"):
        call(lambda: 3)


def test_the_recipe_of_a_record_has_the_values_of_the_model():
    recipe, model = record(Tiny), build(Tiny, seed=2)
    arrays = recipe.materialize({name: tuple(p.shape) for name, p in model.named_parameters()}, seed=2)
    for name, tensor in model.named_parameters():
        assert np.array_equal(arrays[name], tensor.detach()), name


def test_the_recipe_of_a_record_computes_what_has_no_distribution():
    factory = made_by(lambda: torch.rand(50).log())
    array = record(factory).materialize({"w": (50,)}, seed=0)["w"]
    assert np.array_equal(array, build(factory).w.detach())


def test_two_records_of_the_same_construction_are_equal():
    factory = made_by(lambda: torch.rand(50).log())
    assert record(factory) == record(factory)
    assert record(factory) != record(made_by(lambda: torch.rand(50).exp()))


def test_layers_of_the_same_distribution_are_one_rule():
    recipe = record(lambda: nn.Sequential(*[nn.Linear(4, 4) for _ in range(3)]))
    assert [rule.pattern for rule in recipe] == ["*.weight", "*.bias"]


def test_layers_that_differ_are_rules_of_their_own():
    recipe = record(lambda: nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(8, 4, bias=False)))
    assert [rule.pattern for rule in recipe] == ["0.weight", "1.weight"]


def test_tensors_in_lists_and_dictionaries_get_their_values():
    class Prompts(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = {"default": torch.arange(4)}
            self.scales = (torch.ones(2), [3])

    model, _ = filled(Prompts)
    assert torch.equal(model.tokens["default"], torch.arange(4))
    assert torch.equal(model.scales[0], torch.ones(2))


def test_an_attribute_that_is_a_view_of_a_parameter_still_is():
    class View(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(4, 3))
            self.first = self.w.data[:2]

    model, _ = filled(View)
    assert model.first.data_ptr() == model.w.data_ptr()
    assert torch.equal(model.first, model.w[:2])


def test_a_copy_of_trunc_normal_is_replayed_as_that_copy(monkeypatch):
    """timm's module is a stand-in here, so that the test needs no timm."""
    timms = types.ModuleType("timm.layers.weight_init")
    timms._trunc_normal_ = types.FunctionType(timms_trunc_normal_.__code__, {"math": math, **vars(timms)}, "_trunc_normal_")
    timms._trunc_normal_.__module__ = timms.__name__
    monkeypatch.setitem(sys.modules, timms.__name__, timms)
    factory = made_by(lambda w: timms._trunc_normal_(w, 0.0, 0.02, -0.04, 0.06), 20, 4)
    with deferred():
        model = factory()
    torch.manual_seed(0)
    replayed = replayed_by_torch(model)["w"]
    torch.manual_seed(0)
    assert torch.equal(replayed, factory().w)
    assert init_(model).filled == {"w": "TruncatedNormal(mean=0.0, std=0.02, low=-2.0, high=3.0)"}


def test_a_tensor_tied_after_construction_has_its_own_distribution_and_not_that_of_the_other_name():
    with deferred():
        model = nn.ModuleDict({"embed": nn.Embedding(30, 8), "head": nn.Linear(8, 30, bias=False)})
        nn.init.normal_(model["embed"].weight, std=0.02)
    model["head"].weight = model["embed"].weight
    assert init_(model).filled == {"embed.weight": "Normal(mean=0.0, std=0.02)"}


def test_a_lazy_module_without_shape_may_be_constructed():
    with deferred():
        model = nn.LazyLinear(4)
    with pytest.raises(ValueError, match="run the lazy module once"):
        init_(model)


RELATED = {
    "transposed": (lambda a: a.t().clone(), lambda a, b: a.t() == b),
    "minus": (lambda a: -a, lambda a, b: -a == b),
    "a part": (lambda a: a[2:].clone(), lambda a, b: a[2:] == b),
    "reshaped": (lambda a: a.reshape(3, 12).clone(), lambda a, b: a.reshape(3, 12) == b),
}


@pytest.mark.parametrize(("change", "relation"), RELATED.values(), ids=list(RELATED))
def test_tensors_made_of_one_draw_stay_related(change, relation):
    def model():
        a = torch.randn(6, 6)
        return nn.ParameterDict({"a": nn.Parameter(a), "b": nn.Parameter(change(a))})

    made, _ = filled(model)
    assert relation(made["a"], made["b"]).all()


def test_parts_of_one_draw_that_overlap_agree_and_others_are_drawn_apart():
    def model():
        a = torch.randn(9, 6)
        return nn.ParameterDict({name: nn.Parameter(a[rows].clone()) for name, rows in PARTS.items()})

    PARTS = {"a": slice(0, 4), "b": slice(2, 6)}
    made, _ = filled(model)
    assert torch.equal(made["a"][2:], made["b"][:2])
    PARTS = {"a": slice(0, 4), "b": slice(4, 8)}
    made, report = filled(model)
    assert set(report.filled.values()) == {"Normal(mean=0.0, std=1.0)"}
    assert not torch.equal(made["a"], made["b"])


def test_a_parameter_that_is_a_tensor_is_looked_at():
    factory = made_by(lambda w: nn.init.normal_(w, 0.0, torch.ones(()) / 4), 20)
    assert filled(factory)[1].filled == {"w": "Normal(mean=0.0, std=0.25)"}


def recorded_linear():
    return filled(lambda: nn.Linear(3, 2))[0]


SEEDED = {
    "init_": lambda: init_(nn.Linear(3, 2), seed=None),
    "deferred": lambda: deferred(None).__enter__(),
    "build": lambda: build(nn.Linear, 3, 2, seed=None),
    "by_name": lambda: fastinit.torch.by_name(nn.Linear(3, 2), None).__enter__(),
    "file_plan": lambda: file_plan(recorded_linear(), None),
    "lsuv_": lambda: fastinit.torch.lsuv_(nn.Linear(3, 2), torch.eye(3), seed=None),
    "data_dependent_": lambda: fastinit.torch.data_dependent_(nn.Linear(3, 2), torch.eye(3), seed=None),
    "metainit_": lambda: fastinit.torch.metainit_(nn.Linear(3, 2), torch.eye(3), seed=None),
    "tfixup_": lambda: fastinit.torch.tfixup_(nn.TransformerEncoderLayer(8, 2), seed=None),
    "widen_": lambda: fastinit.torch.widen_(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 3)), "0", 4, seed=None),
    "grow_vocabulary_": lambda: fastinit.torch.grow_vocabulary_(nn.Embedding(3, 2), 4, seed=None),
    "lora_": lambda: fastinit.torch.lora_(nn.Linear(3, 2), seed=None),
}


@pytest.mark.parametrize("call", SEEDED.values(), ids=list(SEEDED))
def test_a_model_takes_no_missing_seed(call):
    with pytest.raises(TypeError, match="seed must be an int, got None: every rank would draw a model of its own"):
        call()


NN_INIT = {
    "uniform_": lambda w: nn.init.uniform_(w, -1, 1),
    "normal_": lambda w: nn.init.normal_(w, std=0.02),
    "trunc_normal_": lambda w: nn.init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04),
    "xavier_uniform_": nn.init.xavier_uniform_,
    "xavier_normal_": lambda w: nn.init.xavier_normal_(w, gain=2),
    "kaiming_uniform_": lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)),
    "kaiming_normal_": lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
    "constant_": lambda w: nn.init.constant_(w, 3),
    "ones_": nn.init.ones_,
    "zeros_": nn.init.zeros_,
}


@pytest.fixture(params=["C", "Python"])
def noted(request, monkeypatch):
    """What notes a known call."""
    nn_functions.KNOWN.clear()
    if request.param == "Python":
        monkeypatch.setitem(nn_functions.USED, "_fastinit_noted_", nn_functions.noted)


@pytest.mark.usefixtures("noted")
@pytest.mark.parametrize("fill", NN_INIT.values(), ids=list(NN_INIT))
def test_a_call_like_one_before_is_the_same_step_on_another_tensor(fill):
    with deferred():
        first, second, third = [nn.Parameter(torch.empty(6, 4)) for _ in range(3)]
        assert fill(first) is first and fill(second) is second
        fill(third.detach())
        one, two, three = current_tape().recording.steps
        refs = map(current_tape().ref, (first, second, third))
    for step, ref in zip((one, two, three), refs, strict=True):
        assert step._replace(args=(), outputs=(), written=()) == one._replace(args=(), outputs=(), written=())
        assert step.args == (ref, *one.args[1:]) and step.outputs == step.written == (ref,)
    assert first._version == second._version == third._version == 1


@pytest.mark.usefixtures("noted")
def test_equal_numbers_that_differ_are_told_apart():
    with deferred():
        tensors = []
        for value in (0.0, -0.0, 0, False, 0.0, -0.0):
            tensors.append(nn.init.constant_(torch.empty(2), value))
        model = nn.ParameterList(tensors)
    init_(model, seed=0)
    assert [math.copysign(1, tensor[0]) for tensor in model] == [1, -1, 1, 1, 1, -1]


@pytest.mark.usefixtures("noted")
def test_calls_that_are_not_plain_are_as_before():
    class Sees(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function.__name__)
            return function(*args, **(kwargs or {}))

    seen = []
    for _ in range(2):
        with deferred():
            w, bound = torch.empty(6, 4), torch.tensor(0.5)
            with Sees():
                nn.init.uniform_(w)
            generator = torch.Generator().manual_seed(0)
            drawn = nn.init.normal_(torch.empty(3), generator=generator)
            model = nn.ParameterList([w, drawn, nn.init.constant_(torch.empty(2), bound)])
            with pytest.warns(UserWarning, match="zero-element"):
                nn.init.kaiming_uniform_(torch.empty(0, 4))
            with pytest.warns(UserWarning, match="mean is more than 2 std"):
                nn.init.trunc_normal_(torch.empty(3), mean=5.0)
            with pytest.raises(ValueError, match="fewer than 2 dimensions"):
                nn.init.xavier_normal_(torch.empty(3))
            with pytest.raises(TypeError):
                nn.init.uniform_(w, [0])
        init_(model, seed=0)
        assert torch.equal(model[1], torch.empty(3).normal_(generator=torch.Generator().manual_seed(0)))
        assert model[2].tolist() == [0.5, 0.5]
    assert seen.count("uniform_") >= 2


def test_the_functions_are_torchs_again_after_the_block():
    code = nn.init.uniform_.__code__
    with deferred():
        assert nn.init.uniform_.__code__ is not code
    assert nn.init.uniform_.__code__ is code and not [name for name in vars(nn.init) if "fastinit" in name]


LAYERS = {
    "Linear": lambda: nn.Linear(4, 3),
    "Linear in bfloat16": lambda: nn.Linear(4, 3, dtype=torch.bfloat16),
    "Linear without bias": lambda: nn.Linear(4, 3, bias=False),
    "Linear without inputs": lambda: nn.Linear(0, 3),
    "Conv2d": lambda: nn.Conv2d(2, 4, 3, groups=2),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(2, 4, 3),
    "LayerNorm": lambda: nn.LayerNorm((3, 2)),
    "LayerNorm without bias": lambda: nn.LayerNorm(5, bias=False),
    "LayerNorm without parameters": lambda: nn.LayerNorm(5, elementwise_affine=False),
}


def steps_of(factory):
    with deferred():
        model = factory()
        return current_tape().recording.steps, model


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_a_layer_like_one_before_is_recorded_as_its_method_is(layer, monkeypatch):
    known, _ = steps_of(lambda: nn.Sequential(layer(), layer(), layer()))
    with monkeypatch.context() as patch:
        patch.setattr(resets, "STOCK", {})
        as_ever, model = steps_of(lambda: nn.Sequential(layer(), layer(), layer()))
    assert known == as_ever
    assert all(p._version == 1 for p in model.parameters() if p.numel())


def test_a_layer_whose_memory_has_another_order_is_recorded_as_its_method_is():
    model = nn.Sequential(*[nn.Conv2d(2, 3, 2) for _ in range(2)])
    with deferred():
        same = nn.Sequential(*[nn.Conv2d(2, 3, 2).to(memory_format=torch.channels_last) for _ in range(2)])
        for part in same:
            part.reset_parameters()
    init_(same, seed=0)
    init_(model, seed=0)
    assert all(torch.equal(a.weight, b.weight) and a.weight.stride() != b.weight.stride() for a, b in zip(model, same))


@pytest.mark.parametrize(
    "owner, name", [(nn.init, "kaiming_uniform_"), (nn.init, "uniform_"), (nn.Linear, "reset_parameters")]
)
def test_what_replaces_a_layers_initialization_in_the_block_is_called(owner, name, monkeypatch):
    called = []
    with deferred():
        nn.Linear(4, 3)  # is known from now on
        monkeypatch.setattr(owner, name, lambda *args, **options: called.append(name))
        nn.Linear(4, 3)
    assert called == [name]


def test_a_class_derived_from_a_layer_is_asked_itself():
    class Zero(nn.Linear):
        def reset_parameters(self):
            super().reset_parameters()
            if self.in_features > self.out_features:
                nn.init.zeros_(self.weight)

    with deferred():
        model = nn.Sequential(nn.Linear(4, 3), Zero(4, 3), Zero(3, 4), Zero(4, 3))
    report = init_(model, seed=0)
    assert [report.filled[f"{i}.weight"].partition("(")[0] for i in range(4)] == [
        "Uniform",
        "Constant",
        "Uniform",
        "Constant",
    ]


def test_a_layer_with_a_parametrized_weight_is_asked_itself():
    def parametrized():
        layer = nn.Linear(4, 3)
        nn.utils.parametrizations.weight_norm(layer)
        layer.reset_parameters()
        return layer

    with deferred():
        model = nn.Sequential(nn.Linear(4, 3), parametrized(), parametrized())
    init_(model, seed=0)
    torch.manual_seed(0)
    assert not model[1].weight.isnan().any() and not torch.equal(model[1].weight, model[2].weight)


def weight_after_bias():
    norm = nn.LayerNorm(4)
    weight = norm.weight
    del norm.weight
    norm.weight = weight
    norm.reset_parameters()
    return norm


def pruned():
    norm = prune.identity(nn.LayerNorm(4), "weight")
    norm.reset_parameters()
    return norm


def without_affine():
    norm = nn.LayerNorm(4)
    norm.elementwise_affine = False
    nn.init.constant_(norm.weight, 5.0)
    norm.reset_parameters()
    return norm


def of_another_class():
    norm = nn.LayerNorm(4)
    nn.init.constant_(norm.bias, 5.0)
    nn.LayerNorm.reset_parameters(norm)
    return norm


@pytest.mark.parametrize("make", [weight_after_bias, pruned, without_affine, of_another_class])
def test_a_layers_method_does_to_unusual_parameters_what_it_does_in_torch(make):
    with fastinit.torch.deferred():
        nn.LayerNorm(4)  # whose steps are known then
        norm = make()
    fastinit.torch.init_(norm, seed=0)
    assert {name: tensor.tolist() for name, tensor in norm.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in make().state_dict().items()
    }


REPLACEMENTS = {
    "calculate_gain": lambda *arguments: 1e-9,
    "_calculate_correct_fan": lambda *arguments: 1e18,
    "kaiming_uniform_": lambda tensor, a: nn.init.constant_(tensor, 1e-9),
}
"""By the name of one of torch.nn.init's functions, what makes the weights of layers tiny in its place."""


@pytest.mark.parametrize("name", REPLACEMENTS)
@pytest.mark.parametrize("make", [partial(nn.Linear, 40, 52), partial(nn.Conv2d, 4, 6, 3)], ids=["linear", "conv"])
def test_a_replaced_function_of_torchs_decides_while_it_is_replaced_and_not_after(make, name, monkeypatch):
    def built():
        with fastinit.torch.deferred():
            layer = make()
        fastinit.torch.init_(layer, seed=0)
        return layer.weight

    usual = built()
    with monkeypatch.context() as replaced:
        replaced.setattr(nn.init, name, REPLACEMENTS[name])
        assert built().abs().max() < 1e-6
    assert torch.equal(built(), usual)


def test_the_original_of_a_replaced_function_draws_what_it_does_elsewhere(monkeypatch):
    original = nn.init.normal_

    def built():
        with fastinit.torch.deferred():
            layers = nn.ModuleList(nn.Linear(40, 52) for _ in range(2))
            for layer in layers:
                original(layer.weight, std=0.02)
        fastinit.torch.init_(layers, seed=0)
        return torch.stack([layer.weight for layer in layers])

    usual = built()
    for name in ("normal_", "uniform_", "kaiming_uniform_"):  # as Hugging Face does while a model initializes itself
        monkeypatch.setattr(nn.init, name, partial(getattr(nn.init, name)))
    assert torch.equal(built(), usual)


@pytest.mark.skipif(attributes._to_search is attributes._all_but, reason="fastinit._calls was not built")
@pytest.mark.parametrize(
    "value",
    [
        *(3, 2.5, "name", None, (3, 4), [1, "a", None], {}, [], {"a": 1}, nn.ReLU(), [[torch.ones(1)]]),
        *(torch.ones(2), [1, torch.ones(2)], (torch.ones(2),), {"a": torch.ones(2)}, nn.Parameter(torch.ones(2))),
    ],
    ids=str,
)
def test_attributes_that_hold_tensors_are_found_alike_with_and_without_c(value, monkeypatch):
    layer = nn.Linear(3, 3)
    vars(layer)["own"] = value
    found = [attribute.name for attribute in attributes.attributes(layer)]
    monkeypatch.setattr(attributes, "_to_search", attributes._all_but)
    assert found == [attribute.name for attribute in attributes.attributes(layer)]
