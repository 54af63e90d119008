"""Writes values to memory by non-temporal stores, as in csrc/kernels/store.h."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy import int64, uint64
from numpy.typing import NDArray

from fastinit.backends.numba.operations import Generated, Index, Untyped, inlined, intrinsic

Elements = NDArray[Any]  # of any storage type
LINE_BYTES = 64


def _store_line(
    typing_context: Untyped, to: Untyped, to_element: Untyped, source: Untyped, source_element: Untyped
) -> Generated:
    def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
        line = ir.VectorType(ir.IntType(32), LINE_BYTES // 4).as_pointer()
        to, to_element, source, source_element = arguments
        to_type, _, source_type, _ = signature.args
        data = context.make_array(to_type)(context, builder, to).data
        source_data = context.make_array(source_type)(context, builder, source).data
        value = builder.load(builder.bitcast(builder.gep(source_data, [source_element]), line), align=1)
        store = builder.store(value, builder.bitcast(builder.gep(data, [to_element]), line), align=LINE_BYTES)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(to, to_element, source, source_element), generate


def _fence(typing_context: Untyped) -> Generated:
    def generate(context: Untyped, builder: Untyped, signature: Untyped, arguments: Untyped) -> Untyped:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


store_line_non_temporal: Callable[[Elements, Index, Elements, Index], None] = intrinsic(_store_line)
"""(to, to_element, source, source_element): copy a cache line by non-temporal stores, to a line's start in array `to`."""
fence_non_temporal: Callable[[], None] = intrinsic(_fence)
"""Make non-temporal stores visible before another thread is told that the fill is done."""


@inlined
def copy(out: Elements, to: Index, source: Elements, at: Index, count: Index) -> None:
    """Copy `count` elements from source[at] on to out[to] on."""
    for i in range(count):
        out[uint64(to + i)] = source[uint64(at + i)]


# The store queue is an array of these: LINES whole lines, of which the first WRITTEN are in memory, then PENDING elements,
# the beginning of a line that the next values complete; from finished[AT] on, to out[TO] on.
TO, AT, LINES, WRITTEN, PENDING = range(5)


@inlined
def write_lines_until(queue: NDArray[np.int64], lines: Index, out: Elements, finished: Elements) -> None:
    """Write the queue's lines before line number `lines`."""
    elements, lines = LINE_BYTES // out.itemsize, lines if lines < queue[LINES] else queue[LINES]
    for line in range(queue[WRITTEN], lines):
        store_line_non_temporal(out, queue[TO] + line * elements, finished, queue[AT] + line * elements)
    if lines > queue[WRITTEN]:
        queue[WRITTEN] = lines


@inlined
def push(
    queue: NDArray[np.int64], to: Index, at: Index, count: Index, next_at: Index, out: Elements, finished: Elements
) -> None:
    """Queue `count` elements from finished[at] on, for out[to] on; the values that follow them will be at `next_at`.

    All whole lines before them must be written.
    """
    elements, pending = LINE_BYTES // out.itemsize, queue[PENDING]
    before_a_line = int64(-(out.ctypes.data + to * out.itemsize) % LINE_BYTES) // out.itemsize
    head = int64(0) if pending else before_a_line if before_a_line < count else count
    copy(out, to, finished, at, head)
    here = count - head + pending
    queue[TO], queue[AT], queue[WRITTEN] = to + head - pending, at + head - pending, 0
    queue[LINES], queue[PENDING] = here // elements, here % elements
    pending = queue[PENDING]
    copy(finished, next_at - pending, finished, queue[AT] + here - pending, pending)


@inlined
def flush(queue: NDArray[np.int64], out: Elements, finished: Elements) -> None:
    """Write the pending elements, when no values follow and all whole lines are written; then all is in memory."""
    behind = queue[LINES] * (LINE_BYTES // out.itemsize)
    copy(out, queue[TO] + behind, finished, queue[AT] + behind, queue[PENDING])
    fence_non_temporal()
