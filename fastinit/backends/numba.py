"""The kernels of csrc/ in Numba: the same operations in the same order, function by function, hence the same bits.

Errors and ranges stand there. Each kernel compiles at its first use and is cached on disk. Numba promotes: uint32 +
uint32 is uint64, so it is cast back where a bit could leave the 32; uint64 + int64 is float64, so constants are typed.
"""

from __future__ import annotations

import hashlib

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, register_jitable
from numpy import float32, float64, int32, int64, uint8, uint16, uint32, uint64

from fastinit.backends import coefficients

inlined = register_jitable(error_model="numpy", forceinline=True)  # always_inline; a division is no branch


# ---- operations that Numba lacks ----


@intrinsic
def fma(typing_context, x, y, z):
    """x y + z, rounded once; a libm call that rounds as exactly where the CPU has none."""
    if not x == y == z:
        raise numba.TypingError(f"fma needs one type, got {x}, {y}, {z}")
    return x(x, y, z), lambda context, builder, signature, arguments: builder.fma(*arguments)


@intrinsic
def sqrt(typing_context, x):
    def generate(context, builder, signature, arguments):
        real = arguments[0].type
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [real]), arguments)

    return x(x), generate


def reinterpreted(source, target):
    """A function that takes the bits of a `source` for a `target`."""

    @intrinsic
    def reinterpret(typing_context, x):
        if x != source:
            raise numba.TypingError(f"needs {source}, got {x}")
        return target(source), lambda context, builder, signature, arguments: builder.bitcast(
            arguments[0], context.get_value_type(target)
        )

    return reinterpret


@intrinsic
def wide_product(typing_context, word, factor):
    """word * factor as its high half and its low half, for uint64."""
    if not word == factor == types.uint64:
        raise numba.TypingError(f"wide_product needs uint64, got {word}, {factor}")

    def generate(context, builder, signature, arguments):
        i64, i128 = ir.IntType(64), ir.IntType(128)
        product = builder.mul(*(builder.zext(x, i128) for x in arguments))
        high = builder.trunc(builder.lshr(product, i128(64)), i64)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, i64)))

    return types.UniTuple(types.uint64, 2)(word, factor), generate


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


bits_f32, from_bits_f32 = reinterpreted(types.float32, types.uint32), reinterpreted(types.uint32, types.float32)
bits_f64, from_bits_f64 = reinterpreted(types.float64, types.uint64), reinterpreted(types.uint64, types.float64)


def polynomial(name):
    """Horner's rule with a table of coefficients, lowest first, as a function of x that is unrolled in any case."""
    table = getattr(coefficients, name)
    real = numba.from_dtype(table.dtype)

    @intrinsic
    def horner(typing_context, x):
        if x != real:
            raise numba.TypingError(f"{name} is a polynomial in {real}, got {x}")

        def generate(context, builder, signature, arguments):
            *lower, total = [context.get_constant(real, float(c)) for c in table]
            for c in reversed(lower):
                total = builder.fma(total, *arguments, c)
            return total

        return real(real), generate

    return horner


# ---- philox.h ----

LANES, PHILOX_ROUNDS = 16, 10


@inlined
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 (Salmon et al. 2011) of one counter under the key (k0, k1)."""
    for _ in range(PHILOX_ROUNDS):
        product0 = uint64(0xD2511F53) * uint64(c0)
        product1 = uint64(0xCD9E8D57) * uint64(c2)
        c0 = uint32(product1 >> uint64(32)) ^ c1 ^ k0
        c1 = uint32(product1)
        c2 = uint32(product0 >> uint64(32)) ^ c3 ^ k1
        c3 = uint32(product0)
        k0 = uint32(k0 + uint32(0x9E3779B9))  # golden ratio
        k1 = uint32(k1 + uint32(0xBB67AE85))  # sqrt(3) - 1
    return c0, c1, c2, c3


# ---- lanes.h ----

TILE_ROWS = 128
TILE_WORDS = TILE_ROWS * LANES
GROUP_ROWS = 4  # a pair of double rows, the least that any law can begin at
GROUP_WORDS, TILE_GROUPS = GROUP_ROWS * LANES, TILE_ROWS // GROUP_ROWS


@inlined
def rotate_left(x, bits):
    return uint32(x << uint32(bits) | x >> uint32(32 - bits))


@inlined
def at(row, lane):
    """The place of a row's lane; unsigned, or Numba looks for negative indices and the loop does not vectorise."""
    return uint64(row * LANES + lane)


@inlined
def seed_lanes(stream, tile, state):
    """The state of all lanes at the start of `tile`: state[at(i, lane)] is word i of a lane's."""
    counter = tile * uint64(LANES)  # its low four bits are free for the lane
    low, high = uint32(counter), uint32(counter >> uint64(32))
    k0, k1, c2, c3 = stream[0], stream[1], stream[2], stream[3]
    for lane in range(LANES):
        s0, s1, s2, s3 = philox(low | uint32(lane), high, c2, c3, k0, k1)
        s0 |= uint32((s0 | s1 | s2 | s3) == uint32(0))  # xoshiro's one fixed point
        state[at(0, lane)], state[at(1, lane)], state[at(2, lane)], state[at(3, lane)] = s0, s1, s2, s3


@inlined
def next_group(state, group, words):
    """The next four rows: words[at(r, lane)] is the r-th output of the lane's xoshiro128++."""
    for lane in range(LANES):  # four rows at a time, in which the state is loaded and stored once
        s0, s1, s2, s3 = state[at(0, lane)], state[at(1, lane)], state[at(2, lane)], state[at(3, lane)]
        for r in range(GROUP_ROWS):
            shifted = uint32(s1 << uint32(9))
            words[at(group * GROUP_ROWS + r, lane)] = uint32(rotate_left(uint32(s0 + s3), 7) + s0)
            s2 = uint32(s2 ^ s0)
            s3 = uint32(s3 ^ s1)
            s1 = uint32(s1 ^ s2)
            s0 = uint32(s0 ^ s3)
            s2 = uint32(s2 ^ shifted)
            s3 = rotate_left(s3, 11)
        state[at(0, lane)], state[at(1, lane)], state[at(2, lane)], state[at(3, lane)] = s0, s1, s2, s3


@inlined
def tile_words(stream, tile, state, words):
    """All words of a tile."""
    seed_lanes(stream, tile, state)
    for group in range(TILE_GROUPS):
        next_group(state, group, words)


# ---- elementary.h ----

NEG2LOG_F32 = polynomial("NEG2LOG_F32")
NEG2LOG_F64 = polynomial("NEG2LOG_F64")
SIN_F32 = polynomial("SIN_F32")
SIN_F64 = polynomial("SIN_F64")
COS_F32 = polynomial("COS_F32")
COS_F64 = polynomial("COS_F64")
EXP_F64 = polynomial("EXP_F64")
QUANTILE_CENTRE_F32 = polynomial("QUANTILE_CENTRE_F32")
QUANTILE_TAIL_NUMERATOR_F32 = polynomial("QUANTILE_TAIL_NUMERATOR_F32")
QUANTILE_TAIL_DENOMINATOR_F32 = polynomial("QUANTILE_TAIL_DENOMINATOR_F32")
QUANTILE_CENTRE_NUMERATOR_F64 = polynomial("QUANTILE_CENTRE_NUMERATOR_F64")
QUANTILE_CENTRE_DENOMINATOR_F64 = polynomial("QUANTILE_CENTRE_DENOMINATOR_F64")
QUANTILE_MIDDLE_NUMERATOR_F64 = polynomial("QUANTILE_MIDDLE_NUMERATOR_F64")
QUANTILE_MIDDLE_DENOMINATOR_F64 = polynomial("QUANTILE_MIDDLE_DENOMINATOR_F64")
QUANTILE_TAIL_NUMERATOR_F64 = polynomial("QUANTILE_TAIL_NUMERATOR_F64")
QUANTILE_TAIL_DENOMINATOR_F64 = polynomial("QUANTILE_TAIL_DENOMINATOR_F64")

TWO_LN2_F32 = float32(float.fromhex("0x1.62e430p+0"))
TWO_LN2_F64 = float.fromhex("0x1.62e42fefa39efp+0")
LN2_HIGH_F64 = float.fromhex("0x1.62e42fefa3800p-1")  # ln 2 to 42 bits, so that k times it is exact
LN2_LOW_F64 = float.fromhex("0x1.ef35793c76730p-45")  # the rest
INVERSE_LN2_F64 = float.fromhex("0x1.71547652b82fep+0")
INTEGERS_ONLY_F64 = 1.5 * 2.0**52  # of this size a double has no fraction
BITS_SQRT_HALF_F32 = uint32(0x3F3504F3)
BITS_SQRT_HALF_F64 = uint64(0x3FE6A09E667F3BCD)
ONE_LESS_SQRT_HALF_F64 = float.fromhex("0x1.2bec3333018867p-2")  # 1 - sqrt(1/2)
ONE_LESS_SQRT_HALF_F32 = float32(ONE_LESS_SQRT_HALF_F64)
BITS_2_52 = uint64(0x4330000000000000)  # of 2^52: or-ing an integer below 2^52 in makes the double 2^52 + integer
BITS_2_84 = uint64(0x4530000000000000)  # the same with 2^84 and an integer times 2^32


@inlined
def split_exponent_f32(x):
    """(e, f) with x = 2^e (1 + f) and 1 + f in [sqrt(1/2), sqrt(2)), for positive normal x."""
    e = int32(int32(uint32(bits_f32(x) - BITS_SQRT_HALF_F32)) >> int32(23))
    return float32(e), from_bits_f32(uint32(bits_f32(x) - uint32(e << int32(23)))) - float32(1)


@inlined
def split_exponent_f64(x):
    biased = (bits_f64(x) - BITS_SQRT_HALF_F64 + uint64(1024 << 52)) >> uint64(52)
    e = from_bits_f64(BITS_2_52 | biased) - (2.0**52 + 1024.0)
    return e, from_bits_f64(bits_f64(x) - ((biased - uint64(1024)) << uint64(52))) - 1.0


@inlined
def split_complement_f32(x):
    """The same parts of 1 - x, for x in (0, 1/2], without rounding 1 - x when it is near 1."""
    low = x > ONE_LESS_SQRT_HALF_F32
    return float32(-1) if low else float32(0), fma(float32(-2), x, float32(1)) if low else -x


@inlined
def split_complement_f64(x):
    low = x > ONE_LESS_SQRT_HALF_F64
    return -1.0 if low else 0.0, fma(-2.0, x, 1.0) if low else -x


@inlined
def neg2log_f32(e, f):
    """-2 ln(2^e (1 + f))"""
    return fma(f * f, NEG2LOG_F32(f), fma(float32(-2), f, -e * TWO_LN2_F32))


@inlined
def neg2log_f64(e, f):
    s = f / (2.0 + f)
    z = s * s
    return fma(-e, TWO_LN2_F64, fma(s * z, NEG2LOG_F64(z), -4.0 * s))


@inlined
def unit_below_half_f32(a):
    """The smaller of u and 1 - u, u = (a + 1/2) 2^-32 (double: ((a >> 11) + 1/2) 2^-53)."""
    count = int32(a ^ uint32(int32(a) >> int32(31)))  # a or its complement, below 2^31
    return fma(float32(count), float32(2.0**-32), float32(2.0**-33))


@inlined
def unit_below_half_f64(a):
    count = (a ^ uint64(int64(a) >> int64(63))) >> uint64(11)
    return fma(from_bits_f64(BITS_2_52 | count) - 2.0**52, 2.0**-53, 2.0**-54)


@inlined
def loss_f32(a):
    """-2 ln((a + 1/2) 2^-32) of a word, at most 45.8."""
    near_one = int32(a) < int32(0)
    x = unit_below_half_f32(a)
    small_e, small_f = split_exponent_f32(x)
    near_e, near_f = split_complement_f32(x)
    return neg2log_f32(near_e if near_one else small_e, near_f if near_one else small_f)


@inlined
def loss_f64(a):
    """-2 ln(((a >> 11) + 1/2) 2^-53), at most 74.9."""
    near_one = int64(a) < int64(0)
    x = unit_below_half_f64(a)
    small_e, small_f = split_exponent_f64(x)
    near_e, near_f = split_complement_f64(x)
    return neg2log_f64(near_e if near_one else small_e, near_f if near_one else small_f)


@inlined
def exp_f64(x):
    """exp(x); infinity above 709.8, 0 below -745.2."""
    x = 800.0 if x > 800.0 else -800.0 if x < -800.0 else x
    shifted = fma(x, INVERSE_LN2_F64, INTEGERS_ONLY_F64)  # to the nearest integer
    k = shifted - INTEGERS_ONLY_F64
    r = fma(-k, LN2_LOW_F64, fma(-k, LN2_HIGH_F64, x))
    biased = bits_f64(shifted) - bits_f64(INTEGERS_ONLY_F64) + uint64(2048)
    half = biased >> uint64(1)  # 2^k in two factors: subnormals
    first = from_bits_f64((half - uint64(1)) << uint64(52))
    second = from_bits_f64((biased - half - uint64(1)) << uint64(52))
    return EXP_F64(r) * first * second if x == x else x  # NaN as it came


@inlined
def turn_f32(a):
    """Cosine and sine of a turn of a/2^32 (a >> 11 of 2^53); the quadrant is split off in integers."""
    quadrant = uint32(uint32(a + uint32(0x20000000)) >> uint32(30))
    remainder = int32(uint32(a - uint32(quadrant << uint32(30))))
    y = float32(remainder) * float32(2.0**-30)  # [-1/2, 1/2) quadrants
    z = y * y
    s, c = y * SIN_F32(z), fma(z, COS_F32(z), float32(1))
    odd = (quadrant & uint32(1)) != uint32(0)
    cosine, sine = bits_f32(s if odd else c), bits_f32(c if odd else s)
    cosine_sign = uint32(((quadrant + uint32(1)) & uint32(2)) << uint32(30))
    sine_sign = uint32((quadrant & uint32(2)) << uint32(30))
    return from_bits_f32(uint32(cosine ^ cosine_sign)), from_bits_f32(uint32(sine ^ sine_sign))


@inlined
def turn_f64(a):
    turns = a >> uint64(11)
    quadrant = (turns + uint64(1 << 50)) >> uint64(51)  # 0 to 4
    shifted = turns - (quadrant << uint64(51)) + uint64(1 << 51)  # the remainder plus 2^51, never negative
    y = (from_bits_f64(BITS_2_52 | shifted) - (2.0**52 + 2.0**51)) * 2.0**-51
    z = y * y
    s, c = y * SIN_F64(z), fma(z, COS_F64(z), 1.0)
    odd = (quadrant & uint64(1)) != uint64(0)
    cosine, sine = bits_f64(s if odd else c), bits_f64(c if odd else s)
    cosine_sign = ((quadrant + uint64(1)) & uint64(2)) << uint64(62)
    sine_sign = (quadrant & uint64(2)) << uint64(62)
    return from_bits_f64(cosine ^ cosine_sign), from_bits_f64(sine ^ sine_sign)


@inlined
def quantile_centre_f32(v, loss):
    """x with P(Z < x) = 1/2 + v where loss = -2 ln(1 - 4 v^2); for P beyond 2^-10 of both ends."""
    return v * QUANTILE_CENTRE_F32(loss)


@inlined
def quantile_tail_f32(r):
    """x with P(Z > x) = exp(-r^2 / 2), r in [3.7, 38]."""
    return QUANTILE_TAIL_NUMERATOR_F32(r) / QUANTILE_TAIL_DENOMINATOR_F32(r)


@inlined
def quantile_centre_f64(q):
    """AS 241 in three regions: q = P - 1/2, |q| <= 0.425; r = sqrt(-ln min(P, 1 - P)) up to 5; r up to 27."""
    x = fma(-q, q, 0.180625)
    return q * (QUANTILE_CENTRE_NUMERATOR_F64(x) / QUANTILE_CENTRE_DENOMINATOR_F64(x))


@inlined
def quantile_middle_f64(r):
    x = r - 1.6
    return QUANTILE_MIDDLE_NUMERATOR_F64(x) / QUANTILE_MIDDLE_DENOMINATOR_F64(x)


@inlined
def quantile_tail_f64(r):
    x = r - 5.0
    return QUANTILE_TAIL_NUMERATOR_F64(x) / QUANTILE_TAIL_DENOMINATOR_F64(x)


# ---- distributions.h: `rows` counts element rows of 16 and is even; the layout of `parameters` is described there ----


@inlined
def wide_word(words, r, lane):
    """The 64-bit word of a lane in element row r."""
    return uint64(words[at(2 * r, lane)]) << uint64(32) | uint64(words[at(2 * r + 1, lane)])


@inlined
def words_values(words, rows, parameters, values):
    for i in range(rows * LANES):
        values[i] = words[i]


@inlined
def uniform_values_f32(words, rows, parameters, values):
    low, width = float32(parameters[0]), float32(parameters[1])
    for i in range(rows * LANES):
        u = float32(int32(words[i] >> uint32(8))) * float32(2.0**-24)
        values[i] = fma(u, width, low)


@inlined
def uniform_values_f64(words, rows, parameters, values):
    low, width = parameters[0], parameters[1]
    for r in range(rows):
        for lane in range(LANES):
            count = wide_word(words, r, lane) >> uint64(11)
            high = from_bits_f64(BITS_2_84 | count >> uint64(32)) - 2.0**84
            u = (from_bits_f64(BITS_2_52 | count & uint64(0xFFFFFFFF)) - 2.0**52 + high) * 2.0**-53
            values[at(r, lane)] = fma(u, width, low)


@inlined
def normal_values_f32(words, rows, parameters, values):
    mean, std = float32(parameters[0]), float32(parameters[1])
    for r in range(0, rows, 2):  # a loop of its own, for short chains of dependent instructions
        for lane in range(LANES):
            values[at(r, lane)] = loss_f32(words[at(r, lane)])
    for r in range(0, rows, 2):
        for lane in range(LANES):
            radius = sqrt(values[at(r, lane)])
            cosine, sine = turn_f32(words[at(r + 1, lane)])
            values[at(r, lane)] = fma(radius * cosine, std, mean)
            values[at(r + 1, lane)] = fma(radius * sine, std, mean)


@inlined
def normal_values_f64(words, rows, parameters, values):
    mean, std = parameters[0], parameters[1]
    for r in range(0, rows, 2):
        for lane in range(LANES):
            values[at(r, lane)] = loss_f64(wide_word(words, r, lane))
    for r in range(0, rows, 2):
        for lane in range(LANES):
            radius = sqrt(values[at(r, lane)])
            cosine, sine = turn_f64(wide_word(words, r + 1, lane))
            values[at(r, lane)] = fma(radius * cosine, std, mean)
            values[at(r + 1, lane)] = fma(radius * sine, std, mean)


@inlined
def exponential_values_f32(words, rows, parameters, values):
    scale = float32(parameters[0])
    for i in range(rows * LANES):
        values[i] = float32(0.5) * loss_f32(words[i]) * scale


@inlined
def exponential_values_f64(words, rows, parameters, values):
    scale = parameters[0]
    for r in range(rows):
        for lane in range(LANES):
            values[at(r, lane)] = 0.5 * loss_f64(wide_word(words, r, lane)) * scale


@inlined
def lognormal_values_f64(words, rows, parameters, values):
    normal_values_f64(words, rows, parameters, values)
    for i in range(rows * LANES):
        values[i] = exp_f64(values[i])


(CDF_LOW, SF_LOW, CDF_HIGH, SF_HIGH, MASS_SCALED, MASS, MIDDLE, TAIL_SCALED, LOSS_OF_SCALE, MEAN, STD, LEAST,
 GREATEST) = range(13)  # fmt: skip


@inlined
def truncated_parameters(c, real):
    """As a tuple, so that a choice between two of them is no branch."""
    return (
        real(c[0]), real(c[1]), real(c[2]), real(c[3]), real(c[4]), real(c[5]), real(c[6]), real(c[7]), real(c[8]),
        real(c[9]), real(c[10]), real(c[11]), real(c[12]),
    )  # fmt: skip


@inlined
def scaled_and_clipped(x, c):
    x = fma(x, c[STD], c[MEAN])
    x = c[LEAST] if x < c[LEAST] else x
    return c[GREATEST] if x > c[GREATEST] else x


@inlined
def truncated_tail_f32(w, c):
    """The probability beyond the value in the nearer tail, and P - 1/2."""
    upper = int32(w) < int32(0)  # u > 1/2: count from the high end
    u = unit_below_half_f32(w)
    signed_u = -u if upper else u
    cdf = fma(signed_u, c[MASS_SCALED], c[CDF_HIGH] if upper else c[CDF_LOW])
    sf = fma(-signed_u, c[MASS_SCALED], c[SF_HIGH] if upper else c[SF_LOW])
    from_middle = int32(w ^ uint32(0x80000000))
    v = fma(fma(float32(from_middle), float32(2.0**-32), float32(2.0**-33)), c[MASS], c[MIDDLE])
    return cdf if cdf < sf else sf, v


@inlined
def truncated_values_f32(words, rows, parameters, values):
    c = truncated_parameters(parameters, float32)
    for r in range(rows):
        tails = uint32(0)
        for lane in range(LANES):
            tail, v = truncated_tail_f32(words[at(r, lane)], c)
            e, f = split_exponent_f32(fma(float32(-4) * tail, tail, float32(4) * tail))
            x = quantile_centre_f32(v, neg2log_f32(e, f))
            tails |= uint32(tail < c[TAIL_SCALED])
            values[at(r, lane)] = scaled_and_clipped(x, c)
        if tails:
            for lane in range(LANES):
                tail, v = truncated_tail_f32(words[at(r, lane)], c)
                e, f = split_exponent_f32(tail)
                x = quantile_tail_f32(sqrt(neg2log_f32(e, f) + c[LOSS_OF_SCALE]))
                x = -x if v < float32(0) else x
                value = scaled_and_clipped(x, c)
                values[at(r, lane)] = value if tail < c[TAIL_SCALED] else values[at(r, lane)]


@inlined
def truncated_middle_f64(w, c):
    """P - 1/2, from the nearer end of [0, 1]: both terms are below 1/2."""
    upper = int64(w) < int64(0)
    u = unit_below_half_f64(w)
    return fma(0.5 - u if upper else u - 0.5, c[MASS], c[MIDDLE])


@inlined
def truncated_radius_f64(w, c):
    """sqrt(-ln of the probability beyond the value in the nearer tail)."""
    upper = int64(w) < int64(0)
    u = unit_below_half_f64(w)
    signed_u = -u if upper else u
    cdf = fma(signed_u, c[MASS], c[CDF_HIGH] if upper else c[CDF_LOW])
    sf = fma(-signed_u, c[MASS], c[SF_HIGH] if upper else c[SF_LOW])
    e, f = split_exponent_f64(cdf if cdf < sf else sf)
    return sqrt(0.5 * neg2log_f64(e, f))


@inlined
def truncated_values_f64(words, rows, parameters, values):
    c = truncated_parameters(parameters, float64)
    for r in range(rows):
        outside = uint64(0)  # as wide as the values, so that the loop vectorises
        for lane in range(LANES):
            q = truncated_middle_f64(wide_word(words, r, lane), c)
            outside |= uint64(abs(q) > 0.425)
            values[at(r, lane)] = scaled_and_clipped(quantile_centre_f64(q), c)
        if outside:
            tails = uint64(0)
            for lane in range(LANES):
                q = truncated_middle_f64(wide_word(words, r, lane), c)
                radius = truncated_radius_f64(wide_word(words, r, lane), c)
                x = quantile_middle_f64(radius)
                x = -x if q < 0.0 else x
                value = scaled_and_clipped(x, c)
                tails |= uint64(radius > 5.0)
                values[at(r, lane)] = value if abs(q) > 0.425 else values[at(r, lane)]
            if tails:
                for lane in range(LANES):
                    q = truncated_middle_f64(wide_word(words, r, lane), c)
                    radius = truncated_radius_f64(wide_word(words, r, lane), c)
                    x = quantile_tail_f64(radius)
                    x = -x if q < 0.0 else x
                    value = scaled_and_clipped(x, c)
                    values[at(r, lane)] = value if radius > 5.0 else values[at(r, lane)]


# ---- integers.h: one body for all types of `values`, which keep the low bits ----

INTEGER_LOW, INTEGER_RANGE, INTEGER_REDRAWN = range(3)


@register_jitable(error_model="numpy")
def redrawn(stream, position, size):
    """The value at `position` where its own word was one too many."""
    too_many = (uint64(0) - size) % size
    key = uint32(stream[0] ^ uint32(0x5851F42D))
    attempt = uint32(0)
    while True:
        c0, c1, c2, c3 = philox(
            uint32(position), uint32(position >> uint64(32)), stream[2], stream[3], key, uint32(stream[1] + attempt)
        )
        value, remainder = wide_product(uint64(c0) << uint64(32) | uint64(c1), size)
        if remainder >= too_many:
            return value
        value, remainder = wide_product(uint64(c2) << uint64(32) | uint64(c3), size)
        if remainder >= too_many:
            return value
        attempt = uint32(attempt + uint32(1))


@inlined
def integers_values(words, rows, parameters, stream, position, values):
    """One word a value, for ranges up to 2^24. `position` is that of the first value in the stream."""
    low = bits_f64(parameters[INTEGER_LOW])
    size = bits_f64(parameters[INTEGER_RANGE])
    too_many = uint32(bits_f64(parameters[INTEGER_REDRAWN]))
    for r in range(rows):
        again = uint32(0)
        for lane in range(LANES):
            product = uint64(words[at(r, lane)]) * size
            again |= uint32(uint32(product) < too_many)
            values[at(r, lane)] = low + (product >> uint64(32))
        if again:
            for lane in range(LANES):
                if uint32(uint64(words[at(r, lane)]) * size) < too_many:
                    values[at(r, lane)] = low + redrawn(stream, position + at(r, lane), size)


@inlined
def wide_integers_values(words, rows, parameters, stream, position, values):
    """Two words a value, for larger ranges; 0 stands for 2^64."""
    low = bits_f64(parameters[INTEGER_LOW])
    size = bits_f64(parameters[INTEGER_RANGE])
    too_many = bits_f64(parameters[INTEGER_REDRAWN])
    for r in range(rows):
        for lane in range(LANES):
            word = wide_word(words, r, lane)
            value, remainder = wide_product(word, size)
            if size == uint64(0):
                value = word
            if remainder < too_many:
                value = redrawn(stream, position + at(r, lane), size)
            values[at(r, lane)] = low + value


# ---- narrow.h ----


@inlined
def narrow_bits(x, fraction, bias, largest, overflow):
    """The bits of x, rounded to nearest even, in the type with `fraction` fraction bits and exponent bias `bias`."""
    dropped = uint32(23 - fraction)
    magnitude = uint32(bits_f32(x) & uint32(0x7FFFFFFF))
    odd = uint32(uint32(magnitude >> dropped) & uint32(1))
    half = uint32((1 << (23 - fraction - 1)) - 1)
    rounded = uint32(uint32(magnitude + half + odd) >> dropped)
    normal = uint32(rounded - uint32((127 - bias) << fraction))
    # adding 2^23 least subnormals makes the unit of a float the least subnormal: the addition rounds to it
    shift = uint32((127 + 1 - bias - fraction + 23) << 23)
    subnormal = uint32(bits_f32(from_bits_f32(magnitude) + from_bits_f32(shift)) - shift)
    bits = subnormal if magnitude < uint32((127 + 1 - bias) << 23) else normal
    return uint32(overflow) if bits > uint32(largest) else bits


@inlined
def narrow_float16(x):
    sign = uint32(uint32(bits_f32(x) >> uint32(16)) & uint32(0x8000))
    return uint16(sign | narrow_bits(x, 10, 15, 0x7BFF, 0x7C00))


@inlined
def narrow_bfloat16(x):
    """bfloat16 has float32's exponent: dropping the low half with rounding is all there is."""
    bits = bits_f32(x)
    odd = uint32(uint32(bits >> uint32(16)) & uint32(1))
    return uint16(uint32(bits + uint32(0x7FFF) + odd) >> uint32(16))


@inlined
def narrow_float8_e4m3fn(x):
    sign = uint32(uint32(bits_f32(x) >> uint32(24)) & uint32(0x80))
    return uint8(sign | narrow_bits(x, 3, 7, 0x7E, 0x7F))


@inlined
def narrow_float8_e5m2(x):
    sign = uint32(uint32(bits_f32(x) >> uint32(24)) & uint32(0x80))
    return uint8(sign | narrow_bits(x, 2, 15, 0x7B, 0x7C))


# ---- kernels.c ----

# The list of kernels: name, law, elements in a tile, rounding of the law's float32 values (None: stored as they are).
# A new one is a line here.
TILE_WIDE = TILE_WORDS // 2  # elements of two words
LAWS_AND_NARROWINGS = {
    "words_uint32": (words_values, TILE_WORDS, None),
    "uniform_float32": (uniform_values_f32, TILE_WORDS, None),
    "uniform_float64": (uniform_values_f64, TILE_WIDE, None),
    "uniform_float16": (uniform_values_f32, TILE_WORDS, narrow_float16),
    "uniform_bfloat16": (uniform_values_f32, TILE_WORDS, narrow_bfloat16),
    "uniform_float8_e4m3fn": (uniform_values_f32, TILE_WORDS, narrow_float8_e4m3fn),
    "uniform_float8_e5m2": (uniform_values_f32, TILE_WORDS, narrow_float8_e5m2),
    "normal_float32": (normal_values_f32, TILE_WORDS, None),
    "normal_float64": (normal_values_f64, TILE_WIDE, None),
    "normal_float16": (normal_values_f32, TILE_WORDS, narrow_float16),
    "normal_bfloat16": (normal_values_f32, TILE_WORDS, narrow_bfloat16),
    "normal_float8_e4m3fn": (normal_values_f32, TILE_WORDS, narrow_float8_e4m3fn),
    "normal_float8_e5m2": (normal_values_f32, TILE_WORDS, narrow_float8_e5m2),
    "truncated_float32": (truncated_values_f32, TILE_WORDS, None),
    "truncated_float64": (truncated_values_f64, TILE_WIDE, None),
    "truncated_float16": (truncated_values_f32, TILE_WORDS, narrow_float16),
    "truncated_bfloat16": (truncated_values_f32, TILE_WORDS, narrow_bfloat16),
    "truncated_float8_e4m3fn": (truncated_values_f32, TILE_WORDS, narrow_float8_e4m3fn),
    "truncated_float8_e5m2": (truncated_values_f32, TILE_WORDS, narrow_float8_e5m2),
    "exponential_float32": (exponential_values_f32, TILE_WORDS, None),
    "exponential_float64": (exponential_values_f64, TILE_WIDE, None),
    "lognormal_float64": (lognormal_values_f64, TILE_WIDE, None),
    "integers_uint8": (integers_values, TILE_WORDS, None),
    "integers_uint16": (integers_values, TILE_WORDS, None),
    "integers_uint32": (integers_values, TILE_WORDS, None),
    "integers_uint64": (integers_values, TILE_WORDS, None),
    "wideintegers_uint32": (wide_integers_values, TILE_WIDE, None),
    "wideintegers_uint64": (wide_integers_values, TILE_WIDE, None),
}
INTEGER_LAWS = integers_values, wide_integers_values  # these see the stream and their position in it
KERNELS = tuple(LAWS_AND_NARROWINGS)
COEFFICIENTS_DIGEST = hashlib.blake2b(
    b"".join(table.tobytes() for table in vars(coefficients).values() if isinstance(table, np.ndarray)), digest_size=4
).hexdigest()


@inlined
def elements_ahead(element, step, tile_elements):
    """How many elements a walk of `step` from `element` meets before it leaves the tile."""
    if step > 0:
        return uint64(tile_elements - 1 - element) // uint64(step) + uint64(1)
    return uint64(element) // uint64(-step) + uint64(1)


@inlined
def look_at(window_of, tile, low_group, high_group):
    """What the window shall hold, as (tile, first group, last group + 1), in order to hold these groups.

    Only them at the tile's first visit, all of it at the second, for then there will be more (a column of a matrix
    comes back to a tile row after row).
    """
    window_tile, first, last = window_of
    if window_tile != tile or first == last:
        return tile, low_group, high_group + 1
    if first <= low_group and high_group < last:
        return window_of
    return tile, 0, TILE_GROUPS


@inlined
def elements_before_a_line(out, to):
    """How many elements from out[to] on come before the next start of a cache line."""
    return int64(-(out.ctypes.data + to * out.itemsize) % LINE_BYTES) // out.itemsize


@inlined
def stream_lines(first, last, out, to, finished, at):
    """Lines `first` to `last` - 1 of those that go from finished[at] on to out[to] on."""
    elements = LINE_BYTES // out.itemsize
    for line in range(first, last):
        stream_line(out, to + line * elements, finished, at + line * elements)


@inlined
def copy(out, to, source, at, count, step=1):
    """source[at], source[at + step], ..., `count` of them, to out[to] on."""
    for i in range(count):
        out[uint64(to + i)] = source[uint64(at + i * step)]


def kernel_of(name):
    """The compiling function of a kernel: fi_fill of csrc/kernels.c for that kernel alone."""
    values_of, tile_elements, narrow = LAWS_AND_NARROWINGS[name]
    group_elements = tile_elements // TILE_GROUPS
    is_integer = values_of in INTEGER_LAWS

    def kernel(stream, parameters, starts, count, step, out, streaming):
        words, state = np.empty(TILE_WORDS, uint32), np.empty(4 * LANES, uint32)
        state_ahead, tile_ahead = np.empty(4 * LANES, uint32), ~uint64(0)
        values = np.empty(tile_elements, float32)  # before rounding
        window, window_of = np.empty(tile_elements, out.dtype), (uint64(0), 0, 0)  # the part of one tile at hand
        # fi_fill's way past the caches: a finished tile goes out by lines while the next one is made in the other slot
        line_elements = LINE_BYTES // out.itemsize
        finished = np.empty(2 * (line_elements + tile_elements) if streaming else 0, out.dtype)
        slot, other_slot = line_elements, 2 * line_elements + tile_elements
        lines, lines_to, lines_at, held = 0, 0, 0, 0
        to = 0
        for position in starts:
            left = count
            while left > uint64(0):
                tile, element = position // uint64(tile_elements), int64(position % uint64(tile_elements))
                here = int64(min(elements_ahead(element, step, tile_elements), left))
                whole = step == 1 and here == tile_elements
                values_out = finished[slot : slot + tile_elements] if streaming else out[to : to + here]
                if whole:
                    target, target_of = values_out, (tile, 0, TILE_GROUPS)
                else:
                    end = element + (here - 1) * step
                    low_group, high_group = min(element, end) // group_elements, max(element, end) // group_elements
                    target, target_of = window, look_at(window_of, tile, low_group, high_group)
                streamed = 0
                if whole or target_of != window_of:
                    _, first, last = target_of
                    if tile == tile_ahead:
                        copy(state, 0, state_ahead, 0, 4 * LANES)
                    else:
                        seed_lanes(stream, tile, state)
                    if streaming and whole:  # early, for a load of what two stores wrote waits for all stores before
                        tile_ahead = tile + uint64(1)
                        seed_lanes(stream, tile_ahead, state_ahead)
                    for group in range(last):
                        next_group(state, group, words)
                        until = min((group + 1) * GROUP_ROWS, lines)
                        stream_lines(streamed, until, out, lines_to, finished, lines_at)
                        streamed = until
                    part, rows = words[first * GROUP_WORDS :], (last - first) * group_elements // LANES
                    if is_integer:
                        before = tile * uint64(tile_elements) + uint64(first * group_elements)
                        values_of(part, rows, parameters, stream, before, target)
                    elif narrow is None:
                        values_of(part, rows, parameters, target)
                    else:
                        values_of(part, rows, parameters, values)
                        for i in range(rows * LANES):
                            target[i] = narrow(values[i])
                if not whole:
                    window_of = target_of
                    copy(values_out, 0, window, element - window_of[1] * group_elements, here, step)
                if streaming:
                    stream_lines(streamed, lines, out, lines_to, finished, lines_at)
                    head = 0 if held else min(elements_before_a_line(out, to), here)
                    copy(out, to, finished, slot, head)
                    lines_to, lines_at, held = to + head - held, slot + head - held, here - head + held
                    lines, held = held // line_elements, held % line_elements
                    copy(finished, other_slot - held, finished, lines_at + lines * line_elements, held)
                    slot, other_slot = other_slot, slot
                to += here
                left -= uint64(here)
                position += uint64(here) * uint64(step)
        stream_lines(0, lines, out, lines_to, finished, lines_at)
        copy(out, lines_to + lines * line_elements, finished, lines_at + lines * line_elements, held)
        if streaming:
            finish_streaming()

    # Numba keeps one index of cached code for each qualified name, renewed when this file changes. The digest makes it
    # notice other coefficients; with one index for all kernels, processes compiling at the same time could mix them up.
    kernel.__name__ = kernel.__qualname__ = f"{name}_{COEFFICIENTS_DIGEST}"
    try:
        return numba.njit(nogil=True, cache=True, error_model="numpy")(kernel)
    except RuntimeError:  # nowhere to write a cache
        return numba.njit(nogil=True, error_model="numpy")(kernel)


dispatchers = {}


def fill(
    kernel: str,
    stream: tuple[int, int, int, int],
    parameters: np.ndarray,
    starts: np.ndarray,
    count: int,
    step: int,
    out: np.ndarray,
    streaming: bool,
) -> None:
    """Write the values at start, start + step, ..., `count` for each of `starts`, one behind the other; see csrc/api.h."""
    dispatcher = dispatchers.get(kernel) or dispatchers.setdefault(kernel, kernel_of(kernel))
    # fresh arrays and NumPy scalars: a read-only array or a plain int would be another signature to compile
    dispatcher(
        np.array(stream, uint32),
        np.array(parameters, float64),
        np.array(starts, uint64),
        uint64(count),
        int64(step),
        out,
        streaming,
    )
