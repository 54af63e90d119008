"""`init_`: every tensor of a module by its name, with the distribution its module draws, wherever its memory is."""

import copy
import subprocess
import sys
import threading
import warnings

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from scipy import stats
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

import fastinit
import fastinit.torch
from fastinit import recipes
from fastinit.core.fill import fill
from fastinit.recipes import Recipe
from fastinit.torch import accelerate, init_, init_missing_
from tests.thresholds import LEAST_P_VALUE


def state(module):
    """Copies of all parameters and buffers by name."""
    return {name: tensor.detach().clone() for name, tensor in [*module.named_parameters(), *module.named_buffers()]}


def equal(first, second):
    """Whether two states hold the same bits."""
    return first.keys() == second.keys() and all(
        a.dtype == second[name].dtype and a.shape == second[name].shape and torch.equal(_bits(a), _bits(second[name]))
        for name, a in first.items()
    )


def _bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


class Net(nn.Module):
    """Modules of several kinds, a tied weight, and a buffer that nothing fills."""

    def __init__(self, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(50, 16, padding_idx=0)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True) for _ in range(layers))
        self.norm = nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("mask", torch.ones(3), persistent=False)


def init_quietly(module, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return init_(module, *args, strict=False, **options)


def test_values_are_a_function_of_the_seed_and_the_name():
    first, second, other = nn.Linear(20, 30), nn.Linear(20, 30), nn.Linear(20, 30)
    init_(first, seed=5)
    torch.manual_seed(99)
    init_(second, seed=5)
    init_(other, seed=6)
    assert equal(state(first), state(second)) and not torch.equal(first.weight, other.weight)


def test_a_tensor_is_what_fastinit_draws_for_its_name():
    model = nn.Sequential(nn.Linear(20, 30))
    init_(model, seed=5)
    distribution = fastinit.distributions.Uniform(-(20**-0.5), 20**-0.5)
    expected = fill(distribution, (30, 20), seed=5, name="0.weight")
    np.testing.assert_allclose(model[0].weight.detach().numpy(), expected, rtol=1e-6)  # torch rounds the bound otherwise


def test_another_layer_changes_no_other_tensor():
    smaller, larger = Net(2), Net(3)
    init_(smaller, seed=1)
    init_(larger, seed=1)
    before, after = state(smaller), state(larger)
    assert equal(before, {name: after[name] for name in before}) and len(after) > len(before)


def test_names_of_modules_matter_and_their_order_does_not():
    a = nn.ModuleDict({"x": nn.Linear(4, 4), "y": nn.Linear(4, 4)})
    b = nn.ModuleDict({"y": nn.Linear(4, 4), "x": nn.Linear(4, 4)})
    init_(a, seed=1)
    init_(b, seed=1)
    assert torch.equal(a["x"].weight, b["x"].weight) and not torch.equal(a["x"].weight, a["y"].weight)


def test_torchs_generator_and_functions_stay_as_they_were():
    model = Net()
    methods, functions, rng = dict(vars(torch.Tensor)), dict(vars(nn.init)), torch.random.get_rng_state()
    init_(model)
    assert dict(vars(torch.Tensor)) == methods and dict(vars(nn.init)) == functions
    assert torch.equal(torch.random.get_rng_state(), rng)


def test_generators_of_other_devices_stay_as_they_were(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    init_(nn.Linear(3, 3))
    assert seeded == []


def test_accelerate_around_it_changes_nothing():
    plain, within = Net(), Net()
    init_(plain, seed=1)
    with accelerate(seed=77):
        init_(within, seed=1)
    assert equal(state(plain), state(within))


def test_a_module_initialized_in_another_thread_is_not_touched():
    """The names hold in the thread that called, for its module alone."""
    module, other = nn.Linear(500, 500), nn.Linear(500, 500)
    go, drawn = threading.Event(), []

    def draw():
        go.wait()
        with torch.no_grad():
            torch.manual_seed(0)
            drawn.append(other.weight.normal_().clone())

    class Waits(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def reset_parameters(self):
            go.set()
            thread.join()

    thread = threading.Thread(target=draw)
    thread.start()
    init_(Waits())
    torch.manual_seed(0)
    assert torch.equal(drawn[0], torch.randn(500, 500))


KINDS = {
    "Linear": lambda: nn.Linear(60, 70),
    "Conv1d": lambda: nn.Conv1d(12, 30, 5),
    "Conv2d": lambda: nn.Conv2d(12, 30, 3, groups=3),
    "Conv3d": lambda: nn.Conv3d(6, 20, 3),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(12, 30, 5),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(12, 30, 3, groups=3),
    "ConvTranspose3d": lambda: nn.ConvTranspose3d(6, 20, 3),
    "Embedding": lambda: nn.Embedding(80, 40),
    "Embedding with padding": lambda: nn.Embedding(80, 40, padding_idx=7),
    "EmbeddingBag": lambda: nn.EmbeddingBag(80, 40),
    "MultiheadAttention": lambda: nn.MultiheadAttention(32, 4),
    "MultiheadAttention of three": lambda: nn.MultiheadAttention(32, 4, kdim=24, vdim=40, add_bias_kv=True),
    "RNN": lambda: nn.RNN(16, 24, num_layers=2),
    "LSTM": lambda: nn.LSTM(16, 24, bidirectional=True, proj_size=8),
    "GRU": lambda: nn.GRU(16, 24),
    "LSTMCell": lambda: nn.LSTMCell(16, 24),
    "GRUCell": lambda: nn.GRUCell(16, 24),
    "Bilinear": lambda: nn.Bilinear(20, 15, 12),
    "LayerNorm": lambda: nn.LayerNorm(32),
    "RMSNorm": lambda: nn.RMSNorm(32),
    "GroupNorm": lambda: nn.GroupNorm(4, 32),
    "BatchNorm2d": lambda: nn.BatchNorm2d(32),
    "InstanceNorm1d": lambda: nn.InstanceNorm1d(32, affine=True, track_running_stats=True),
    "PReLU": lambda: nn.PReLU(8),
    "TransformerDecoderLayer": lambda: nn.TransformerDecoderLayer(16, 2, 32),
    "Transformer": lambda: nn.Transformer(16, 2, 1, 1, 32, batch_first=True),
    "AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(16, 100, [20, 60]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_module_gets_the_distribution_that_it_draws_itself(kind):
    """Two-sample Kolmogorov-Smirnov for each tensor that varies, equality for each constant one.

    As many as 30 of torch's and 30 of fastinit's are compared, so that small tensors count as well.
    """
    torch.manual_seed(0)
    stock = [state(KINDS[kind]()) for _ in range(30)]
    module, drawn = KINDS[kind](), []
    for seed in range(30):
        with torch.no_grad():
            for tensor in module.parameters():
                tensor.fill_(7.0)
        report = init_(module, seed=seed, overwrite=True)
        drawn.append(state(module))
        assert report.untouched == []
    for name, first in stock[0].items():
        torchs, fastinits = (torch.stack([found[name] for found in all_of_them]).double() for all_of_them in (stock, drawn))
        constant = (torchs == torchs[0]).all(0)
        assert torch.equal(fastinits[:, constant], torchs[:, constant]), name
        if not constant.all():
            assert (
                stats.ks_2samp(fastinits[:, ~constant].ravel(), torchs[:, ~constant].ravel()).pvalue > LEAST_P_VALUE / 10
            ), name
        assert first.dtype == drawn[0][name].dtype


@pytest.mark.parametrize("padding", [0, 3, -1])
def test_the_padding_row_is_zero_and_no_other(padding):
    embedding = nn.Embedding(10, 6, padding_idx=padding)
    init_(embedding, seed=1)
    zero = (embedding.weight == 0).all(1)
    assert zero.sum() == 1 and zero[padding]
    plain = nn.Embedding(10, 6)
    init_(plain, seed=1)
    assert torch.equal(embedding.weight[~zero], plain.weight[~zero])


def test_the_parts_of_a_fused_tensor_differ():
    layer = nn.MultiheadAttention(16, 2)
    init_(layer)
    q, k, v = layer.in_proj_weight.chunk(3)
    assert not torch.equal(q, k) and not torch.equal(k, v)


def test_a_model_on_the_meta_device_gets_the_bits_of_one_on_the_cpu():
    with torch.device("meta"):
        meta = Net()
    cpu = Net()
    init_(cpu, seed=3)
    init_quietly(meta, seed=3)
    a, b = state(cpu), state(meta)
    assert equal({n: t for n, t in a.items() if n != "mask"}, {n: t for n, t in b.items() if n != "mask"})
    assert not any(tensor.is_meta for tensor in b.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_module_is_made_on_the_cpu_with_the_same_bits(kind):
    with torch.device("meta"):
        meta = KINDS[kind]()
    cpu = KINDS[kind]()
    init_(cpu, seed=3)
    init_(meta, seed=3)
    assert equal(state(cpu), state(meta))


def test_a_recurrent_module_from_the_meta_device_runs():
    with torch.device("meta"):
        lstm = nn.LSTM(4, 5, batch_first=True)
    init_(lstm)
    x = torch.ones(2, 3, 4)
    twin = nn.LSTM(4, 5, batch_first=True)
    twin.load_state_dict(lstm.state_dict())
    assert torch.allclose(lstm(x)[0], twin(x)[0])


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_parameters_stay_the_objects_they_are(device):
    with torch.device(device):
        model = Net()
    model.head.weight.requires_grad_(False)
    before, wants = dict(model.named_parameters()), {n: p.requires_grad for n, p in model.named_parameters()}
    versions = {name: parameter._version for name, parameter in before.items()}
    init_quietly(model)
    assert all(parameter is before[name] for name, parameter in model.named_parameters())
    assert {n: p.requires_grad for n, p in model.named_parameters()} == wants
    assert all(p.is_leaf and p.grad_fn is None and type(p) is nn.Parameter for p in model.parameters())
    if device == "cpu":
        assert all(parameter._version > versions[name] for name, parameter in before.items())


def test_an_optimizer_made_before_has_the_parameters_of_after():
    with torch.device("meta"):
        model = nn.Linear(4, 4)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    init_(model)
    before = model.weight.detach().clone()
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    assert not torch.equal(model.weight, before)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_tied_parameters_are_filled_once_and_stay_tied(device):
    with torch.device(device):
        model = Net()
    report = init_quietly(model)
    assert model.head.weight is model.embedding.weight
    assert report.tied == {"head.weight": "embedding.weight"}
    assert "head.weight" not in report.filled and report.filled["embedding.weight"]


def test_the_dtype_is_that_asked_for_and_the_values_are_rounded_once():
    single, half = nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30)), nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30))
    init_(single, seed=1)
    init_(half, seed=1, dtype=torch.bfloat16)
    assert half[0].weight.dtype == torch.bfloat16 and half[1].num_batches_tracked.dtype == torch.int64
    assert torch.equal(half[0].weight, single[0].weight.to(torch.bfloat16))


@pytest.mark.parametrize("dtype", [torch.int32, "float12", "int32"])
def test_a_dtype_that_is_none_is_refused_before_anything_is_written(dtype):
    model = nn.Linear(3, 3)
    before = state(model)
    with pytest.raises(TypeError):
        init_(model, dtype=dtype)
    assert equal(state(model), before)


def test_what_is_skipped_keeps_its_values():
    model = Net()
    before = state(model)
    report = init_(model, skip=["layers.0.*", "embedding.weight"])
    after = state(model)
    skipped = {name for name in before if name.startswith("layers.0.") or name == "embedding.weight"}
    assert all(torch.equal(before[name], after[name]) for name in skipped)
    assert {*report.skipped} == skipped and not skipped & {*report.filled}
    changed = {name for name in before if name.endswith("weight") and not torch.equal(before[name], after[name])}
    assert "layers.1.linear1.weight" in changed


def test_what_is_skipped_does_not_change_the_others():
    plain, partly = Net(), Net()
    init_(plain, seed=4)
    init_(partly, seed=4, skip=["layers.0.*"])
    a, b = state(plain), state(partly)
    assert all(torch.equal(a[name], b[name]) for name in a if not name.startswith("layers.0."))


@pytest.mark.parametrize(
    ("skip", "error", "message"),
    [
        (["weight", "wieght"], ValueError, "skip has 'wieght', which matches nothing in the module"),
        ("weight", TypeError, "skip must be a collection of patterns, got the string 'weight'"),
    ],
)
def test_globs_that_are_none_or_match_nothing_are_refused_before_anything_is_written(skip, error, message):
    model = nn.Linear(3, 3)
    before = state(model)
    with pytest.raises(error, match=f"^{message}$"):
        init_(model, skip=skip)
    assert equal(state(model), before)


@pytest.mark.parametrize("seed", [-1, 1.5, "x", True])
def test_a_seed_that_is_none_is_refused_before_anything_is_written(seed):
    with torch.device("meta"):
        model = nn.Linear(3, 3)
    with pytest.raises((TypeError, ValueError), match=r"^seed must"):
        init_(model, seed=seed)
    assert model.weight.is_meta


def test_a_module_whose_shapes_are_not_known_is_an_error():
    with pytest.raises(ValueError, match=r"^weight has no shape yet: run the lazy module once"):
        init_(nn.LazyLinear(3))


def test_missing_tensors_are_initialized_and_loaded_ones_stay():
    whole, holes = Net(), Net()
    init_(whole, seed=2)
    loaded = {name: tensor for name, tensor in whole.state_dict().items() if not name.startswith("layers.1")}
    holes.load_state_dict(loaded, strict=False)
    with torch.no_grad():
        for name, parameter in holes.named_parameters():
            if name in loaded:
                parameter.add_(1.0)
    before = state(holes)
    report = init_missing_(holes, loaded.keys(), seed=2)
    after = state(holes)
    for name in before:
        expected = before[name] if name in loaded or name == "mask" else state(whole)[name]
        assert torch.equal(after[name], expected), name
    assert {*report.skipped} == {name for name in loaded if name != "head.weight"}


def test_a_checkpoint_loads_into_a_model_on_the_meta_device():
    whole = Net()
    with torch.device("meta"):
        empty = Net()
    loaded = {name: tensor for name, tensor in whole.state_dict().items() if "linear1" not in name}
    empty.load_state_dict(loaded, strict=False, assign=True)
    with pytest.warns(UserWarning, match="mask"):
        init_missing_(empty, loaded, seed=2, strict=False)
    assert torch.equal(empty.norm.weight, whole.norm.weight) and not empty.layers[0].linear1.weight.is_meta


def test_a_loaded_key_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match=r"^loaded_keys has 'nothing', which the module does not have$"):
        init_missing_(nn.Linear(3, 3), ["weight", "nothing"])


def test_the_report_says_what_each_tensor_got():
    model = Net(1)
    report = init_(model, skip=["norm.bias"])
    assert report.filled["embedding.weight"] == "Normal(mean=0.0, std=1.0), a part Constant(value=0.0)"
    assert report.filled["norm.weight"] == "Constant(value=1.0)"
    assert report.filled["layers.0.linear1.weight"].startswith("Uniform(low=-0.2")
    assert report.skipped == ["norm.bias"] and report.untouched == ["mask"]
    names = {name for name, _ in [*model.named_parameters(), *model.named_buffers()]}
    assert names == {*report.filled, *report.skipped, *report.untouched}
    lines = [line.split() for line in str(report).splitlines()]
    assert len(lines) == len(names) + 2 and any(line[:2] == ["mask", "NOTHING"] for line in lines)
    assert ["head.weight", "tied", "to", "embedding.weight"] in lines


class Computed(nn.Module):
    """Fills its tensors by other ways than fills."""

    def __init__(self):
        super().__init__()
        self.out, self.drawn, self.copied = (nn.Parameter(torch.zeros(4, 4)) for _ in range(3))
        self.first, self.second = (nn.Parameter(torch.zeros(4)) for _ in range(2))
        self.generated = nn.Parameter(torch.zeros(4, 4))
        self.reset_parameters()

    def reset_parameters(self):
        with torch.no_grad():
            nn.init.eye_(self.out)
            torch.randn(4, 4, out=self.drawn.data)
            self.copied.copy_(torch.rand(4, 4) + nn.init.orthogonal_(torch.empty(4, 4)))
            torch._foreach_add_([self.first, self.second], 1.0)
            nn.init.normal_(self.generated, generator=torch.Generator().manual_seed(3))


def test_tensors_that_are_computed_are_reported_and_repeat_with_the_seed():
    found = []
    for ambient in (0, 1):
        model = nn.ModuleDict({"linear": nn.Linear(2, ambient + 1), "computed": Computed()})
        with torch.no_grad():
            model["computed"].first.zero_(), model["computed"].second.zero_()
        torch.manual_seed(ambient)
        report = init_(model, seed=5)
        found.append(state(model["computed"]))
        assert report.untouched == []
    assert equal(*found) and torch.equal(found[0]["out"], torch.eye(4)) and found[0]["first"].tolist() == [1.0] * 4
    init_(model, seed=6)
    assert not torch.equal(model["computed"].copied, found[0]["copied"])


@pytest.mark.parametrize("name", ["out", "drawn", "copied", "generated"])
def test_tensors_that_are_computed_can_be_skipped(name):
    model = Computed()
    before = state(model)
    init_(model, skip=[name])
    assert torch.equal(state(model)[name], before[name])


def test_an_operation_on_skipped_tensors_and_others_is_an_error():
    with pytest.raises(NotImplementedError, match="writes to several tensors at once, of which some are to be skipped"):
        init_(Computed(), skip=["first"])


def test_what_nothing_fills_keeps_its_values_without_a_warning():
    model = Net()
    model.mask.fill_(3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        init_(model)
    assert model.mask.tolist() == [3.0] * 3


def test_what_nothing_fills_and_has_no_values_becomes_nan_and_is_named():
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.scale = nn.Linear(3, 3), nn.Parameter(torch.ones(2))
            self.register_buffer("count", torch.tensor(5))

    with torch.device("meta"):
        model = Head()
    with pytest.warns(UserWarning, match="nothing initializes scale, count, which came from the meta device") as caught:
        report = init_(model, strict=False)
    assert caught[0].filename == __file__
    assert model.scale.isnan().all() and model.count == 0 and report.untouched == ["scale", "count"]


def test_an_error_within_a_module_restores_torch():
    class Fails(nn.Linear):
        def reset_parameters(self):
            super().reset_parameters()
            if hasattr(self, "ready"):
                raise KeyError("mine")

    module, rng = Fails(3, 3), torch.random.get_rng_state()
    module.ready = True
    with pytest.raises(KeyError, match="mine"):
        init_(module)
    assert torch.Tensor.normal_ is torch._C.TensorBase.normal_ and torch.equal(torch.random.get_rng_state(), rng)


def test_a_loop_that_draws_until_the_values_fit_is_an_error_and_not_endless():
    class Positive(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(100))

        def reset_parameters(self):
            while self.weight.max() < 100:
                self.weight.normal_()

    with pytest.raises(RuntimeError, match=r"^weight was filled 1000 times, with the same values each time"):
        init_(Positive())


RULES = [
    ("embedding.weight", "normal", {"std": 0.5}),
    ("layers.*.linear?.weight", "he_normal", {"layout": "oi"}),
    ("*bias", "zeros"),
    ("norm.num_batches_tracked", "zeros"),
    ("*", "ones"),
]


def test_a_recipe_gives_what_it_makes_of_the_same_names_and_shapes():
    model = Net()
    report = init_(model, Recipe(RULES), seed=8)
    expected = Recipe(RULES).materialize(state(model), seed=8)
    expected["embedding.weight"][0] = 0.0  # the padding row
    for name, tensor in model.named_parameters():
        assert np.array_equal(tensor.detach().numpy(), expected[name]), name
    assert report.untouched == [] and report.filled["embedding.weight"].startswith("Normal(mean=0.0, std=0.5)")


def test_a_recipe_leaves_what_it_or_the_call_skips_or_no_rule_matches():
    model = Net(1)
    before = state(model)
    recipe = Recipe([("*.weight", "ones")], skip=["norm.*"], allow_unmatched=True)
    report = init_(model, recipe, skip=["layers.0.linear1.*"])
    after = state(model)
    assert torch.equal(after["norm.weight"], before["norm.weight"]) and "norm.weight" in report.skipped
    assert torch.equal(after["layers.0.linear1.weight"], before["layers.0.linear1.weight"])
    assert (after["layers.0.linear2.weight"] == 1).all() and "mask" in report.skipped


def test_tensors_that_a_recipe_ties_get_the_same_values():
    model = nn.ModuleDict({"embed": nn.Embedding(5, 4), "head": nn.Linear(4, 5, bias=False)})
    init_(model, Recipe([("*", "normal")], tied={"head.weight": "embed.weight"}), seed=1)
    assert torch.equal(model["head"].weight, model["embed"].weight)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([("weight", "zeros")], "no rule matches tensor 'bias'"),
        ([("*", "zeros"), ("wieght", "ones")], "no tensor is left for the rules 'wieght'"),
        ([("*", "he_normal", {"layout": "oi"})], "rule '\\*' for tensor 'bias'"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_before_anything_is_made(rules, message):
    with torch.device("meta"):
        model = nn.Linear(3, 3)
    with pytest.raises(ValueError, match=message):
        init_(model, Recipe(rules), dtype=torch.float64)
    assert model.weight.is_meta and model.weight.dtype == torch.float32


def test_a_recipe_that_draws_integers_is_refused():
    with pytest.raises(ValueError, match="'num_batches_tracked' has dtype int64"):
        init_(nn.BatchNorm1d(3), Recipe([("*", "normal")]))


def test_a_ready_recipe_initializes_the_model_of_its_family():
    transformers = pytest.importorskip("transformers")
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=60))
    report = init_(model.transformer, recipes.gpt2(depth=2), seed=1)
    assert model.transformer.h[0].mlp.c_proj.weight.std().item() == pytest.approx(0.02 / 2, rel=0.1)
    assert report.untouched == []


def test_a_module_within_gets_its_own_name():
    """What is initialized is the module that is passed: its names begin there."""
    outer = nn.Sequential(nn.Linear(4, 4))
    init_(outer, seed=1)
    whole = state(outer)["0.weight"]
    init_(outer[0], seed=1)
    assert not torch.equal(outer[0].weight, whole)


def test_progress_is_shown_on_standard_error(capsys):
    pytest.importorskip("rich")
    model = Net()
    init_(model, progress=True)
    assert capsys.readouterr().out == ""
    plain = Net()
    init_(plain)
    assert equal(state(model), state(plain))


def test_a_copy_of_a_module_gets_the_same_values():
    model = Net()
    twin = copy.deepcopy(model)
    init_(model, seed=1)
    init_(twin, seed=1)
    assert equal(state(model), state(twin)) and twin.head.weight is twin.embedding.weight


def test_another_process_gets_the_same_bits():
    code = (
        "import torch, hashlib, fastinit.torch; m = torch.nn.Linear(100, 100); fastinit.torch.init_(m, seed=3);"
        "print(hashlib.sha256(m.weight.detach().numpy().tobytes()).hexdigest())"
    )
    printed = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout for _ in range(2)]
    assert printed[0] == printed[1] and len(printed[0].strip()) == 64


def test_values_do_not_depend_on_the_number_of_threads(num_threads):
    found = []
    for n in (1, 2, 3):
        num_threads(n)
        model = nn.Linear(700, 500)
        init_(model, seed=1)
        found.append(state(model))
    assert equal(found[0], found[1]) and equal(found[0], found[2])


@pytest.mark.parametrize("parametrization", ["weight_norm", "spectral_norm", "orthogonal"])
def test_what_a_parametrization_computes_is_reported_as_untouched(parametrization):
    """`reset_parameters` writes to the computed weight, as in torch, and so to nothing."""
    layer = getattr(nn.utils.parametrizations, parametrization)(nn.Linear(4, 4))
    report = init_(layer)
    assert any(name.startswith("parametrizations.weight") for name in report.untouched) and "bias" in report.filled


FAMILIES = {
    "Llama": ("LlamaForCausalLM", "LlamaConfig", dict(hidden_size=64, intermediate_size=96, num_attention_heads=4)),
    "GPT2": ("GPT2LMHeadModel", "GPT2Config", dict(n_embd=64, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)),
    "Bert": ("BertForMaskedLM", "BertConfig", dict(hidden_size=64, intermediate_size=96, num_attention_heads=4)),
    "Mamba": ("MambaForCausalLM", "MambaConfig", dict(hidden_size=64)),
    "ViT": ("ViTForImageClassification", "ViTConfig", dict(hidden_size=64, intermediate_size=96, num_attention_heads=4)),
    "Mixtral": ("MixtralForCausalLM", "MixtralConfig", dict(hidden_size=64, intermediate_size=96, num_attention_heads=4)),
    "T5": ("T5ForConditionalGeneration", "T5Config", dict(d_model=64, d_ff=96, d_kv=16, num_layers=2, num_heads=4)),
}


def family(name, layers=2):
    transformers = pytest.importorskip("transformers")
    cls, config, shape = FAMILIES[name]
    shape = {"n_layer" if name == "GPT2" else "num_hidden_layers" if name != "T5" else "num_layers": layers} | {
        key: value for key, value in shape.items() if key not in ("n_layer", "num_layers")
    }
    shape |= {"ViT": dict(image_size=32, patch_size=8), "Mixtral": dict(num_key_value_heads=2)}.get(name, {})
    return getattr(transformers, cls)(getattr(transformers, config)(vocab_size=300, **shape))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_hugging_face_model_gets_the_distributions_of_its_family(name):
    """Each tensor against one that transformers drew: Kolmogorov-Smirnov, and equality of constant ones."""
    torch.manual_seed(0)
    stock, model = state(family(name)), family(name)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)
    report = init_(model, seed=1, overwrite=True)
    assert report.untouched == []
    for tensor_name, fastinits in state(model).items():
        torchs = stock[tensor_name]
        if torchs.unique().numel() <= 1 or not torchs.is_floating_point() or torch.equal(fastinits, torchs):
            assert torch.equal(fastinits, torchs), tensor_name
        else:
            assert stats.ks_2samp(fastinits.ravel(), torchs.ravel()).pvalue > LEAST_P_VALUE / 10, tensor_name


def test_the_padding_row_of_a_tied_embedding_stays_zero():
    model = family("Bert")
    init_(model, seed=1)
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    assert not model.bert.embeddings.word_embeddings.weight[0].any()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_hugging_face_model_from_the_meta_device_has_the_bits_of_one_on_the_cpu(name):
    cpu = family(name)
    with torch.device("meta"):
        meta = family(name)
    init_(cpu, seed=1)
    init_(meta, seed=1)
    assert equal(state(cpu), state(meta))


@pytest.mark.parametrize("name", ["Llama", "Mamba"])
def test_another_layer_of_a_hugging_face_model_changes_no_other_tensor(name):
    smaller, larger = family(name, 2), family(name, 3)
    init_(smaller, seed=1)
    init_(larger, seed=1)
    before, after = state(smaller), state(larger)
    assert equal(before, {tensor: after[tensor] for tensor in before}) and len(after) > len(before)


def test_marks_of_having_been_initialized_do_not_keep_anything():
    model, fresh = family("Llama"), family("Llama")
    for tensor in [*model.parameters(), *model.modules()]:
        tensor._is_hf_initialized = True
    init_(model, seed=1)
    init_(fresh, seed=1)
    assert equal(state(model), state(fresh))
    assert not any("_init_weights" in vars(module) for module in model.modules())


def test_a_hugging_face_model_within_a_module_gets_its_distributions_too():
    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = family("Bert"), nn.Linear(64, 3)

    model = Classifier()
    report = init_(model, seed=1)
    assert report.untouched == [] and report.filled["head.weight"].startswith("Uniform")
    weight = model.encoder.bert.embeddings.word_embeddings.weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_what_transformers_has_not_loaded_is_initialized(tmp_path):
    model = family("Bert")
    before = state(model)
    missing = "bert.encoder.layer.1.output.dense.weight"
    loaded = [name for name in model.state_dict() if "layer.1" not in name]
    report = init_missing_(model, loaded, seed=1)
    after = state(model)
    assert all(torch.equal(before[name], after[name]) for name in before if name in loaded)
    assert not torch.equal(before[missing], after[missing]) and report.untouched == []


def test_a_model_of_timm_is_initialized_by_the_resets_of_its_modules():
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        meta = timm.create_model("resnet10t", num_classes=10)
    cpu = timm.create_model("resnet10t", num_classes=10)
    report = init_(cpu, seed=1)
    init_(meta, seed=1)
    assert report.untouched == [] and equal(state(cpu), state(meta))


WRAPPERS = {
    "torch.compile": lambda module: torch.compile(module, backend="eager"),
    "a compiled part": lambda module: nn.Sequential(torch.compile(module[0], backend="eager"), *module[1:]),
    "DataParallel": nn.DataParallel,
    "checkpointing of a part": lambda module: nn.Sequential(checkpoint_wrapper(module[0]), *module[1:]),
}


def small():
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_module_has_the_names_and_values_of_the_bare_one(wrapper):
    bare, wrapped = small(), WRAPPERS[wrapper](small())
    report = init_(bare, seed=1)
    assert init_(wrapped, seed=1) == report
    assert all(map(torch.equal, state(bare).values(), state(wrapped).values()))


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_module_has_what_is_loaded_by_either_name(wrapper):
    for keys in (small().state_dict(), WRAPPERS[wrapper](small()).state_dict()):
        module = WRAPPERS[wrapper](small())
        loaded = [key for key in keys if key.split(".")[-1] != "weight" or "0" not in key.split(".")]
        assert list(init_missing_(module, loaded).filled) == ["0.weight"]


def test_a_compiled_model_of_hugging_face_has_the_values_of_the_bare_one():
    bare, compiled = family("Llama"), torch.compile(family("Llama"), backend="eager")
    assert init_(compiled, seed=1) == init_(bare, seed=1)
    assert all(map(torch.equal, state(bare).values(), state(compiled).values()))


def test_missing_tensors_may_be_skipped():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    before = state(model)
    report = init_missing_(model, ["0.weight", "0.bias"], skip=["1.bias"])
    assert list(report.filled) == ["1.weight"] and torch.equal(model[1].bias, before["1.bias"])


def test_the_loaded_keys_may_be_an_iterator():
    report = init_missing_(nn.Linear(3, 3), iter(["bias"]))
    assert report.skipped == ["bias"] and list(report.filled) == ["weight"]


def test_a_loaded_key_without_values_is_an_error():
    with torch.device("meta"):
        model = nn.Linear(3, 3)
    with pytest.raises(ValueError, match=r"^loaded_keys has 'bias', which is on the meta device: load it with assign=True$"):
        init_missing_(model, ["bias"])
    assert model.weight.is_meta


def test_what_is_skipped_and_has_no_values_becomes_nan():
    with torch.device("meta"):
        model = nn.Linear(3, 3)
    with pytest.warns(UserWarning, match="nothing initializes bias, which came from the meta device"):
        init_(model, skip=["bias"])
    assert model.bias.isnan().all() and not model.weight.isnan().any()


def test_what_is_filled_in_part_and_had_no_values_is_nan_elsewhere_and_named():
    class Partly(nn.Linear):
        def reset_parameters(self):
            nn.init.zeros_(self.bias)
            nn.init.normal_(self.weight[:2])

    with torch.device("meta"):
        model = Partly(4, 5)
    with pytest.warns(UserWarning, match="^nothing initializes a part of weight, which came from the meta device"):
        init_(model)
    assert model.weight.isnan().all(1).tolist() == [False, False, True, True, True]


def test_what_is_filled_part_by_part_is_whole_and_no_warning():
    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.empty(3, 4, 5))

        def reset_parameters(self):
            for expert in self.weight:
                nn.init.xavier_normal_(expert)

    with torch.device("meta"):
        meta = Experts()
    cpu = Experts()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        init_(meta)
    init_(cpu)
    assert equal(state(meta), state(cpu))


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_tensor_of_no_elements_has_all_that_it_needs():
    report = init_(nn.Linear(0, 3))
    assert report.untouched == [] and report.filled["weight"] == "no elements"


def test_a_sparse_buffer_stays():
    model = nn.Linear(3, 3)
    model.register_buffer("graph", torch.eye(3).to_sparse())
    report = init_(model)
    assert report.untouched == ["graph"] and torch.equal(model.graph.to_dense(), torch.eye(3))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_rotary_frequencies_keep_their_precision(device):
    single, half = family("Llama"), None
    with torch.device(device):
        half = family("Llama")
    init_(half, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}
    assert torch.equal(half.model.rotary_emb.inv_freq, single.model.rotary_emb.inv_freq)


def test_a_bar_shows_how_far_it_is(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if standard error were a terminal
    init_(Net(), progress=True)
    shown = capsys.readouterr()
    assert "initializing" in shown.err and shown.out == ""


def test_a_bar_without_rich_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with torch.device("meta"):
        module = nn.Linear(3, 3)
    with pytest.raises(ImportError, match=r"^progress=True needs rich: pip install -e '\.\[cli\]' in fastinit's clone$"):
        init_(module, progress=True)
    assert module.weight.is_meta


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_fastinit_alone_does_not_import_torch():
    assert python("import fastinit, sys; print('torch' in sys.modules)").stdout == "False\n"


def test_all_names_are_there_after_the_import():
    done = python("import fastinit.torch as t; print(all(hasattr(t, name) for name in t.__all__), t.nn_init.normal_)")
    assert done.stdout.startswith("True <function normal_"), done.stderr


def test_where_torch_is_missing_the_error_says_what_to_install():
    done = python("import sys; sys.modules['torch'] = None; import fastinit.torch")
    said = "ImportError: fastinit.torch needs PyTorch: pip install -e '.[torch]' in fastinit's clone"
    assert done.stderr.splitlines()[-1] == said
    assert "During handling" not in done.stderr


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_channels_last_weights_have_the_values_of_contiguous_ones(kind, device):
    with torch.device(device):
        channels_last = kind(3, 4, 3).to(memory_format=torch.channels_last)
    contiguous = kind(3, 4, 3)
    assert init_(channels_last, seed=1) == init_(contiguous, seed=1)
    assert torch.equal(channels_last.weight, contiguous.weight)
    assert channels_last.weight.is_contiguous(memory_format=torch.channels_last)
    assert not channels_last.weight.is_contiguous()


class Marked(nn.Parameter):
    """As libraries have, that mark how a parameter is sharded or loaded."""

    partition_dim = 0


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_parameter_of_a_class_of_its_own_gets_the_same_values_and_keeps_its_class(device):
    plain, marked = nn.Linear(3, 4), nn.Linear(3, 4, device=device)
    marked.weight = weight = Marked(marked.weight.detach())
    init_(marked, seed=1)
    init_(plain, seed=1)
    assert marked.weight is weight and type(weight) is Marked
    assert torch.equal(weight.detach(), plain.weight)
