"""A model's tensors beside those of two stock constructions with other seeds, and what differs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from bench.zoo.statistical import blocks_of, difference, sample

NARROW = (torch.bfloat16, torch.float16)
Tensors = dict[str, Tensor]


def tensors_of(model: nn.Module) -> Tensors:
    """Parameters, buffers, what parametrizations compute, and tensors that are plain attributes, by all their names."""
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


@dataclass
class Stock:
    """Two constructions `a` and `b` of one model, made where torch fills uninitialized memory with NaN."""

    a: Tensors
    b: Tensors
    fixed: dict[str, Tensor] = field(init=False)
    """Of each random tensor which values do not depend on the seed: padding rows, a bias of 1 within zeros and noise."""
    uninitialized: list[str] = field(init=False)
    unsteady: dict[str, str] = field(default_factory=dict)
    """Tensors that cannot be tested, since the two constructions differ from each other in more than the draws."""

    @torch.no_grad()
    def __post_init__(self) -> None:
        self.uninitialized = [name for name, tensor in self.a.items() if _is_uninitialized(tensor)]
        names = [name for name in self.a if name not in self.uninitialized]
        for name in names:
            if name not in self.b or self.a[name].shape != self.b[name].shape:
                self.unsteady[name] = "another shape with each seed"
        names = [name for name in names if name not in self.unsteady]
        random = [name for name in names if not equal(self.a[name], self.b[name])]
        self.fixed = {name: _fixed(self.a[name], self.b[name]) for name in random}
        self.ties, self.copies = _ties(self.a), _copies({name: self.a[name] for name in random})
        for name in random:
            if reason := self._by_values(name, self.b[name], self.a[name][None]):
                self.unsteady[name] = reason

    @torch.no_grad()
    def differences(self, ours: Tensors, copies: bool = True) -> dict[str, str]:
        """What is wrong with `ours`, by name. `copies`: whether parameters that are copies in stock must be."""
        wrong = {name: "not there in stock" for name in ours if name not in self.a}
        for name in self.a:
            reason = self._difference(name, ours[name]) if name in ours else "missing"
            if reason:
                wrong[name] = reason
        for group in self.ties - _ties(ours):
            wrong.update({name: "tied otherwise than in stock" for name in group if name not in wrong})
        known = {name: ours[name] for name in self.fixed if name not in wrong}
        for group in self.copies:
            first, *others = sorted(group & known.keys()) or [""]
            others = [name for name in others if copies or "(" in name or "(" in first]
            wrong.update({name: f"no copy of {first}" for name in others if not _alike(known[name], known[first])})
        for group in _copies(known):
            if not any(group <= other for other in self.copies):
                wrong.update({name: f"equal to {min(group)}" for name in group if name != min(group)})
        return wrong

    def _difference(self, name: str, ours: Tensor) -> str | None:
        stock = self.a[name]
        kinds = ("shape", "dtype", "device", "layout", *(["requires_grad"] if "(" not in name else []))
        for what in kinds:
            if getattr(ours, what) != getattr(stock, what):
                return f"{what} {_short(getattr(ours, what))} instead of {_short(getattr(stock, what))}"
        if name in self.uninitialized or name in self.unsteady:
            return None
        if name not in self.fixed:
            return None if equal(ours, stock) else f"{_summary(ours)} instead of the constant {_summary(stock)}"
        return self._by_values(name, ours, torch.stack([stock, self.b[name]]))

    def _by_values(self, name: str, ours: Tensor, stock: Tensor) -> str | None:
        fixed = self.fixed[name]
        if not bool((_same(ours, stock[0]) | ~fixed).all()):
            return f"other values where stock has constants ({int(fixed.sum())} of {fixed.numel()})"
        if not ours.is_floating_point():
            ours, stock = ours.float(), stock.float()
        index = (~fixed).ravel().nonzero().ravel().numpy()
        index = index[sample(len(index))]
        if not len(index):
            return None
        chosen = torch.from_numpy(index)
        rows = [x.ravel()[chosen].double().numpy() for x in (ours, *stock)]
        if _repeats(rows[1:], stock.dtype):  # rows that are expanded: the values that there are, once
            distinct = [np.unique(row) for row in rows]
            n = min(map(len, distinct[1:]))
            return difference(distinct[0], np.stack([row[:n] for row in distinct[1:]]), [])
        zeros = [np.count_nonzero(row == 0) for row in rows]
        if zeros[0] > 2 + len(index) / 64 and not any(zeros[1:]):
            return "zeros where stock has none"
        return difference(rows[0], np.stack(rows[1:]), blocks_of(index, tuple(ours.shape)))


def _repeats(rows: list[np.ndarray], dtype: torch.dtype) -> bool:
    return dtype not in NARROW and min(len(np.unique(row)) / len(row) for row in rows) < 0.9


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
