/* Compares the emulated multiply-adds of fused.h with the C library's, which round once: random numbers, sums that nearly cancel
   the product, ties of the rounding, results that are subnormal, and special numbers. Exit status 1 if a bit differs; NaN is
   NaN. */
#define EMULATED_FMA
#include <stdio.h>
#include <stdlib.h>

#include "fused.h"

#define LENGTH(array) (sizeof array / sizeof array[0])

enum { TRIES = 1000000, BITS_KEPT = 20 };

static uint64_t state = 88172645463325252ull;

static uint64_t next(void) /* xorshift64 (Marsaglia 2003) */
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* 2^e x, x in (-2, -1] or [1, 2) and e up to `most` in size; a quarter have few bits, so that their products are ties. */
static double number(int most)
{
    uint64_t bits = next(), few = next() % 4 == 0 ? ~0ull << (52 - next() % BITS_KEPT) : ~0ull;
    double x = from_bits_f64((bits & few & 0x800fffffffffffffull) | 0x3ff0000000000000ull);
    return ldexp(x, (int)(next() % (2u * (unsigned)most + 1)) - most);
}

static void check(const char *name, double a, double b, double c, double found, double expected)
{
    if (bits_f64(found) != bits_f64(expected) && !(found != found && expected != expected)) {
        fprintf(stderr, "%s(%a, %a, %a) = %a, not %a\n", name, a, b, c, found, expected);
        exit(1);
    }
}

static void check_f32(float a, float b, float c)
{
    check("fused_f32", a, b, c, fused_f32(a, b, c), fmaf(a, b, c));
}

static void check_f64(double a, double b, double c)
{
    check("fused_f64", a, b, c, fused_f64(a, b, c), fma(a, b, c));
}

/* x in size from 2^-140 to 2^60, or 0. */
static void check_scaled(double x, double scale, double loc)
{
    check("fused_scaled_f64", x, scale, loc, fused_scaled_f64(x, 0x1p-140, scale, loc), fma(x, scale, loc));
}

/* Sums near -a b, where what the product's rounding loses counts, or a few units of its last bit. */
static double near_product(double product)
{
    double unit = ldexp(product, -52 - (int)(next() % 4));
    return (double)((int)(next() % 9) - 4) * unit - (next() % 2 ? product : 0.0);
}

static void check_random(int most)
{
    double a = number(most), b = number(most), c = number(2 * most);
    float a32 = (float)a, b32 = (float)b, c32 = (float)c;
    check_f32(a32, b32, c32);
    check_f32(a32, b32, (float)near_product((double)a32 * (double)b32));
    check_f64(a, b, c);
    check_f64(a, b, near_product(a * b));
    check_scaled(number(59), number(1070), number(1070));
    check_scaled(ldexp(number(1), -138), ldexp(number(100), -850), ldexp(number(10), -1010)); /* subnormal products too */
}

static void check_special(void)
{
    static const double of_f32[] = {0,      1,        3,  0x1p-149, 0x1p-126, 0x1.fffffcp-127, 0x1p-75, 0x1.fffffep127,
                                    0x1p64, INFINITY, NAN};
    static const double of_scales[] = {0,
                                       1,
                                       3,
                                       0x1p-1074,
                                       0x1.8p-1073,
                                       0x1p-1022,
                                       0x1.ffffffffffffep-1023,
                                       0x1p-821,
                                       0x1.555p-400,
                                       0x1p900,
                                       0x1.fffffffffffffp1000,
                                       0x1.fffffffffffffp1023,
                                       INFINITY,
                                       NAN};
    for (size_t i = 0; i < 8 * LENGTH(of_f32) * LENGTH(of_f32) * LENGTH(of_f32); i++) {
        size_t n = LENGTH(of_f32), k = i / 8;
        double a = of_f32[k % n], b = of_f32[k / n % n], c = of_f32[k / n / n];
        check_f32((float)(i & 1 ? -a : a), (float)(i & 2 ? -b : b), (float)(i & 4 ? -c : c));
    }
    for (size_t i = 0; i < 4 * LENGTH(of_scales) * LENGTH(of_scales); i++) {
        size_t n = LENGTH(of_scales), k = i / 4;
        double scale = of_scales[k % n], loc = of_scales[k / n];
        for (int j = 0; j < 64; j++)
            check_scaled(j < 2 ? (j ? -0.0 : 0.0) : number(50), i & 1 ? -scale : scale, i & 2 ? -loc : loc);
    }
    for (int i = 0; i < 8; i++) /* a zero has the sign of the exact sum */
        check_f64(i & 1 ? -0.0 : 0.0, i & 2 ? -3.0 : 3.0, i & 4 ? -0.0 : 0.0);
}

int main(void)
{
    check_special();
    for (int i = 0; i < TRIES; i++) {
        check_random(2);
        check_random(30);
        check_random(400);
    }
    return 0;
}
