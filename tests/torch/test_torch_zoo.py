"""Models of the libraries, built by fastinit, have the distributions that their stock constructors give (bench.zoo).

Each test alone is false once in 10^7 runs, and torch's seeds are fixed (bench/zoo/statistical.py).
"""

import importlib

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from bench.zoo.examine import examine  # noqa: E402

WAYS = ["accelerate", "deferred", "replay"]
FAST = {
    "torch_nn": """
        Linear.bfloat16 Embedding.padding_idx MultiheadAttention.kdim TransformerEncoder LSTM LazyBatchNorm2d
        ParameterList tied parametrizations.weight_norm parametrizations.orthogonal
    """,
    "transformers": "gpt2 llama mixtral t5 bert vit",
}
SLOW = {
    "handwritten": "NanoGPT NarrowThroughTemporaries ControlNet FusedProjections StateSpace BareParameters",
    "transformers": """
        albert bart bit bloom canine clip convnext cvt deberta-v2 deepseek_v3 dinov2 electra falcon falcon_mamba gemma3_text
        gpt_neox gpt_oss groupvit jamba levit mamba mamba2 mobilenet_v2 mpnet opt phi3 poolformer qwen2_moe qwen3
        recurrent_gemma regnet resnet rwkv segformer swin swinv2 wav2vec2 whisper xlnet zamba2
    """,
    "timm": "vision_transformer.test_vit resnet.test_resnet convnext.test_convnext nfnet.test_nfnet",
    "torchvision": "resnet18 mobilenet_v2 squeezenet1_1 shufflenet_v2_x0_5",
    "diffusers": "ControlNetModel UNet2DModel DiTTransformer2DModel FluxTransformer2DModel AutoencoderKL",
    "peft": "LORA LORA.dora LORA.pissa LORA.olora VERA LOHA BOFT PROMPT_TUNING",
}


def factory_of(library, name):
    if library not in ("torch_nn", "handwritten"):
        pytest.importorskip(library)
    factories = importlib.import_module(f"bench.zoo.libraries.{library}").factories()
    if name not in factories:
        pytest.skip(f"this version of {library} has no {name}")
    return factories[name]


def differences(library, name):
    """By way, what is not as in stock."""
    result = examine(factory_of(library, name), WAYS)
    if "cannot be built" in result:
        pytest.skip(result["cannot be built"])
    found = {way: result["ways"][way].get("wrong") or result["ways"][way].get("message") for way in WAYS}
    return {way: reason for way, reason in found.items() if reason}


def pairs(models):
    return [(library, name) for library, names in models.items() for name in names.split()]


@pytest.mark.parametrize(("library", "name"), pairs(FAST))
def test_a_handful_of_models_is_as_stock_makes_them(library, name):
    assert differences(library, name) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(importlib.import_module("bench.zoo.libraries.torch_nn").factories()))
def test_modules_of_torch_are_as_stock_makes_them(name):
    assert differences("torch_nn", name) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("library", "name"), pairs(SLOW))
def test_models_of_the_libraries_are_as_stock_makes_them(library, name):
    assert differences(library, name) == {}


def test_another_distribution_of_one_tensor_is_found():
    from bench.zoo.compare import Stock, tensors_of

    def model(std):
        layers = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.Embedding(64, 32, padding_idx=3))
        torch.nn.init.normal_(layers[0].weight, std=std)
        return layers

    torch.manual_seed(0)
    stock, ours = Stock(lambda seed: tensors_of(model(0.02))), tensors_of(model(0.025))
    with torch.no_grad():
        ours["1.weight"][3] = 1
        ours["0.bias"].mul_(3)
    assert {name: reason.split()[0] for name, reason in stock.differences(ours).items()} == {
        "0.weight": "std",
        "0.bias": "std",
        "1.weight": "other",
    }
