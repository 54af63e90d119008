"""BERT: what its tensors are drawn from, and their names and shapes in transformers' `BertForPreTraining`."""

from __future__ import annotations

from functools import partial

from fastinit.initializers import Normal, Ones, TruncatedNormal, Zeros
from fastinit.recipes.families.building import Model, Recipe, TensorSpec, family, linear, norm


def bert(std: float = 0.02, truncated: bool = False) -> Recipe:
    """BERT, by transformers' names.

    - weights and embeddings: N(0, std); with `truncated` truncated at 2 std, as in Google's code and not in transformers;
    - norms 1, biases 0; the decoder is the word embedding, and its bias `cls.predictions.bias`.

    transformers then zeroes the padding token's row of `word_embeddings`; a rule cannot, since it is for a whole tensor.
    Source: Devlin et al. 2018 and google-research/bert, `modeling.py`.

    >>> from fastinit import recipes
    >>> print(recipes.bert(truncated=True).plan({"bert.pooler.dense.weight": (768, 768), "bert.pooler.dense.bias": (768,)}))
    tensor                    shape       action  values
    bert.pooler.dense.weight  (768, 768)  draw    TruncatedNormal(std=0.02, low=-2.0, high=2.0)
    bert.pooler.dense.bias    (768,)      draw    Constant(0.0)
    2 tensors: 2 draw
    """
    return family(
        ("*LayerNorm.weight", Ones()),
        ("*bias", Zeros()),
        ("*.weight", TruncatedNormal(0.0, std) if truncated else Normal(0.0, std)),
        tied={
            "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
            "cls.predictions.decoder.bias": "cls.predictions.bias",
        },
    )


def model(width: int, depth: int, intermediate: int, context: int = 512, vocabulary: int = 30522) -> Model:
    """The decoder (`cls.predictions.decoder.*`), which is tied, is left out, as `save_pretrained` leaves it out."""
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
    return Model(tensors, bert())


MODELS = {"bert-base": partial(model, width=768, depth=12, intermediate=3072)}  # Devlin et al. 2018, section 3


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
