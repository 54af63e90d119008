"""The way to memory past the caches, as in csrc/store.h."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy import int64, uint64

from fastinit.backends.numba.operations import inlined

LINE_BYTES = 64


@intrinsic
def stream_line(typing_context, to, to_element, source, source_element):
    """Copy a cache line past the caches: of array `source` from an element on, to array `to`, from one at a line's start."""

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
def finish_streaming(typing_context):
    """Make the lines streamed visible before another thread is told that the fill is done."""

    def generate(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@inlined
def copy(out, to, source, at, count):
    """source[at], source[at + 1], ..., `count` of them, to out[to] on."""
    for i in range(count):
        out[uint64(to + i)] = source[uint64(at + i)]


# What is outgoing, an array of these: LINES lines, of which STREAMED are gone, and behind them HELD elements, the beginning
# of a line; from finished[AT] on, to out[TO] on.
TO, AT, LINES, STREAMED, HELD = range(5)


@inlined
def stream_until(outgoing, lines, out, finished):
    """Stream the lines before this one, as far as there are."""
    elements, lines = LINE_BYTES // out.itemsize, lines if lines < outgoing[LINES] else outgoing[LINES]
    for line in range(outgoing[STREAMED], lines):
        stream_line(out, outgoing[TO] + line * elements, finished, outgoing[AT] + line * elements)
    if lines > outgoing[STREAMED]:
        outgoing[STREAMED] = lines


@inlined
def send(outgoing, to, at, count, next_at, out, finished):
    """`count` elements from finished[at] on go to out[to] on; all before them are streamed, the next come at `next_at`."""
    elements, held = LINE_BYTES // out.itemsize, outgoing[HELD]
    before_a_line = int64(-(out.ctypes.data + to * out.itemsize) % LINE_BYTES) // out.itemsize
    head = int64(0) if held else before_a_line if before_a_line < count else count
    copy(out, to, finished, at, head)
    here = count - head + held
    outgoing[TO], outgoing[AT], outgoing[STREAMED] = to + head - held, at + head - held, 0
    outgoing[LINES], outgoing[HELD] = here // elements, here % elements
    held = outgoing[HELD]
    copy(finished, next_at - held, finished, outgoing[AT] + here - held, held)


@inlined
def settle(outgoing, out, finished):
    """Write what is held, once all lines are streamed and nothing follows; then all is in memory."""
    behind = outgoing[LINES] * (LINE_BYTES // out.itemsize)
    copy(out, outgoing[TO] + behind, finished, outgoing[AT] + behind, outgoing[HELD])
    finish_streaming()
