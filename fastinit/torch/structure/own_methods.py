"""Runs the methods by which a module initializes itself: `reset_parameters`, and Hugging Face's `_init_weights`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from fastinit.runtime.scoped_patch import Replacement, ScopedPatch
from fastinit.torch.structure.names import joined, modules_by_name

Run: TypeAlias = Callable[[str, nn.Module, Callable[[], object]], object]
"""Runs a module's method, which is called without arguments; takes the module's name and the module before it."""


def reset(module: nn.Module, tensors: Iterable[Tensor], run: Run, name: str = "") -> None:
    """Run the modules' own methods in the order of construction, children first: a parent may overwrite what they drew.

    `tensors`: those that Hugging Face is to initialize again, which marks what it has initialized.
    """
    if is_hugging_face(module):
        _reset_hugging_face(module, tensors, run, name)
        return
    names = {child: joined(module, name, child_name) for child_name, child in module.named_children()}
    for child, child_name in names.items():
        reset(child, tensors, run, child_name)
    method = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
    if callable(method) and name not in names.values():  # a wrapper has its child's name, and its method is the child's
        run(name, module, method)


def is_hugging_face(module: nn.Module) -> bool:
    """Whether it is a model of transformers, which initializes all modules within it."""
    return is_of_hugging_face(type(module))


def is_of_hugging_face(kind: type) -> bool:
    """Whether it is a class of such models."""
    return hasattr(kind, "initialize_weights") and hasattr(kind, "_init_weights")


def _reset_hugging_face(model: nn.Module, tensors: Iterable[Tensor], run: Run, name: str) -> None:
    """Run the families' `_init_weights` on every module, also on what is marked as initialized."""
    names = {part: f"{name}.{own}" if name and own else name or own for own, part in modules_by_name(model)}
    made_elsewhere = {id(kept) for kept in _made_elsewhere(model)}
    for marked in [*names, *tensors]:
        if id(marked) not in made_elsewhere:
            vars(marked).pop("_is_hf_initialized", None)

    def init_weights(stock: Any, part: nn.Module) -> None:
        run(names[part], part, partial(stock, part))

    def replacements() -> Iterator[Replacement]:
        if hasattr(type(model), "is_custom_code"):  # is read off the class's module, which FSDP2 makes torch's
            own: Any = next(kind for kind in type(model).__mro__ if not kind.__module__.startswith("torch."))
            yield model, "is_custom_code", own.is_custom_code
        for part in names:
            if hasattr(type(part), "_init_weights"):
                yield part, "_init_weights", partial(init_weights, part._init_weights)

    initialize: Any = model.initialize_weights
    with ScopedPatch(replacements):
        initialize()


def _made_elsewhere(model: nn.Module) -> Iterator[nn.Module | Tensor]:
    """The modules of timm, and their tensors, that construction has marked as initialized: timm does that, and a model of
    transformers around them, as DETR, does not repeat it by its own method. (A wrapper for timm's models alone does.)
    """
    for part in model.modules():
        if type(part).__module__.startswith("transformers.models.timm_"):
            continue
        for child in part.children():
            if type(child).__module__.startswith("timm.") and not type(part).__module__.startswith("timm."):
                for made in child.modules():
                    if getattr(made, "_is_hf_initialized", False):
                        yield made
                        yield from made.parameters(recurse=False)


def convert(module: nn.Module, dtype: torch.dtype) -> None:
    """As `module.to(dtype)`, except for non-persistent buffers of Hugging Face's models: they compute these in float32."""
    models = [part for part in module.modules() if is_hugging_face(part)]
    parts = {part for model in models for part in model.modules()}
    before = [(part, name, part._buffers[name]) for part in parts for name in part._non_persistent_buffers_set]
    module.to(dtype=dtype)
    for part, name, buffer in before:
        part._buffers[name] = buffer
