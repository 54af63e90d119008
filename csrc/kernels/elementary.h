/* Logarithm, exp, sine, cosine and normal quantile by + - * / sqrt and explicit fma, in one order on every machine. */
#ifndef FASTINIT_ELEMENTARY_H
#define FASTINIT_ELEMENTARY_H

#include "coefficients.h"
#include "fused.h"

/* Polynomial with coefficients lowest first, by Horner's rule. */
#define HORNER(name, real, fused)                                                \
    static ALWAYS_INLINE real name(const real *c, int terms, real x)             \
    {                                                                            \
        real sum = c[terms - 1];                                                 \
        UNROLLED for (int i = terms - 2; i >= 0; i--) sum = fused(sum, x, c[i]); \
        return sum;                                                              \
    }
HORNER(horner_f32, float, fused_f32)
HORNER(horner_f64, double, fused_f64)
#define POLYNOMIAL_F32(table, x) horner_f32(table, (int)(sizeof table / sizeof table[0]), x)
#define POLYNOMIAL_F64(table, x) horner_f64(table, (int)(sizeof table / sizeof table[0]), x)

/* The same in two chains, of the even and of the odd powers of x, for an even number of coefficients: half as long to wait for
   where there are many. */
static ALWAYS_INLINE double two_chains_f64(const double *c, int terms, double x)
{
    double z = x * x, even = c[terms - 2], odd = c[terms - 1];
    UNROLLED for (int i = terms - 4; i >= 0; i -= 2)
    {
        even = fused_f64(even, z, c[i]);
        odd = fused_f64(odd, z, c[i + 1]);
    }
    return fused_f64(odd, x, even);
}

#define TWO_LN2_F32 0x1.62e430p+0f /* 2 ln 2 to nearest */
#define LN2_F64 0x1.62e42fefa39efp-1
#define NEG2LOG_OF_3_HALVES 0x1.e27076e2af2e6p-4 /* ln 2 - 2 ln(4/3) */
#define SQRT2_F64 0x1.6a09e667f3bcdp+0
#define LN2_HIGH_F64 0x1.62e42fefa3800p-1 /* ln 2 to 42 bits, so that k times it is exact */
#define LN2_LOW_F64 0x1.ef35793c76730p-45 /* the rest */
#define INVERSE_LN2_F64 0x1.71547652b82fep+0
#define BITS_SQRT_HALF_F32 0x3f3504f3u

/* x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), exact, for positive normal x. The exponent stays where the bits of a
   float have it, e 2^23: to shift it would be an instruction more. */
struct split_f32 { float exponent, f; };

static ALWAYS_INLINE int32_t exponent_f32(float x)
{
    return (int32_t)((bits_f32(x) - BITS_SQRT_HALF_F32) & 0xff800000u);
}

static ALWAYS_INLINE struct split_f32 split_exponent_f32(float x)
{
    int32_t exponent = exponent_f32(x);
    struct split_f32 parts = {(float)exponent, from_bits_f32(bits_f32(x) - (uint32_t)exponent) - 1.0f};
    return parts;
}

/* s and -2 ln(1 / s) for a normal x in (0, 2^1023): s is a power of two or 3/4 of one, and s x is in [53/64, 159/128). */
struct scale_f64 { double s, neg2log; };

static ALWAYS_INLINE struct scale_f64 scale_f64(double x)
{
    /* 11/32 more in the significand moves the borders of [1, 3/2) and [3/2, 2), for which s is 1 and 3/4, to 53/64, 37/32 and
       53/32. The highest bit of the significand says which it is; with the exponent before it, it counts half powers of two. */
    uint64_t biased = bits_f64(x) + (11ull << 47), is_upper = biased & 1ull << 51;
    double halves = from_bits_f64(0x4330000000000000ull | biased >> 51) - (0x1p52 + 2046.0);
    struct scale_f64 scale = {from_bits_f64((2046ull << 52) - (biased & ~((1ull << 51) - 1))),
                              fused_f64(halves, -LN2_F64, is_upper ? NEG2LOG_OF_3_HALVES : 0.0)};
    return scale;
}

/* -2 ln x = neg2log - 2 ln(1 + f), f in [-11/64, 31/128]; near x = 1, neg2log is 0 and f exact. */
struct split_f64 { double neg2log, f; };

static ALWAYS_INLINE struct split_f64 split_f64(double x)
{
    struct scale_f64 scale = scale_f64(x);
    struct split_f64 parts = {scale.neg2log, fused_f64(x, scale.s, -1.0)};
    return parts;
}

/* The same of start + y, start being 1/2 or 1, without rounding the sum. */
static ALWAYS_INLINE struct split_f64 split_sum_f64(double start, double y)
{
    struct scale_f64 scale = scale_f64(start + y);
    struct split_f64 parts = {scale.neg2log, fused_f64(y, scale.s, fused_exact_f64(start, scale.s, -1.0))};
    return parts;
}

/* -2 ln(2^e (1 + f)), from f and the linear part, -2 e ln 2 - 2 f; relative error below 2^-22.5, also for 1 + f near 1. */
static ALWAYS_INLINE float neg2log_linear_f32(struct split_f32 x)
{
    return fused_exact_f32(-2.0f, x.f, x.exponent * (-TWO_LN2_F32 * 0x1p-23f));
}

static ALWAYS_INLINE float neg2log_from_linear_f32(float f, float linear)
{
    return fused_f32(f * f, POLYNOMIAL_F32(NEG2LOG_F32, f), linear);
}

static ALWAYS_INLINE float neg2log_f32(struct split_f32 x)
{
    return neg2log_from_linear_f32(x.f, neg2log_linear_f32(x));
}

/* -2 ln of what was split; relative error below 2^-51 for x up to 1, below 2^-50.5 beyond, also near 1. There is no division,
   for which the radius of a normal would wait longer than for these terms. */
static ALWAYS_INLINE double neg2log_f64(struct split_f64 x)
{
    return fused_f64(x.f, two_chains_f64(NEG2LOG_F64, (int)(sizeof NEG2LOG_F64 / sizeof NEG2LOG_F64[0]), x.f), x.neg2log);
}

/* The smaller of u and 1 - u, u = (a + 1/2) 2^-32 (double: ((a >> 11) + 1/2) 2^-53), rounded once: full precision near 0. */
static ALWAYS_INLINE float unit_below_half_f32(uint32_t a)
{
    uint32_t count = a ^ (uint32_t)((int32_t)a >> 31); /* a or its complement, below 2^31 */
    return fused_exact_f32((float)(int32_t)count, 0x1p-32f, 0x1p-33f);
}

static ALWAYS_INLINE double unit_below_half_f64(uint64_t a)
{
    uint64_t count = (a ^ (uint64_t)((int64_t)a >> 63)) >> 11; /* below 2^52: or-ing it into the bits of 1/2 adds it 2^-53 */
    return from_bits_f64(0x3fe0000000000000ull | count) - (0.5 - 0x1p-54);
}

/* u - 1/2, exact: 1/2 less the above, with the sign of what is left. */
static ALWAYS_INLINE double from_middle_f64(uint64_t a)
{
    uint64_t count = (a ^ (uint64_t)((int64_t)a >> 63)) >> 11;
    double distance = from_bits_f64(0x3fefffffffffffffull ^ count) - (0.5 - 0x1p-54);
    return from_bits_f64(bits_f64(distance) ^ (~a & 1ull << 63));
}

/* u = (a + 1/2) 2^-32 of a word, split. For u > 1/2 it is 1 - x, of which `rounded` only serves to choose the exponent: f is
   2^-e - 1 - 2^-e x, rounded once. Both halves take the same steps, with masks for what differs: CPUs with AVX2 choose between
   two numbers by three instructions. */
static ALWAYS_INLINE struct split_f32 split_u_f32(uint32_t a)
{
    uint32_t is_upper = (uint32_t)((int32_t)a >> 31); /* all bits or none */
    float signed_x = from_bits_f32(bits_f32(unit_below_half_f32(a)) ^ (a & 0x80000000u));
    float rounded = from_bits_f32(is_upper & bits_f32(1.0f)) + signed_x;
    int32_t exponent = exponent_f32(rounded);
    uint32_t scale = bits_f32(1.0f) - (uint32_t)exponent; /* the bits of 2^-e */
    struct split_f32 parts = {(float)exponent,
                              fused_exact_f32(signed_x, from_bits_f32(scale), from_bits_f32(is_upper & scale) - 1.0f)};
    return parts;
}

/* -2 ln u; relative error of neg2log; in [0, 45.8]. */
static ALWAYS_INLINE float neg2log_u_f32(uint32_t a)
{
    return neg2log_f32(split_u_f32(a));
}

/* The same of a 64-bit word, u = ((a >> 11) + 1/2) 2^-53; in [0, 74.9]. */
static ALWAYS_INLINE struct split_f64 split_u_f64(uint64_t a)
{
    return split_sum_f64(0.5, from_middle_f64(a));
}

static ALWAYS_INLINE double neg2log_u_f64(uint64_t a)
{
    return neg2log_f64(split_u_f64(a));
}

/* ln x of normal x in (0, 2^1023); relative error of neg2log. */
static ALWAYS_INLINE double ln_f64(double x)
{
    return -0.5 * neg2log_f64(split_f64(x));
}

/* x = k ln 2 + r, for x in [-800, 800]: r, at most ln 2 / 2 in size, and 2^k in two factors, since results may be subnormal. */
struct powers_f64 { double r, first, second; };

static ALWAYS_INLINE struct powers_f64 powers_f64(double x)
{
    double shifted = fused_f64(x, INVERSE_LN2_F64, 0x1.8p52), k = shifted - 0x1.8p52; /* to the nearest integer */
    uint64_t biased = bits_f64(shifted) - bits_f64(0x1.8p52) + 2048, half = biased >> 1;
    struct powers_f64 parts = {fused_f64(-k, LN2_LOW_F64, fused_exact_f64(-k, LN2_HIGH_F64, x)),
                               from_bits_f64((half - 1) << 52), from_bits_f64((biased - half - 1) << 52)};
    return parts;
}

static ALWAYS_INLINE double clamp_exponent_f64(double x)
{
    return x > 800.0 ? 800.0 : x < -800.0 ? -800.0 : x;
}

/* exp(x); relative error below 2^-51; infinity above 709.8, 0 below -745.2. */
static ALWAYS_INLINE double exp_f64(double x)
{
    struct powers_f64 parts = powers_f64(clamp_exponent_f64(x));
    double result = POLYNOMIAL_F64(EXP_F64, parts.r) * parts.first * parts.second;
    return x == x ? result : x; /* NaN stays as it is: the steps above may change its sign, as the compiler decides */
}

/* exp(x) - 1 for x >= 0, also near 0; relative error below 2^-51; infinity above 709.8. The first coefficient of EXP_F64 is
   1; the others are those of (exp(r) - 1) / r. */
static ALWAYS_INLINE double expm1_f64(double x)
{
    struct powers_f64 parts = powers_f64(clamp_exponent_f64(x));
    double less_one = parts.r * horner_f64(EXP_F64 + 1, (int)(sizeof EXP_F64 / sizeof EXP_F64[0]) - 1, parts.r);
    double inverse = from_bits_f64((2046ull << 52) - bits_f64(parts.second)); /* of a power of two */
    double result = fused_exact_f64(less_one, parts.first, parts.first - inverse) * parts.second;
    return x == x ? result : x;
}

/* Cosine and sine of 2 pi a / 2^32, times a radius; |error| <= 2^-23 radius. The quadrant is removed in integers, exactly: the
   highest two bits of `turned`, which is half a quadrant more, are its number, and what is left is all other bits of a, their
   highest being the sign. The highest bit of `turned` is half a turn, which is a sign of both; in odd quadrants cosine and
   sine are swapped, by exclusive or, and the cosine has the other sign. */
struct pair_f32 { float first, second; };

static ALWAYS_INLINE struct pair_f32 polar_f32(float radius, uint32_t a)
{
    uint32_t turned = a + (1u << 29), is_odd = (uint32_t)((int32_t)(turned << 1) >> 31); /* all bits or none */
    float signed_radius = from_bits_f32(bits_f32(radius) ^ (turned & 0x80000000u));
    float y = (float)(int32_t)(a << 2) * 0x1p-32f; /* [-1/2, 1/2) quadrants */
    float z = y * y;
    float s = y * POLYNOMIAL_F32(SIN_F32, z), c = fused_f32(z, POLYNOMIAL_F32(COS_F32, z), 1.0f);
    uint32_t swap = (bits_f32(s) ^ bits_f32(c)) & is_odd;
    float cosine = from_bits_f32(bits_f32(c) ^ swap ^ (is_odd & 0x80000000u)), sine = from_bits_f32(bits_f32(s) ^ swap);
    struct pair_f32 result = {signed_radius * cosine, signed_radius * sine};
    return result;
}

/* sqrt(2) times cosine and sine of pi y / 2, for y in [-1/2, 1/2]. */
struct sincos_f64 { double cosine, sine; };

static ALWAYS_INLINE struct sincos_f64 sincos_f64(double y)
{
    double z = y * y;
    struct sincos_f64 result = {fused_f64(z, POLYNOMIAL_F64(COS_F64, z), SQRT2_F64), y * POLYNOMIAL_F64(SIN_F64, z)};
    return result;
}

/* Cosine and sine of 2 pi (a >> 11) / 2^53, times a radius; |error| <= 2^-50.9 radius. The highest bit of a is half a turn, which
   is a sign. The rest is the angle pi / 2 - pi y, of whose half, pi y / 2, sincos_f64 is: cos(pi y) = 1 - sine^2 and
   sin(pi y) = sine cosine, with the two factors of sqrt(2). */
struct pair_f64 { double first, second; };

static ALWAYS_INLINE struct pair_f64 polar_f64(double radius, uint64_t a)
{
    double turned = from_bits_f64(bits_f64(radius) ^ (a & 1ull << 63));
    double y = 1.5 - from_bits_f64(0x3ff0000000000000ull | (a >> 11 & 0xfffffffffffffull)); /* 52 bits: 1 and a fraction */
    struct sincos_f64 half = sincos_f64(y);
    double chord = turned * half.sine;
    struct pair_f64 result = {chord * half.cosine, fused_f64(-chord, half.sine, turned)};
    return result;
}

/* x with P(Z < x) = 1/2 + v, given neg2log = -2 ln(1 - 4 v^2); for P in [2^-10, 1 - 2^-10]; error below 4e-7. */
static ALWAYS_INLINE float quantile_centre_f32(float v, float neg2log)
{
    return v * POLYNOMIAL_F32(QUANTILE_CENTRE_F32, neg2log);
}

/* x with P(Z > x) = exp(-r^2 / 2), r in [3.7, 38]; relative error below 2e-7. */
static ALWAYS_INLINE float quantile_tail_f32(float r)
{
    return POLYNOMIAL_F32(QUANTILE_TAIL_NUMERATOR_F32, r) / POLYNOMIAL_F32(QUANTILE_TAIL_DENOMINATOR_F32, r);
}

/* The normal quantile in three regions of q = P - 1/2; relative error 1e-15. In the centre, |q| <= 0.4775, where
   centre_margin_f64 is not negative, a quotient of polynomials in that. Beyond, those of AS 241 (Wichura 1988) in
   r = sqrt(-ln min(P, 1 - P)), up to 5 and up to 27. */
static ALWAYS_INLINE double centre_margin_f64(double q)
{
    return fused_f64(-q, q, 0.22800625); /* 0.4775^2 */
}

static ALWAYS_INLINE double quantile_centre_f64(double q, double margin)
{
    return q *
           (POLYNOMIAL_F64(QUANTILE_CENTRE_NUMERATOR_F64, margin) / POLYNOMIAL_F64(QUANTILE_CENTRE_DENOMINATOR_F64, margin));
}

static ALWAYS_INLINE double quantile_middle_f64(double r)
{
    double x = r - 1.6;
    return POLYNOMIAL_F64(QUANTILE_MIDDLE_NUMERATOR_F64, x) / POLYNOMIAL_F64(QUANTILE_MIDDLE_DENOMINATOR_F64, x);
}

static ALWAYS_INLINE double quantile_tail_f64(double r)
{
    double x = r - 5.0;
    return POLYNOMIAL_F64(QUANTILE_TAIL_NUMERATOR_F64, x) / POLYNOMIAL_F64(QUANTILE_TAIL_DENOMINATOR_F64, x);
}

#endif
