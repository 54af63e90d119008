"""Small numbers for constructors and configs: rules over the names that the libraries' models share.

A model takes the first of `sizes()` by which it can be built with few elements: numbers that most models agree with, then
its own numbers divided alike (which keeps what must be a sum or a product of others), then its own with few layers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

FEW, MOST = 40_000_000, 200_000_000  # elements: of a model that is taken at once, and of the smallest one
HEADS = re.compile(r"heads?$|n_head|num_heads|attention_heads")
LAYERS = re.compile(r"(layers?|n_layers?|depth|blocks?|_stages_blocks|num_block_repeats|layers_per_block|layers)$")
EXPERTS = re.compile(
    r"num_(local_|routed_)?experts$|n_routed_experts$|moe_num_experts$|num_(static|dynamic)_experts|n_experts$"
)
GROUPS = re.compile(r"(n_group|topk_group|num_expert_group|n_expert_groups)$")
VOCABULARY = re.compile(r"vocab|codebook_size|num_embeddings|num_buckets$|num_codevectors|bins$")
TOKEN = re.compile(r"(_token_id|_token_index|_idx|_id)$")
WIDTH = re.compile(
    r"(hidden|embed|ffn|mlp|inner|proj|intermediate|model|channels|rank|width|filters|head|size|state|kv|feature|d|out)"
    r"_?(size|dim|dims|dimension|channels?|sizes|features|rank|model|width|filters|ff|inner|state|inner_dim|length)s?$"
    r"|^(dim|width|channels|d_ff|d_kv|d_model|n_embd|n_inner|hidden|embedding_size|adapter_in_channels|upsample_groups)$"
)
NO_WIDTH = re.compile(
    r"image|patch|window|kernel|vocab|type|position|stride|token|chunk|block_size|group_size|tubelet|pool|batch|sample|sequence"
    r"|seq|num_channels|^in_channels|^out_channels|num_frames|max_|ratio|rate|audio_channels|beam|input_size|codebook_size|mel"
)
LENGTH = re.compile(r"max_.*(position|length|len$)|n_positions|n_ctx|num_queries")


def sizes() -> Iterator[Callable[[str, Any], Any]]:
    """The attempts, each a function of a number's name and value."""
    yield partial(_usual, width=64)
    for divisor in (16, 8, 4):
        yield partial(_divided, divisor=divisor)
    yield partial(_usual, width=128)
    yield partial(_divided, divisor=2)
    yield partial(_divided, divisor=1)
    yield lambda name, value: _count(name, value) if LAYERS.search(name) else value
    yield lambda name, value: value


def first_built(build: Callable[[Any], nn.Module], attempts: Iterable[Any]) -> Any:
    """The attempt that `build` makes a model of: the first with FEW elements, else the smallest.

    Attempts that are exceptions are reasons. ValueError with all reasons where none builds.
    """
    with torch.random.fork_rng(devices=()):  # so that the seeds of the caller stay what they are
        return _first_built(build, attempts)


def _first_built(build: Callable[[Any], nn.Module], attempts: Iterable[Any]) -> Any:
    errors, larger = [], {}
    for attempt in attempts:
        try:
            if isinstance(attempt, Exception):
                raise attempt
            n = _elements(build, attempt)
            if n <= FEW:
                if n == 0:
                    build(attempt)  # it may fail on the CPU as well
                return attempt
            larger.setdefault(n, attempt)
            errors.append(f"{n / 1e6:.0f} M elements")
        except Exception as error:
            lines = str(error).splitlines() or [""]
            errors.append(f"{type(error).__name__}: {lines[0] if len(lines[0]) > 60 else lines[-1]}"[:160])
    if larger and min(larger) <= MOST:
        return larger[min(larger)]
    raise ValueError("; ".join(dict.fromkeys(errors)))


def _elements(build: Callable[[Any], nn.Module], attempt: Any) -> int:
    with torch.device("meta"):
        try:
            return sum(parameter.numel() for parameter in build(attempt).parameters())
        except Exception as error:
            if "meta" not in str(error) and not isinstance(error, NotImplementedError):
                raise
    return 0  # what looks at values cannot be counted there


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _count(name: str, value: int) -> int:
    """Few layers, experts and words."""
    if LAYERS.search(name):
        return min(value, 2)
    if EXPERTS.search(name):
        return min(value, 4)
    if "experts_per_tok" in name or name in ("top_k", "moe_topk", "moe_k"):
        return min(value, 2)
    if GROUPS.search(name):
        return 1
    if VOCABULARY.search(name):
        return min(value, 256 if "codebook" in name else 384)
    if TOKEN.search(name):
        return min(value, 7)
    if LENGTH.search(name):
        return min(value, 128)
    return value


def _usual(name: str, value: Any, width: int) -> Any:
    if not _is_whole(value):
        return _each(value, lambda part: _usual(name, part, width), LAYERS.search(name) is not None)
    if HEADS.search(name) and "dim" not in name:
        return min(value, 2 if re.search("key_value|kv_heads|kv$", name) else 4)
    if "head_dim" in name or name in ("d_kv", "dim_head"):
        return min(value, width // 4)
    if WIDTH.search(name) and not NO_WIDTH.search(name):
        return min(value, 2 * width if re.search("intermediate|ffn|ff$|inner|mlp", name) else width)
    return _count(name, value)


def _divided(name: str, value: Any, divisor: int) -> Any:
    if not _is_whole(value):
        return _each(value, lambda part: _divided(name, part, divisor), LAYERS.search(name) is not None)
    if WIDTH.search(name) and not NO_WIDTH.search(name) and not HEADS.search(name) and value % divisor == 0:
        return value // divisor
    return _count(name, value)


def _each(value: Any, change: Callable[[Any], Any], counts: bool) -> Any:
    """A list's numbers, all of them; a count of layers for each stage is 1."""
    if not isinstance(value, (list, tuple)) or not value or not all(map(_is_whole, value)):
        return value
    return type(value)(1 if counts else change(part) for part in value)
