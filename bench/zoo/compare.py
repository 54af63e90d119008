"""A model's tensors beside those of two stock constructions with other seeds, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from bench.zoo.statistical import DOUBTFUL, SIGNIFICANCE, Reference, blocks_of, sample

NARROW = (torch.bfloat16, torch.float16)
Tensors = dict[str, Tensor]


def tensors_of(model: nn.Module | Tensors) -> Tensors:
    """Parameters, buffers, what parametrizations compute, and tensors that are plain attributes, by all their names."""
    if isinstance(model, dict):
        return model
    found: Tensors = {}
    for prefix, module in model.named_modules(remove_duplicate=False):
        dot = f"{prefix}." if prefix else ""
        for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is not None:
                found[dot + name] = tensor
        for name, value in vars(module).items():
            if name not in ("_parameters", "_buffers", "_modules"):
                found |= {f"{dot}{name}{place} (attribute)": t for place, t in _within(value)}
        for name in getattr(module, "parametrizations", None) or ():
            with torch.no_grad():
                found[f"{dot}{name} (parametrized)"] = getattr(module.eval(), name)
    return found


def _within(value: object) -> Iterable[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        return [("", value)]
    items = value.items() if type(value) is dict else enumerate(value) if type(value) in (list, tuple) else ()
    return [(f"[{key}]", item) for key, item in items if isinstance(item, Tensor)]


def equal(a: Tensor, b: Tensor) -> bool:
    """The same bits, any NaN being the same."""
    if a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
        return False
    return torch.equal(a, b) or bool(_same(a, b).all())


def _same(a: Tensor, b: Tensor) -> Tensor:
    same = a == b
    return same | (a != a) & (b != b) if a.is_floating_point() or a.is_complex() else same


class Random:
    """What is known of a random tensor from two constructions with other seeds."""

    def __init__(self, a: Tensor, b: Tensor) -> None:
        self.constant, self.fixed = a, _fixed(a, b)
        """Values that do not depend on the seed, and where they are: padding rows, a forget bias of 1."""
        index = (~self.fixed).ravel().nonzero().ravel().numpy()
        self.index = index[sample(len(index))]
        rows = [self._chosen(a), self._chosen(b)]
        self.repeats = a.dtype not in NARROW and any(len(np.unique(row)) < 0.9 * len(row) for row in rows)
        self.zeros = any(np.count_nonzero(row == 0) for row in rows)
        if self.repeats:  # rows that are expanded: the values that there are, once
            rows = [np.unique(row) for row in rows]
        n = min(map(len, rows))
        blocks = [] if self.repeats else blocks_of(self.index, tuple(a.shape))
        self.reference = Reference(np.stack([row[:n] for row in rows]), blocks) if n else None

    def difference(self, ours: Tensor, significance: float = SIGNIFICANCE) -> str | None:
        if not bool((_same(ours, self.constant) | ~self.fixed).all()):
            return f"other values where stock has constants ({int(self.fixed.sum())} of {self.fixed.numel()})"
        if self.reference is None:
            return None
        values = self._chosen(ours)
        if not self.zeros and np.count_nonzero(values == 0) > 2 + len(values) / 64:
            return "zeros where stock has none"
        return self.reference.difference(np.unique(values) if self.repeats else values, significance)

    def _chosen(self, tensor: Tensor) -> np.ndarray:
        return tensor.ravel()[torch.from_numpy(self.index)].double().numpy()


class Stock:
    """A model as its library builds it, `build(seed)`, where torch fills uninitialized memory with NaN."""

    @torch.no_grad()
    def __init__(self, build: Callable[[int], Tensors]) -> None:
        self._build = cache(build)
        self.tensors, other = build(1), build(2)
        self.uninitialized = [name for name, tensor in self.tensors.items() if _is_uninitialized(tensor)]
        self.random: dict[str, Random] = {}
        self.unsteady: dict[str, str] = {}
        """Tensors that cannot be tested, since stock's own constructions differ from each other in more than the draws."""
        for name, tensor in self.tensors.items():
            if name in self.uninitialized:
                continue
            if name not in other or tensor.shape != other[name].shape:
                self.unsteady[name] = "another shape with each seed"
            elif not equal(tensor, other[name]):
                self.random[name] = Random(tensor, other[name])
        self.ties, self.copies = _ties(self.tensors), _copies({name: self.tensors[name] for name in self.random})

    @torch.no_grad()
    def differences(self, ours: Tensors, copies: bool = True) -> dict[str, str]:
        """What is wrong with `ours`, by name. `copies`: whether parameters that are copies in stock must be."""
        wrong = {name: "not there in stock" for name in ours if name not in self.tensors}
        for name in self.tensors:
            reason = self._difference(name, ours[name]) if name in ours else "missing"
            if reason and not self._is_unsteady(name):
                wrong[name] = reason
        for group in self.ties - _ties(ours):
            wrong.update({name: "tied otherwise than in stock" for name in group if name not in wrong})
        known = {name: ours[name] for name in self.random if name not in wrong and name in ours}
        for group in self.copies:
            first, *others = sorted(group & known.keys()) or [""]
            others = [name for name in others if copies or "(" in name or "(" in first]
            wrong.update({name: f"no copy of {first}" for name in others if not _alike(known[name], known[first])})
        for group in _copies(known):
            if not any(group <= other for other in self.copies):
                wrong.update({name: f"equal to {min(group)}" for name in group if name != min(group)})
        return wrong

    def _difference(self, name: str, ours: Tensor) -> str | None:
        stock = self.tensors[name]
        kinds = ("shape", "dtype", "device", "layout", *(["requires_grad"] if "(" not in name else []))
        for what in kinds:
            if getattr(ours, what) != getattr(stock, what):
                return f"{what} {_short(getattr(ours, what))} instead of {_short(getattr(stock, what))}"
        if name in self.uninitialized or name in self.unsteady:
            return None
        if name in self.random:
            return self.random[name].difference(ours)
        return None if equal(ours, stock) else f"{_summary(ours)} instead of the constant {_summary(stock)}"

    def _is_unsteady(self, name: str) -> bool:
        """Whether stock with further seeds differs as well: its values depend on each other, or coincide by chance."""
        if name in self.random and name not in self.unsteady:
            others = (self.random[name].difference(self._build(seed)[name], DOUBTFUL) for seed in range(5, 13))
            reason = next(filter(None, others), None)
            if reason:
                self.unsteady[name] = reason
        return name in self.unsteady


def _is_uninitialized(tensor: Tensor) -> bool:
    """torch fills memory that nothing has written with NaN, or the largest integer."""
    if tensor.numel() == 0 or tensor.is_meta or tensor.layout is not torch.strided:
        return False
    if tensor.is_floating_point() or tensor.is_complex():
        return bool(tensor.isnan().any())
    return tensor.dtype is not torch.bool and bool((tensor == torch.iinfo(tensor.dtype).max).any())


def _fixed(a: Tensor, b: Tensor) -> Tensor:
    """Where the two have the same value, if that is more than chance: float32 uniforms have 2^24 values, bfloat16's 2^8."""
    same = a == b
    if a.dtype in NARROW or not a.is_floating_point():
        rows = same.reshape(len(a), -1).all(1) if a.ndim > 1 else same & (a == 0)
        return rows.reshape(-1, *[1] * (a.ndim - 1)).expand(a.shape) & same
    return same if int(same.sum()) > 10 + a.numel() * 2**-20 else same & (a == 0)


def _ties(tensors: Tensors) -> set[frozenset[str]]:
    """Groups of names of one tensor."""
    groups: dict[tuple, set[str]] = {}
    for name, t in tensors.items():
        if t.numel() and not t.is_meta and t.layout is torch.strided:
            groups.setdefault((t.data_ptr(), t.shape, t.stride()), set()).add(name)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def _copies(tensors: Tensors) -> set[frozenset[str]]:
    """Groups of names of random tensors with the same values, but for rounding."""
    groups: dict[tuple, list[list[str]]] = {}
    for name, tensor in tensors.items():
        if tensor.numel() > 1 and not tensor.is_meta:
            alike = groups.setdefault((tensor.shape, tensor.dtype), [])
            group = next((group for group in alike if _alike(tensor, tensors[group[0]])), None)
            group.append(name) if group else alike.append([name])
    return {frozenset(group) for alike in groups.values() for group in alike if len(group) > 1}


def _alike(a: Tensor, b: Tensor) -> bool:
    first = a.ravel()[:4], b.ravel()[:4]
    return torch.allclose(*first, 1e-5) and torch.allclose(a, b, 1e-5, 1e-8)


def _summary(tensor: Tensor) -> str:
    if tensor.is_meta or tensor.numel() == 0:
        return f"{tensor.device} tensor of shape {tuple(tensor.shape)}"
    if bool((tensor == tensor.ravel()[0]).all()):
        return f"{tensor.ravel()[0].item():.6g}"
    if not tensor.is_floating_point():
        tensor = tensor.double() if not tensor.is_complex() else tensor.abs()
    return f"values with mean {tensor.mean().item():.3g} and std {tensor.double().std(correction=0).item():.3g}"


def _short(value: object) -> str:
    return str(tuple(value)) if isinstance(value, torch.Size) else str(value)
