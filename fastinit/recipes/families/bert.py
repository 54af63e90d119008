"""BERT, with the names of transformers' `BertForPreTraining`."""

from __future__ import annotations

from fastinit import recipes
from fastinit.recipes import TensorSpec
from fastinit.recipes.families.layers import Model, linear, norm


def model(width: int, depth: int, intermediate: int, context: int = 512, vocabulary: int = 30522) -> Model:
    """By `recipes.bert`; the padding token's row of `word_embeddings` is drawn like the others: zero it where it matters.

    The decoder (`cls.predictions.decoder.*`) is tied to `word_embeddings` and to `cls.predictions.bias`; it is left
    out, as `save_pretrained` leaves it out.
    """
    tensors = (
        TensorSpec("bert.embeddings.word_embeddings.weight", (vocabulary, width)),
        TensorSpec("bert.embeddings.position_embeddings.weight", (context, width)),
        TensorSpec("bert.embeddings.token_type_embeddings.weight", (2, width)),
        *norm("bert.embeddings.LayerNorm", width),
        *(tensor for i in range(depth) for tensor in _layer(f"bert.encoder.layer.{i}", width, intermediate)),
        *linear("bert.pooler.dense", width, width),
        TensorSpec("cls.predictions.bias", (vocabulary,)),
        *linear("cls.predictions.transform.dense", width, width),
        *norm("cls.predictions.transform.LayerNorm", width),
        *linear("cls.seq_relationship", width, 2),
    )
    return Model(tensors, recipes.bert())


def _layer(name: str, width: int, intermediate: int) -> tuple[TensorSpec, ...]:
    return (
        *linear(f"{name}.attention.self.query", width, width),
        *linear(f"{name}.attention.self.key", width, width),
        *linear(f"{name}.attention.self.value", width, width),
        *linear(f"{name}.attention.output.dense", width, width),
        *norm(f"{name}.attention.output.LayerNorm", width),
        *linear(f"{name}.intermediate.dense", width, intermediate),
        *linear(f"{name}.output.dense", intermediate, width),
        *norm(f"{name}.output.LayerNorm", width),
    )
