"""Haar-distributed orthonormal columns from independent normals, as a product of Householder reflections.

QR of a Gaussian matrix by reflections finds in column k a vector x_k of m - k independent normals, independent of those
before it. So the vectors can be drawn directly, without factoring a matrix (Stewart 1980, SIAM J.
Numer. Anal. 17:403; Mezzadri 2007, math-ph/0609050, section 5). With s_k the sign of x_k's first element, at row k:

    Q = H_0 H_1 ... H_(n-1) [I; 0] diag(-s),    H_k = I - tau_k v_k v_k^T,    v_k = x_k + s_k |x_k| e_k,

tau_k = 2 / |v_k|^2. As H_k x_k = -s_k |x_k| e_k, the signs are those that make R's diagonal positive: without them Q is
not Haar-distributed. x_k is column k of the normals from row k down; those above the diagonal are not used.

`TILE` reflections are applied together, as I - V T V^T with T upper triangular (Schreiber and Van Loan 1989), to one panel
of Q's columns after the other: 2 m n^2 - 2/3 n^3 multiply-adds, nearly all in stacks of products of 64 x 64 tiles. Each
thread takes panels. A BLAS never splits so small a product, so the bits depend on the BLAS and the CPU, and not on the
number of threads. (OpenBLAS splits large products among its threads and then rounds differently: its AVX2 kernels do so for
float32 of any size, the others where the inner length is no multiple of 64.)

A matrix of up to 64 columns takes NumPy longer to ask for than to compute: csrc/bindings/orthogonal.c does the same steps
with NumPy's own products, so that the bits are these.

Machines differ by rounding only: unlike other ways to compute Q, this one never divides by an ill-conditioned R.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from fastinit.runtime import threads
from fastinit.runtime.types import Array

# OpenBLAS keeps a product of at most 2^18 = 64^3 multiply-adds on the calling thread (interface/gemm.c, SMP_THRESHOLD_MIN).
TILE = 64
STEP = 16  # widths of tiles, where there are several: a row of 16 floats is a vector or more
STACK = 16  # tiles that a call multiplies: 256 KiB of float32, which stay in the second-level cache
LEAST_BLOCKS_FOR_THREADS = 3  # two blocks are about 100 microseconds of work
ABOVE_DIAGONAL = np.triu(np.ones((TILE, TILE), bool), 1)
LEAST_NORM = 1e-30  # shorter vectors count as zeros: squares and quotients stay within range


class Reflectors(NamedTuple):
    """As many reflections as V has columns, I - V T V^T, and the signs that the columns of Q get."""

    v: Array  # (tiles, height, width), from the row of the first reflection down
    t: Array  # (width, width)
    signs: Array  # (width,)


def haar(normals: Array) -> Array:
    """Overwrite independent standard normals (m, n), m >= n, by orthonormal columns computed from them; return the array.

    Haar-distributed: Q of the QR decomposition, with R's diagonal positive, of a Gaussian matrix, the one whose Householder
    vectors the normals are; the first column is that of the normals over its length. A vector of zeros counts as positive.
    In float32 |Q^T Q - I| < 1e-6 and in float64 < 1e-14; two machines' values differ by as little. Memory in use at the
    peak, with the normals: 2 to 4 times theirs.
    ValueError where m < n or `normals` is not a matrix, TypeError where it is neither float32 nor float64.
    """
    _check(normals)
    m, n = normals.shape
    if n == 0:
        return normals
    height, width = _tile(m, n)
    num_blocks = -(-n // width)
    blocks: dict[int, Reflectors] = {}
    num_threads = threads.get_num_threads() if num_blocks >= LEAST_BLOCKS_FOR_THREADS else 1

    def make(block: int) -> None:
        first = block * width
        blocks[block] = _reflectors(_tiles(normals[first:, first : first + width], height, width))

    def write(block: int) -> None:
        first = block * width
        to = normals[:, first : first + width]
        to[...] = _columns([blocks[at] for at in range(block + 1)], -(-m // height)).reshape(-1, width)[:m, : to.shape[1]]

    if num_blocks == 1:  # most of a small matrix's time would be the threads'
        make(0)
        write(0)
        return normals
    threads.run((partial(make, block) for block in range(num_blocks)), num_threads)
    threads.run((partial(write, block) for block in reversed(range(num_blocks))), num_threads)  # the longest ones first
    return normals


def _check(normals: Array) -> None:
    if normals.dtype not in (np.float32, np.float64):
        raise TypeError(f"normals must be float32 or float64, got {normals.dtype}")
    if normals.ndim != 2:
        raise ValueError(f"normals must be a matrix, got shape {normals.shape}")
    if normals.shape[0] < normals.shape[1]:
        raise ValueError(f"normals must have at least as many rows as columns, got shape {normals.shape}: pass (n, m)")


def _tile(m: int, n: int) -> tuple[int, int]:
    """Height and width of a tile. Square, since blocks begin in any row of tiles; but a single block has full rows of Q."""
    if n <= TILE:
        return min(m, TILE * TILE // n), n
    width = -(-n // -(-n // TILE))
    width = -(-width // STEP) * STEP
    return width, width


def is_one_block(m: int, n: int) -> bool:
    """Whether C computes a matrix of these sides too (csrc/bindings/orthogonal.c), which it does for one block of columns.

    But NumPy adds the products of several tiles of one column in an order of its own.
    """
    return 1 < n <= TILE or (n == 1 and 0 < m <= TILE * TILE)


def _tiles(part: Array, height: int, width: int) -> Array:
    """A copy of a matrix of at most `width` columns, zeros added, as (tiles, height, width)."""
    tiles = np.zeros((-(-len(part) // height), height, width), part.dtype)
    tiles.reshape(-1, width)[: len(part), : part.shape[1]] = part
    return tiles


def _stacks(num_tiles: int) -> Iterator[slice]:
    return (slice(at, min(at + STACK, num_tiles)) for at in range(0, num_tiles, STACK))


def _reflectors(v: Array) -> Reflectors:
    """The reflections of the vectors x: the columns of `v`, each from the diagonal down. `v` is overwritten.

    Above the diagonal (v_i, v_k) = (x_i, x_k) + s_k |x_k| x_i[k], as x_k has no element i: one Gram matrix gives all.
    Each v is divided by its first element, as in LAPACK, so that tau = 1 + |x_0| / |x| is in [1, 2].
    """
    width = v.shape[2]
    top = v.reshape(-1, width)[:width]
    np.copyto(top, 0.0, where=ABOVE_DIAGONAL[:width, :width])
    gram = _gram(v)
    x0, norm = top.diagonal().astype(np.float64), np.sqrt(gram.diagonal())
    sign = np.where(x0 < 0, -1.0, 1.0)
    is_zero = norm < LEAST_NORM
    if is_zero.any():
        x0[is_zero], norm[is_zero] = sign[is_zero], 1.0
    signed_norm = sign * norm
    v0 = x0 + signed_norm
    gram = (gram + signed_norm * top.T) / (v0 * v0[:, None])
    v /= v0.astype(v.dtype)
    _diagonal(top)[...] = 1.0
    t = _triangular_factor(gram, 1 + np.abs(x0) / norm)
    return Reflectors(v, t.astype(v.dtype), -sign.astype(v.dtype))


def _diagonal(matrix: Array) -> Array:
    """A view of the diagonal of a contiguous matrix that has at least as many rows as columns."""
    width = matrix.shape[1]
    diagonal: Array = matrix.reshape(-1)[: width * width : width + 1]
    return diagonal


def _sum_of(tiles: Array) -> Array:
    """Their sum in order; of a small matrix there is one, for which a reduction would take longer than its product."""
    total: Array = tiles[0] if len(tiles) == 1 else tiles.sum(axis=0)
    return total


def _gram(v: Array) -> Array:
    """V^T V in float64."""
    gram = np.zeros((v.shape[2], v.shape[2]))
    for stack in _stacks(len(v)):
        # both factors are copied: NumPy computes the product of an array with itself by another routine
        left, right = v[stack].transpose(0, 2, 1).astype(np.float64, order="C"), v[stack].astype(np.float64)
        gram += _sum_of(left @ right)
    return gram


def _triangular_factor(gram: Array, tau: Array) -> Array:
    """T of H_0 H_1 ... = I - V T V^T, from the part of V^T V above the diagonal.

    Two runs of reflections with factors T_1 and T_2 are one run with factor [[T_1, -T_1 V_1^T V_2 T_2], [0, T_2]]. So pairs
    of neighbouring runs are joined, of lengths 1, 2, 4 ...
    """
    width = len(tau)
    size = 1 << (width - 1).bit_length()
    t, padded = np.zeros((size, size)), np.zeros((size, size))
    _diagonal(t)[:width] = tau
    padded[:width, :width] = gram
    half = 1
    while half < width:
        pairs = _diagonal_blocks(t, 2 * half)
        above = _diagonal_blocks(padded, 2 * half)[:, :half, half:]
        pairs[:, :half, half:] = -pairs[:, :half, :half] @ above @ pairs[:, half:, half:]
        half *= 2
    return t[:width, :width]


def _diagonal_blocks(square: Array, size: int) -> Array:
    """A view (blocks, size, size) of the blocks on the diagonal of a square contiguous matrix."""
    row, element = square.strides
    strides = (row + element) * size, row, element
    blocks: Array = np.ndarray((len(square) // size, size, size), square.dtype, square, 0, strides)
    return blocks


def _columns(blocks: list[Reflectors], num_tiles: int) -> Array:
    """The panel of Q's columns that belongs to the last of the blocks, as tiles: all reflections applied to diag(-s)."""
    last = len(blocks) - 1
    v, _, signs = blocks[last]
    q = np.zeros((num_tiles, *v.shape[1:]), v.dtype)
    _diagonal(q[last])[...] = signs
    _reflect(blocks[last], q[last:], filled=1)
    for block in reversed(range(last)):
        _reflect(blocks[block], q[block:])
    return q


def _reflect(reflectors: Reflectors, q: Array, filled: int | None = None) -> None:
    """q = q - V T V^T q, of whose tiles only the first `filled` are not zeros."""
    v, t, _ = reflectors
    weights = np.zeros_like(t)
    for stack in _stacks(len(v) if filled is None else filled):
        weights += _sum_of(v[stack].transpose(0, 2, 1) @ q[stack])
    weights = t @ weights
    for stack in _stacks(len(v)):
        q[stack] -= v[stack] @ weights
