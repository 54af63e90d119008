"""Singular values of layers' weights, and of the Jacobian from a model's input to its output: exact, or by Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fastinit.lab.layers import WEIGHTED, is_transposed_linear, kind_of
from fastinit.runtime.forks import without_forks
from fastinit.runtime.types import Float64Array
from fastinit.torch.layers import TRANSPOSED
from fastinit.torch.structure.names import modules_by_name

CHEAP = 2e8  # of m n min(m, n) over all layers, which decompositions take some 50 ms for
SLOWER = 20  # a decomposition's multiplications than a pass's, with as much again for its smaller share of the time
MOST_ROWS = 512  # of a Jacobian that is computed whole
LARGEST = 6  # singular values that Lanczos' method finds


@dataclass(frozen=True)
class Spectrum:
    """Singular values, the largest first; of a Jacobian that is not computed whole the largest 6."""

    values: tuple[float, ...]
    whole: bool = True

    @property
    def largest(self) -> float:
        return self.values[0]

    @property
    def mean_square(self) -> float:
        """Of all of them: 1 is dynamical isometry on average (Saxe et al. 2014)."""
        return sum(value * value for value in self.values) / len(self.values)

    @property
    def condition(self) -> float:
        return self.values[0] / self.values[-1] if self.values[-1] > 0 else float("inf")


def work_beside(multiplications: float) -> float:
    """The m n min(m, n) of decompositions that take less than a forward pass of so many multiplications, or little time."""
    return max(CHEAP, multiplications / SLOWER)


def layer_spectra(model: nn.Module, most_work: float) -> dict[str, Spectrum]:
    """By module, the singular values of each linear layer's weight, and of each convolution's kernel as (out, in * kernel).

    A linear layer's are those of its Jacobian. Empty where the decompositions would take more than `most_work`.
    """
    matrices = {name: matrix for name, part in modules_by_name(model) if (matrix := _matrix(part)) is not None}
    if sum(m.shape[0] * m.shape[1] * min(m.shape) for m in matrices.values()) > most_work:
        return {}
    with torch.no_grad():
        finite = {name: matrix for name, matrix in matrices.items() if bool(matrix.isfinite().all())}
        return {name: _spectrum(torch.linalg.svdvals(matrix.float())) for name, matrix in finite.items()}


def _matrix(part: nn.Module) -> Tensor | None:
    weight = getattr(part, "weight", None)
    if kind_of(part) not in WEIGHTED or not isinstance(weight, Tensor):
        return None
    if isinstance(part, TRANSPOSED):
        weight = weight.transpose(0, 1)
    return weight.detach().flatten(1) if weight.ndim > 1 and not is_transposed_linear(part) else weight.detach()


def _spectrum(values: Tensor) -> Spectrum:
    return Spectrum(tuple(float(value) for value in values.tolist()))


def jacobian_spectrum(output: Tensor, given: Tensor) -> Spectrum | None:
    """The singular values of the Jacobian of the first sample's `output` by the input `given`, whose graph is still there.

    Computed whole, a backward pass a row, where a sample has at most 512 outputs; else the 6 largest by Lanczos' method
    (ARPACK), with J v as the derivative of u -> J' u. None where the output does not depend on the input.
    """
    first = output[0] if output.ndim > 1 else output

    def transposed_times(u: Tensor, create_graph: bool = False) -> Tensor | None:
        (made,) = torch.autograd.grad(
            first, given, u.view_as(first), retain_graph=True, create_graph=create_graph, allow_unused=True
        )
        return None if made is None else made[0].reshape(-1)

    basis = torch.zeros(first.numel(), dtype=first.dtype, device=first.device)
    if transposed_times(basis) is None:
        return None
    if first.numel() <= MOST_ROWS:
        rows = []
        for i in range(first.numel()):
            basis.zero_()[i] = 1
            row = transposed_times(basis)
            assert row is not None  # as that of zeros was
            rows.append(row)
        matrix = torch.stack(rows).float()
        return _spectrum(torch.linalg.svdvals(matrix)) if bool(matrix.isfinite().all()) else None
    return _by_lanczos(transposed_times, first)


def _by_lanczos(transposed_times: Callable[..., Tensor | None], first: Tensor) -> Spectrum | None:
    with without_forks():
        from scipy.sparse.linalg import LinearOperator, svds

    u = torch.zeros(first.numel(), dtype=first.dtype, device=first.device, requires_grad=True)
    linear = transposed_times(u, create_graph=True)  # J' u, linear in u: its derivative in the direction v is J v
    if linear is None or not linear.requires_grad:
        return None

    def times(v: Float64Array) -> Float64Array:
        (made,) = torch.autograd.grad(linear, u, _tensor(v, first), retain_graph=True)
        return made.double().cpu().numpy()

    def adjoint(v: Float64Array) -> Float64Array:
        made = transposed_times(_tensor(v, first))
        assert made is not None
        return made.double().cpu().numpy()

    size = (first.numel(), linear.numel())
    made: Any = LinearOperator  # its class makes another one by these functions, which checkers do not see
    operator = made(size, matvec=times, rmatvec=adjoint, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(min(size))
    values = np.asarray(svds(operator, k=min(LARGEST, min(size) - 1), return_singular_vectors=False, v0=start))
    return Spectrum(tuple(sorted((float(value) for value in values), reverse=True)), whole=False)


def _tensor(values: Float64Array, like: Tensor) -> Tensor:
    return torch.as_tensor(values.reshape(-1), dtype=like.dtype, device=like.device)
