"""The built-in models have the tensors of the real ones, and every tensor has its family's distribution."""

import json
import math
from pathlib import Path

import pytest

import fastinit
from fastinit.files import specs
from fastinit.files.checkpoint import write
from fastinit.initializers import HeNormal, Normal, Ones, Uniform, VarianceScaling, XavierUniform, Zeros
from fastinit.recipes.families import MODELS, build
from fastinit.recipes.families.building import Model

GOLDEN = Path(__file__).parents[1] / "vectors" / "models"  # made by tools/make_models.py
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")  # of a batch norm: saved, but not trained

PARAMETERS = {  # published, or counted by the reference class; tied tensors once
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "bert-base": 110_106_428,
    "llama-2-7b": 6_738_415_616,
    "llama-3-8b": 8_030_261_248,
    "vit-b-16": 86_567_656,
    "resnet50": 25_557_032,
    "mlp": 535_818,
}

NORMAL = Normal(0.0, 0.02)
ONES, ZEROS = Ones(), Zeros()
HE_FAN_OUT = VarianceScaling(2.0, "fan_out", "normal", convention="torch")
TORCH_LINEAR = VarianceScaling(1 / 3, "fan_in", "uniform", convention="torch")

DISTRIBUTIONS = [
    ("gpt2", "transformer.wte.weight", NORMAL),
    ("gpt2", "transformer.wpe.weight", NORMAL),
    ("gpt2", "transformer.h.0.attn.c_attn.weight", NORMAL),
    ("gpt2", "transformer.h.11.attn.c_proj.weight", Normal(0.0, 0.02 / math.sqrt(24))),
    ("gpt2", "transformer.h.11.mlp.c_proj.weight", Normal(0.0, 0.02 / math.sqrt(24))),
    ("gpt2", "transformer.h.0.mlp.c_fc.weight", NORMAL),
    ("gpt2", "transformer.h.0.mlp.c_proj.bias", ZEROS),
    ("gpt2", "transformer.h.0.ln_1.weight", ONES),
    ("gpt2", "transformer.ln_f.weight", ONES),
    ("gpt2", "transformer.ln_f.bias", ZEROS),
    ("gpt2-xl", "transformer.h.47.mlp.c_proj.weight", Normal(0.0, 0.02 / math.sqrt(96))),
    ("bert-base", "bert.embeddings.word_embeddings.weight", NORMAL),
    ("bert-base", "bert.embeddings.LayerNorm.weight", ONES),
    ("bert-base", "bert.encoder.layer.3.attention.output.LayerNorm.bias", ZEROS),
    ("bert-base", "bert.encoder.layer.3.output.dense.weight", NORMAL),
    ("bert-base", "cls.predictions.bias", ZEROS),
    ("bert-base", "cls.seq_relationship.weight", NORMAL),
    ("llama-2-7b", "model.embed_tokens.weight", NORMAL),
    ("llama-2-7b", "lm_head.weight", NORMAL),
    ("llama-3-8b", "model.layers.31.self_attn.k_proj.weight", NORMAL),
    ("llama-3-8b", "model.layers.31.mlp.down_proj.weight", NORMAL),
    ("llama-3-8b", "model.layers.0.input_layernorm.weight", ONES),
    ("llama-3-8b", "model.layers.0.post_attention_layernorm.weight", ONES),
    ("llama-3-8b", "model.norm.weight", ONES),
    ("vit-b-16", "vit.embeddings.cls_token", NORMAL),
    ("vit-b-16", "vit.embeddings.position_embeddings", NORMAL),
    ("vit-b-16", "vit.embeddings.patch_embeddings.projection.weight", NORMAL),
    ("vit-b-16", "vit.embeddings.patch_embeddings.projection.bias", ZEROS),
    ("vit-b-16", "vit.encoder.layer.0.layernorm_before.weight", ONES),
    ("vit-b-16", "vit.layernorm.weight", ONES),
    ("vit-b-16", "classifier.weight", NORMAL),
    ("resnet50", "conv1.weight", HE_FAN_OUT),
    ("resnet50", "layer4.2.conv3.weight", HE_FAN_OUT),
    ("resnet50", "layer1.0.downsample.0.weight", HE_FAN_OUT),
    ("resnet50", "layer1.0.downsample.1.weight", ONES),
    ("resnet50", "bn1.weight", ONES),
    ("resnet50", "layer4.2.bn3.weight", ONES),
    ("resnet50", "bn1.bias", ZEROS),
    ("resnet50", "bn1.running_mean", ZEROS),
    ("resnet50", "bn1.running_var", ONES),
    ("resnet50", "bn1.num_batches_tracked", ZEROS),
    ("resnet50", "fc.weight", TORCH_LINEAR),
    ("resnet50", "fc.bias", Uniform(-1 / math.sqrt(2048), 1 / math.sqrt(2048))),
    ("mlp", "layers.0.weight", HeNormal(convention="torch")),
    ("mlp", "layers.2.weight", HeNormal(convention="torch")),
    ("mlp", "layers.4.weight", XavierUniform(convention="torch")),
    ("mlp", "layers.4.bias", ZEROS),
]


def shapes(model: Model) -> list[tuple[str, tuple[int, ...]]]:
    return [(tensor.name, tensor.shape) for tensor in model.tensors]


@pytest.mark.parametrize("name", MODELS)
def test_names_shapes_and_order_are_those_of_the_real_class(name):
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    assert shapes(build(name)) == [(key, tuple(shape)) for key, shape in golden.items()]


def test_every_golden_list_has_its_model():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_parameter_count_is_the_published_one(name):
    trained = (tensor for tensor in build(name).tensors if not tensor.name.endswith(BUFFERS))
    assert sum(math.prod(tensor.shape) for tensor in trained) == PARAMETERS[name]


@pytest.mark.parametrize("name", MODELS)
def test_every_tensor_has_a_distribution(name):
    model = build(name)
    assert list(model.recipe.plan(model.tensors).distributions) == [tensor.name for tensor in model.tensors]


@pytest.mark.parametrize("name", MODELS)
def test_only_batch_counters_fix_their_dtype(name):
    for tensor in build(name).tensors:
        assert tensor.dtype == ("int64" if tensor.name.endswith("num_batches_tracked") else None), tensor.name


@pytest.mark.parametrize(("model", "name", "initializer"), DISTRIBUTIONS)
def test_distribution(model, name, initializer):
    built = build(model)
    shape = next(tensor.shape for tensor in built.tensors if tensor.name == name)
    assert built.recipe.plan(built.tensors).distributions[name] == initializer.distribution_for(shape)


def test_resnet50_state_dict_has_161_parameters_and_159_buffers():
    names = [tensor.name for tensor in build("resnet50").tensors]
    buffers = [name for name in names if name.endswith(BUFFERS)]
    assert (len(names), len(buffers)) == (320, 53 * 3)


KNOWN = f"known: {', '.join(sorted(MODELS))}"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("gpt3", f"unknown model 'gpt3': did you mean 'gpt2'? {KNOWN}"),
        ("GPT2-XL", f"unknown model 'GPT2-XL': did you mean 'gpt2-xl'? {KNOWN}"),
        ("bert", f"unknown model 'bert': did you mean 'bert-base'? {KNOWN}"),
        ("", f"unknown model '': {KNOWN}"),  # nothing is near
    ],
)
def test_unknown_name_is_an_error_that_names_the_nearest(name, error):
    with pytest.raises(ValueError) as caught:
        build(name)
    assert str(caught.value) == error


def test_gpt2_equals_the_installed_transformers():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        state = transformers.GPT2LMHeadModel(transformers.GPT2Config()).state_dict()
    del state["lm_head.weight"]  # tied to transformer.wte.weight
    assert shapes(build("gpt2")) == [(name, tuple(tensor.shape)) for name, tensor in state.items()]


def test_a_gpt2_file_loads_into_transformers_with_nothing_missing_or_left_over(tmp_path):
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    plan = specs.plan("gpt2")
    write(tmp_path / "model.safetensors", plan, seed=0, metadata={"format": "pt"})
    transformers.GPT2Config(architectures=["GPT2LMHeadModel"]).save_pretrained(tmp_path)
    loaded, report = transformers.GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert {kind: list(names) for kind, names in report.items() if names} == {}
    weight = loaded.transformer.h[3].mlp.c_proj.weight.detach().numpy()
    std = 0.02 / math.sqrt(2 * 12)
    expected = fastinit.normal((3072, 768), std=std, seed=0, name="transformer.h.3.mlp.c_proj.weight")
    assert (weight == expected).all()
