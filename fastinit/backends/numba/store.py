"""Writes values to memory by non-temporal stores, as in csrc/kernels/store.h."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy import int64, uint64

from fastinit.backends.numba.operations import inlined

LINE_BYTES = 64


@intrinsic
def store_line_non_temporal(typing_context, to, to_element, source, source_element):
    """Copy a cache line by non-temporal stores: of array `source` from an element on, to array `to`, at a line's start."""

    def generate(context, builder, signature, arguments):
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


@intrinsic
def fence_non_temporal(typing_context):
    """Make non-temporal stores visible before another thread is told that the fill is done."""

    def generate(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@inlined
def copy(out, to, source, at, count):
    """source[at], source[at + 1], ..., `count` of them, to out[to] on."""
    for i in range(count):
        out[uint64(to + i)] = source[uint64(at + i)]


# The store queue is an array of these: LINES whole lines, of which the first WRITTEN are in memory, then PENDING elements,
# the beginning of a line that the next values complete; from finished[AT] on, to out[TO] on.
TO, AT, LINES, WRITTEN, PENDING = range(5)


@inlined
def write_lines_until(queue, lines, out, finished):
    """Write the queue's lines before line number `lines`."""
    elements, lines = LINE_BYTES // out.itemsize, lines if lines < queue[LINES] else queue[LINES]
    for line in range(queue[WRITTEN], lines):
        store_line_non_temporal(out, queue[TO] + line * elements, finished, queue[AT] + line * elements)
    if lines > queue[WRITTEN]:
        queue[WRITTEN] = lines


@inlined
def push(queue, to, at, count, next_at, out, finished):
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
def flush(queue, out, finished):
    """Write the pending elements, when no values follow and all whole lines are written; then all is in memory."""
    behind = queue[LINES] * (LINE_BYTES // out.itemsize)
    copy(out, queue[TO] + behind, finished, queue[AT] + behind, queue[PENDING])
    fence_non_temporal()
