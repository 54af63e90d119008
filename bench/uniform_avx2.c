/* The loop of float32 uniform values that one would write by hand for AVX2, apart from fastinit's code: 16 lanes of
   xoshiro128++ in registers, each word converted as soon as it is made. For in_cache.py. */
#include <immintrin.h>
#include <stddef.h>

#define ROTATE_LEFT(x, bits) _mm256_or_si256(_mm256_slli_epi32(x, bits), _mm256_srli_epi32(x, 32 - (bits)))

struct lanes { __m256i s0, s1, s2, s3; };

static inline __m256 next(struct lanes *x, __m256 step, __m256 low)
{
    __m256i shifted = _mm256_slli_epi32(x->s1, 9), sum = _mm256_add_epi32(x->s0, x->s3);
    __m256i words = _mm256_add_epi32(ROTATE_LEFT(sum, 7), x->s0);
    x->s2 = _mm256_xor_si256(x->s2, x->s0);
    x->s3 = _mm256_xor_si256(x->s3, x->s1);
    x->s1 = _mm256_xor_si256(x->s1, x->s2);
    x->s0 = _mm256_xor_si256(x->s0, x->s3);
    x->s2 = _mm256_xor_si256(x->s2, shifted);
    x->s3 = ROTATE_LEFT(x->s3, 11);
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32(words, 8)), step, low);
}

/* Fills n floats, a multiple of 16, `times` times over; the lanes start from any states and go on, and are not seeded for each
   tile, as a stream's are. */
void uniform_by_hand(float *to, size_t n, size_t times)
{
    struct lanes a, b;
    const __m256 step = _mm256_set1_ps(0x1p-22f), low = _mm256_set1_ps(-1.0f);
    a.s0 = a.s1 = a.s2 = a.s3 = _mm256_set_epi32(1, 2, 3, 4, 5, 6, 7, 8);
    b.s0 = b.s1 = b.s2 = b.s3 = _mm256_set_epi32(9, 10, 11, 12, 13, 14, 15, 16);
    for (size_t time = 0; time < times; time++)
        for (size_t i = 0; i < n; i += 16) {
            _mm256_storeu_ps(to + i, next(&a, step, low));
            _mm256_storeu_ps(to + i + 8, next(&b, step, low));
        }
}
