"""Writes values to memory by non-temporal stores, as in csrc/kernels/store.h; everything is addressed in bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from fastinit.backends.numba.operations import Index, inlined
from fastinit.backends.numba.traced import Value, traced, where

Elements = NDArray[Any]  # of any storage type
LOG2_LINE_BYTES = 6
LINE_BYTES = 1 << LOG2_LINE_BYTES


@traced
def store_line_non_temporal(to: Value, source: Value) -> None:
    """Copy a cache line by non-temporal stores, from one address to another, a line's start."""
    builder, line = to.builder, ir.VectorType(ir.IntType(32), LINE_BYTES // 4).as_pointer()
    loaded = builder.load(builder.inttoptr(source.code, line), align=1)
    store = builder.store(loaded, builder.inttoptr(to.code, line), align=LINE_BYTES)
    store.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))


@traced
def fence_non_temporal(of: Value) -> None:
    """Make non-temporal stores visible before another thread is told that the fill is done."""
    of.builder.fence("seq_cst")


@traced
def copy(to: Value, source: Value, count: Value) -> None:
    """Copy so many bytes from one address to another."""
    builder, bytes_ = to.builder, ir.IntType(8).as_pointer()
    memcpy = builder.module.declare_intrinsic("llvm.memcpy", [bytes_, bytes_, ir.IntType(64)])
    addresses = (builder.inttoptr(address.code, bytes_) for address in (to, source))
    builder.call(memcpy, [*addresses, count.code, ir.IntType(1)(0)])


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


@traced
def push(queue: Value, to: Value, at: Value, count: Value, next_at: Value) -> None:
    """Queue `count` bytes from address `at` on, for address `to` on; the values that follow them will be at `next_at`.

    All whole lines before them must be written.
    """
    pending, before_a_line = queue[PENDING], -to & (LINE_BYTES - 1)
    head = where(pending != 0, 0, where(before_a_line < count, before_a_line, count))
    copy(to, at, head)
    here = count - head + pending
    queue[TO], queue[AT], queue[WRITTEN] = to + head - pending, at + head - pending, head - head
    pending_now = here & (LINE_BYTES - 1)
    queue[LINES], queue[PENDING] = here >> LOG2_LINE_BYTES, pending_now
    copy(next_at - pending_now, queue[AT] + here - pending_now, pending_now)


@traced
def flush(queue: Value) -> None:
    """Write the pending bytes, when no values follow and all whole lines are written; then all is in memory."""
    behind = queue[LINES] * LINE_BYTES
    copy(queue[TO] + behind, queue[AT] + behind, queue[PENDING])
    fence_non_temporal(queue)
