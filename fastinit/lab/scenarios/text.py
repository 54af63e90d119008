"""Text: a small causal Transformer foretells the characters of Python's own documentation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fastinit.initializers import Normal
from fastinit.lab.scenarios.scenario import Scenario, Size
from fastinit.lab.tasks import Supervised
from fastinit.recipes import Recipe
from fastinit.runtime.forks import without_forks

LENGTH, PIECES = 32, 900  # characters of a piece, and pieces that are learned from or held out
CHARACTERS = 96  # of ASCII, from the blank on, and one for all others
WIDTH, HEADS, DEPTH = 32, 4, 3


def task() -> Supervised:
    with without_forks():
        from pydoc_data.topics import topics

    codes = np.frombuffer("\n".join(topics[name] for name in sorted(topics)).encode("ascii", "replace"), np.uint8)
    tokens = np.where(codes >= 32, codes.astype(np.int64) - 32, CHARACTERS - 1)
    begins = np.arange(PIECES) * ((len(tokens) - LENGTH - 1) // PIECES)  # all over the text, without overlap
    pieces = tokens[begins[:, None] + np.arange(LENGTH + 1)]
    return Supervised(pieces[:, :-1], pieces[:, 1:], optimizer="adam", learning_rate=5e-3, batch_size=32)


class CharacterModel(nn.Module):
    """GPT-2's form: token and position embeddings, blocks that norm before they branch, a norm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(CHARACTERS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(DEPTH)
        )
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CHARACTERS, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        x = self.token(tokens) + self.position(torch.arange(length, device=tokens.device))
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=tokens.device)
        for block in self.blocks:
            x = block(x, src_mask=mask, is_causal=True)
        logits: Tensor = self.head(self.norm(x))
        return logits


BRANCH_ENDS = Normal(0.0, 0.02 / (2 * DEPTH) ** 0.5)
GPT2 = Recipe(
    [
        ("*out_proj.weight", BRANCH_ENDS),
        ("*linear2.weight", BRANCH_ENDS),
        ("*bias", "zeros"),
        ("*norm*.weight", "ones"),
        ("*", Normal(0.0, 0.02)),
    ]
)
"""N(0, 0.02), and 0.02 / sqrt(2 depth) where a branch ends (Radford et al. 2019, section 2.3)."""

TEXT = Scenario(
    "text",
    "Text: characters of Python's documentation",
    (
        f"A causal Transformer of {DEPTH} blocks foretells the next character. The data is Python's own documentation, "
        f"pydoc_data.topics, which every Python ships: {PIECES} pieces of {LENGTH} characters.",
        "Norms before the branches forgive much, so that what differs is the size of the embeddings and of the residual "
        "branches. gpt2 is N(0, 0.02) with smaller ends of branches; torch draws embeddings from N(0, 1).",
    ),
    task,
    CharacterModel,
    {"torch": "torch", "gpt2": GPT2, "xavier_uniform": "xavier_uniform", "normal, std 1": Normal(0.0, 1.0)},
    size=Size(6, 6),
    quick=Size(3, 2),
)
SCENARIOS = (TEXT,)
