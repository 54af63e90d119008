"""The report of an initialization tells what each tensor got, and its audit measures whether it has that."""

from functools import partial

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import fastinit.torch
from fastinit.distributions import Constant, Normal, Uniform
from fastinit.recipes import Recipe
from fastinit.torch import audit, init_
from fastinit.torch.reports.report import Rows


class Custom(nn.Module):
    """One weight, which `reset_parameters` fills as it is told."""

    def __init__(self, fill, shape=(64, 32)):
        super().__init__()
        self.fill, self.weight = fill, nn.Parameter(torch.zeros(shape))

    @torch.no_grad()
    def reset_parameters(self):
        self.fill(self.weight)


def kinds(report):
    """By tensor, what was found."""
    return {finding.name: finding.kind for finding in report.findings}


def distribution_of(report, name):
    (row,) = (row for row in report.tensors if row.name == name)
    return row.distribution


def halved(weight):
    nn.init.normal_(weight)
    weight.mul_(0.5).clamp_(-1, 1)


def drawn_again(weight):
    nn.init.normal_(weight)
    weight.mul_(0.5)
    nn.init.uniform_(weight, -1, 1)


def in_columns(weight):
    nn.init.normal_(weight[:, :16])
    nn.init.ones_(weight[:, 16:])


def row_by_row(weight):
    for row in weight:
        nn.init.normal_(row)


WRITTEN = {
    "one fill": (nn.init.normal_, "Normal(mean=0.0, std=1.0)", [Rows(0, 64, Normal(0.0, 1.0))]),
    "operations upon a fill": (halved, "Normal(mean=0.0, std=1.0), then mul_(0.5), then clamp_(-1, 1)", [Rows(0, 64)]),
    "a fill upon all else": (drawn_again, "Uniform(low=-1.0, high=1.0)", [Rows(0, 64, Uniform(-1.0, 1.0))]),
    "rows of one distribution": (row_by_row, "a part Normal(mean=0.0, std=1.0)", [Rows(0, 64, Normal(0.0, 1.0))]),
    "columns": (in_columns, "a part Normal(mean=0.0, std=1.0), a part Constant(value=1.0)", [Rows(0, 64)]),
    "a constant": (nn.init.ones_, "Constant(value=1.0)", [Rows(0, 64, Constant(1.0))]),
    "an identity": (nn.init.eye_, "eye(32)", [Rows(0, 64)]),
    "the columns of the transposed": (lambda w: nn.init.normal_(w.t()), "Normal(mean=0.0, std=1.0)", None),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_the_report_tells_all_that_the_values_come_from(way):
    fill, text, rows = WRITTEN[way]
    report = init_(Custom(fill))
    assert report.filled == {"weight": text}
    assert rows is None or report.rows == {"weight": rows}


@pytest.mark.parametrize("way", WRITTEN)
def test_what_an_initialization_gave_passes_its_audit(way):
    module = Custom(WRITTEN[way][0], (256, 128))
    found = audit(module, init_(module))
    assert found.ok and all(row.mean is not None for row in found.tensors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn])
def test_every_dtype_is_measured_against_its_distribution(dtype):
    module = nn.Linear(128, 256).to(dtype)
    found = audit(module, init_(module))
    assert kinds(found) == {}
    assert distribution_of(found, "weight").startswith("Uniform(low=-0.088") and found.tensors[0].std_off is not None


def test_a_tensor_that_is_changed_afterwards_is_found_out():
    module = nn.Linear(128, 256)
    report = init_(module)
    with torch.no_grad():
        module.weight.mul_(2.0)
    assert kinds(audit(module, report))["weight"] in ("std", "outside")
    assert not audit(module, report).ok


@pytest.mark.parametrize(
    ("padding", "names"),
    [
        (0, ["weight[0]", "weight[1:]"]),
        (3, ["weight[:3]", "weight[3]", "weight[4:]"]),
        (-1, ["weight[:999]", "weight[999]"]),
    ],
)
def test_the_padding_row_is_measured_by_itself(padding, names):
    module = nn.Embedding(1000, 16, padding_idx=padding)
    found = audit(module, init_(module))
    assert [row.name for row in found.tensors] == names and kinds(found) == {}


def test_a_padding_row_that_is_not_zero_is_found_out():
    module = nn.Embedding(1000, 16, padding_idx=0)
    report = init_(module)
    with torch.no_grad():
        module.weight[0, 3] = 1.0
    assert list(kinds(audit(module, report))) == ["weight[0]"]


def test_tensors_that_got_nothing_are_warned_of_and_skipped_ones_not():
    module = nn.Module()
    module.scale, module.linear = nn.Parameter(torch.ones(3)), nn.Linear(4, 4)
    module.register_buffer("mask", torch.ones(5))
    report = init_(module, skip=["mask"])
    found = audit(module, report)
    assert kinds(found) == {"scale": "nothing"} and found.ok
    assert "warning: scale: nothing: nothing initialized it: it is as it was before" in str(found)


def test_nothing_is_copied():
    module = nn.Sequential(nn.Linear(2048, 2048), nn.Embedding(2048, 1024, padding_idx=5))
    report = init_(module)
    with torch.profiler.profile(profile_memory=True) as profile:
        audit(module, report)
    assert sum(max(event.self_cpu_memory_usage, 0) for event in profile.key_averages()) == 0


def test_the_audit_changes_nothing():
    module = nn.Linear(30, 40)
    report = init_(module)
    before, version, text = module.weight.detach().clone(), module.weight._version, str(report)
    audit(module, report)
    assert torch.equal(module.weight, before) and module.weight._version == version and str(report) == text


def test_tied_tensors_are_measured_once():
    module = nn.ModuleDict({"embed": nn.Embedding(50, 16), "head": nn.Linear(16, 50, bias=False)})
    module["head"].weight = module["embed"].weight
    found = audit(module, init_(module))
    assert [row.name for row in found.tensors] == ["embed.weight"] and kinds(found) == {}


def test_integers_are_named_and_not_measured():
    module = nn.BatchNorm1d(8)
    found = audit(module, init_(module))
    assert [row.name for row in found.tensors if row.skipped] == ["num_batches_tracked"] and found.ok


def test_what_has_no_array_is_a_warning():
    module = nn.Linear(3, 3)
    module.register_buffer("graph", torch.eye(3).to_sparse())
    found = audit(module, init_(module))
    assert {finding.kind for finding in found.findings if finding.name == "graph"} == {"not measured", "nothing"}


def test_a_tensor_on_the_meta_device_is_an_error():
    report = init_(nn.Linear(3, 3))
    with torch.device("meta"):
        module = nn.Linear(3, 3)
    with pytest.raises(ValueError, match=r"^weight is on the meta device, and has no values$"):
        audit(module, report)


def test_a_module_without_tensors_has_nothing_to_measure():
    module = nn.ReLU()
    found = audit(module, init_(module))
    assert found.ok and found.tensors == ()


def test_the_distributions_of_a_recipe_are_measured():
    module = nn.Linear(128, 256)
    report = init_(module, Recipe([("weight", "he_normal", {"layout": "oi"}), ("bias", "zeros")]))
    assert distribution_of(audit(module, report), "weight") == report.filled["weight"] == "Normal(mean=0.0, std=0.125)"


@pytest.mark.parametrize(
    "initialize",
    [
        partial(fastinit.torch.lsuv_, batch=torch.ones(8, 16).cumsum(0)),
        partial(fastinit.torch.fixup_, branches="0"),
        partial(fastinit.torch.tfixup_),
    ],
    ids=["lsuv_", "fixup_", "tfixup_"],
)
def test_the_reports_of_other_initializers_can_be_audited(initialize):
    module = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    if initialize.func is fastinit.torch.tfixup_:
        module = nn.TransformerEncoderLayer(16, 2, 32)
    assert audit(module, initialize(module)).ok
