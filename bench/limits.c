/* The machine's own limits, apart from fastinit's code: ordinary and non-temporal stores of a constant. */
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* memset of nbytes, done `times` times over. */
void set_constant(char *to, size_t nbytes, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        memset(to, 1, nbytes);
        __asm__ volatile("" : : "r"(to) : "memory"); /* keeps the compiler from leaving one out */
    }
}

/* Fill nbytes (a multiple of 64) from the 64-byte aligned `to` with the widest non-temporal store that the compiler may use. */
void stream_constant(char *to, size_t nbytes)
{
#if defined(__AVX512F__)
    __m512i value = _mm512_set1_epi32(0x3f800000);
    for (size_t i = 0; i < nbytes; i += 64)
        _mm512_stream_si512((void *)(to + i), value);
    _mm_sfence();
#elif defined(__AVX__)
    __m256i value = _mm256_set1_epi32(0x3f800000);
    for (size_t i = 0; i < nbytes; i += 32)
        _mm256_stream_si256((void *)(to + i), value);
    _mm_sfence();
#elif defined(__x86_64__)
    __m128i value = _mm_set1_epi32(0x3f800000);
    for (size_t i = 0; i < nbytes; i += 16)
        _mm_stream_si128((void *)(to + i), value);
    _mm_sfence();
#else
    memset(to, 1, nbytes); /* plain C has no non-temporal store */
#endif
}
