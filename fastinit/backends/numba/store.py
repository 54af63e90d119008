"""Writes values to memory by non-temporal stores, as in csrc/kernels/store.h; everything is addressed in bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from fastinit.backends.numba.operations import Generated, Index, Untyped, inlined, intrinsic

Elements = NDArray[Any]  # of any storage type
LINE_BYTES = 64


def _store_line(typing_context: Untyped, to: Untyped, source: Untyped) -> Generated:
    def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
        line = ir.VectorType(ir.IntType(32), LINE_BYTES // 4).as_pointer()
        to, source = (builder.inttoptr(address, line) for address in arguments)
        store = builder.store(builder.load(source, align=1), to, align=LINE_BYTES)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _fence(typing_context: Untyped) -> Generated:
    def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


def _copy(typing_context: Untyped, to: Untyped, source: Untyped, count: Untyped) -> Generated:
    def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
        bytes_, i64 = ir.IntType(8).as_pointer(), ir.IntType(64)
        memcpy = builder.module.declare_intrinsic("llvm.memcpy", [bytes_, bytes_, i64])
        to, source, count = arguments
        builder.call(memcpy, [builder.inttoptr(to, bytes_), builder.inttoptr(source, bytes_), count, ir.IntType(1)(0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


store_line_non_temporal: Callable[[Index, Index], None] = intrinsic(_store_line)
"""(to, source): copy a cache line by non-temporal stores, to a line's start."""
fence_non_temporal: Callable[[], None] = intrinsic(_fence)
"""Make non-temporal stores visible before another thread is told that the fill is done."""
copy: Callable[[Index, Index, Index], None] = intrinsic(_copy)
"""(to, source, count): copy `count` bytes."""

# The store queue is an array of these: LINES whole lines, of which the first WRITTEN are in memory, then PENDING bytes, the
# beginning of a line that the next values complete; from address AT on, to address TO on.
TO, AT, LINES, WRITTEN, PENDING = range(5)
QUEUE_LENGTH = 8  # a line


@inlined
def write_lines_until(queue: NDArray[np.int64], lines: Index) -> None:
    """Write the queue's lines before line number `lines`."""
    lines = lines if lines < queue[LINES] else queue[LINES]
    for line in range(queue[WRITTEN], lines):
        store_line_non_temporal(queue[TO] + line * LINE_BYTES, queue[AT] + line * LINE_BYTES)
    if lines > queue[WRITTEN]:
        queue[WRITTEN] = lines


@inlined
def push(queue: NDArray[np.int64], to: Index, at: Index, count: Index, next_at: Index) -> None:
    """Queue `count` bytes from address `at` on, for address `to` on; the values that follow them will be at `next_at`.

    All whole lines before them must be written.
    """
    pending = queue[PENDING]
    before_a_line = -to % LINE_BYTES
    head = 0 if pending else before_a_line if before_a_line < count else count
    copy(to, at, head)
    here = count - head + pending
    queue[TO], queue[AT], queue[WRITTEN] = to + head - pending, at + head - pending, 0
    queue[LINES], queue[PENDING] = here // LINE_BYTES, here % LINE_BYTES
    pending = queue[PENDING]
    copy(next_at - pending, queue[AT] + here - pending, pending)


@inlined
def flush(queue: NDArray[np.int64]) -> None:
    """Write the pending bytes, when no values follow and all whole lines are written; then all is in memory."""
    behind = queue[LINES] * LINE_BYTES
    copy(queue[TO] + behind, queue[AT] + behind, queue[PENDING])
    fence_non_temporal()
