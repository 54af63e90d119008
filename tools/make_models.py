"""Writes tests/vectors/models/*.json: name to shape of every tensor of the built-in models, taken from the real classes.

    python tools/make_models.py             # all of them
    python tools/make_models.py gpt2 mlp    # these alone; resnet50 needs timm

Made with Python 3.11.7, torch 2.13.0, transformers 5.23.0 and timm 1.0.31 (for resnet50, which it names as torchvision
does). Every model is on the meta device: no weights are downloaded, and none are allocated. Nothing here looks at
fastinit.
"""

import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    ViTConfig,
    ViTForImageClassification,
)
from transformers.core_model_loading import revert_weight_conversion

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "vectors" / "models"


def gpt2(n_embd: int, n_layer: int, n_head: int) -> nn.Module:
    return GPT2LMHeadModel(GPT2Config(n_embd=n_embd, n_layer=n_layer, n_head=n_head))


def llama_2_7b() -> nn.Module:
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=4096,
            num_hidden_layers=32,
            num_attention_heads=32,
            num_key_value_heads=32,
            intermediate_size=11008,
            vocab_size=32000,
            tie_word_embeddings=False,
        )
    )


def llama_3_8b() -> nn.Module:
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=4096,
            num_hidden_layers=32,
            num_attention_heads=32,
            num_key_value_heads=8,
            intermediate_size=14336,
            vocab_size=128256,
            tie_word_embeddings=False,
        )
    )


def resnet50() -> nn.Module:
    try:
        import torchvision  # noqa: F401
    except ModuleNotFoundError:
        # timm imports it for image transforms and detection operators, which resnet50 does not use
        for name in ("", ".ops", ".ops.misc", ".datasets", ".transforms", ".transforms.functional"):
            sys.modules[f"torchvision{name}"] = MagicMock()
    import timm  # no other model needs it

    return timm.create_model("resnet50")


def mlp() -> nn.Module:
    layers = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    return nn.ModuleDict({"layers": layers})


MAKERS = {
    "gpt2": lambda: gpt2(n_embd=768, n_layer=12, n_head=12),
    "gpt2-medium": lambda: gpt2(n_embd=1024, n_layer=24, n_head=16),
    "gpt2-large": lambda: gpt2(n_embd=1280, n_layer=36, n_head=20),
    "gpt2-xl": lambda: gpt2(n_embd=1600, n_layer=48, n_head=25),
    "bert-base": lambda: BertForPreTraining(BertConfig()),  # the defaults are bert-base-uncased
    "llama-2-7b": llama_2_7b,
    "llama-3-8b": llama_3_8b,
    "vit-b-16": lambda: ViTForImageClassification(ViTConfig(num_labels=1000)),  # the rest is vit-base-patch16-224
    "resnet50": resnet50,
    "mlp": mlp,
}


def saved_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors that the model's checkpoint holds, in the order of its state dict.

    For transformers that is what `save_pretrained` writes: no tied duplicates, and the names of published checkpoints
    where the class has others in memory.
    """
    tensors = model.state_dict()
    if not isinstance(model, PreTrainedModel):
        return tensors
    saved = {}
    for name, tensor in tensors.items():
        if name not in model.all_tied_weights_keys:
            saved |= revert_weight_conversion(model, {name: tensor})  # one by one, since it sorts what it is given
    return saved


def to_json(shapes: dict[str, list[int]]) -> str:
    """One tensor a line."""
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(shape)}" for name, shape in shapes.items()) + "\n}\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or MAKERS:
        with torch.device("meta"):
            tensors = saved_tensors(MAKERS[name]())
        (FOLDER / f"{name}.json").write_text(to_json({key: list(tensor.shape) for key, tensor in tensors.items()}))


if __name__ == "__main__":
    main()
