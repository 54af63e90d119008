"""Where people construct and load models: the blocks of docs/torch.md, and what happens beside them."""

import re
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.nn.utils import skip_init

from fastinit.torch import build, deferred, init_, init_missing_

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "torch.md").read_text()
BLOCKS = {name: code for code, name in re.findall(r"```python\n(# (\w+)\n.*?)```", PAGE, re.DOTALL)}
PACKAGES = ("transformers", "accelerate", "lightning")  # those of the others are torch alone


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_pages_blocks_run(name, tmp_path, monkeypatch):
    if name in PACKAGES:
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[name], f"docs/torch.md, {name}", "exec"), {"__name__": name})


class Own(nn.Module):
    """Initializes itself in its constructor."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 5)
        self.register_buffer("positions", torch.arange(3))
        nn.init.normal_(self.fc.weight, std=0.02)


def assert_same(model, other):
    expected = other.state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """The class of a model, its config, and the folder of a checkpoint that lacks its head."""
    transformers = pytest.importorskip("transformers")
    sizes = dict(vocab_size=31, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    config = transformers.BertConfig(**sizes, max_position_embeddings=9)
    folder = tmp_path_factory.mktemp("base")
    transformers.BertModel(config).save_pretrained(folder)
    return transformers.BertForSequenceClassification, config, folder


@pytest.mark.parametrize("within", [True, False], ids=["in deferred()", "outside"])
@pytest.mark.filterwarnings("ignore:construction left")
def test_missing_keys_of_from_pretrained_are_those_of_the_whole_and_what_is_loaded_stays(bert, within):
    cls, config, folder = bert
    if within:
        with deferred():
            model = cls.from_pretrained(folder)
        init_(model, seed=0)
    else:
        model, info = cls.from_pretrained(folder, output_loading_info=True)
        init_missing_(model, model.state_dict().keys() - info["missing_keys"], seed=0)
    whole, stock = build(cls, config, seed=0), cls.from_pretrained(folder)
    assert torch.equal(model.classifier.weight, whole.classifier.weight)
    assert_same(model.bert, stock.bert)
    assert torch.equal(model.bert.embeddings.position_ids, stock.bert.embeddings.position_ids)


@pytest.mark.parametrize("include_buffers", [True, False])
def test_under_init_empty_weights_a_model_is_recorded_too(include_buffers):
    accelerate = pytest.importorskip("accelerate")
    with deferred(), accelerate.init_empty_weights(include_buffers=include_buffers):
        model = Own()
    init_(model, seed=0)
    assert_same(model, build(Own, seed=0))


def test_what_only_init_empty_weights_built_is_refused_by_name():
    accelerate = pytest.importorskip("accelerate")
    with accelerate.init_empty_weights():
        model = Own()
    with pytest.raises(ValueError, match=r"fc.weight of Linear: construction wrote 2 times to it"):
        init_(model)


def test_a_module_that_lightning_initializes_empty_is_warned_of():
    lightning = pytest.importorskip("lightning")
    trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    with trainer.init_module(empty_init=True), deferred():
        model = Own()
    with pytest.warns(UserWarning, match=r"construction left fc.weight, fc.bias without values"):
        init_(model)


def test_within_deferred_skip_init_gets_what_reset_parameters_draws_and_a_warning():
    with deferred():
        layer = skip_init(nn.Linear, 5, 3)
    with pytest.warns(UserWarning, match=r"construction left weight, bias without values, as skip_init"):
        init_(layer, seed=0)
    assert_same(layer, build(nn.Linear, 5, 3, seed=0))


def test_adapters_of_peft_within_the_block_are_drawn_and_b_is_zero():
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(target_modules=["fc"], r=2)
    with deferred():
        model = peft.get_peft_model(Own(), config)
    init_(model, seed=0)
    layer = model.base_model.model.fc
    assert layer.base_layer.weight.std() < 0.1
    assert layer.lora_A["default"].weight.std() > 0.1
    assert not layer.lora_B["default"].weight.any()


def test_a_recorded_model_that_peft_wraps_afterwards_keeps_its_record():
    peft = pytest.importorskip("peft")
    with deferred():
        base = Own()
    model = peft.get_peft_model(base, peft.LoraConfig(target_modules=["fc"], r=2))
    report = init_(model, seed=0, strict=False, skip=["*lora*"])
    assert report.filled["base_model.model.fc.base_layer.weight"] == "Normal(mean=0.0, std=0.02)"


def hooked(model):
    """With hooks that give the tensors other names in checkpoints."""
    model._register_state_dict_hook(lambda m, state, p, _: {f"saved.{name}": t for name, t in state.items()})
    model.register_state_dict_pre_hook(lambda *_: None)
    return model


LATER = {
    "activation checkpointing": checkpoint_wrapper,
    "state dict hooks": hooked,
    "compile": partial(torch.compile, backend="eager"),
    "eval and no gradients": lambda model: model.eval().requires_grad_(False),
    "DataParallel": nn.DataParallel,
}


@pytest.mark.parametrize("change", LATER.values(), ids=list(LATER))
def test_the_record_survives(change):
    with deferred():
        model = Own()
    init_(change(model), seed=0)
    whole = build(Own, seed=0)
    assert torch.equal(model.fc.weight, whole.fc.weight)
    assert torch.equal(model.positions, whole.positions)


def test_a_device_context_is_as_before_after_one_within_the_block():
    torch.utils._device._device_constructors.cache_clear()
    with deferred(), torch.device("meta"):
        nn.Linear(3, 2)
    with torch.device("meta"):
        assert torch.empty(3).is_meta
        assert torch.tensor([1.0]).is_meta


def test_a_copy_is_not_refused_for_what_is_written_to_the_first_model():
    import copy

    with deferred():
        model = Own()
    other = copy.deepcopy(model)
    nn.init.ones_(model.fc.weight)
    late = copy.deepcopy(model)
    init_(other)
    for changed in (model, late):
        with pytest.raises(ValueError, match=r"changed after construction: fc.weight was written to"):
            init_(changed)
